"""JSON Lines files: one object a line, UTF-8; empty lines are left out."""

from __future__ import annotations

import json
from typing import Any, NoReturn

import numpy as np

from pools.json_rows import IntegerText, NumberText, RowColumns
from pools.limits import PoolLimits
from pools.raw import RawTable, unreadable
from sdg_project.text import quoted

_BOM = b"\xef\xbb\xbf"


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


def read_json_lines(content: bytes, *, origin: str, limits: PoolLimits) -> RawTable:
    """The objects of a JSON Lines file; raises Invalid with the faults of its first lines."""
    content = content.removeprefix(_BOM)
    if content.lstrip().startswith(b"["):
        raise unreadable(
            origin, "this is one JSON array, not an object a line", f"jq -c '.[]' {origin} makes lines of it"
        )
    lines: list[int] = []
    rows = RowColumns(lambda row: f"{origin}, line {lines[row]}")
    for number, line in enumerate(content.split(b"\n"), 1):
        if not line.strip():
            continue
        lines.append(number)
        limits.check_rows(len(lines), origin)
        row: Any = {}
        try:
            row = _DECODER.decode(line.decode())
        except UnicodeDecodeError as error:
            rows.refuse("INVALID_SYNTAX", f"the byte 0x{line[error.start]:02X} is no UTF-8", "save it as UTF-8")
        except json.JSONDecodeError as error:
            rows.refuse("INVALID_SYNTAX", f"column {error.colno}: {error.msg}", "each line must be one JSON object")
        except _Refused as error:
            rows.refuse("INVALID_SYNTAX", str(error))
        except RecursionError:
            rows.refuse("INVALID_VALUE", "the value is nested too deeply", "give its parts columns of their own")
        rows.add(row)
    return RawTable(origin, rows.columns(), rows.row_count, np.array(lines, np.int64))
