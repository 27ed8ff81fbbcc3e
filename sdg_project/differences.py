"""Differences: what has changed between two values of JSON, in words, by dotted paths as `--set` takes them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sdg_project.text import shown

_MISSING = object()


def differences(before: Any, after: Any, at: str = "") -> Iterator[str]:
    """Every part that has changed, such as ``recordCount: 10 → 20``."""
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for name in dict.fromkeys([*before, *after]):
            place = f"{at}.{name}" if at else str(name)
            yield from differences(before.get(name, _MISSING), after.get(name, _MISSING), place)
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for index, (old, new) in enumerate(zip(before, after, strict=True)):
            yield from differences(old, new, f"{at}.{index}" if at else str(index))
    elif type(before) is not type(after) or before != after:
        yield f"{at}: {_word(before)} → {_word(after)}"


def _word(value: Any) -> str:
    if value is _MISSING:
        return "nothing"
    if isinstance(value, list):
        return f"a list of {len(value)}"
    return shown(value)
