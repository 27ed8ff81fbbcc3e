"""Obstacles: what stands against a run's start at its place, or against showing what it has written."""

from __future__ import annotations

import stat
from collections.abc import Iterator

from engine.issues import Issue
from sinks.destinations.base import Delivery
from sinks.enums import BeforeRun
from sinks.files.folder import Folder
from sinks.files.lock import is_held
from sinks.files.manifest import Manifest
from sinks.files.place import Holdings, Place, foreign

_AT = "/destination/config/path"


def room_obstacles(nearest: Folder, needed_bytes: int, *, wanted: str) -> Iterator[Issue]:
    """No right to write at the folder nearest to the wanted one, or too little room there for so many bytes."""
    if not nearest.keeps_files():
        message = f"{wanted} cannot be made or written: {nearest.shown} is on a file system that keeps no files"
        yield Issue("DEST_UNAVAILABLE", _AT, message, "choose another place")
        return
    if not nearest.writable():
        yield Issue("DEST_UNAVAILABLE", _AT, f"no right to write to {nearest.shown}", "choose another place")
    free = nearest.free_bytes()
    if needed_bytes > free:
        message = f"about {needed_bytes:,} bytes are needed, {free:,} are free at {nearest.shown}"
        yield Issue("DEST_FULL", _AT, message, "free some room, or ask for fewer records")


def live_runs(target: Folder, place: Place) -> Iterator[Issue]:
    """Another process that writes at the place now."""
    if is_held(target, place.lock_name):
        message = f"another run is writing {place.path} now"
        yield Issue("RERUN_WOULD_COLLIDE", _AT, message, "wait until it has ended")


def collisions(
    target: Folder, place: Place, owned: Holdings, *, delivery: Delivery, before_run: BeforeRun, form: str
) -> Iterator[Issue]:
    """What is there already and may not be replaced; `form` is the format and compression of new parts."""
    found = None if place.in_parts else target.status(place.file_name)
    if found is not None and not stat.S_ISREG(found.st_mode):  # not even if asked to: it might be /dev/null
        message = f"{target.shown}/{place.file_name} is no regular file"
        yield Issue("DEST_SCHEMA", _AT, message, "choose another path")
        return
    manifest = Manifest.from_json(target.read(place.manifest_name))
    names = list(foreign(target, place, owned))
    if target.status(place.manifest_name) and (manifest is None or manifest.owner != delivery.owner):
        names.append(place.manifest_name)
    if names and (place.in_parts or not delivery.overwrite):
        writer = delivery.owner.partition(":")[0]
        message = f"{target.shown}/{names[0]} was not written by this {writer}, or has changed since"
        away = "choose another path, or move it away"
        hint = away if place.in_parts or delivery.overwrite_hint is None else f"{delivery.overwrite_hint}, or {away}"
        yield Issue("RERUN_WOULD_COLLIDE", _AT, message, hint)
        return
    own = place.shown_names(target)
    if own and before_run is BeforeRun.FAIL:
        message = f"an earlier run has written {target.shown}/{own[0]}"
        choices = "REPLACE or APPEND" if place.in_parts else "REPLACE"
        hint = f"choose another path, or say {choices} as beforeRun, in destination.config or when it is started"
        yield Issue("RERUN_WOULD_COLLIDE", _AT, message, hint)
    if manifest and before_run is BeforeRun.APPEND and f"{manifest.format} {manifest.compression}" != form:
        message = f"the parts at {target.shown} are {manifest.format} {manifest.compression}, these would be {form}"
        yield Issue("RERUN_WOULD_COLLIDE", _AT, message, "choose the same format, or another path")
