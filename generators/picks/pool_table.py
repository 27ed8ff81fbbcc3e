"""A pool as a table whose rows formulas find by a key."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from engine.decimals import to_decimal
from engine.expression.faults import Mismatch
from engine.expression.forms import Form, Kind
from engine.expression.lookups import LookupTable
from engine.schema import MAX_DECIMAL_DIGITS, OutputType
from generators.picks.pool_columns import column_output, dictionary
from generators.values.operands import form_of_output, operand
from pools.key_index import KeyIndex, key_types
from pools.snapshot import Snapshot

T = OutputType
_KINDS = {
    T.STRING: Kind.TEXT,
    T.BOOLEAN: Kind.TRUTH,
    T.DATE: Kind.DATE,
    T.TIMESTAMP: Kind.INSTANT,
    T.LONG: Kind.NUMBER,
}


class PoolTable(LookupTable):
    """The rows of one version of a pool."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.name, self.columns = snapshot.pool, snapshot.records.columns
        self.key_column = snapshot.index_columns[0] if len(snapshot.index_columns) == 1 else None
        self._snapshot = snapshot
        self._forms: dict[str, Form] = {}
        self._values: dict[str, pl.Series] = {}
        self._indexes: dict[str, KeyIndex] = {}

    def form(self, column: str) -> Form:
        if column not in self._forms:
            values = self._snapshot.records[column]
            self._forms[column] = form_of_output(column_output(values, values, dictionary(values), nullable=False))
        return self._forms[column]

    def values(self, column: str) -> pl.Series:
        if column not in self._values:
            self._values[column] = operand(self._snapshot.records[column], self.form(column))
        return self._values[column]

    def check_key(self, key: Form, column: str) -> None:
        """Raise Mismatch when nothing of a form can be equal to what stands in a column."""
        kinds = {_KINDS[type_] for type_ in key_types(self._snapshot.records[column].dtype) if type_ in _KINDS}
        if key.kind not in kinds:
            holds = " or ".join(sorted(kinds)) or "double, in which nobody can look for keys"
            message = f'the key is a {key.kind}, and "{column}" of pool "{self.name}" holds a {holds}'
            raise Mismatch(message, hint="TOSTRING, TODECIMAL, TOINT and DATEVALUE convert", argument=1)

    def rows(self, keys: pl.Series, form: Form, column: str) -> NDArray[np.int64]:
        if column not in self._indexes:
            self._indexes[column] = self._snapshot.key_index(column) or KeyIndex(self._snapshot.records[column])
        index = self._indexes[column]
        groups = index.find(_as_field(keys, form))
        if not index.groups:
            return groups
        firsts, _ = index.extents(np.maximum(groups, 0))
        return np.where(groups >= 0, index.rows.take(firsts).astype(np.int64), -1)


def _as_field(keys: pl.Series, form: Form) -> pl.Series:
    """Keys as a field has them; null for numbers that no field can have."""
    if form.kind is not Kind.NUMBER:
        return keys
    numbers = keys.cast(pl.Int64, strict=False)
    if not form.scale:
        return numbers
    most = 10**MAX_DECIMAL_DIGITS
    fits = (numbers.abs() < most) & (form.scale <= MAX_DECIMAL_DIGITS)
    return to_decimal(pl.select(pl.when(fits).then(numbers)).to_series(), min(form.scale, MAX_DECIMAL_DIGITS))
