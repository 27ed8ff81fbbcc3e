"""TEXT: numbers and dates by the formats of spreadsheets."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache

import polars as pl

from engine.expression.cells import Alarms
from engine.expression.conversions import scaled_floats
from engine.expression.exact import Rounding
from engine.expression.faults import Mismatch
from engine.expression.forms import DATES, NUMBERS, TEXTS, Form, Kind, number, text
from engine.expression.functions import Application, Node, Parameter, Strict, function, literal
from engine.expression.rounding import rounded_form, rounded_to
from engine.expression.written import instant_texts, written_length
from engine.time_pattern import TimePattern

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
    group="text",
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
