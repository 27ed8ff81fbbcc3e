"""Results: values of expressions as columns of an output type."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

import polars as pl

from engine.decimals import to_decimal
from engine.expression.cells import Alarms, Cells, Work
from engine.expression.conversions import scaled_floats
from engine.expression.exact import Rounding, rounded, to_floats
from engine.expression.faults import Mismatch
from engine.expression.forms import Form, Kind
from engine.expression.functions import Node
from engine.schema import MAX_DECIMAL_DIGITS, Column, OutputType

T = OutputType
_LIMITS = {T.INTEGER: (-(2**31), 2**31 - 1), T.LONG: (-(2**63), 2**63 - 1)}
_TYPES = {
    Kind.TRUTH: T.BOOLEAN,
    Kind.DOUBLE: T.DOUBLE,
    Kind.TEXT: T.STRING,
    Kind.DATE: T.DATE,
    Kind.INSTANT: T.TIMESTAMP,
    Kind.TIME: T.TIME,
}
_DIVISION_DIGITS = 4
"""So many digits of a division stay where the bounds do not say how many there is room for."""


@dataclass(frozen=True, slots=True)
class ResultType:
    """The type of a formula's results."""

    type: OutputType
    scale: int = 0

    @property
    def column(self) -> Column:
        """A column without a name, of the type."""
        return Column("", self.type, self.scale)


def natural_type(form: Form) -> ResultType:
    """The type that holds the values of a form; raises Mismatch when nothing is known of them."""
    match form.kind:
        case Kind.NULL:
            raise Mismatch("the type of null is not known", hint='give the "resultType"')
        case Kind.NUMBER if form.scale:
            return ResultType(T.DECIMAL, _natural_scale(form))
        case Kind.NUMBER:
            low, high = _LIMITS[T.INTEGER]
            return ResultType(T.INTEGER if low <= form.low and form.high <= high else T.LONG)
        case _:
            return ResultType(_TYPES[form.kind])


def _natural_scale(form: Form) -> int:
    """All digits behind the point if there is room for them, else as many as there is room for.

    Where the bounds leave no room for those that come from no division, they say little, and values that are too large
    fail.
    """
    before = len(str(form.size // 10**form.scale)) if form.size >= 10**form.scale else 0
    room, asked = MAX_DECIMAL_DIGITS - before, form.scale - form.extra
    if room >= min(asked, MAX_DECIMAL_DIGITS):
        return min(form.scale, room)
    return min(asked + min(form.extra, _DIVISION_DIGITS), MAX_DECIMAL_DIGITS)


def result_type(form: Form, type_: OutputType, scale: int | None) -> ResultType:
    """A wanted type, and scale if it is a DECIMAL; raises Mismatch when the values of the form are of another sort."""
    if form.kind is Kind.NULL:
        return ResultType(type_, (scale or 0) if type_ is T.DECIMAL else 0)
    match type_:
        case T.INTEGER | T.LONG:
            if not form.is_whole:
                what = "have digits behind the point" if form.is_exact else f"are a {form.kind}"
                raise Mismatch(
                    f"the values {what}, which {type_} has not", hint="ROUND(value), INT or TOINT make whole ones"
                )
            return ResultType(type_)
        case T.DECIMAL if form.is_exact or (form.kind is Kind.DOUBLE and scale is not None):
            return ResultType(type_, _natural_scale(form) if scale is None else scale)
        case T.DECIMAL if form.kind is Kind.DOUBLE:
            message = "a double has no fixed number of digits"
            raise Mismatch(message, hint='give the field a "scale" in the schema, or use TODECIMAL(value, digits)')
        case T.DOUBLE if form.is_exact:
            return ResultType(type_)
        case _ if _TYPES.get(form.kind) is type_:
            return ResultType(type_)
        case _:
            message = f"the formula makes a {form.kind}, which is no {type_}"
            raise Mismatch(message, hint='TOSTRING makes text of anything; "outputType" casts what the formula makes')


def bounds_of(form: Form, result: ResultType) -> tuple[int | Decimal, int | Decimal] | None:
    """Between which numbers the results lie; None when they are no exact numbers."""
    if not form.is_exact:
        return None
    match result.type:
        case T.INTEGER | T.LONG:
            low, high = _LIMITS[result.type]
            return max(form.low, low), min(form.high, high)
        case T.DECIMAL:
            most = 10**MAX_DECIMAL_DIGITS - 1
            scaled = [
                min(max(_scaled(bound, form.scale, result.scale), -most), most) for bound in (form.low, form.high)
            ]
            return Decimal(scaled[0]).scaleb(-result.scale), Decimal(scaled[1]).scaleb(-result.scale)
        case _:
            return None


def _scaled(bound: int, scale: int, to: int) -> int:
    return round(Fraction(bound * 10**to, 10**scale))


@dataclass(eq=False)
class Result(Node):
    """The values of a formula as a column of its type; what does not fit it fails."""

    value: Node
    to: ResultType

    @classmethod
    def of(cls, value: Node, to: ResultType) -> Result:
        return cls(value.form, value.position, value, to)

    def cells(self, work: Work) -> Cells:
        cells, alarms = work.cells(self.value), Alarms(work, self.position)
        return alarms.settled(self._column(cells.values, alarms), [cells])

    def _column(self, values: pl.Series, alarms: Alarms) -> pl.Series:
        form, to = self.form, self.to
        dtype = to.column.dtype
        match to.type:
            case T.INTEGER | T.LONG if form.is_exact:
                low, high = _LIMITS[to.type]
                _refuse_outside(values, form, (low, high), f"the number does not fit {to.type}", alarms)
                return values.cast(dtype, strict=False)
            case T.DECIMAL if form.kind is not Kind.NULL:
                most = 10**MAX_DECIMAL_DIGITS - 1
                reason = f"the number has more than {MAX_DECIMAL_DIGITS} digits at scale {to.scale}"
                scaled = self._scaled(values, alarms)
                known = form if form.scale == to.scale else None
                fitting = _refuse_outside(scaled, known, (-most, most), reason, alarms)
                return to_decimal(fitting.cast(pl.Int64, strict=False), to.scale)
            case T.DOUBLE if form.is_exact:
                return to_floats(values, form)
            case _:
                return values.cast(dtype)

    def _scaled(self, values: pl.Series, alarms: Alarms) -> pl.Series:
        """The numbers at the scale of the type."""
        form, to = self.form, self.to
        if form.kind is Kind.DOUBLE:
            return scaled_floats(values, to.scale, alarms)
        if form.scale >= to.scale:
            return rounded(values, 10 ** (form.scale - to.scale), Rounding.HALF_EVEN)
        unit = 10 ** (to.scale - form.scale)
        most = (10**MAX_DECIMAL_DIGITS - 1) // unit
        reason = f"the number has more than {MAX_DECIMAL_DIGITS} digits at scale {to.scale}"
        fitting = _refuse_outside(values, form, (-most, most), reason, alarms)
        narrow: pl.Series = fitting.cast(pl.Int64, strict=False) * unit
        return narrow


def _refuse_outside(
    values: pl.Series, form: Form | None, bounds: tuple[int, int], reason: str, alarms: Alarms
) -> pl.Series:
    """Let numbers fail that lie outside; null in their place."""
    low, high = bounds
    if form is not None and low <= form.low and form.high <= high:
        return values
    outside = pl.Series([False])
    limits = (-(2**63), 2**63 - 1) if values.dtype == pl.Int64 else (-(2**127), 2**127 - 1)
    if low > limits[0]:
        outside = outside | (values < pl.Series([low], dtype=values.dtype))
    if high < limits[1]:
        outside = outside | (values > pl.Series([high], dtype=values.dtype))
    if not outside.any():
        return values
    alarms.raise_where(outside, reason)
    return pl.select(pl.when(~outside).then(values)).to_series()
