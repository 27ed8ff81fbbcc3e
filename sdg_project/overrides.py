"""Overrides: ``--set destination.config.topic=t2`` changes one value of a definition by its dotted path."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from engine.issues import Issue, pointer
from sdg_project.builder import Limits
from sdg_project.errors import Invalid
from sdg_project.scalars import ScalarError, plain_scalar
from sdg_project.text import quoted, shown
from sdg_project.yaml_reader import read_yaml

_PART = re.compile(r"(?:[^.\\]|\\.)*", re.DOTALL)


def apply_overrides(value: Any, assignments: Sequence[str]) -> Any:
    """A copy of the value with each ``path=value`` applied in turn; raises Invalid with every one that cannot be.

    A path is names joined by dots (``\\.`` is a dot in a name, ``\\\\`` a backslash); elements of lists go by their
    number, from 0. Objects on the way that are not there are made, elements of lists are not. A value is read like a
    scalar of YAML in which numbers may also be grouped (``1_000_000``); in quotes it is text; nothing is null.
    """
    issues: list[Issue] = []
    for assignment in assignments:
        try:
            path, new = _parse(assignment)
            value = _with(value, path, new, done=())
        except _CannotSet as error:
            message = f"--set {quoted(assignment, 80)[1:-1]}: {error}"
            issues.append(Issue(error.code, error.at, message, error.hint))
    if issues:
        raise Invalid(issues)
    return value


def place_of(assignment: str) -> str:
    """The JSON Pointer of what a ``path=value`` sets."""
    return pointer(*_split(assignment.partition("=")[0]))


class _CannotSet(Exception):
    def __init__(self, code: str, message: str, hint: str | None = None, at: str = "") -> None:
        super().__init__(message)
        self.code, self.hint, self.at = code, hint, at


def _parse(assignment: str) -> tuple[tuple[str, ...], Any]:
    name, equals, text = assignment.partition("=")
    path = _split(name)
    if not equals or "" in path:
        raise _CannotSet("INVALID_SYNTAX", "this is no path=value", "write, for example, recordCount=1000")
    if text[:1] in {'"', "'"}:
        try:
            documents = read_yaml(text, origin="value", limits=Limits())
        except Invalid as error:
            raise _CannotSet("INVALID_SYNTAX", "the quoted value cannot be read", "close the quote") from error
        if len(documents) != 1 or not isinstance(documents[0].root, str):
            raise _CannotSet("INVALID_SYNTAX", "there is more behind the quoted value", "quote the whole value")
        return path, documents[0].root
    try:
        return path, plain_scalar(text, grouped=True)
    except ScalarError as error:
        raise _CannotSet(error.code, str(error), error.hint, pointer(*path)) from error


def _split(name: str) -> tuple[str, ...]:
    parts: list[str] = []
    place = 0
    while True:
        found = _PART.match(name, place)
        if found is None or (found.end() < len(name) and name[found.end()] == "\\"):
            return ("",)  # a backslash at the very end escapes nothing
        parts.append(re.sub(r"\\(.)", r"\1", found[0], flags=re.DOTALL))
        place = found.end() + 1
        if found.end() == len(name):
            return tuple(parts)


def _with(value: Any, path: tuple[str, ...], new: Any, done: tuple[str, ...]) -> Any:
    """The value with the new one at the path; `done` are the names that led here."""
    if not path:
        return new
    first, rest = path[0], path[1:]
    here = ".".join(done) or "the definition"
    if value is None:
        value = {}
    if isinstance(value, dict):
        return {**value, first: _with(value.get(first), rest, new, (*done, first))}
    if not isinstance(value, list):
        hint = f"set {here} itself"
        raise _CannotSet("INVALID_VALUE", f"{here} is {shown(value)}, which has no parts", hint, pointer(*done))
    if not (first.isascii() and first.isdigit() and len(first) < 10 and int(first) < len(value)):
        has = f"has elements 0 to {len(value) - 1}" if len(value) > 1 else f"has {'element 0' if value else 'none'}"
        raise _CannotSet(
            "INVALID_VALUE", f"{here} has no element {quoted(first)}: it {has}", _named(value, first), pointer(*done)
        )
    index = int(first)
    return [*value[:index], _with(value[index], rest, new, (*done, first)), *value[index + 1 :]]


def _named(value: list[Any], name: str) -> str | None:
    """The number of the element that somebody may mean by a name."""
    for index, element in enumerate(value):
        if isinstance(element, dict) and name in (element.get("fieldName"), element.get("name")):
            return f"{quoted(name)} is element {index}"
    return None if name.isdigit() else "elements of a list go by their number, from 0"
