"""Uses: what refers to a connection; those who keep such things register how to find them."""

from __future__ import annotations

from collections.abc import Callable

Finder = Callable[[str], list[dict[str, str]]]
"""From a connection's name to what uses it: kind and name."""

_finders: list[Finder] = []


def register_finder(finder: Finder) -> None:
    """Let `finder` be asked who uses a connection."""
    _finders.append(finder)


def uses_of(name: str) -> list[dict[str, str]]:
    """All that uses a connection."""
    return [use for finder in _finders for use in finder(name)]
