"""Places: where the files of a run lie below the output folder, and whose the files are that lie there already."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from sinks.files.folder import Folder
from sinks.files.manifest import Manifest
from sinks.files.parts import PartNames
from sinks.files.segment import WHOLE

CLAIM, REPLACED, HIDDEN_MANIFEST, PREPARED = "claim", "replaced", "manifest", "prepared"
"""Files in a work folder: whose it is; the manifest of what was there before; the manifest to come; that what was
there before is gone."""


@dataclass(frozen=True, slots=True)
class Place:
    """The names of everything that a run has at its destination; with parts the path is a folder, else a file."""

    path: str
    in_parts: bool
    run_id: str

    @property
    def steps(self) -> list[str]:
        """The folders from the root down."""
        steps = self.path.split("/")
        return steps if self.in_parts else steps[:-1]

    @property
    def file_name(self) -> str:
        return self.path.split("/")[-1]

    @property
    def manifest_name(self) -> str:
        return "manifest.json" if self.in_parts else f"{self.file_name}.manifest.json"

    @property
    def work_prefix(self) -> str:
        """What the work folders of all runs at this place begin with."""
        return ".sdg-" if self.in_parts else f".{self.file_name}.sdg-"

    @property
    def work_name(self) -> str:
        return f"{self.work_prefix}{self.run_id}"

    @property
    def lock_name(self) -> str:
        return ".sdg.lock" if self.in_parts else f".{self.file_name}.sdg.lock"

    def shown_names(self, target: Folder) -> list[str]:
        """What is there for all to see, but for the manifest."""
        if not self.in_parts:
            return [self.file_name] if target.status(self.file_name) is not None else []
        return [name for name in target.names() if not name.startswith(".") and name != self.manifest_name]


@dataclass(frozen=True, slots=True)
class Claim:
    """Says in a run's work folder whose the run is, and which names its parts have."""

    owner: str
    parts: PartNames | None

    def to_json(self) -> bytes:
        """The claim as a file."""
        return json.dumps({"owner": self.owner, "parts": asdict(self.parts) if self.parts else None}).encode()

    @classmethod
    def from_json(cls, content: bytes | None) -> Claim | None:
        """Read a claim; None when there is none."""
        try:
            document = json.loads(content or b"null")
            return cls(document["owner"], PartNames(**document["parts"]) if document["parts"] else None)
        except (ValueError, KeyError, TypeError, RecursionError):
            return None

    def covers(self, name: str) -> bool:
        """Whether the run has a part of that name."""
        return self.parts is not None and self.parts.covers(name)


@dataclass(frozen=True, slots=True)
class Holdings:
    """What an owner has at a place: files that manifests name, and what runs without an end have left."""

    sizes: Mapping[str, frozenset[int]]
    claims: Mapping[str, Claim]
    """By the names of the runs' work folders."""
    rivals: Sequence[str] = ()
    """Work folders of others' runs."""

    def hold(self, name: str, found: os.stat_result) -> bool:
        """Whether a file is the owner's, and as the owner left it."""
        if not stat.S_ISREG(found.st_mode):
            return False
        return found.st_size in self.sizes.get(name, ()) or any(claim.covers(name) for claim in self.claims.values())


def holdings(target: Folder, place: Place, owner: str) -> Holdings:
    """What `owner` has at a place."""
    claims: dict[str, Claim] = {}
    rivals: list[str] = []
    manifests: list[Manifest | None] = [Manifest.from_json(target.read(place.manifest_name))]
    for name in target.names():
        found = target.status(name) if name.startswith(place.work_prefix) else None
        if found is None or not stat.S_ISDIR(found.st_mode):
            continue
        with target.enter(name) as work:
            claim = Claim.from_json(work.read(CLAIM))
            if claim is not None and claim.owner != owner:
                rivals.append(name)
            elif claim is not None:
                claims[name] = claim
                manifests.append(Manifest.from_json(work.read(REPLACED)))
                if place.in_parts or work.size(WHOLE) is None:  # else what it names is not shown yet
                    manifests.append(Manifest.from_json(work.read(HIDDEN_MANIFEST)))
    sizes: dict[str, frozenset[int]] = {}
    for manifest in manifests:
        for file in manifest.files if manifest and manifest.owner == owner else ():
            sizes[file.name] = sizes.get(file.name, frozenset()) | {file.bytes}
    return Holdings(sizes, claims, rivals)


def foreign(target: Folder, place: Place, owned: Holdings) -> Sequence[str]:
    """The names there that are not the owner's, or no longer as the owner left them.

    With parts also the hidden folders of others' runs: two runs without an end would both give parts the same names.
    """
    names = list(owned.rivals) if place.in_parts else []
    for name in place.shown_names(target):
        found = target.status(name)
        if found is not None and not owned.hold(name, found):
            names.append(name)
    return names
