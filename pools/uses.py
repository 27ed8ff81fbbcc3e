"""Uses: what refers to a pool; those who keep such things register how to find them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Finder = Callable[[str], list[dict[str, Any]]]
"""From a pool's name to what uses it: generatorId, fieldNames, pinnedVersion."""

_finders: list[Finder] = []


def register_finder(finder: Finder) -> None:
    """Let `finder` be asked who uses a pool."""
    _finders.append(finder)


def uses_of(name: str) -> list[dict[str, Any]]:
    """All that uses a pool."""
    return [use for finder in _finders for use in finder(name)]
