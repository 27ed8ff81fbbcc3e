"""Functions that make texts of texts. Characters are those of Unicode (code points)."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence

import polars as pl

from engine.expression.cells import Alarms
from engine.expression.faults import Mismatch
from engine.expression.forms import TEXTS, Form, Kind, text
from engine.expression.functions import Application, Node, Parameter, Strict, function, literal
from engine.expression.text_cuts import (
    A_TEXT,
    check_counts,
    not_negative,
    null_where,
    of_one_length,
    sliced,
    whole_counts,
)
from engine.expression.written import texts_of, written_length

_COUNT = Parameter("count", frozenset({Kind.NUMBER}))
_UPPER_GROWTH, _LOWER_GROWTH = 3, 3
"""No character becomes more than so many (ΐ, which has three in upper case)."""


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
    group="text",
    examples={'CONCAT(LOWER("Ada"), "@example.com")': "ada@example.com", "CONCAT(1.50, ' ', true)": "1.50 true"},
)
class Concat(_JoinsAll):
    pass


@function(
    "TEXTJOIN",
    "JOIN",
    takes=[A_TEXT, Parameter("value", repeated=True)],
    says="Joins values as texts, with the first text between them; without those that are null. Over an array:"
    " JOIN(', ', items[].sku).",
    group="text",
    examples={"TEXTJOIN(', ', 'a', null, 'b')": "a, b", "JOIN('-', 2026, 7)": "2026-7"},
)
class TextJoin(Strict):
    folds = True
    sees_null = True

    def hint(self, given: Kind) -> str | None:
        return "what stands between comes first: JOIN(', ', items[].sku)"

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

    @abstractmethod
    def column_of(self, texts: pl.Series) -> pl.Series:
        """The texts in their new case."""


@function("LOWER", takes=[A_TEXT], says="The text in lower case.", group="text", examples={'LOWER("ÄB")': "äb"})
class Lower(_Cased):
    growth = _LOWER_GROWTH

    def column_of(self, texts: pl.Series) -> pl.Series:
        return texts.str.to_lowercase()


@function(
    "UPPER", takes=[A_TEXT], says="The text in upper case.", group="text", examples={'UPPER("Straße")': "STRASSE"}
)
class Upper(_Cased):
    growth = _UPPER_GROWTH

    def column_of(self, texts: pl.Series) -> pl.Series:
        return texts.str.to_uppercase()


@function(
    "PROPER",
    takes=[A_TEXT],
    says="The text with the first letter of each word in upper case, the others in lower case.",
    group="text",
    examples={'PROPER("ada o\'neil")': "Ada O'Neil"},
)
class Proper(_Cased):
    growth = _UPPER_GROWTH

    def column_of(self, texts: pl.Series) -> pl.Series:
        return texts.str.to_titlecase()


@function(
    "TRIM",
    takes=[A_TEXT],
    says="The text without spaces at its ends, and with one space where there are several.",
    group="text",
    examples={"TRIM('  a   b ')": "a b"},
)
class Trim(Strict):
    def form(self, arguments: Sequence[Node]) -> Form:
        return text(arguments[0].form.max_length)

    def column(self, call: Application, alarms: Alarms, *columns: pl.Series) -> pl.Series:
        return columns[0].str.replace_all(" +", " ").str.strip_chars()


@function(
    "REPT",
    takes=[A_TEXT, _COUNT],
    says="The text so many times.",
    group="text",
    examples={"REPT('ab', 3)": "ababab", "REPT('*', 0)": ""},
)
class Rept(Strict):
    def form(self, arguments: Sequence[Node]) -> Form:
        check_counts(self, arguments, [1])
        own, count = (argument.form for argument in arguments)
        return text(own.max_length * max(count.high, 0))

    def column(self, call: Application, alarms: Alarms, *columns: pl.Series) -> pl.Series:
        counts = not_negative(columns[1], "count", alarms)
        texts, counts = of_one_length(columns[0], counts)
        # No form of more than the possible characters passes, so that these lists have a bound.
        repeated = pl.select(pl.lit(texts).repeat_by(pl.lit(counts)).list.join("")).to_series()
        return null_where(repeated, texts.is_null() | counts.is_null())


class _Pads(Strict):
    def form(self, arguments: Sequence[Node]) -> Form:
        check_counts(self, arguments, [1])
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
        filler, widths = self._filler(call.arguments), whole_counts(columns[1]).clip(lower_bound=0)
        missing = (widths - columns[0].str.len_chars().cast(pl.Int64)).clip(lower_bound=0)
        most = pl.Series([filler * call.form.max_length])
        fill = sliced(most, pl.Series([0]), missing.fill_null(0))
        return null_where(self.joined(columns[0], fill), missing.is_null())

    @abstractmethod
    def joined(self, texts: pl.Series, fill: pl.Series) -> pl.Series:
        """The text with what fills it."""


_WIDTH = [A_TEXT, Parameter("width", frozenset({Kind.NUMBER})), Parameter("with", TEXTS, optional=True, literal=True)]


@function(
    "PADLEFT",
    takes=_WIDTH,
    says="The text with a character (a space) before it until it has so many characters; a longer one stays.",
    group="text",
    examples={"PADLEFT('7', 3, '0')": "007", "PADLEFT('abcd', 3)": "abcd"},
)
class PadLeft(_Pads):
    def joined(self, texts: pl.Series, fill: pl.Series) -> pl.Series:
        return fill + texts


@function(
    "PADRIGHT",
    takes=_WIDTH,
    says="The text with a character (a space) behind it until it has so many characters; a longer one stays.",
    group="text",
    examples={"PADRIGHT('7', 3, '.')": "7.."},
)
class PadRight(_Pads):
    def joined(self, texts: pl.Series, fill: pl.Series) -> pl.Series:
        return texts + fill


@function(
    "SLUG",
    takes=[A_TEXT],
    says="The text as it stands in addresses: lower case, without accents, with one hyphen for all that is no letter"
    " of a to z and no digit.",
    group="text",
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
    takes=[A_TEXT],
    says="The first character of each word, in upper case; words are parted by spaces and hyphens.",
    group="text",
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
