"""Endings: what is written becomes what is shown, and a manifest never names what is not there."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from engine.span import Span
from sdg_project.failpoints import failpoint
from sinks.encoding.base import Encoder
from sinks.enums import Checksum
from sinks.errors import TerminalSinkError
from sinks.files.folder import Folder
from sinks.files.joining import join_shards
from sinks.files.manifest import Manifest, WrittenFile, checksum_text, digest_bytes, file_digest, file_length
from sinks.files.parts import PartNames, PartsLog
from sinks.files.place import CLAIM, HIDDEN_MANIFEST, REPLACED, Claim, Place
from sinks.files.segment import Segment
from sinks.files.system_errors import translated


def joined_file(work: Folder, segments: Sequence[Segment], encoder: Encoder[Any], *, checksum: Checksum) -> WrittenFile:
    """All shards as one hidden file, under the name of the first; see `join_shards`."""
    join_shards(work, segments, encoder)
    failpoint("file.finalize.joined")
    hidden = segments[0].hidden
    length, digest = _examined(work, hidden, checksum)
    return WrittenFile(hidden, segments[-1].span.end, length, checksum_text(checksum, digest), run_id="")


def described_parts(
    work: Folder, target: Folder, names: PartNames, shards: Sequence[Span], *, checksum: Checksum, run_id: str
) -> list[WrittenFile]:
    """All parts as their shards have written them down; raises TerminalSinkError when one is no longer so."""
    files: list[WrittenFile] = []
    for number, shard in enumerate(shards):
        descriptor = work.open_if_there(f"shard-{number}.parts") if shard.count else None
        try:
            log = PartsLog(descriptor, digest_bytes=digest_bytes(checksum)) if descriptor is not None else None
            for place, start in enumerate(range(shard.start, shard.end, names.roll)):
                span = names.span_at(start)
                entry = log.read(place) if log else None
                name = names.name(span)
                if entry is None or target.size(name) != entry.length:
                    raise TerminalSinkError(
                        "DEST_REGRESSED", f"{target.shown}/{name} is gone, or not as it was written"
                    )
                files.append(WrittenFile(name, span.count, entry.length, checksum_text(checksum, entry.digest), run_id))
        finally:
            if descriptor is not None:
                os.close(descriptor)
    return files


def is_shown(target: Folder, place: Place) -> bool:
    """Whether a manifest says that the run is complete, and all its files are there."""
    manifest = Manifest.from_json(target.read(place.manifest_name))
    if manifest is None:
        return False
    files = [file for file in manifest.files if file.run_id == place.run_id]
    complete = bool(files) or manifest.run_id == place.run_id
    return complete and all(target.size(file.name) == file.bytes for file in files)


def is_intact(work: Folder, target: Folder, manifest: Manifest, *, segment: Segment) -> bool:
    """Whether all files of a hidden manifest are there, hidden or shown."""
    for file in manifest.files:
        hidden = work.size(segment.hidden) if segment.name is None else None
        if hidden == file.bytes:
            continue
        if target.size(file.name) != file.bytes:
            return False
        # A file of an earlier run may well have the same length.
        if segment.name is None and file.checksum is not None:
            checksum = Checksum(file.checksum.partition(":")[0].upper())
            if checksum_text(checksum, _examined(target, file.name, checksum)[1]) != file.checksum:
                return False
    return True


def show_file(work: Folder, target: Folder, place: Place, segment: Segment, manifest: Manifest) -> None:
    """Give the one finished file its name; the manifest of what was there before goes first."""
    if not is_intact(work, target, manifest, segment=segment):
        raise TerminalSinkError("DEST_REGRESSED", f"{work.shown}/{segment.hidden} is gone, or not as it was written")
    if work.size(segment.hidden) != manifest.files[0].bytes:
        return
    if target.status(place.manifest_name) is not None:
        target.rename(place.manifest_name, REPLACED, to=work)
    failpoint("file.finalize.replacing")
    work.rename(segment.hidden, place.file_name, to=target)
    failpoint("file.finalize.shown")


def show_manifest(work: Folder, target: Folder, place: Place, manifest: Manifest, *, append: bool) -> None:
    """Show the manifest, last of all; it also names what other runs have there, if this one was appended."""
    earlier = Manifest.from_json(target.read(place.manifest_name)) if append else None
    others = tuple(file for file in (earlier.files if earlier else ()) if file.run_id != place.run_id)
    content = replace(manifest, files=(*others, *manifest.files)).to_json()
    work.replace_file(place.manifest_name, content, to=target)


def undo_showing(work: Folder, target: Folder, place: Place, segment: Segment, *, owner: str) -> None:
    """Take back what a run without an end has shown, so that nothing is left of which nobody knows whose it is."""
    shown = Manifest.from_json(target.read(place.manifest_name))
    replaced, hidden = (Manifest.from_json(work.read(name)) for name in (REPLACED, HIDDEN_MANIFEST))
    claim = Claim.from_json(work.read(CLAIM))
    if not place.in_parts:
        if shown is None and hidden and work.size(segment.hidden) is None:
            if is_intact(work, target, hidden, segment=segment):  # all that is missing is the manifest
                show_manifest(work, target, place, hidden, append=False)
        elif shown is None and replaced:
            work.rename(REPLACED, place.manifest_name, to=target)
        return
    kept = {file.name for file in shown.files} if shown else set()
    stale = {file.name for file in replaced.files} if replaced and replaced.owner == owner else set()
    for name in place.shown_names(target):
        if name not in kept and (name in stale or (claim is not None and claim.covers(name))):
            target.remove(name)
    target.sync()


def _examined(folder: Folder, name: str, checksum: Checksum) -> tuple[int, bytes]:
    """The length and the digest of a file."""
    descriptor = folder.open(name)
    try:
        with translated(f"{folder.shown}/{name}"):
            length = file_length(descriptor)
            return length, file_digest(descriptor, length, checksum)
    finally:
        os.close(descriptor)
