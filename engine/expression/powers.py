"""Powers, roots and logarithms."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from engine.expression.arithmetic import BY_ZERO, refuse_not_finite
from engine.expression.cells import Alarms
from engine.expression.exact import float_quotient, whole
from engine.expression.faults import Mismatch
from engine.expression.forms import DOUBLE, LIMIT, MAX_SCALE, NUMBERS, Form, number
from engine.expression.functions import Application, Constant, Node, Parameter, Strict, function, literal, promoted
from engine.expression.rounding import A_NUMBER

_MAX_EXPONENT = 64


@function(
    "**",
    "POWER",
    takes=[Parameter("base", NUMBERS), Parameter("exponent", NUMBERS)],
    says="The base to a power from -64 to 64. Exact for a whole exponent that is not negative while the digits suffice,"
    " else a double. It binds more closely than the sign: -2 ** 2 is -4.",
    group="operators",
    examples={"2 ** 10": "1024", "1.5 ** 2": "2.25", "POWER(2, -1)": "0.5", "-2 ** 2": "-4"},
)
class Power(Strict):
    def form(self, arguments: Sequence[Node]) -> Form:
        base, exponent = (argument.form for argument in arguments)
        _check_exponent(arguments[1])
        if not (base.is_exact and exponent.is_whole and exponent.low >= 0):
            return DOUBLE
        constant = exponent.low == exponent.high
        if base.scale and (not constant or base.scale * exponent.high > MAX_SCALE):
            return DOUBLE
        size = base.size**exponent.high
        if base.low == base.high and constant:
            return number(base.low**exponent.high, base.low**exponent.high, base.scale * exponent.high)
        if size > LIMIT:
            if base.scale:
                return DOUBLE
            message = f"the result may be larger than 2^127: {base.size:,} to the power of {exponent.high}"
            hint = "bound the base by CLAMP, or make it a double by TODOUBLE"
            raise Mismatch(message, hint=hint, code="EXPRESSION_TOO_COMPLEX")
        even = constant and exponent.high % 2 == 0
        scale = base.scale * exponent.high
        return number(
            0 if even or base.low >= 0 else -max(size, 1), max(size, 1), scale, extra=base.extra * exponent.high
        )

    def column(self, call: Application, alarms: Alarms, *columns: pl.Series) -> pl.Series:
        base, exponent = call.arguments
        if call.form.is_exact:
            numbers = columns[0] if columns[0].dtype == pl.Int128 else columns[0].cast(call.form.dtype)
            return _power(numbers, columns[1], exponent.form).cast(call.form.dtype)
        floats = promoted(columns[0], base.form, DOUBLE, alarms)
        if exponent.form.is_whole:
            found = _power(floats, columns[1].abs(), number(0, exponent.form.size))
            if exponent.form.low < 0:
                negative = columns[1] < 0
                alarms.raise_where((floats == 0.0) & negative, BY_ZERO)
                found = pl.select(
                    pl.when(negative).then(float_quotient(pl.Series([1.0]), found)).otherwise(found)
                ).to_series()
            return refuse_not_finite(found, alarms)
        exponents = promoted(columns[1], exponent.form, DOUBLE, alarms)
        alarms.raise_where(exponents.abs() > float(_MAX_EXPONENT), f"the exponent is beyond {_MAX_EXPONENT}")
        with np.errstate(all="ignore"):
            found = pl.Series(np.power(floats.fill_null(1.0).to_numpy(), exponents.fill_null(1.0).to_numpy()))
        found = pl.select(pl.when(floats.is_not_null() & exponents.is_not_null()).then(found)).to_series()
        return refuse_not_finite(found, alarms)

    def reason(self, call: Application) -> str | None:
        if call.form.is_exact or call.arguments[1].form.is_whole:
            return None
        return f"the last digits of {self.name} with a broken exponent may be others on another processor"


def _check_exponent(node: Node) -> None:
    form = node.form
    if form.is_exact and form.size > _MAX_EXPONENT * 10**form.scale:
        message = f"the exponent may be beyond {_MAX_EXPONENT}"
        hint = f"CLAMP(exponent, -{_MAX_EXPONENT}, {_MAX_EXPONENT}) bounds it"
        raise Mismatch(message, hint=hint, code="EXPRESSION_TOO_COMPLEX", argument=1)
    if isinstance(node, Constant) and isinstance(value := literal(node), float) and abs(value) > _MAX_EXPONENT:
        raise Mismatch(f"the exponent is beyond {_MAX_EXPONENT}", code="EXPRESSION_TOO_COMPLEX", argument=1)


def _power(base: pl.Series, exponents: pl.Series, form: Form) -> pl.Series:
    """Powers by squaring, which for doubles rounds the same way on every machine; `form` is the exponents'."""
    known = base.is_not_null() & exponents.is_not_null()
    found = pl.select(pl.when(known).then(pl.lit(1, base.dtype))).to_series()
    factor = base
    for bit in range(form.high.bit_length()):
        if bit:
            factor = factor * factor
        is_set = (exponents.cast(pl.Int64) // whole(1 << bit, pl.Int64())) % whole(2, pl.Int64()) == 1
        found = pl.select(pl.when(is_set).then(found * factor).otherwise(found)).to_series()
    return found


Floats = NDArray[np.float64]


class _Float(Strict):
    """A function of doubles."""

    def form(self, arguments: Sequence[Node]) -> Form:
        return DOUBLE

    def column(self, call: Application, alarms: Alarms, *columns: pl.Series) -> pl.Series:
        floats = [
            promoted(column, argument.form, DOUBLE, alarms)
            for column, argument in zip(columns, call.arguments, strict=True)
        ]
        known = pl.Series([True])
        for column in floats:
            known = known & column.is_not_null()
        with np.errstate(all="ignore"):
            found = pl.Series(self.floats(alarms, *(column.fill_null(1.0).to_numpy() for column in floats)) + 0.0)
        return refuse_not_finite(pl.select(pl.when(known).then(found)).to_series(), alarms)

    @abstractmethod
    def floats(self, alarms: Alarms, *numbers: Floats) -> Floats:
        """The results on doubles."""


class _Library(_Float):
    """A function whose last digits are those of the machine's library."""

    def reason(self, call: Application) -> str | None:
        return f"the last digits of {self.name} may be others on another processor"


@function(
    "SQRT",
    takes=[A_NUMBER],
    says="The square root, a double; of a negative number there is none.",
    group="numbers",
    examples={"SQRT(6.25)": "2.5"},
)
class Sqrt(_Float):
    def floats(self, alarms: Alarms, *numbers: Floats) -> Floats:
        alarms.raise_where(numbers[0] < 0, "a negative number has no square root")
        found: Floats = np.sqrt(numbers[0])
        return found


@function(
    "EXP",
    takes=[A_NUMBER],
    says="e to the power of the number, a double.",
    group="numbers",
    examples={"EXP(0)": "1.0", "ROUND(EXP(1), 4)": "2.7183"},
)
class Exp(_Library):
    def floats(self, alarms: Alarms, *numbers: Floats) -> Floats:
        found: Floats = np.exp(numbers[0])
        return found


@function(
    "LN",
    takes=[A_NUMBER],
    says="The natural logarithm, a double; there is none of 0 and below.",
    group="numbers",
    examples={"LN(1)": "0.0", "ROUND(LN(10), 4)": "2.3026"},
)
class Ln(_Library):
    def floats(self, alarms: Alarms, *numbers: Floats) -> Floats:
        alarms.raise_where(numbers[0] <= 0, "there is no logarithm of 0 and below")
        found: Floats = np.log(numbers[0])
        return found


@function(
    "LOG",
    takes=[A_NUMBER, Parameter("base", NUMBERS, optional=True)],
    says="The logarithm to a base (10), as in spreadsheets, a double; LN is the natural one.",
    group="numbers",
    examples={"LOG(1000)": "3.0", "ROUND(LOG(8, 2), 6)": "3.0"},
)
class Log(_Library):
    def floats(self, alarms: Alarms, *numbers: Floats) -> Floats:
        alarms.raise_where(numbers[0] <= 0, "there is no logarithm of 0 and below")
        if len(numbers) == 1:
            decimal: Floats = np.log10(numbers[0])
            return decimal
        alarms.raise_where((numbers[1] <= 0) | (numbers[1] == 1), "the base of a logarithm is above 0, and not 1")
        found: Floats = np.log(numbers[0]) / np.log(numbers[1])
        return found


@function("PI", says="The number pi, a double.", group="numbers", examples={"ROUND(PI(), 4)": "3.1416"})
class Pi(Strict):
    def form(self, arguments: Sequence[Node]) -> Form:
        return DOUBLE

    def column(self, call: Application, alarms: Alarms, *columns: pl.Series) -> pl.Series:
        return pl.Series([np.pi])
