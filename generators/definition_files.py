"""Definitions on the command line: read from a file, with the pools of their bundle and what flags override."""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from engine.issues import Issue
from generators.facts import parse_instant
from pools import services as pool_services
from pools.snapshot import Snapshot
from sdg_project.documents import STANDARD_INPUT, Document, read_document, split_bundle
from sdg_project.errors import Invalid
from sdg_project.overrides import apply_overrides
from sdg_project.scalars import parse_number


@dataclass(frozen=True, slots=True)
class DefinitionFile:
    """One definition of a file, as it is to be used."""

    document: Document
    path: str
    own_pools: Mapping[str, Snapshot]
    updated_at: datetime

    @property
    def value(self) -> Any:
        return self.document.value

    def with_value(self, value: Any) -> DefinitionFile:
        """The same definition with another content."""
        return replace(self, document=replace(self.document, value=value))

    def where(self, path: str) -> str:
        """The place in the file that a JSON Pointer names."""
        return self.document.where(path)

    def owner(self, target: str) -> str:
        """Who writes to a target: this command line, that is this definition to that place."""
        origin = self.path if self.path == STANDARD_INPUT else str(Path(self.path).resolve())
        name = self.value.get("name", "") if isinstance(self.value, dict) else ""
        digest = hashlib.blake2b("\0".join((origin, str(name), target)).encode(), digest_size=12)
        return f"command line:{digest.hexdigest()}"


def read_definitions(path: str, assignments: Sequence[str] = ()) -> list[DefinitionFile]:
    """The definitions of a file, overridden by ``key=value`` assignments; raises Invalid with every problem."""
    bundle = split_bundle(read_document(path))
    own = pool_services.own_snapshots(bundle.pools, base=Path(path).parent if path != STANDARD_INPUT else Path())
    if not bundle.generators:
        raise Invalid([Issue("MISSING_PARAM", "", f"{path}: there is no generator in it")])
    if path == STANDARD_INPUT:
        updated_at = datetime.now(UTC)
    else:
        updated_at = datetime.fromtimestamp(int(Path(path).stat().st_mtime), UTC)
    files = [DefinitionFile(document, path, own, updated_at) for document in bundle.generators]
    return [file.with_value(apply_overrides(file.value, assignments)) for file in files] if assignments else files


def only_definition(path: str, assignments: Sequence[str] = ()) -> DefinitionFile:
    """The one definition of a file; raises Invalid when there are several."""
    files = read_definitions(path, assignments)
    if len(files) > 1:
        names = ", ".join(str(file.value.get("name")) for file in files)
        raise Invalid([Issue("INVALID_VALUE", "", f"{path} holds {len(files)} generators ({names}), one is expected")])
    return files[0]


# Types of arguments.


def whole_number(text: str) -> int:
    """A count such as 1000, 1e6 or 1_000_000."""
    try:
        number = parse_number(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    if not isinstance(number, int):
        raise argparse.ArgumentTypeError(f"{text} is no whole number")
    return number


def instant(text: str) -> datetime:
    """An instant, in UTC if it names no zone."""
    try:
        parsed = parse_instant(text, started_at=datetime.now(UTC))
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    return parsed.astimezone(UTC) if parsed.tzinfo else parsed.replace(tzinfo=UTC)
