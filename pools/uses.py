"""Uses: what refers to a pool and what holds its versions; those who keep such things register how to find them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Finder = Callable[[str], list[dict[str, Any]]]
"""From a pool's name to what uses it: generatorId, fieldNames, pinnedVersion."""
PinFinder = Callable[[str], set[int]]
"""From a pool's name to the versions that something still needs."""

_finders: list[Finder] = []
_pin_finders: list[PinFinder] = []


def register_finder(finder: Finder, pins: PinFinder) -> None:
    """Let `finder` be asked who uses a pool, and `pins` which of its versions must stay."""
    _finders.append(finder)
    _pin_finders.append(pins)


def uses_of(name: str) -> list[dict[str, Any]]:
    """All that uses a pool."""
    return [use for finder in _finders for use in finder(name)]


def pinned_versions(name: str) -> set[int]:
    """The versions of a pool that something still needs."""
    return {version for pins in _pin_finders for version in pins(name)}
