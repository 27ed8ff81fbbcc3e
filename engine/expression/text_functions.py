"""Functions of texts. Characters are counted from 1, and are those of Unicode (code points)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache

import polars as pl

from engine.expression.cells import Alarms
from engine.expression.exact import Rounding
from engine.expression.faults import Mismatch
from engine.expression.forms import DATES, NUMBERS, TEXTS, TRUTH, Form, Kind, number, text
from engine.expression.functions import (
    Application,
    Constant,
    Node,
    Parameter,
    Strict,
    function,
    literal,
    whole_literal,
)
from engine.expression.numeric_functions import rounded_form, rounded_to, scaled_floats
from engine.expression.written import instant_texts, texts_of, written_length
from engine.time_pattern import TimePattern

_GROUP = "text"
_TEXT = Parameter("text", TEXTS)
_COUNT = Parameter("count", frozenset({Kind.NUMBER}))
_MOST_COUNT = 2**31
_UPPER_GROWTH, _LOWER_GROWTH = 3, 3
"""No character becomes more than so many (ΐ, which has three in upper case)."""


def _check_counts(function_: Strict, arguments: Sequence[Node], places: Sequence[int]) -> None:
    """Raise Mismatch unless these arguments are whole numbers."""
    for place in places:
        if place < len(arguments) and not arguments[place].form.is_whole:
            name = function_.parameters[min(place, len(function_.parameters) - 1)].name
            message = f"{name} of {function_.name} is a whole number"
            raise Mismatch(message, hint="INT(number) rounds down", argument=place)


def _counts(values: pl.Series) -> pl.Series:
    """Whole numbers as counts, cut to what no text is longer than."""
    limit = pl.Series([_MOST_COUNT], dtype=values.dtype), pl.Series([-_MOST_COUNT], dtype=values.dtype)
    cut = pl.select(pl.when(values > limit[0]).then(limit[0]).when(values < limit[1]).then(limit[1]).otherwise(values))
    return cut.to_series().cast(pl.Int64)


def _not_negative(values: pl.Series, name: str, alarms: Alarms) -> pl.Series:
    counts = _counts(values)
    alarms.raise_where(counts < 0, f"{name} is negative")
    return counts.clip(lower_bound=0)


class _JoinsAll(Strict):
    def form(self, arguments: Sequence[Node]) -> Form:
        return text(sum(written_length(argument.form) for argument in arguments))

    def column(self, call: Application, alarms: Alarms, *columns: pl.Series) -> pl.Series:
        forms = [argument.form for argument in call.arguments]
        texts = [pl.lit(texts_of(column, form)) for column, form in zip(columns, forms, strict=True)]
        return pl.select(pl.concat_str(texts)).to_series()


@function(
    "&",
    takes=[Parameter("a"), Parameter("b")],
    says="Joins two values as texts.",
    group="operators",
    examples={"'no. ' & 7": "no. 7", "1 & 2 + 3": "15"},
)
class Join(_JoinsAll):
    pass


@function(
    "CONCAT",
    "CONCATENATE",
    takes=[Parameter("value", repeated=True)],
    says="Joins values as texts. Numbers have all of their digits, instants their ISO 8601 form.",
    group=_GROUP,
    examples={'CONCAT(LOWER("Ada"), "@example.com")': "ada@example.com", "CONCAT(1.50, ' ', true)": "1.50 true"},
)
class Concat(_JoinsAll):
    pass


@function(
    "TEXTJOIN",
    takes=[_TEXT, Parameter("value", repeated=True)],
    says="Joins values as texts, with the first text between them; without those that are null.",
    group=_GROUP,
    examples={"TEXTJOIN(', ', 'a', null, 'b')": "a, b"},
)
class TextJoin(Strict):
    sees_null = True

    def blanks(self, arguments: Sequence[Node]) -> Sequence[int]:
        return (0,)

    def form(self, arguments: Sequence[Node]) -> Form:
        between, *values = (argument.form for argument in arguments)
        joined = text(sum(written_length(form) for form in values) + between.max_length * (len(values) - 1))
        return joined.or_null(between)

    def column(self, call: Application, alarms: Alarms, *columns: pl.Series) -> pl.Series:
        texts = [
            texts_of(column, argument.form) for column, argument in zip(columns[1:], call.arguments[1:], strict=True)
        ]
        found = pl.Series([""])
        is_first = pl.Series([True])
        for one in texts:
            there = one.is_not_null()
            head = pl.select(pl.when(is_first).then(pl.lit("")).otherwise(pl.lit(columns[0]))).to_series()
            found = pl.select(
                pl.when(there).then(pl.concat_str([pl.lit(found), pl.lit(head), pl.lit(one)])).otherwise(pl.lit(found))
            ).to_series()
            is_first = is_first & ~there
        return pl.select(pl.when(columns[0].is_not_null()).then(found)).to_series()


class _Cased(Strict):
    growth: int

    def form(self, arguments: Sequence[Node]) -> Form:
        own = arguments[0].form
        if own.texts is not None:
            texts = [self.column_of(pl.Series([one])).item() for one in own.texts]
            return text(max(map(len, texts)), texts)
        return text(own.max_length * self.growth)

    def column(self, call: Application, alarms: Alarms, *columns: pl.Series) -> pl.Series:
        return self.column_of(columns[0])

    def column_of(self, texts: pl.Series) -> pl.Series:
        raise NotImplementedError


@function("LOWER", takes=[_TEXT], says="The text in lower case.", group=_GROUP, examples={'LOWER("ÄB")': "äb"})
class Lower(_Cased):
    growth = _LOWER_GROWTH

    def column_of(self, texts: pl.Series) -> pl.Series:
        return texts.str.to_lowercase()


@function("UPPER", takes=[_TEXT], says="The text in upper case.", group=_GROUP, examples={'UPPER("Straße")': "STRASSE"})
class Upper(_Cased):
    growth = _UPPER_GROWTH

    def column_of(self, texts: pl.Series) -> pl.Series:
        return texts.str.to_uppercase()


@function(
    "PROPER",
    takes=[_TEXT],
    says="The text with the first letter of each word in upper case, the others in lower case.",
    group=_GROUP,
    examples={'PROPER("ada o\'neil")': "Ada O'Neil"},
)
class Proper(_Cased):
    growth = _UPPER_GROWTH

    def column_of(self, texts: pl.Series) -> pl.Series:
        return texts.str.to_titlecase()


@function(
    "TRIM",
    takes=[_TEXT],
    says="The text without spaces at its ends, and with one space where there are several.",
    group=_GROUP,
    examples={"TRIM('  a   b ')": "a b"},
)
class Trim(Strict):
    def form(self, arguments: Sequence[Node]) -> Form:
        return text(arguments[0].form.max_length)

    def column(self, call: Application, alarms: Alarms, *columns: pl.Series) -> pl.Series:
        return columns[0].str.replace_all(" +", " ").str.strip_chars()


@function(
    "LEN",
    "LENGTH",
    takes=[_TEXT],
    says="How many characters the text has.",
    group=_GROUP,
    examples={"LEN('Köln')": "4", "LENGTH('')": "0"},
)
class Length(Strict):
    def form(self, arguments: Sequence[Node]) -> Form:
        return number(0, arguments[0].form.max_length)

    def column(self, call: Application, alarms: Alarms, *columns: pl.Series) -> pl.Series:
        return columns[0].str.len_chars().cast(pl.Int64)


def _sliced(texts: pl.Series, start: pl.Series, count: pl.Series) -> pl.Series:
    """So many characters from a place on, counted from 0: both of at least 0."""
    if len(start) == len(count) == 1 and start.null_count() == count.null_count() == 0:
        return texts.str.slice(start.item(), count.item())
    texts, start, count = of_one_length(texts, start, count)
    found = pl.select(pl.lit(texts).str.slice(pl.lit(start), pl.lit(count))).to_series()
    return _null_where(found, start.is_null() | count.is_null())


def of_one_length(*columns: pl.Series) -> list[pl.Series]:
    """The columns, those of one row as long as the others: not every function of polars spreads them."""
    longest = max(map(len, columns))
    return [column if len(column) == longest else column.new_from_index(0, longest) for column in columns]


def _null_where(values: pl.Series, gone: pl.Series) -> pl.Series:
    return pl.select(pl.when(~gone).then(values)).to_series() if gone.any() else values


def _most(form: Form, most: int) -> int:
    """The largest count that matters."""
    return max(0, min(form.high, most))


@function(
    "LEFT",
    takes=[_TEXT, Parameter("count", frozenset({Kind.NUMBER}), optional=True)],
    says="The first characters of the text (1).",
    group=_GROUP,
    examples={"LEFT('Köln', 2)": "Kö", "LEFT('Köln')": "K", "LEFT('a', 9)": "a"},
)
class Left(Strict):
    def form(self, arguments: Sequence[Node]) -> Form:
        _check_counts(self, arguments, [1])
        most = _most(arguments[1].form, arguments[0].form.max_length) if len(arguments) > 1 else 1
        return text(min(most, arguments[0].form.max_length))

    def column(self, call: Application, alarms: Alarms, *columns: pl.Series) -> pl.Series:
        counts = _not_negative(columns[1], "count", alarms) if len(columns) > 1 else pl.Series([1])
        return _sliced(columns[0], pl.Series([0]), counts)


@function(
    "RIGHT",
    takes=[_TEXT, Parameter("count", frozenset({Kind.NUMBER}), optional=True)],
    says="The last characters of the text (1).",
    group=_GROUP,
    examples={"RIGHT('Köln', 2)": "ln", "RIGHT('a', 9)": "a"},
)
class Right(Left):
    def column(self, call: Application, alarms: Alarms, *columns: pl.Series) -> pl.Series:
        counts = _not_negative(columns[1], "count", alarms) if len(columns) > 1 else pl.Series([1])
        length = columns[0].str.len_chars().cast(pl.Int64)
        return _sliced(columns[0], (length - counts).clip(lower_bound=0), counts)


@function(
    "MID",
    "SUBSTR",
    takes=[
        _TEXT,
        Parameter("start", frozenset({Kind.NUMBER})),
        Parameter("count", frozenset({Kind.NUMBER}), optional=True),
    ],
    says="Characters from the middle of the text: from a place on, counted from 1, and how many (all).",
    group=_GROUP,
    examples={"MID('abcdef', 2, 3)": "bcd", "SUBSTR('abcdef', 4)": "def", "MID('ab', 9, 1)": ""},
)
class Mid(Strict):
    def form(self, arguments: Sequence[Node]) -> Form:
        _check_counts(self, arguments, [1, 2])
        longest = arguments[0].form.max_length
        return text(_most(arguments[2].form, longest) if len(arguments) > 2 else longest)

    def column(self, call: Application, alarms: Alarms, *columns: pl.Series) -> pl.Series:
        starts = _counts(columns[1])
        alarms.raise_where(starts < 1, "start is below 1")
        counts = _not_negative(columns[2], "count", alarms) if len(columns) > 2 else pl.Series([_MOST_COUNT])
        return _sliced(columns[0], (starts - 1).clip(lower_bound=0), counts)


@function(
    "CHARACTER",
    takes=[_TEXT, Parameter("index", frozenset({Kind.NUMBER}), literal=True)],
    says="The character at a place counted from 0, or from the end by -1, as text[0]; none behind the end.",
    group=_GROUP,
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
        return _sliced(columns[0], places.clip(lower_bound=0), (places >= 0).cast(pl.Int64))


@function(
    "SUBSTITUTE",
    takes=[_TEXT, Parameter("old", TEXTS), Parameter("new", TEXTS)],
    says="The text with every occurrence of one text replaced by another one.",
    group=_GROUP,
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
        return _null_where(found, own.is_null() | old.is_null() | new.is_null())


@function(
    "REPLACE",
    takes=[
        _TEXT,
        Parameter("start"),
        Parameter("count"),
        Parameter("new", TEXTS, optional=True),
    ],
    says="With four arguments as in spreadsheets: the text with count characters from start on (from 1) replaced by"
    " new. With three, REPLACE(text, old, new) is SUBSTITUTE.",
    group=_GROUP,
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
            _check_counts(self, arguments, [1, 2])

    def form(self, arguments: Sequence[Node]) -> Form:
        if len(arguments) == 3:
            return _SUBSTITUTE.form(arguments)
        return text(arguments[0].form.max_length + arguments[3].form.max_length)

    def column(self, call: Application, alarms: Alarms, *columns: pl.Series) -> pl.Series:
        if len(columns) == 3:
            return _SUBSTITUTE.column(call, alarms, *columns)
        own, start, count, new = columns
        starts = _counts(start)
        alarms.raise_where(starts < 1, "start is below 1")
        before = (starts - 1).clip(lower_bound=0)
        counts = _not_negative(count, "count", alarms)
        head = _sliced(own, pl.Series([0]), before)
        tail = _sliced(own, before + counts, pl.Series([_MOST_COUNT]))
        return pl.select(pl.concat_str([pl.lit(head), pl.lit(new), pl.lit(tail)])).to_series()


_SUBSTITUTE = Substitute()


@function(
    "REPT",
    takes=[_TEXT, _COUNT],
    says="The text so many times.",
    group=_GROUP,
    examples={"REPT('ab', 3)": "ababab", "REPT('*', 0)": ""},
)
class Rept(Strict):
    def form(self, arguments: Sequence[Node]) -> Form:
        _check_counts(self, arguments, [1])
        own, count = (argument.form for argument in arguments)
        return text(own.max_length * max(count.high, 0))

    def column(self, call: Application, alarms: Alarms, *columns: pl.Series) -> pl.Series:
        counts = _not_negative(columns[1], "count", alarms)
        texts, counts = of_one_length(columns[0], counts)
        # No form of more than the possible characters passes, so that these lists have a bound.
        repeated = pl.select(pl.lit(texts).repeat_by(pl.lit(counts)).list.join("")).to_series()
        return _null_where(repeated, texts.is_null() | counts.is_null())


class _Pads(Strict):
    def form(self, arguments: Sequence[Node]) -> Form:
        _check_counts(self, arguments, [1])
        own, width = arguments[0].form, arguments[1].form
        self._filler(arguments)
        return text(max(own.max_length, width.high))

    @staticmethod
    def _filler(arguments: Sequence[Node]) -> str:
        if len(arguments) < 3:
            return " "
        filler = str(literal(arguments[2]))
        if len(filler) != 1:
            raise Mismatch("the text to fill with is one character", argument=2)
        return filler

    def column(self, call: Application, alarms: Alarms, *columns: pl.Series) -> pl.Series:
        filler, widths = self._filler(call.arguments), _counts(columns[1]).clip(lower_bound=0)
        missing = (widths - columns[0].str.len_chars().cast(pl.Int64)).clip(lower_bound=0)
        most = pl.Series([filler * call.form.max_length])
        fill = _sliced(most, pl.Series([0]), missing.fill_null(0))
        return _null_where(self.joined(columns[0], fill), missing.is_null())

    def joined(self, texts: pl.Series, fill: pl.Series) -> pl.Series:
        raise NotImplementedError


_WIDTH = [_TEXT, Parameter("width", frozenset({Kind.NUMBER})), Parameter("with", TEXTS, optional=True, literal=True)]


@function(
    "PADLEFT",
    takes=_WIDTH,
    says="The text with a character (a space) before it until it has so many characters; a longer one stays.",
    group=_GROUP,
    examples={"PADLEFT('7', 3, '0')": "007", "PADLEFT('abcd', 3)": "abcd"},
)
class PadLeft(_Pads):
    def joined(self, texts: pl.Series, fill: pl.Series) -> pl.Series:
        return fill + texts


@function(
    "PADRIGHT",
    takes=_WIDTH,
    says="The text with a character (a space) behind it until it has so many characters; a longer one stays.",
    group=_GROUP,
    examples={"PADRIGHT('7', 3, '.')": "7.."},
)
class PadRight(_Pads):
    def joined(self, texts: pl.Series, fill: pl.Series) -> pl.Series:
        return texts + fill


@function(
    "EXACT",
    takes=[Parameter("a", TEXTS), Parameter("b", TEXTS)],
    says="Whether two texts are equal, also in upper and lower case.",
    group=_GROUP,
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
        return _null_where(found, texts.is_null() | parts.is_null())

    def found(self, texts: pl.Expr, part: pl.Expr) -> pl.Expr:
        raise NotImplementedError


_PART = Parameter("part", TEXTS)


@function(
    "CONTAINS",
    takes=[_TEXT, _PART],
    says="Whether the part stands anywhere in the text.",
    group=_GROUP,
    examples={"CONTAINS('Köln', 'öl')": "true"},
)
class Contains(_Looks):
    def found(self, texts: pl.Expr, part: pl.Expr) -> pl.Expr:
        return texts.str.contains(part, literal=True)


@function(
    "STARTSWITH",
    takes=[_TEXT, _PART],
    says="Whether the text begins with the part.",
    group=_GROUP,
    examples={"STARTSWITH('Köln', 'Kö')": "true"},
)
class StartsWith(_Looks):
    def found(self, texts: pl.Expr, part: pl.Expr) -> pl.Expr:
        return texts.str.starts_with(part)


@function(
    "ENDSWITH",
    takes=[_TEXT, _PART],
    says="Whether the text ends with the part.",
    group=_GROUP,
    examples={"ENDSWITH('Köln', 'K')": "false"},
)
class EndsWith(_Looks):
    def found(self, texts: pl.Expr, part: pl.Expr) -> pl.Expr:
        return texts.str.ends_with(part)


@function(
    "FIND",
    takes=[_PART, _TEXT, Parameter("start", frozenset({Kind.NUMBER}), optional=True)],
    says="At which character of the text the part begins, counted from 1, from a place on (1); fails where it is not.",
    group=_GROUP,
    examples={"FIND('l', 'Köln')": "3", "IFERROR(FIND('x', 'Köln'), 0)": "0", "FIND('a', 'banana', 3)": "4"},
)
class Find(Strict):
    def form(self, arguments: Sequence[Node]) -> Form:
        _check_counts(self, arguments, [2])
        return number(1, max(1, arguments[1].form.max_length + 1))

    def column(self, call: Application, alarms: Alarms, *columns: pl.Series) -> pl.Series:
        starts = _counts(columns[2]) if len(columns) > 2 else pl.Series([1])
        part, own, starts = of_one_length(columns[0], columns[1], starts)
        alarms.raise_where(starts < 1, "start is below 1")
        before = (starts - 1).clip(lower_bound=0)
        searched = _sliced(own, before, pl.Series([_MOST_COUNT])) if len(columns) > 2 else own
        places = pl.select(pl.lit(searched).str.find(pl.lit(part), literal=True)).to_series()  # in bytes
        known = own.is_not_null() & part.is_not_null() & starts.is_not_null()
        beyond = before > own.str.len_chars().cast(pl.Int64)
        alarms.raise_where(known & (places.is_null() | beyond), "the part does not stand in the text")
        # Bytes before the place are counted as characters.
        head = pl.select(
            pl.lit(searched).cast(pl.Binary).bin.slice(0, pl.lit(places.cast(pl.Int64))).cast(pl.String).str.len_chars()
        ).to_series()
        return _null_where(head.cast(pl.Int64) + before + 1, ~known | places.is_null())


@function(
    "SLUG",
    takes=[_TEXT],
    says="The text as it stands in addresses: lower case, without accents, with one hyphen for all that is no letter"
    " of a to z and no digit.",
    group=_GROUP,
    examples={"SLUG('Čapek & Müller, Straße 3')": "capek-muller-strasse-3"},
)
class Slug(Strict):
    def form(self, arguments: Sequence[Node]) -> Form:
        return text(arguments[0].form.max_length * 2)

    def column(self, call: Application, alarms: Alarms, *columns: pl.Series) -> pl.Series:
        plain = columns[0].str.to_lowercase()
        for letter, letters in _LETTERS.items():
            plain = plain.str.replace_all(letter, letters, literal=True)
        plain = plain.str.normalize("NFD").str.replace_all(r"\p{M}+", "")
        return plain.str.replace_all("[^a-z0-9]+", "-").str.strip_chars("-")


_LETTERS = {"ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "đ": "d", "ł": "l", "ı": "i", "þ": "th"}
"""Letters that do not come apart."""


@function(
    "INITIALS",
    takes=[_TEXT],
    says="The first character of each word, in upper case; words are parted by spaces and hyphens.",
    group=_GROUP,
    examples={"INITIALS('Ada King-Noel')": "AKN"},
)
class Initials(Strict):
    def form(self, arguments: Sequence[Node]) -> Form:
        return text((arguments[0].form.max_length + 1) // 2 * _UPPER_GROWTH)

    def column(self, call: Application, alarms: Alarms, *columns: pl.Series) -> pl.Series:
        return (
            columns[0]
            .str.replace_all(r"[\s-]*([^\s-])[^\s-]*[\s-]*", "${1}")
            .str.replace_all(r"[\s-]+", "")
            .str.to_uppercase()
        )


@function(
    "TOSTRING",
    takes=[Parameter("value")],
    says="The value as text: numbers with all of their digits, true and false, instants in ISO 8601.",
    group="conversions",
    examples={"TOSTRING(1.50)": "1.50", "TOSTRING(DATE(2026, 1, 31))": "2026-01-31"},
)
class ToString(Strict):
    def form(self, arguments: Sequence[Node]) -> Form:
        own = arguments[0].form
        return text(written_length(own), own.texts)

    def column(self, call: Application, alarms: Alarms, *columns: pl.Series) -> pl.Series:
        return texts_of(columns[0], call.arguments[0].form)


_NUMBER_FORMAT = re.compile(r"(?P<comma>#,##)?#*(?P<zeros>0+)(?:\.(?P<digits>0+))?(?P<percent>%)?")
_DATE_PARTS = (
    ("yyyy", "%Y"),
    ("yy", "%y"),
    ("mmmm", "%B"),
    ("mmm", "%b"),
    ("mm", "%m"),
    ("dddd", "%A"),
    ("ddd", "%a"),
    ("dd", "%d"),
    ("hh", "%H"),
    ("ss", "%S"),
)
_DATE_TOKEN = re.compile("|".join(part for part, _ in _DATE_PARTS), re.IGNORECASE)


@function(
    "TEXT",
    takes=[Parameter("value", NUMBERS | DATES), Parameter("format", TEXTS, literal=True)],
    says='A number by a format such as "0.00", "#,##0.0", "000" or "0%", half away from zero; a date or an instant'
    " (UTC) by one of yyyy, yy, mmmm, mmm, mm, dddd, ddd, dd, hh, ss with other characters between them; mm behind hh"
    " is the minute.",
    group=_GROUP,
    examples={
        'TEXT(1234.5, "#,##0.00")': "1,234.50",
        'TEXT(7, "000")': "007",
        'TEXT(0.125, "0.0%")': "12.5%",
        'TEXT(DATE(2026, 1, 31), "dd.mm.yyyy")': "31.01.2026",
    },
)
class Text(Strict):
    def form(self, arguments: Sequence[Node]) -> Form:
        own, written = arguments[0].form, str(literal(arguments[1]))
        if own.kind in DATES:
            return text(_date_pattern(written).max_length)
        match = self._match(written)
        at = self._rounded(own, match)
        length = written_length(at) + len(match["zeros"])
        return text(length + (length // 3 if match["comma"] else 0) + 1)

    @staticmethod
    def _match(written: str) -> re.Match[str]:
        match = _NUMBER_FORMAT.fullmatch(written)
        if match is None or len(written) > 40:
            message = 'the format of a number is like "0.00", "#,##0.0", "000" or "0%"'
            raise Mismatch(message, argument=1)
        return match

    @staticmethod
    def _digits(match: re.Match[str]) -> int:
        return len(match["digits"] or "") + (2 if match["percent"] else 0)

    def _rounded(self, own: Form, match: re.Match[str]) -> Form:
        """The number with the digits that are shown, before a percentage moves its point."""
        digits = self._digits(match)
        if own.kind is Kind.DOUBLE:
            return number(-(2**63), 2**63 - 1, digits)
        return rounded_form(own, digits, Rounding.HALF_AWAY)

    def column(self, call: Application, alarms: Alarms, *columns: pl.Series) -> pl.Series:
        own, written = call.arguments[0].form, str(literal(call.arguments[1]))
        if own.kind in DATES:
            instants = columns[0].cast(pl.Datetime("ms", "UTC"))
            return instant_texts(instants, _date_pattern(written))
        match = self._match(written)
        digits, shown = self._digits(match), len(match["digits"] or "")
        at = self._rounded(own, match)
        if own.kind is Kind.DOUBLE:
            scaled = scaled_floats(columns[0], digits, alarms)
        else:
            scaled = rounded_to(columns[0], own, digits, Rounding.HALF_AWAY, at)
        zeros = digits - at.scale
        size = scaled.abs().cast(pl.String)
        if zeros:
            size = pl.select(pl.lit(size) + "0" * zeros).to_series()
        size = size.str.zfill(len(match["zeros"]) + shown)
        before = size.str.head(-shown) if shown else size
        if match["comma"]:
            before = before.str.reverse().str.replace_all("([0-9]{3})", "${1},").str.strip_suffix(",").str.reverse()
        parts = [pl.lit(before)]
        if shown:
            parts += [pl.lit("."), pl.lit(size).str.tail(shown)]
        if match["percent"]:
            parts.append(pl.lit("%"))
        negative = scaled < pl.Series([0], dtype=scaled.dtype)
        sign = pl.when(pl.lit(negative)).then(pl.lit("-")).otherwise(pl.lit(""))
        return pl.select(pl.concat_str([sign, *parts])).to_series()


@cache
def _date_pattern(written: str) -> TimePattern:
    """The pattern of a spreadsheet's format of dates; raises Mismatch."""
    pieces, place, behind_hour = [], 0, False
    for match in _DATE_TOKEN.finditer(written):
        pieces.append(written[place : match.start()].replace("%", "%%"))
        part = dict(_DATE_PARTS)[match[0].lower()]
        if part == "%m" and behind_hour:
            part = "%M"
        behind_hour = part == "%H"
        pieces.append(part)
        place = match.end()
    pieces.append(written[place:].replace("%", "%%"))
    if place == 0 or len(written) > 100:
        parts = ", ".join(part for part, _ in _DATE_PARTS)
        raise Mismatch(f"the format of a date is made of {parts}", hint='TEXT(date, "yyyy-mm-dd")', argument=1)
    return TimePattern("".join(pieces))
