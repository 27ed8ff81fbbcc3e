"""CSV files (RFC 4180): a header, as many cells in every line; what is otherwise is said with its line.

What nobody has said is found out: the delimiter by the first lines. Where they allow two answers, or the first line
looks like values instead of names, the reader asks.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from engine.issues import Issue
from pools.files.decoding import as_utf8, line_at
from pools.files.options import Chooser, FileOptions, Progress, unseen
from pools.limits import PoolLimits, check_columns, check_row_bytes
from pools.raw import MAX_ISSUES, RawColumn, RawTable, Written, unreadable
from pools.text_values import is_number
from sdg_project.errors import Invalid
from sdg_project.text import amount

DELIMITERS = ",;\t|"
"""What is found out by itself; any other has to be said."""
_NAMES = {",": "a comma", ";": "a semicolon", "|": "a pipe", "\t": "a tab", " ": "a blank"}
_CHUNK = 8 * 2**20
_BEGINNING = 65_536
_NEWLINE, _RETURN = ord("\n"), ord("\r")


def read_csv(
    content: memoryview,
    *,
    origin: str,
    options: FileOptions,
    limits: PoolLimits,
    choose: Chooser | None = None,
    progress: Progress = unseen,
) -> RawTable:
    """The cells of a CSV file as text: an empty cell is null, a quoted empty one is an empty text.

    Empty lines at the end are left out; elsewhere one is a null if there is one column, and an error if there are more.
    Raises Invalid with the faults of its first lines.
    """
    content, encoding = as_utf8(content, options.encoding, origin)
    if not bytes(content[:_BEGINNING]).strip() and not bytes(content).strip():
        raise unreadable(origin, "the file is empty", "the first line must name the columns")
    quote = '"' if options.quote is None else options.quote
    form = _Form(options.delimiter or _found_delimiter(content, quote, origin), quote)
    layout = _Layout.of(content, form, origin, progress)
    check_row_bytes(layout.ends, origin, lambda record: f"line {layout.lines[record]}")
    first = _cells_of(content, layout.ends[0], form, origin)
    check_columns(len(first), origin)
    has_header = _has_header(first, options.header, origin)
    layout.check_widths(len(first), content, origin)
    if has_header and len(first) > 1:
        layout.check_header_once(content, origin)
    skipped = int(has_header)
    count = layout.row_count - skipped
    progress(count, len(content))
    if choose is None:
        limits.check_rows(count, origin)
        kept, body = np.arange(count), bytes(content[layout.starts[skipped] : layout.ends[-1]])
    else:
        kept = choose(count)
        limits.check_rows(len(kept), origin)
        body = layout.records(content, kept + skipped)
    cells = _cells(body, len(first), form, origin)
    if cells.height != len(kept):
        raise unreadable(origin, f"{len(kept)} lines were counted, but {cells.height} can be read")
    names = first if has_header else [f"column{number}" for number in range(1, len(first) + 1)]
    columns = [RawColumn(name, column, Written.CELLS) for name, column in zip(names, cells, strict=True)]
    lines = layout.lines[skipped:]
    return RawTable(
        origin,
        columns,
        cells.height,
        lines if choose is None else lines.take(kept),
        source_row_count=count,
        is_chosen=choose is not None,
        notes=(f"read as {encoding}, {form}, {'with' if has_header else 'without'} a header",),
    )


@dataclass(frozen=True, slots=True)
class _Form:
    """What parts the cells, and what stands around those that hold it; no quote is the empty text."""

    delimiter: str
    quote: str

    def __str__(self) -> str:
        named = _NAMES.get(self.delimiter, self.delimiter)
        quotes = {'"': "", "": ", no quotes"}.get(self.quote, f", quote {self.quote}")
        return f"parted by {named}{quotes}"


@dataclass(frozen=True, slots=True)
class _Layout:
    """Where the records lie; each ends behind its newline. The first one may be the header.

    `lines` are the numbers of their first lines: a quoted cell may hold newlines.
    """

    ends: NDArray[np.int64]
    widths: NDArray[np.int64]
    lines: NDArray[np.int64]

    @property
    def row_count(self) -> int:
        return len(self.ends)

    @property
    def starts(self) -> NDArray[np.int64]:
        """Where the records begin, and the last one ends."""
        return np.concatenate([np.zeros(1, np.int64), self.ends])

    @classmethod
    def of(cls, content: memoryview, form: _Form, origin: str, progress: Progress) -> _Layout:
        """Find the newlines and delimiters outside of quotes."""
        octets = np.frombuffer(content, np.uint8)
        newlines, delimiters, inner_newlines = [], [], []
        inside, found = 0, 0
        for start in range(0, len(octets), _CHUNK):
            chunk = octets[start : start + _CHUNK]
            ends, cuts = np.flatnonzero(chunk == _NEWLINE), np.flatnonzero(chunk == ord(form.delimiter))
            quotes = chunk == ord(form.quote) if form.quote else np.zeros(0, np.bool_)
            if inside or quotes.any():
                depth = (np.cumsum(quotes, dtype=np.int32) + inside) & 1
                _check_quotes(content, np.flatnonzero(quotes) + start, depth[quotes], form, origin)
                inside = int(depth[-1])
                inner_newlines.append(ends[depth[ends] == 1] + start)
                ends, cuts = ends[depth[ends] == 0], cuts[depth[cuts] == 0]
            newlines.append(ends + start)
            delimiters.append(cuts + start)
            found += len(ends)
            progress(found, start + len(chunk))
        if inside:
            opened = line_at(content, int(np.flatnonzero(octets == ord(form.quote))[-1]))
            raise unreadable(origin, f"line {opened}: a quoted cell does not end before the file does")
        ends = np.concatenate(newlines) + 1
        if not len(ends) or ends[-1] < len(octets):
            ends = np.append(ends, len(octets))
        starts = np.concatenate([[0], ends[:-1]])
        before = np.searchsorted(np.concatenate(delimiters), ends)
        widths = np.diff(before, prepend=0) + 1
        inner = np.concatenate([*inner_newlines, np.zeros(0, np.int64)])
        lines = np.arange(1, len(ends) + 1) + (np.searchsorted(inner, starts) if len(inner) else 0)
        kept = len(ends)
        while kept > 1 and not bytes(content[starts[kept - 1] : ends[kept - 1]]).strip(b"\r\n"):
            kept -= 1
        return cls(ends[:kept], widths[:kept], lines[:kept])

    def records(self, content: memoryview, numbers: NDArray[np.int64]) -> bytes:
        """The text of some records, each with a newline behind it."""
        bounds = zip(self.starts.take(numbers).tolist(), self.ends.take(numbers).tolist(), strict=True)
        parts = [bytes(content[start:end]) for start, end in bounds]
        if parts and not parts[-1].endswith(b"\n"):
            parts.append(b"\n")
        return b"".join(parts)

    def check_widths(self, expected: int, content: memoryview, origin: str) -> None:
        """Raise Invalid with the first records that have more or fewer cells than the first one."""
        wrong = np.flatnonzero(self.widths != expected)
        if not len(wrong):
            return
        issues = []
        starts = self.starts
        for record in wrong[:MAX_ISSUES]:
            line = bytes(content[starts[record] : self.ends[record]]).strip(b"\r\n")
            found = amount(self.widths[record], "cell") if line else "an empty line"
            message = f"{origin}, line {self.lines[record]}: {found}, and the first line has {expected}"
            issues.append(Issue("INVALID_SYNTAX", "/source", message, "a cell with the delimiter in it must be quoted"))
        if len(wrong) > len(issues):
            message = f"{origin}: {len(wrong) - len(issues):,} further lines have another number of cells, too"
            issues.append(Issue("INVALID_SYNTAX", "/source", message))
        raise Invalid(issues)

    def check_header_once(self, content: memoryview, origin: str) -> None:
        """Raise Invalid when a later line is the header again, as where files were joined."""
        octets, header = np.frombuffer(content, np.uint8), bytes(content[: self.ends[0]]).rstrip(b"\r\n")
        starts = self.starts[1:-1]
        starts = starts[self.ends[1:] - starts >= len(header)]
        for place, octet in enumerate(header):
            starts = starts[octets[starts + place] == octet]
            if not len(starts):
                return
        for start in starts:
            record = int(np.searchsorted(self.ends, start, side="right"))
            if bytes(content[start : self.ends[record]]).rstrip(b"\r\n") == header:
                message = f"line {self.lines[record]} is the header again"
                raise unreadable(origin, message, "were files joined? remove the line")


def _found_delimiter(content: memoryview, quote: str, origin: str) -> str:
    """The delimiter by which all of the first lines have as many cells; raises Invalid where that is not one alone."""
    beginning = np.frombuffer(content[:_BEGINNING], np.uint8)
    inside = np.cumsum(beginning == ord(quote)) & 1 if quote else np.zeros(len(beginning), np.int64)
    outside = np.where(inside, 0, beginning)  # there is no NUL
    ends = np.flatnonzero(outside == _NEWLINE)
    if not len(ends) or (len(content) <= _BEGINNING and ends[-1] < len(beginning) - 1):
        ends = np.append(ends, len(beginning))
    lengths = np.diff(ends, prepend=-1)
    while len(ends) > 1 and lengths[len(ends) - 1] <= 2:  # empty lines, with or without a CR
        ends = ends[:-1]
    counts = {one: np.diff(np.searchsorted(np.flatnonzero(outside == ord(one)), ends), prepend=0) for one in DELIMITERS}
    present = [one for one, count in counts.items() if count[0]]
    steady = [one for one in present if (counts[one] == counts[one][0]).all()]
    possible = steady or present or [","]
    if len(possible) > 1:
        named = " and ".join(_NAMES.get(one, one) for one in possible)
        hint = "say which it is: delimiter (sdg pool add: --delimiter)"
        raise unreadable(origin, f"the cells may be parted by {named}", hint)
    return possible[0]


def _has_header(first: Sequence[str], told: bool | None, origin: str) -> bool:
    """Whether the first line names the columns; raises Invalid where it does not look so and nobody has said it."""
    if told is None and any(is_number(pl.Series(first))):
        value = next(cell for cell in first if is_number(pl.Series([cell])).item())
        hint = "say what it is: header true, or false (sdg pool add: --header, --no-header)"
        raise unreadable(origin, f"the first line holds the number {value}, so it may be no header", hint)
    return told is not False


def _check_quotes(
    content: memoryview, places: NDArray[np.int64], depths: NDArray[np.int32], form: _Form, origin: str
) -> None:
    """A quote begins or ends a cell, or is doubled inside of a quoted one."""
    octets, delimiter, quote = np.frombuffer(content, np.uint8), ord(form.delimiter), ord(form.quote)
    opening, closing = places[depths == 1], places[depths == 0]
    before = octets[np.maximum(opening - 1, 0)]
    bad = (opening > 0) & (before != delimiter) & (before != _NEWLINE) & (before != quote)
    after = octets[np.minimum(closing + 1, len(octets) - 1)]
    last = closing + 1 >= len(octets)
    stray = ~last & (after != delimiter) & (after != _NEWLINE) & (after != _RETURN) & (after != quote)
    wrong = np.concatenate([opening[bad], closing[stray]])
    if len(wrong):
        hint = 'a cell with quotes in it must be quoted, and the quotes doubled: "5"" pipe"; without quotes: quote ""'
        line = line_at(content, int(wrong.min()))
        raise unreadable(origin, f"line {line}: a quote stands in the middle of a cell", hint)


def _cells_of(content: memoryview, end: int, form: _Form, origin: str) -> list[str]:
    """The cells of the first record."""
    text = bytes(content[:end]).decode().removesuffix("\n").removesuffix("\r")
    if "\r" in text and not (form.quote and form.quote in text):
        raise unreadable(origin, "lines end with CR alone", "save it with LF or CR LF at the ends of lines")
    csv.field_size_limit(2**31 - 1)
    lines = csv.reader(
        io.StringIO(text, newline=""),
        delimiter=form.delimiter,
        quotechar=form.quote or None,
        quoting=csv.QUOTE_MINIMAL if form.quote else csv.QUOTE_NONE,
        strict=True,
    )
    return next(lines, [""]) or [""]


def _cells(content: bytes, columns: int, form: _Form, origin: str) -> pl.DataFrame:
    schema = {f"column {index}": pl.String for index in range(columns)}
    if not content:
        return pl.DataFrame(schema=schema)
    try:
        return pl.read_csv(
            content,
            has_header=False,
            schema=schema,
            separator=form.delimiter,
            quote_char=form.quote or None,
            empty_string_is_null=True,
        )
    except pl.exceptions.PolarsError as error:
        raise unreadable(origin, str(error).splitlines()[0]) from error
