"""Definitions on the command line: read from a file, with the pools of their bundle and what flags override."""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from engine.issues import Issue, did_you_mean
from generators.bundled import generators_beside, pools_in_order
from generators.facts import parse_instant
from generators.templates import MARK, template_names, template_path, template_text
from pools.bundled import BundledPools
from sdg_project.documents import STANDARD_INPUT, Document, parse_documents, read_document, split_bundle
from sdg_project.errors import Invalid, NotFound
from sdg_project.overrides import apply_overrides, place_of
from sdg_project.text import quoted
from sinks.bundled import opened_connections, stage_connections
from sinks.connections.base import ConnectionKind
from sinks.connections.directory import beside
from sinks.servers import literal_issues


@dataclass(frozen=True, slots=True)
class DefinitionFile:
    """One definition of a file, as it is to be used.

    `flags` are the words of the command line that stand in place of the file's own, by the JSON Pointers of their
    values.
    """

    document: Document
    path: str
    own_pools: BundledPools
    updated_at: datetime
    flags: Mapping[str, str] = field(default_factory=dict)

    @property
    def value(self) -> Any:
        return self.document.value

    @property
    def name(self) -> str:
        """The generator's name; empty when it has none."""
        name = self.value.get("name") if isinstance(self.value, dict) else None
        return name if isinstance(name, str) else ""

    def with_value(self, value: Any, flags: Mapping[str, str]) -> DefinitionFile:
        """The same definition with another content, for which these flags are the reason."""
        return replace(self, document=replace(self.document, value=value), flags={**self.flags, **flags})

    def where(self, path: str, offset: int | None = None) -> str:
        """What a JSON Pointer names: the flag that has set it, or a part of it, or the place in the file.

        With an `offset`, the place is that of a character of the text.
        """
        steps = path.split("/")
        for length in range(len(steps), 0, -1):
            flag = self.flags.get("/".join(steps[:length]))
            if flag is not None:
                return flag
        parts = (flag for place, flag in self.flags.items() if place.startswith(f"{path}/"))
        flag = None if self.document.has(path) else next(parts, None)
        return flag or self.document.where(path, offset)

    def owner(self, target: str) -> str:
        """Who writes to a target: this command line, that is this definition to that place."""
        origin = self.path if _is_no_file(self.path) else str(Path(self.path).resolve())
        digest = hashlib.blake2b("\0".join((origin, self.name, target)).encode(), digest_size=12)
        return f"command line:{digest.hexdigest()}"


@dataclass(frozen=True, slots=True)
class Contents:
    """What a file holds: definitions, and what is wrong around them, with the places in the messages."""

    path: str
    definitions: tuple[DefinitionFile, ...]
    issues: tuple[Issue, ...]
    is_bundle: bool
    own_connections: Mapping[str, ConnectionKind[Any]] = field(default_factory=dict)
    """The connections in it, by their names in lower case."""


def read_documents(path: str) -> list[Document]:
    """The documents of a file, of standard input for ``-``, or of a template; raises Invalid, and NotFound."""
    if path.startswith(MARK):
        return parse_documents(template_text(path.removeprefix(MARK)), origin=path)
    try:
        return read_document(path)
    except NotFound as error:
        if path in template_names():
            raise NotFound(str(error), hint=f'the template of that name is "{MARK}{path}"') from error
        raise


def base_of(path: str) -> Path:
    """Where the files lie that the pools of a file name."""
    return Path() if _is_no_file(path) else Path(path).parent


def _is_no_file(path: str) -> bool:
    return path == STANDARD_INPUT or path.startswith(MARK)


def _written_at(path: str) -> datetime:
    if path == STANDARD_INPUT:
        return datetime.now(UTC)
    file = template_path(path.removeprefix(MARK)) if path.startswith(MARK) else Path(path)
    return datetime.fromtimestamp(int(file.stat().st_mtime), UTC)


def read_definitions(path: str, assignments: Sequence[str] = ()) -> Contents:
    """The definitions of a file, overridden by ``key=value`` assignments; raises Invalid when it cannot be read."""
    bundle = split_bundle(read_documents(path))
    connections, wrong = stage_connections(bundle.connections, beside_stored=False)
    own_connections = opened_connections(connections)
    updated_at = _written_at(path)
    with beside(own_connections), generators_beside(bundle.generators, updated_at=updated_at):
        pools, circles = pools_in_order(bundle.pools)
        own = BundledPools(pools, base=base_of(path))
    issues = [*bundle.issues, *wrong, *circles, *own.issues]
    if not bundle.generators and not issues:
        issues.append(Issue("MISSING_PARAM", "", f"{path}: there is no generator in it"))
    definitions: list[DefinitionFile] = []
    for document in bundle.generators:
        definition = DefinitionFile(document, path, own, updated_at)
        try:
            definition = _overridden(definition, assignments)
        except Invalid as error:
            issues += [issue for issue in error.issues if issue not in issues]
        issues += document.placed(literal_issues(definition.value))
        definitions.append(definition)
    return Contents(path, tuple(definitions), tuple(issues), not bundle.is_one_definition, own_connections)


def _overridden(definition: DefinitionFile, assignments: Sequence[str]) -> DefinitionFile:
    value = apply_overrides(definition.value, assignments)
    flags = {place_of(text): f"--set {quoted(text, 80)[1:-1]}" for text in assignments}
    return definition.with_value(value, flags)


def choose_definition(contents: Contents, name: str | None = None) -> DefinitionFile:
    """The definition of a name, or the only one; raises Invalid when that is not one definition."""
    named = [definition for definition in contents.definitions if name is None or definition.name == name]
    if len(named) == 1:
        return named[0]
    names = [definition.name or "(without a name)" for definition in contents.definitions]
    there = f"{contents.path} holds {len(names)} generators: {', '.join(names)}"
    if name is None:
        raise Invalid([Issue("MISSING_PARAM", "", there, "choose one with --generator NAME")])
    message = f'--generator: {len(named) or "no"} generator{"s have" if named else " has"} the name "{name}"'
    raise Invalid([Issue("INVALID_VALUE", "", message, did_you_mean(name, names) or there)])


# Types of arguments.


def instant(text: str) -> datetime:
    """An instant, in UTC if it names no zone."""
    try:
        parsed = parse_instant(text, started_at=datetime.now(UTC))
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    return parsed.astimezone(UTC) if parsed.tzinfo else parsed.replace(tzinfo=UTC)
