"""Flags of `sdg run` in the place of a definition's own words; what is wrong with these is told of the flag."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from generators.definition_files import DefinitionFile
from sdg_project import env
from sdg_project.documents import STANDARD_OUTPUT
from sdg_project.shape_issues import aliases
from sinks.encoding.base import encoders
from sinks.files.config import FileKeys, format_of

_CONFIG = "/destination/config"


@dataclass(frozen=True, slots=True)
class Directed:
    """A definition that says where its records go, and the folder below which that lies."""

    definition: DefinitionFile
    root: str


def counted(definition: DefinitionFile, *, count: int | None, seed: int | None) -> DefinitionFile:
    """The definition with ``--count`` and ``--seed``, where they were given."""
    given = {"recordCount": ("--count", count), "seed": ("--seed", seed)}
    typed = {name: (flag, number) for name, (flag, number) in given.items() if number is not None}
    if not typed or not isinstance(definition.value, dict):
        return definition
    values = {name: number for name, (_, number) in typed.items()}
    flags = {f"/{name}": f"{flag} {number}" for name, (flag, number) in typed.items()}
    return definition.with_value(definition.value | values, flags)


def directed(definition: DefinitionFile, *, to: str | None, format_name: str | None, checksum: str | None) -> Directed:
    """The definition with ``--to``, ``--format`` and ``--checksum``, where they were given.

    ``--to`` is typed by the person at the keyboard, so it may lead anywhere: its own folder is then the root. What the
    definition's own FILE destination says of the place and of the run stays, as does the dialect of the same format;
    path and compression are the new path's, and what only another format knows goes.
    """
    root = str(env.output_root())
    if not isinstance(definition.value, dict):
        return Directed(definition, root)  # which has an issue of its own
    if to is not None:
        definition = _sent_to(definition, to, format_name)
        root = str(Path(to).absolute().parent)
    destination = definition.value.get("destination")
    config = destination.get("config") or {} if isinstance(destination, dict) else None
    if checksum is not None and isinstance(config, dict):
        changed = {**destination, "config": {**config, "checksum": checksum}}
        flags = {f"{_CONFIG}/checksum": f"--checksum {checksum}"}
        definition = definition.with_value(definition.value | {"destination": changed}, flags)
    return Directed(definition, root)


def _sent_to(definition: DefinitionFile, to: str, asked_format: str | None) -> DefinitionFile:
    destination = definition.value.get("destination")
    is_file = isinstance(destination, dict) and destination.get("type", "FILE") == "FILE"
    given = destination.get("config") if is_file else None
    own: Mapping[str, Any] = given if isinstance(given, dict) else {}
    written = own.get("format")
    own_format = written if isinstance(written, str) else format_of(str(own.get("path", "")))[0]
    suffix_format = format_of(to)[0]
    format_name = asked_format or suffix_format or own_format
    config = dict(own) if format_name == own_format else _without_other_dialects(own, format_name)
    for name in ("path", "format", "compression"):
        config.pop(name, None)
    if to == STANDARD_OUTPUT:
        format_name = format_name or "JSONL"
        place = aliases(FileKeys)
        config = {name: value for name, value in config.items() if name not in place}
        config |= {"path": to, "compression": "NONE"}
    else:
        config["path"] = Path(to).absolute().name.replace("$", "$$")
    if format_name is not None and format_name != suffix_format:
        config["format"] = format_name
    flags = dict.fromkeys((f"{_CONFIG}/path", f"{_CONFIG}/compression"), f"--to {to}")
    if asked_format is not None:
        flags[f"{_CONFIG}/format"] = f"--format {asked_format}"
    elif format_name is None or format_name != own_format:
        flags[f"{_CONFIG}/format"] = f"--to {to}"
    if not is_file:
        flags["/destination"] = f"--to {to}"
    changed = {**(destination if is_file else {}), "type": "FILE", "config": config}
    return definition.with_value(definition.value | {"destination": changed}, flags)


def _without_other_dialects(config: Mapping[str, Any], format_name: str | None) -> dict[str, Any]:
    """A config without the options that only other formats have."""
    known = {name: aliases(kind.Options) for name, kind in encoders.items()}
    others = {option for options in known.values() for option in options}
    others -= known.get(format_name or "", frozenset())
    return {name: value for name, value in config.items() if name not in others}
