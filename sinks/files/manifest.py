"""Manifests: what a run has left in files, who may replace it, and how to check it."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import xxhash

from engine.span import Span
from sinks.enums import Checksum
from sinks.files.folder import Folder, is_plain, read_all
from sinks.files.system_errors import translated

_DIGESTS: dict[Checksum, Callable[[], Any]] = {Checksum.XXH128: xxhash.xxh3_128, Checksum.SHA256: hashlib.sha256}


@dataclass(frozen=True, slots=True)
class WrittenFile:
    """One file: its name beside the manifest, what it holds, and the run that wrote it.

    `ranges` are the record numbers that are in it, of records and of rejected ones, which are not there.
    """

    name: str
    records: int
    ranges: tuple[Span, ...]
    bytes: int
    checksum: str | None
    run_id: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """All files that an owner has at one place: of one run, or of several of which `run_id` is the last."""

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
            "files": [
                {
                    "name": file.name,
                    "records": file.records,
                    "ranges": [[span.start, span.end] for span in file.ranges],
                    "bytes": file.bytes,
                    "checksum": file.checksum,
                    "runId": file.run_id,
                }
                for file in self.files
            ],
        }
        return json.dumps(document, indent=2).encode() + b"\n"

    @classmethod
    def from_json(cls, content: bytes | None) -> Manifest | None:
        """Read a manifest; None when there is none, or when it is not one of ours."""
        try:
            document: dict[str, Any] = json.loads(content or b"null")
            return cls(
                owner=str(document["owner"]),
                run_id=str(document["runId"]),
                spec_hash=str(document["specHash"]),
                format=str(document["format"]),
                compression=str(document["compression"]),
                files=tuple(
                    WrittenFile(
                        # Files are removed by these names.
                        name=_plain_name(file["name"]),
                        records=int(file["records"]),
                        ranges=tuple(Span(start, end - start) for start, end in file["ranges"]),
                        bytes=int(file["bytes"]),
                        checksum=file["checksum"],
                        run_id=str(file["runId"]),
                    )
                    for file in document["files"]
                ),
            )
        except (ValueError, KeyError, TypeError, RecursionError):
            return None


def ranges_of(spans: Iterable[Span]) -> tuple[Span, ...]:
    """What some spans cover, which are in ascending order: as few as possible, none of them empty."""
    ranges: list[Span] = []
    for span in spans:
        if ranges and ranges[-1].end == span.start:
            ranges[-1] = Span(ranges[-1].start, ranges[-1].count + span.count)
        elif span.count:
            ranges.append(span)
    return tuple(ranges)


def file_digest(
    descriptor: int, length: int, checksum: Checksum, on_progress: Callable[[], None] = lambda: None
) -> bytes:
    """The digest of a file's first bytes; empty for NONE."""
    if checksum is Checksum.NONE:
        return b""
    state = _DIGESTS[checksum]()
    for block in read_all(descriptor, 0, length):
        state.update(block)
        on_progress()
    return bytes(state.digest())


def examined(
    folder: Folder, name: str, checksum: Checksum, on_progress: Callable[[], None] = lambda: None
) -> tuple[int, str | None]:
    """The length and the checksum of a file."""
    descriptor = folder.open(name)
    try:
        with translated(f"{folder.shown}/{name}"):
            length = file_length(descriptor)
            return length, checksum_text(checksum, file_digest(descriptor, length, checksum, on_progress))
    finally:
        os.close(descriptor)


def checksum_text(checksum: Checksum, digest: bytes) -> str | None:
    """A digest as the manifest has it."""
    return None if checksum is Checksum.NONE else f"{checksum.value.lower()}:{digest.hex()}"


def digest_bytes(checksum: Checksum) -> int:
    """How long a digest is."""
    return 0 if checksum is Checksum.NONE else int(_DIGESTS[checksum]().digest_size)


def file_length(descriptor: int) -> int:
    """The length of an open file."""
    return os.fstat(descriptor).st_size


def _plain_name(name: str) -> str:
    if not isinstance(name, str) or not is_plain(name):
        raise ValueError(f"{name!r} is not the name of a file beside the manifest")
    return name
