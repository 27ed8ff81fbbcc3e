"""CSV files (RFC 4180): UTF-8, a header, as many cells in every line; what is otherwise is said with its line."""

from __future__ import annotations

import csv
import io
from codecs import getincrementaldecoder
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from engine.issues import Issue
from pools.limits import PoolLimits
from pools.raw import MAX_ISSUES, RawColumn, RawTable, Written, unreadable
from sdg_project.errors import Invalid
from sdg_project.text import amount

_BOM = b"\xef\xbb\xbf"
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
_CHUNK = 8 * 2**20
_QUOTE, _NEWLINE, _RETURN = ord('"'), ord("\n"), ord("\r")


def read_csv(content: bytes, *, origin: str, delimiter: str, limits: PoolLimits) -> RawTable:
    """The cells of a CSV file as text: an empty cell is null, a quoted empty one is an empty text.

    Empty lines at the end are left out; elsewhere one is a null if there is one column, and an error if there are more.
    Raises Invalid with the faults of its first lines.
    """
    if content.startswith(_UTF_16):
        raise unreadable(origin, "this is UTF-16, CSV files must be UTF-8", "save it as UTF-8")
    content = content.removeprefix(_BOM)
    if not content.strip():
        raise unreadable(origin, "the file is empty", "the first line must name the columns")
    _check_text(content, origin)
    layout = _Layout.of(content, ord(delimiter), origin)
    names = _header(content[: layout.ends[0]], delimiter, origin)
    layout.check_widths(len(names), content, origin)
    limits.check_rows(layout.row_count, origin)
    cells = _cells(content[layout.ends[0] : layout.ends[-1]], len(names), delimiter, origin)
    if cells.height != layout.row_count:
        raise unreadable(origin, f"{layout.row_count} lines were counted, but {cells.height} can be read")
    columns = [RawColumn(name, column, Written.CELLS) for name, column in zip(names, cells, strict=True)]
    return RawTable(origin, columns, cells.height, layout.lines[1:])


@dataclass(frozen=True, slots=True)
class _Layout:
    """Where the records lie, the header being the first; each ends behind its newline.

    `lines` are the numbers of their first lines: a quoted cell may hold newlines.
    """

    ends: NDArray[np.int64]
    widths: NDArray[np.int64]
    lines: NDArray[np.int64]

    @property
    def row_count(self) -> int:
        return len(self.ends) - 1

    @classmethod
    def of(cls, content: bytes, delimiter: int, origin: str) -> _Layout:
        """Find the newlines and delimiters outside of quotes."""
        octets = np.frombuffer(content, np.uint8)
        newlines, delimiters, inner_newlines = [], [], []
        inside = 0
        for start in range(0, len(octets), _CHUNK):
            chunk = octets[start : start + _CHUNK]
            quotes = chunk == _QUOTE
            depth = (np.cumsum(quotes, dtype=np.int32) + inside) & 1
            _check_quotes(octets, np.flatnonzero(quotes) + start, depth[quotes], delimiter, origin)
            inside = int(depth[-1])
            ends = np.flatnonzero(chunk == _NEWLINE)
            newlines.append(ends[depth[ends] == 0] + start)
            inner_newlines.append(ends[depth[ends] == 1] + start)
            found = np.flatnonzero(chunk == delimiter)
            delimiters.append(found[depth[found] == 0] + start)
        if inside:
            opened = content.rfind(b'"')
            raise unreadable(origin, f"line {_line(content, opened)}: a quoted cell does not end before the file does")
        ends = np.concatenate(newlines) + 1
        if not len(ends) or ends[-1] < len(octets):
            ends = np.append(ends, len(octets))
        starts = np.concatenate([[0], ends[:-1]])
        before = np.searchsorted(np.concatenate(delimiters), ends)
        widths = np.diff(before, prepend=0) + 1
        inner = np.searchsorted(np.concatenate(inner_newlines), starts)
        lines = np.arange(1, len(ends) + 1) + inner
        kept = len(ends)
        while kept > 1 and not content[starts[kept - 1] : ends[kept - 1]].strip(b"\r\n"):
            kept -= 1
        return cls(ends[:kept], widths[:kept], lines[:kept])

    def check_widths(self, expected: int, content: bytes, origin: str) -> None:
        """Raise Invalid with the first records that have more or fewer cells than the header."""
        wrong = np.flatnonzero(self.widths != expected)
        if not len(wrong):
            return
        issues = []
        for record in wrong[:MAX_ISSUES]:
            line = content[self.ends[record - 1] : self.ends[record]].strip(b"\r\n")
            found = amount(self.widths[record], "cell") if line else "an empty line"
            message = f"{origin}, line {self.lines[record]}: {found}, and the header has {expected}"
            issues.append(Issue("INVALID_SYNTAX", "/source", message, "a cell with the delimiter in it must be quoted"))
        if len(wrong) > len(issues):
            message = f"{origin}: {len(wrong) - len(issues):,} further lines have another number of cells, too"
            issues.append(Issue("INVALID_SYNTAX", "/source", message))
        raise Invalid(issues)


def _check_text(content: bytes, origin: str) -> None:
    decoder = getincrementaldecoder("utf-8")()
    fed = 0
    try:
        while fed < len(content):
            chunk = content[fed : fed + _CHUNK]
            fed += len(chunk)
            decoder.decode(chunk, final=fed == len(content))
    except UnicodeDecodeError as error:
        at = fed - len(error.object) + error.start  # a character may begin in one chunk and end in the next
        message = f"line {_line(content, at)}: the byte 0x{content[at]:02X} is no UTF-8"
        raise unreadable(origin, message, "save it as UTF-8") from error
    if (at := content.find(0)) >= 0:
        raise unreadable(origin, f"line {_line(content, at)}: there is a NUL character", "is this a text file?")


def _check_quotes(
    octets: NDArray[np.uint8], places: NDArray[np.int64], depths: NDArray[np.int32], delimiter: int, origin: str
) -> None:
    """A quote begins or ends a cell, or is doubled inside of a quoted one."""
    opening, closing = places[depths == 1], places[depths == 0]
    before = octets[np.maximum(opening - 1, 0)]
    bad = (opening > 0) & (before != delimiter) & (before != _NEWLINE) & (before != _QUOTE)
    after = octets[np.minimum(closing + 1, len(octets) - 1)]
    last = closing + 1 >= len(octets)
    stray = ~last & (after != delimiter) & (after != _NEWLINE) & (after != _RETURN) & (after != _QUOTE)
    wrong = np.concatenate([opening[bad], closing[stray]])
    if len(wrong):
        line = int(np.count_nonzero(octets[: wrong.min()] == _NEWLINE)) + 1
        hint = 'a cell with quotes in it must be quoted, and the quotes doubled: "5"" pipe"'
        raise unreadable(origin, f"line {line}: a quote stands in the middle of a cell", hint)


def _header(line: bytes, delimiter: str, origin: str) -> list[str]:
    text = line.decode().removesuffix("\n").removesuffix("\r")
    if "\r" in text and '"' not in text:
        raise unreadable(origin, "lines end with CR alone", "save it with LF or CR LF at the ends of lines")
    names = next(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True), [""])
    return names or [""]


def _cells(content: bytes, columns: int, delimiter: str, origin: str) -> pl.DataFrame:
    schema = {f"column {index}": pl.String for index in range(columns)}
    if not content:
        return pl.DataFrame(schema=schema)
    try:
        return pl.read_csv(content, has_header=False, schema=schema, separator=delimiter, empty_string_is_null=True)
    except pl.exceptions.PolarsError as error:
        raise unreadable(origin, str(error).splitlines()[0]) from error


def _line(content: bytes, at: int) -> int:
    return content.count(b"\n", 0, at) + 1
