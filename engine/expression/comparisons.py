"""Comparisons of two values."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence

import polars as pl

from engine.expression.cells import Alarms
from engine.expression.exact import at_one_scale
from engine.expression.faults import Mismatch
from engine.expression.forms import ANY, DOUBLE, NUMBERS, TRUTH, Form, Kind, at_scale
from engine.expression.functions import Application, Node, Parameter, Strict, function, promoted


class _Comparison(Strict):
    """Whether two values of one kind are so; texts are compared character by character, upper case before lower."""

    def form(self, arguments: Sequence[Node]) -> Form:
        one, other = (argument.form for argument in arguments)
        if one.kind is not other.kind and not {one.kind, other.kind} <= NUMBERS:
            message = f"a {one.kind} and a {other.kind} cannot be compared"
            hint = "TOSTRING, TODECIMAL and DATEVALUE convert"
            if Kind.NULL in {one.kind, other.kind}:
                message, hint = "nothing is equal to null, nor larger or smaller", "ISBLANK(value) tells"
            raise Mismatch(message, hint=hint)
        if one.kind is Kind.NULL:
            raise Mismatch("nothing is equal to null, nor larger or smaller", hint="ISBLANK(value) tells")
        if one.is_exact and other.is_exact:
            at_scale(one, max(one.scale, other.scale)), at_scale(other, max(one.scale, other.scale))
        return TRUTH

    def column(self, call: Application, alarms: Alarms, *columns: pl.Series) -> pl.Series:
        one, other = (argument.form for argument in call.arguments)
        left, right = columns
        if one.is_exact and other.is_exact:
            (left, right), _ = at_one_scale(left, right, (one, other), alarms)
            if left.dtype != right.dtype:
                left, right = left.cast(pl.Int128), right.cast(pl.Int128)
        elif one.kind is not other.kind:
            left, right = promoted(left, one, DOUBLE, alarms), promoted(right, other, DOUBLE, alarms)
        return self.compared(left, right)

    @abstractmethod
    def compared(self, left: pl.Series, right: pl.Series) -> pl.Series:
        """Whether it is so, for columns of one type."""


_BOTH = [Parameter("a", ANY), Parameter("b", ANY)]


@function(
    "=",
    takes=_BOTH,
    says="Whether two values are equal; also written ==. Upper and lower case differ.",
    group="comparison",
    examples={"1 = 1.0": "true", "'a' = 'A'": "false", "1 == 2": "false"},
)
class Equal(_Comparison):
    def compared(self, left: pl.Series, right: pl.Series) -> pl.Series:
        return left == right


@function(
    "<>",
    takes=_BOTH,
    says="Whether two values differ; also written !=.",
    group="comparison",
    examples={"1 <> 2": "true", "1 != 1.0": "false"},
)
class Unequal(_Comparison):
    def compared(self, left: pl.Series, right: pl.Series) -> pl.Series:
        return left != right


@function(
    "<",
    takes=_BOTH,
    says="Whether a is smaller, earlier, or before b; a < b < c asks for both.",
    group="comparison",
    examples={"1 < 1.5": "true", "1 < 3 < 2": "false"},
)
class Less(_Comparison):
    def compared(self, left: pl.Series, right: pl.Series) -> pl.Series:
        return left < right


@function(
    "<=",
    takes=_BOTH,
    says="Whether a is not larger than b.",
    group="comparison",
    examples={"2 <= 2.0": "true"},
)
class LessOrEqual(_Comparison):
    def compared(self, left: pl.Series, right: pl.Series) -> pl.Series:
        return left <= right


@function(
    ">",
    takes=_BOTH,
    says="Whether a is larger, later, or behind b.",
    group="comparison",
    examples={"2 > 1": "true", "'B' > 'a'": "false"},
)
class Greater(_Comparison):
    def compared(self, left: pl.Series, right: pl.Series) -> pl.Series:
        return left > right


@function(
    ">=",
    takes=_BOTH,
    says="Whether a is not smaller than b.",
    group="comparison",
    examples={"2 >= 2.0": "true"},
)
class GreaterOrEqual(_Comparison):
    def compared(self, left: pl.Series, right: pl.Series) -> pl.Series:
        return left >= right
