"""Endings: what is complete becomes what is shown, and a manifest never names what is not there."""

from __future__ import annotations

from dataclasses import replace

from engine.span import Span
from sdg_project.failpoints import failpoint
from sinks.enums import Checksum
from sinks.errors import TerminalSinkError
from sinks.files.folder import Folder
from sinks.files.manifest import Manifest, examined
from sinks.files.parts import PartNames
from sinks.files.place import CLAIM, HIDDEN_MANIFEST, REPLACED, Claim, Place
from sinks.files.segment import WHOLE


def is_shown(target: Folder, place: Place) -> bool:
    """Whether a manifest says that the run is complete, and all its files are there."""
    manifest = Manifest.from_json(target.read(place.manifest_name))
    if manifest is None:
        return False
    files = [file for file in manifest.files if file.run_id == place.run_id]
    complete = bool(files) or manifest.run_id == place.run_id
    return complete and all(target.size(file.name) == file.bytes for file in files)


def reached_in(manifest: Manifest, place: Place, shard: Span) -> int:
    """Behind which record a shard of a complete run has ended."""
    spans = [span for file in manifest.files if file.run_id == place.run_id for span in file.ranges]
    inside = [span.end for span in spans if span.start < shard.end and span.end > shard.start]
    return min(max(inside, default=shard.start), shard.end)


def is_intact(work: Folder, target: Folder, place: Place, manifest: Manifest) -> bool:
    """Whether all files of a hidden manifest are there, hidden or shown."""
    for file in manifest.files:
        if work.size(file.name if place.in_parts else WHOLE) == file.bytes:
            continue
        if target.size(file.name) != file.bytes:
            return False
        # A file of an earlier run may well have the same length.
        if not place.in_parts and file.checksum is not None:
            checksum = Checksum(file.checksum.partition(":")[0].upper())
            if examined(target, file.name, checksum)[1] != file.checksum:
                return False
    return True


def show_file(work: Folder, target: Folder, place: Place, manifest: Manifest) -> None:
    """Give the one finished file its name; the manifest of what was there before goes first."""
    if not is_intact(work, target, place, manifest):
        raise TerminalSinkError("DEST_REGRESSED", f"{work.shown}/{WHOLE} is gone, or not as it was written")
    if work.size(WHOLE) != manifest.files[0].bytes:
        return
    if target.status(place.manifest_name) is not None:
        target.rename(place.manifest_name, REPLACED, to=work)
    failpoint("file.finalize.replacing")
    work.rename(WHOLE, place.file_name, to=target)
    failpoint("file.finalize.shown")


def show_parts(work: Folder, target: Folder, place: Place, manifest: Manifest) -> None:
    """Give their names to the parts that are not full; all others have theirs already."""
    if not is_intact(work, target, place, manifest):
        raise TerminalSinkError("DEST_REGRESSED", f"a part in {target.shown} is gone, or not as it was written")
    for file in manifest.files:
        if work.size(file.name) is not None:
            work.move(file.name, file.name, to=target)
            failpoint("file.finalize.part_shown")
    target.sync()
    work.sync()


def show_manifest(work: Folder, target: Folder, place: Place, manifest: Manifest, *, append: bool) -> None:
    """Show the manifest, last of all; it also names what other runs have there, if this one was appended."""
    earlier = Manifest.from_json(target.read(place.manifest_name)) if append else None
    others = tuple(file for file in (earlier.files if earlier else ()) if file.run_id != place.run_id)
    content = replace(manifest, files=(*others, *manifest.files)).to_json()
    work.replace_file(place.manifest_name, content, to=target)


def remove_strays(target: Folder, place: Place, names: PartNames) -> None:
    """Remove parts that a late writer has shown although its shard had ended before; its work folder is gone already,
    so that it cannot show more.
    """
    shown = Manifest.from_json(target.read(place.manifest_name))
    kept = {file.name for file in shown.files} if shown else set()
    for name in target.names():
        if names.covers(name) and name not in kept:
            target.remove(name)


def undo_showing(work: Folder, target: Folder, place: Place, *, owner: str) -> None:
    """Take back what a run without an end has shown, so that nothing is left of which nobody knows whose it is."""
    shown = Manifest.from_json(target.read(place.manifest_name))
    replaced, hidden = (Manifest.from_json(work.read(name)) for name in (REPLACED, HIDDEN_MANIFEST))
    claim = Claim.from_json(work.read(CLAIM))
    if not place.in_parts:
        if shown is None and hidden and work.size(WHOLE) is None:
            if is_intact(work, target, place, hidden):  # all that is missing is the manifest
                show_manifest(work, target, place, hidden, append=False)
        elif shown is None and replaced:
            work.rename(REPLACED, place.manifest_name, to=target)
        return
    kept = {file.name for file in shown.files} if shown else set()
    stale = {file.name for file in replaced.files} if replaced and replaced.owner == owner else set()
    stale |= {file.name for file in hidden.files} if hidden else set()
    for name in place.shown_names(target):
        if name not in kept and (name in stale or (claim is not None and claim.covers(name))):
            target.remove(name)
    target.sync()
