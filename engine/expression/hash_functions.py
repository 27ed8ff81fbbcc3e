"""Functions that hash: digests, check digits and stable choices."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cache

import numpy as np
import polars as pl
from numpy.typing import NDArray

from engine.digest import text_hashes
from engine.draws import bounded
from engine.expression.cells import Alarms, Cells, Work
from engine.expression.choices import Chain
from engine.expression.exact import with_nulls
from engine.expression.faults import Mismatch
from engine.expression.forms import NULL, TEXTS, Form, Kind, common, number, text
from engine.expression.functions import (
    Application,
    Constant,
    Function,
    Node,
    Options,
    Parameter,
    Strict,
    function,
    promoted,
)
from engine.expression.written import texts_of

_GROUP = "hashes"
_TEXT = Parameter("text", TEXTS)
_MOST_OPTIONS = 100
_PICK_KEY = 0x5DEECE66D
"""Any number, but the same for ever: one value picks the same option everywhere."""


def _bytes(texts: pl.Series) -> tuple[NDArray[np.uint8], NDArray[np.int64], NDArray[np.int64]]:
    """The UTF-8 bytes of all texts, where each begins and how many it has; none for null."""
    filled = texts.fill_null("")
    lengths = filled.str.len_bytes().cast(pl.Int64).to_numpy()
    flat = np.frombuffer(filled.str.join("").cast(pl.Binary).item() if len(filled) else b"", np.uint8)
    return flat, np.cumsum(lengths) - lengths, lengths


class _Digest(Strict):
    """A digest of the text's UTF-8 bytes: no library has these for columns, so they are made text by text."""

    algorithm: str

    def form(self, arguments: Sequence[Node]) -> Form:
        return text(hashlib.new(self.algorithm, usedforsecurity=False).digest_size * 2)

    def column(self, call: Application, alarms: Alarms, *columns: pl.Series) -> pl.Series:
        made = [
            None if one is None else hashlib.new(self.algorithm, one.encode(), usedforsecurity=False).hexdigest()
            for one in columns[0]
        ]
        return pl.Series(made, dtype=pl.String)


@function(
    "MD5",
    takes=[_TEXT],
    says="The MD5 digest, 32 hexadecimal digits.",
    group=_GROUP,
    examples={"MD5('abc')": "900150983cd24fb0d6963f7d28e17f72"},
)
class Md5(_Digest):
    algorithm = "md5"


@function(
    "SHA256",
    takes=[_TEXT],
    says="The SHA-256 digest, 64 hexadecimal digits.",
    group=_GROUP,
    examples={"LEFT(SHA256('abc'), 8)": "ba7816bf"},
)
class Sha256(_Digest):
    algorithm = "sha256"


@function(
    "CRC32",
    takes=[_TEXT],
    says="The CRC-32 check sum of the text's bytes in UTF-8, as in zip files.",
    group=_GROUP,
    examples={"CRC32('123456789')": "3421780262"},
)
class Crc32(Strict):
    def form(self, arguments: Sequence[Node]) -> Form:
        return number(0, 2**32 - 1)

    def column(self, call: Application, alarms: Alarms, *columns: pl.Series) -> pl.Series:
        flat, starts, lengths = _bytes(columns[0])
        sums = np.full(len(lengths), 0xFFFFFFFF, np.uint32)
        active, step, table = np.flatnonzero(lengths > 0), 0, _crc_table()
        while len(active):
            states = sums[active]
            sums[active] = table[(states ^ flat[starts[active] + step]) & np.uint32(255)] ^ states >> np.uint32(8)
            step += 1
            active = active[lengths[active] > step]
        return with_nulls((~sums).astype(np.int64), columns[0])


@cache
def _crc_table() -> NDArray[np.uint32]:
    states = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        states = np.where(states & 1, np.uint32(0xEDB88320) ^ states >> np.uint32(1), states >> np.uint32(1))
    return states


@function(
    "LUHN",
    takes=[_TEXT],
    says="The check digit that a text of digits needs behind it, by the Luhn algorithm of card numbers.",
    group=_GROUP,
    examples={"LUHN('7992739871')": "3", "'411111111111111' & LUHN('411111111111111')": "4111111111111111"},
)
class Luhn(Strict):
    def form(self, arguments: Sequence[Node]) -> Form:
        return number(0, 9)

    def column(self, call: Application, alarms: Alarms, *columns: pl.Series) -> pl.Series:
        alarms.raise_where(~columns[0].str.contains("^[0-9]+$"), "the text has other characters than digits")
        flat, starts, lengths = _bytes(columns[0])
        ends = np.repeat(starts + lengths, lengths)
        from_end = ends - 1 - np.arange(len(flat))
        digits = flat.astype(np.int64) - ord("0")
        doubled = np.where(from_end % 2 == 0, digits * 2, digits)
        counted = np.concatenate([[0], np.cumsum(np.where(doubled > 9, doubled - 9, doubled))])
        sums = counted[starts + lengths] - counted[starts]
        return with_nulls(-sums % 10, columns[0])


@function(
    "HASHPICK",
    takes=[Parameter("value"), Parameter("options")],
    says="One of [several, values], chosen by a hash of the value: the same value has the same one in every field, run"
    " and generator.",
    group=_GROUP,
    examples={'HASHPICK("customer 7", ["red", "green", "blue"])': "red", "HASHPICK(7, [1])": "1"},
)
class HashPick(Function):
    sees_null = True

    def _check_argument(self, place: int, argument: Node) -> None:
        if place == 0:
            super()._check_argument(place, argument)
        elif not isinstance(argument, Options) or argument.keys or not argument.values:
            raise Mismatch("HASHPICK takes its options as [one, another]", hint=self.signature, argument=1)

    @staticmethod
    def _options(arguments: Sequence[Node]) -> tuple[Node, ...]:
        if not isinstance(arguments[1], Options):
            raise TypeError("the options are no options")
        return arguments[1].values

    def form(self, arguments: Sequence[Node]) -> Form:
        forms = [option.form for option in self._options(arguments)]
        found = common(forms, what="the options")
        return found.or_null(arguments[0].form) if arguments[0].form.kind is not Kind.NULL else found.or_null(NULL)

    def cells(self, call: Application, work: Work) -> Cells:
        value, options = work.cells(call.arguments[0]), self._options(call.arguments)
        texts = work.full(texts_of(value.values, call.arguments[0].form))
        picks = pl.Series(bounded(text_hashes(texts.fill_null(""), _PICK_KEY), len(options)))
        if all(isinstance(option, Constant) for option in options):
            return self._listed(call, work, value, pl.select(pl.when(texts.is_not_null()).then(picks)).to_series())
        chain = Chain(call, work)
        for place, option in enumerate(options):
            wanted = chain.wanted(Cells(picks == place), goes_on_at_null=True) & texts.is_not_null()
            if wanted.any():
                chain.take(wanted, option)
        found = chain.cells()
        return Alarms(work, call.position).settled(found.values, [value, found])

    def _listed(self, call: Application, work: Work, value: Cells, picks: pl.Series) -> Cells:
        """What is picked of options that are the same for all records: one look into a list."""
        alarms = Alarms(work, call.position)
        listed = [
            promoted(one.cells(work).values, one.form, call.form, alarms) for one in self._options(call.arguments)
        ]
        return alarms.settled(pl.concat([one.alias("") for one in listed]).gather(picks), [value])
