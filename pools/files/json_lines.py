"""JSON Lines files: one object a line; empty lines are left out."""

from __future__ import annotations

import json
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from pools.enums import Encoding
from pools.files.decoding import as_utf8
from pools.files.options import Chooser, FileOptions, Progress, unseen
from pools.json_rows import IntegerText, NumberText, RowColumns
from pools.limits import PoolLimits, check_row_bytes
from pools.raw import RawTable, unreadable
from sdg_project.text import quoted

_CHUNK = 8 * 2**20
_NEWLINE = ord("\n")
_TOLD = 20_000


class _Refused(ValueError):
    pass


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise _Refused(f"{quoted(twice)} stands twice in one object")
    return members


def _not_finite(word: str) -> NoReturn:
    raise _Refused(f"{word} is no JSON, numbers must be finite; leave the value out, or write null")


_DECODER = json.JSONDecoder(
    object_pairs_hook=_object, parse_int=IntegerText, parse_float=NumberText, parse_constant=_not_finite
)


def read_json_lines(
    content: memoryview,
    *,
    origin: str,
    options: FileOptions,
    limits: PoolLimits,
    choose: Chooser | None = None,
    progress: Progress = unseen,
) -> RawTable:
    """The objects of a JSON Lines file; raises Invalid with the faults of its first lines."""
    content, encoding = as_utf8(content, options.encoding, origin)
    if bytes(content[:_CHUNK]).lstrip().startswith(b"["):
        raise unreadable(
            origin, "this is one JSON array, not an object a line", f"jq -c '.[]' {origin} makes lines of it"
        )
    ends = _line_ends(content)
    if len(ends):
        check_row_bytes(ends, origin, lambda line: f"line {line + 1}")
    starts = np.concatenate([np.zeros(1, np.int64), ends])
    bounds = enumerate(zip(starts.tolist(), ends.tolist(), strict=False))
    numbers = np.array([line for line, (start, end) in bounds if bytes(content[start:end]).strip()], dtype=np.int64)
    count = len(numbers)
    if choose is not None:
        numbers = numbers.take(choose(count))
    limits.check_rows(len(numbers), origin)
    rows = RowColumns(lambda row: f"{origin}, line {numbers[row] + 1}")
    for line in numbers.tolist():
        text = bytes(content[starts[line] : ends[line]])
        row: Any = {}
        try:
            row = _DECODER.decode(text.decode())
        except json.JSONDecodeError as error:
            rows.refuse("INVALID_SYNTAX", f"column {error.colno}: {error.msg}", "each line must be one JSON object")
        except _Refused as error:
            rows.refuse("INVALID_SYNTAX", str(error))
        except RecursionError:
            rows.refuse("INVALID_VALUE", "the value is nested too deeply", "give its parts columns of their own")
        rows.add(row)
        if rows.row_count % _TOLD == 0:
            progress(rows.row_count, int(ends[line]))
    return RawTable(
        origin,
        rows.columns(),
        rows.row_count,
        numbers + 1,
        source_row_count=count,
        is_chosen=choose is not None,
        notes=() if encoding is Encoding.UTF_8 else (f"read as {encoding}",),
    )


def _line_ends(content: memoryview) -> NDArray[np.int64]:
    """Behind the newline of each line; the last one may have none."""
    octets = np.frombuffer(content, np.uint8)
    found = [
        np.flatnonzero(octets[start : start + _CHUNK] == _NEWLINE) + start for start in range(0, len(octets), _CHUNK)
    ]
    ends = np.concatenate([*found, np.zeros(0, np.int64)]) + 1
    return ends if not len(octets) or (len(ends) and ends[-1] == len(octets)) else np.append(ends, len(octets))
