"""Functions that cut texts and look into them. Characters are counted from 1."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence

import polars as pl

from engine.expression.cells import Alarms
from engine.expression.faults import Mismatch
from engine.expression.forms import TEXTS, TRUTH, Form, Kind, number, text
from engine.expression.functions import Application, Constant, Node, Parameter, Strict, function, literal, whole_literal

A_TEXT = Parameter("text", TEXTS)
_MOST_COUNT = 2**31


def check_counts(function_: Strict, arguments: Sequence[Node], places: Sequence[int]) -> None:
    """Raise Mismatch unless these arguments are whole numbers."""
    for place in places:
        if place < len(arguments) and not arguments[place].form.is_whole:
            name = function_.parameters[min(place, len(function_.parameters) - 1)].name
            message = f"{name} of {function_.name} is a whole number"
            raise Mismatch(message, hint="INT(number) rounds down", argument=place)


def whole_counts(values: pl.Series) -> pl.Series:
    """Whole numbers as counts, cut to what no text is longer than."""
    limit = pl.Series([_MOST_COUNT], dtype=values.dtype), pl.Series([-_MOST_COUNT], dtype=values.dtype)
    cut = pl.select(pl.when(values > limit[0]).then(limit[0]).when(values < limit[1]).then(limit[1]).otherwise(values))
    return cut.to_series().cast(pl.Int64)


def not_negative(values: pl.Series, name: str, alarms: Alarms) -> pl.Series:
    counts = whole_counts(values)
    alarms.raise_where(counts < 0, f"{name} is negative")
    return counts.clip(lower_bound=0)


@function(
    "LEN",
    "LENGTH",
    takes=[A_TEXT],
    says="How many characters the text has.",
    group="text",
    examples={"LEN('Köln')": "4", "LENGTH('')": "0"},
)
class Length(Strict):
    def form(self, arguments: Sequence[Node]) -> Form:
        return number(0, arguments[0].form.max_length)

    def column(self, call: Application, alarms: Alarms, *columns: pl.Series) -> pl.Series:
        return columns[0].str.len_chars().cast(pl.Int64)


def sliced(texts: pl.Series, start: pl.Series, count: pl.Series) -> pl.Series:
    """So many characters from a place on, counted from 0: both of at least 0."""
    if len(start) == len(count) == 1 and start.null_count() == count.null_count() == 0:
        return texts.str.slice(start.item(), count.item())
    texts, start, count = of_one_length(texts, start, count)
    found = pl.select(pl.lit(texts).str.slice(pl.lit(start), pl.lit(count))).to_series()
    return null_where(found, start.is_null() | count.is_null())


def of_one_length(*columns: pl.Series) -> list[pl.Series]:
    """The columns, those of one row as long as the others: not every function of polars spreads them."""
    longest = max(map(len, columns))
    return [column if len(column) == longest else column.new_from_index(0, longest) for column in columns]


def null_where(values: pl.Series, gone: pl.Series) -> pl.Series:
    return pl.select(pl.when(~gone).then(values)).to_series() if gone.any() else values


def _most(form: Form, most: int) -> int:
    """The largest count that matters."""
    return max(0, min(form.high, most))


@function(
    "LEFT",
    takes=[A_TEXT, Parameter("count", frozenset({Kind.NUMBER}), optional=True)],
    says="The first characters of the text (1).",
    group="text",
    examples={"LEFT('Köln', 2)": "Kö", "LEFT('Köln')": "K", "LEFT('a', 9)": "a"},
)
class Left(Strict):
    def form(self, arguments: Sequence[Node]) -> Form:
        check_counts(self, arguments, [1])
        most = _most(arguments[1].form, arguments[0].form.max_length) if len(arguments) > 1 else 1
        return text(min(most, arguments[0].form.max_length))

    def column(self, call: Application, alarms: Alarms, *columns: pl.Series) -> pl.Series:
        counts = not_negative(columns[1], "count", alarms) if len(columns) > 1 else pl.Series([1])
        return sliced(columns[0], pl.Series([0]), counts)


@function(
    "RIGHT",
    takes=[A_TEXT, Parameter("count", frozenset({Kind.NUMBER}), optional=True)],
    says="The last characters of the text (1).",
    group="text",
    examples={"RIGHT('Köln', 2)": "ln", "RIGHT('a', 9)": "a"},
)
class Right(Left):
    def column(self, call: Application, alarms: Alarms, *columns: pl.Series) -> pl.Series:
        counts = not_negative(columns[1], "count", alarms) if len(columns) > 1 else pl.Series([1])
        length = columns[0].str.len_chars().cast(pl.Int64)
        return sliced(columns[0], (length - counts).clip(lower_bound=0), counts)


@function(
    "MID",
    "SUBSTR",
    takes=[
        A_TEXT,
        Parameter("start", frozenset({Kind.NUMBER})),
        Parameter("count", frozenset({Kind.NUMBER}), optional=True),
    ],
    says="Characters from the middle of the text: from a place on, counted from 1, and how many (all).",
    group="text",
    examples={"MID('abcdef', 2, 3)": "bcd", "SUBSTR('abcdef', 4)": "def", "MID('ab', 9, 1)": ""},
)
class Mid(Strict):
    def form(self, arguments: Sequence[Node]) -> Form:
        check_counts(self, arguments, [1, 2])
        longest = arguments[0].form.max_length
        return text(_most(arguments[2].form, longest) if len(arguments) > 2 else longest)

    def column(self, call: Application, alarms: Alarms, *columns: pl.Series) -> pl.Series:
        starts = whole_counts(columns[1])
        alarms.raise_where(starts < 1, "start is below 1")
        counts = not_negative(columns[2], "count", alarms) if len(columns) > 2 else pl.Series([_MOST_COUNT])
        return sliced(columns[0], (starts - 1).clip(lower_bound=0), counts)


@function(
    "CHARACTER",
    takes=[A_TEXT, Parameter("index", frozenset({Kind.NUMBER}), literal=True)],
    says="The character at a place counted from 0, or from the end by -1, as text[0]; none behind the end.",
    group="text",
    examples={"'Köln'[1]": "ö", "'Köln'[-1]": "n", "CHARACTER('a', 5)": ""},
)
class Character(Strict):
    def form(self, arguments: Sequence[Node]) -> Form:
        whole_literal(arguments[1], "index", -_MOST_COUNT, _MOST_COUNT, argument=1)
        return text(min(1, arguments[0].form.max_length))

    def column(self, call: Application, alarms: Alarms, *columns: pl.Series) -> pl.Series:
        index = whole_literal(call.arguments[1], "index", -_MOST_COUNT, _MOST_COUNT, argument=1)
        if index >= 0:
            return columns[0].str.slice(index, 1)
        places = columns[0].str.len_chars().cast(pl.Int64) + index
        return sliced(columns[0], places.clip(lower_bound=0), (places >= 0).cast(pl.Int64))


@function(
    "SUBSTITUTE",
    takes=[A_TEXT, Parameter("old", TEXTS), Parameter("new", TEXTS)],
    says="The text with every occurrence of one text replaced by another one.",
    group="text",
    examples={"SUBSTITUTE('a-b-c', '-', '')": "abc", "SUBSTITUTE('aaa', 'aa', 'b')": "ba"},
)
class Substitute(Strict):
    def form(self, arguments: Sequence[Node]) -> Form:
        own, _, new = (argument.form for argument in arguments)
        shortest = len(str(literal(arguments[1]))) if isinstance(arguments[1], Constant) else 1
        if isinstance(arguments[1], Constant) and not shortest:
            message = "the empty text stands everywhere and nowhere: it cannot be replaced"
            raise Mismatch(message, code="EXPRESSION_NOT_ALLOWED", argument=1)
        grown = own.max_length // shortest * max(new.max_length - shortest, 0)
        return text(own.max_length + grown)

    def column(self, call: Application, alarms: Alarms, *columns: pl.Series) -> pl.Series:
        own, old, new = columns
        alarms.raise_where(old == "", "the empty text cannot be replaced")
        if len(old) == 1 and len(new) == 1 and not old.null_count() and not new.null_count() and old.item():
            return own.str.replace_all(old.item(), new.item(), literal=True)
        own, old, new = of_one_length(own, old, new)
        # Piece by piece: polars replaces only texts that are the same for all records.
        pieces = pl.select(pl.lit(own).str.split(pl.when(pl.lit(old) == "").then(None).otherwise(pl.lit(old))))
        found = pl.select(pl.lit(pieces.to_series()).list.join(pl.lit(new))).to_series()
        return null_where(found, own.is_null() | old.is_null() | new.is_null())


@function(
    "REPLACE",
    takes=[
        A_TEXT,
        Parameter("start"),
        Parameter("count"),
        Parameter("new", TEXTS, optional=True),
    ],
    says="With four arguments as in spreadsheets: the text with count characters from start on (from 1) replaced by"
    " new. With three, REPLACE(text, old, new) is SUBSTITUTE.",
    group="text",
    examples={"REPLACE('abcdef', 2, 3, '-')": "a-ef", "REPLACE('a.b', '.', '/')": "a/b"},
)
class Replace(Strict):
    def check(self, arguments: Sequence[Node]) -> None:
        super().check(arguments)
        if len(arguments) == 3:
            _SUBSTITUTE.check(arguments)
        else:
            for place in (1, 2):
                if arguments[place].form.kind is not Kind.NUMBER:
                    message = f"REPLACE takes a number as {self.parameters[place].name}"
                    raise Mismatch(message, hint=self.signature, argument=place)
            check_counts(self, arguments, [1, 2])

    def form(self, arguments: Sequence[Node]) -> Form:
        if len(arguments) == 3:
            return _SUBSTITUTE.form(arguments)
        return text(arguments[0].form.max_length + arguments[3].form.max_length)

    def column(self, call: Application, alarms: Alarms, *columns: pl.Series) -> pl.Series:
        if len(columns) == 3:
            return _SUBSTITUTE.column(call, alarms, *columns)
        own, start, count, new = columns
        starts = whole_counts(start)
        alarms.raise_where(starts < 1, "start is below 1")
        before = (starts - 1).clip(lower_bound=0)
        counts = not_negative(count, "count", alarms)
        head = sliced(own, pl.Series([0]), before)
        tail = sliced(own, before + counts, pl.Series([_MOST_COUNT]))
        return pl.select(pl.concat_str([pl.lit(head), pl.lit(new), pl.lit(tail)])).to_series()


_SUBSTITUTE = Substitute()


@function(
    "EXACT",
    takes=[Parameter("a", TEXTS), Parameter("b", TEXTS)],
    says="Whether two texts are equal, also in upper and lower case.",
    group="text",
    examples={"EXACT('a', 'A')": "false"},
)
class Exact(Strict):
    def form(self, arguments: Sequence[Node]) -> Form:
        return TRUTH

    def column(self, call: Application, alarms: Alarms, *columns: pl.Series) -> pl.Series:
        return columns[0] == columns[1]


class _Looks(Strict):
    """Looks for a text, taken literally, inside another one."""

    def form(self, arguments: Sequence[Node]) -> Form:
        return TRUTH

    def column(self, call: Application, alarms: Alarms, *columns: pl.Series) -> pl.Series:
        texts, parts = of_one_length(*columns)
        found = pl.select(self.found(pl.lit(texts), pl.lit(parts))).to_series()
        return null_where(found, texts.is_null() | parts.is_null())

    @abstractmethod
    def found(self, texts: pl.Expr, part: pl.Expr) -> pl.Expr:
        """What is asked of the text and the part."""


_PART = Parameter("part", TEXTS)


@function(
    "CONTAINS",
    takes=[A_TEXT, _PART],
    says="Whether the part stands anywhere in the text.",
    group="text",
    examples={"CONTAINS('Köln', 'öl')": "true"},
)
class Contains(_Looks):
    def found(self, texts: pl.Expr, part: pl.Expr) -> pl.Expr:
        return texts.str.contains(part, literal=True)


@function(
    "STARTSWITH",
    takes=[A_TEXT, _PART],
    says="Whether the text begins with the part.",
    group="text",
    examples={"STARTSWITH('Köln', 'Kö')": "true"},
)
class StartsWith(_Looks):
    def found(self, texts: pl.Expr, part: pl.Expr) -> pl.Expr:
        return texts.str.starts_with(part)


@function(
    "ENDSWITH",
    takes=[A_TEXT, _PART],
    says="Whether the text ends with the part.",
    group="text",
    examples={"ENDSWITH('Köln', 'K')": "false"},
)
class EndsWith(_Looks):
    def found(self, texts: pl.Expr, part: pl.Expr) -> pl.Expr:
        return texts.str.ends_with(part)


@function(
    "FIND",
    takes=[_PART, A_TEXT, Parameter("start", frozenset({Kind.NUMBER}), optional=True)],
    says="At which character of the text the part begins, counted from 1, from a place on (1); fails where it is not.",
    group="text",
    examples={"FIND('l', 'Köln')": "3", "IFERROR(FIND('x', 'Köln'), 0)": "0", "FIND('a', 'banana', 3)": "4"},
)
class Find(Strict):
    def form(self, arguments: Sequence[Node]) -> Form:
        check_counts(self, arguments, [2])
        return number(1, max(1, arguments[1].form.max_length + 1))

    def column(self, call: Application, alarms: Alarms, *columns: pl.Series) -> pl.Series:
        starts = whole_counts(columns[2]) if len(columns) > 2 else pl.Series([1])
        part, own, starts = of_one_length(columns[0], columns[1], starts)
        alarms.raise_where(starts < 1, "start is below 1")
        before = (starts - 1).clip(lower_bound=0)
        searched = sliced(own, before, pl.Series([_MOST_COUNT])) if len(columns) > 2 else own
        places = pl.select(pl.lit(searched).str.find(pl.lit(part), literal=True)).to_series()  # in bytes
        known = own.is_not_null() & part.is_not_null() & starts.is_not_null()
        beyond = before > own.str.len_chars().cast(pl.Int64)
        alarms.raise_where(known & (places.is_null() | beyond), "the part does not stand in the text")
        # Bytes before the place are counted as characters.
        head = pl.select(
            pl.lit(searched).cast(pl.Binary).bin.slice(0, pl.lit(places.cast(pl.Int64))).cast(pl.String).str.len_chars()
        ).to_series()
        return null_where(head.cast(pl.Int64) + before + 1, ~known | places.is_null())
