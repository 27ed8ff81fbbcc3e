"""Manifests: what a run has left in files, who may replace it, and how to check it."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import xxhash

from sinks.enums import Checksum
from sinks.files.folder import Folder, translated

_BLOCK = 2**20


@dataclass(frozen=True, slots=True)
class WrittenFile:
    """One file: its name beside the manifest, and what it holds."""

    name: str
    records: int
    bytes: int
    checksum: str | None


@dataclass(frozen=True, slots=True)
class Manifest:
    """All files that an owner has at one place, of one run or (appended) of several."""

    owner: str
    run_id: str
    spec_hash: str
    format: str
    compression: str
    files: tuple[WrittenFile, ...]

    def to_json(self) -> bytes:
        """The manifest as a file."""
        document = {
            "owner": self.owner,
            "runId": self.run_id,
            "specHash": self.spec_hash,
            "format": self.format,
            "compression": self.compression,
            "records": sum(file.records for file in self.files),
            "bytes": sum(file.bytes for file in self.files),
            "files": [asdict(file) for file in self.files],
        }
        return json.dumps(document, indent=2).encode() + b"\n"

    @classmethod
    def from_json(cls, content: bytes | None) -> Manifest | None:
        """Read a manifest; None when there is none, or when it is not one of ours."""
        try:
            document: dict[str, Any] = json.loads(content or b"null")
            return cls(
                owner=document["owner"],
                run_id=document["runId"],
                spec_hash=document["specHash"],
                format=document["format"],
                compression=document["compression"],
                files=tuple(WrittenFile(**file) for file in document["files"]),
            )
        except (ValueError, KeyError, TypeError):
            return None


def describe(folder: Folder, name: str, *, records: int, checksum: Checksum, shown: str | None = None) -> WrittenFile:
    """A finished file with its size and checksum, under the name that it will be shown by."""
    descriptor = folder.open(name, os.O_RDONLY)
    with os.fdopen(descriptor, "rb", buffering=0) as file, translated(f"{folder.shown}/{name}"):
        size = os.fstat(file.fileno()).st_size
        digest = {Checksum.XXH128: xxhash.xxh3_128, Checksum.SHA256: hashlib.sha256, Checksum.NONE: None}[checksum]
        if digest is None:
            return WrittenFile(shown or name, records, size, None)
        state = digest()
        while block := file.read(_BLOCK):
            state.update(block)
    return WrittenFile(shown or name, records, size, f"{checksum.value.lower()}:{state.hexdigest()}")


def records_of(files: Sequence[WrittenFile]) -> int:
    """How many records the files hold together."""
    return sum(file.records for file in files)
