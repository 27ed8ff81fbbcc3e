"""The names of fields among each other: no two alike, and none that is a value and an object."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from engine.issues import Issue, pointer
from engine.schema import split_path


def name_issues(names: Sequence[tuple[int, str]]) -> Iterator[Issue]:
    """What is wrong with names, each given with the place of its mapping. Upper and lower case are one."""
    values = {_folded(split_path(name)): name for _, name in reversed(names)}
    objects: dict[tuple[str, ...], tuple[tuple[str, ...], str]] = {}
    seen: dict[str, str] = {}
    for index, name in names:
        at, path = pointer("fieldMappings", index, "fieldName"), split_path(name)
        if "" in path:
            yield Issue("INVALID_VALUE", at, f'"{name}" has an empty part between its dots', field=name)
        if (known := seen.get(name.casefold())) is not None:
            how = "is mapped twice" if known == name else f'differs from "{known}" only in case'
            yield Issue("DUPLICATE_FIELD", at, f'"{name}" {how}', field=name)
            continue
        seen[name.casefold()] = name
        for length in range(1, len(path)):
            spelling, folded = path[:length], _folded(path[:length])
            if folded in values:
                message = f'"{values[folded]}" is a value, so it cannot be the object that holds "{name}"'
                yield Issue("PATH_CONFLICT", at, message, field=name)
                break
            first, holder = objects.setdefault(folded, (spelling, name))
            if first != spelling:
                message = f'"{name}" lies in an object whose name differs from that of "{holder}" only in case'
                yield Issue("DUPLICATE_FIELD", at, message, "write both in the same way", name)
                break


def _folded(path: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(part.casefold() for part in path)
