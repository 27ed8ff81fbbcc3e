"""What issues are about: the part of a definition on which their ids depend, whatever it looks like in a file."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from engine.issues import Issue
from sdg_project.exact_json import ExactEncoder


def with_params(issues: Iterable[Issue], document: Any) -> list[Issue]:
    """The issues of a definition, each with the normalised parameters that it is about.

    An issue of a field mapping is about the mapping's `params`, any other one about what stands at its place.
    """
    known: dict[tuple[str, ...], str] = {}
    result = []
    for issue in issues:
        steps = tuple(part.replace("~1", "/").replace("~0", "~") for part in issue.path.split("/")[1:])
        place = (*steps[:2], "params") if steps[:1] == ("fieldMappings",) and len(steps) > 1 else steps
        if place not in known:
            known[place] = _normalised(_at(document, place))
        result.append(replace(issue, params=known[place]))
    return result


def _at(value: Any, steps: tuple[str, ...]) -> Any:
    """The value at a place; None where there is none."""
    for step in steps:
        if isinstance(value, dict):
            value = value.get(step)
        elif isinstance(value, list) and step.isdecimal() and int(step) < len(value):
            value = value[int(step)]
        else:
            return None
    return value


def _normalised(value: Any) -> str:
    """A JSON text that is the same for all ways to write the value."""
    return json.dumps(_plain(value), sort_keys=True, separators=(",", ":"), cls=ExactEncoder)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(part) for name, part in value.items() if part is not None}
    if isinstance(value, list):
        return [_plain(part) for part in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value
