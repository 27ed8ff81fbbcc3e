"""FILE: one file or a folder of parts below the output folder, each record exactly once."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from functools import cached_property
from typing import Any

from engine.batch import Batch
from engine.issues import Issue, Severity
from engine.span import MAX_RECORDS, Span
from engine.template import Template
from sdg_project.failpoints import failpoint
from sdg_project.partial_shapes import as_far_as_sound
from sinks.destinations.base import Delivery, Destination, Written, destinations
from sinks.encoding.base import Encoder, encoders
from sinks.encoding.compression import Compression
from sinks.enums import BeforeRun, DeliveryGuarantee
from sinks.errors import SinkError, TerminalSinkError
from sinks.files.checkpoint import latest_position
from sinks.files.completion import Completion, once_a_second
from sinks.files.config import FileConfig, FileKeys, format_of
from sinks.files.ending import (
    is_intact,
    is_shown,
    reached_in,
    remove_strays,
    show_file,
    show_manifest,
    show_parts,
    undo_showing,
)
from sinks.files.folder import Folder
from sinks.files.lock import PlaceLock
from sinks.files.manifest import Manifest
from sinks.files.obstacles import collisions, live_runs, room_obstacles
from sinks.files.parts import PartNames
from sinks.files.paths import path_problem
from sinks.files.place import CLAIM, HIDDEN_MANIFEST, PREPARED, REPLACED, Claim, Holdings, Place, holdings
from sinks.files.segment import WHOLE, Segment, data_name
from sinks.files.shard import ShardWriter

_AT = "/destination/config/path"
_NAMES = ("generatorName", "runId", "startedAt")
_ROLLS = ("roll_records", "roll_bytes", "roll_seconds")
_PART_CHOICES = "choose REPLACE or FAIL, or set rollRecords, rollBytes or rollSeconds in destination.config"
MAX_PARTS = 10_000
MANY_PARTS = 1_000
"""More parts than this are a warning: each is a file to make durable, and an entry of the manifest."""


@destinations.register("FILE")
class FileDestination(Destination[Any]):
    """The files of one run: hidden in a work folder until they are complete."""

    Config = FileConfig
    leaves_files = True
    takes_back = True

    def __init__(self, config: Any, delivery: Delivery) -> None:
        super().__init__(config, delivery)
        self._lock: PlaceLock | None = None

    # What the config means.

    @staticmethod
    def guarantee(config: Any) -> DeliveryGuarantee:  # noqa: ARG004
        return DeliveryGuarantee.EXACTLY_ONCE

    @staticmethod
    def target(config: Any) -> str:
        return str(config.path)

    @property
    def compression(self) -> Compression:
        return self.config.compression or format_of(self.config.path)[1]

    @property
    def format(self) -> str | None:
        return self.config.format or format_of(self.config.path)[0]

    @cached_property
    def encoder(self) -> Encoder[Any]:
        """The encoder of all files of this run."""
        kind = encoders[str(self.format)]
        given = self.config.model_dump(include=set(kind.Options.model_fields) & self.config.model_fields_set)
        return kind(self.delivery.schema, kind.Options.model_validate(given, by_name=True), self.compression)

    @property
    def in_parts(self) -> bool:
        return self.delivery.cuts.roll is not None

    @cached_property
    def path(self) -> str:
        """The path with its holes filled."""
        facts = {
            "generatorName": re.sub(r"[^\w.-]+", "-", self.delivery.generator_name).strip("-.") or "generator",
            "runId": self.delivery.run_id,
            "startedAt": f"{self.delivery.started_at:%Y%m%dT%H%M%SZ}",
        }
        return Template.parse(self.config.path).fill(facts)

    def check(self) -> Sequence[Issue]:
        parts = (self._path_issues(), self._suffix_issues(), self._format_issues(), self._option_issues())
        return list(as_far_as_sound(*parts, self._record_issues(), self._part_issues()))

    def _path_issues(self) -> Iterator[Issue]:
        try:
            unknown = [name for name in Template.parse(self.config.path).names if name not in _NAMES]
        except ValueError as error:
            yield Issue("INVALID_VALUE", _AT, str(error))
            return
        for name in unknown:
            yield Issue("UNKNOWN_FIELD", _AT, f"${{{name}}} has no value here", f"accepted are {', '.join(_NAMES)}")
        if not unknown and (problem := path_problem(self.path)):
            yield Issue("INVALID_VALUE", _AT, f"the path {problem}")

    def _format_issues(self) -> Iterator[Issue]:
        if self.format is None:
            message = f'the suffix of "{self.config.path}" does not tell the format'
            yield Issue("MISSING_PARAM", "/destination/config/format", message, f"accepted are {', '.join(encoders)}")
            return
        if self.format not in encoders:
            message = f'there is no format "{self.format}"'
            yield Issue("INVALID_VALUE", "/destination/config/format", message, f"accepted are {', '.join(encoders)}")
            return

    def _option_issues(self) -> Iterator[Issue]:
        kind = encoders.get(str(self.format))
        if kind is None:
            return
        own = set(kind.Options.model_fields)
        for name in sorted(self.config.model_fields_set - set(FileKeys.model_fields) - own):
            alias = type(self.config).model_fields[name].alias or name
            at = f"/destination/config/{alias}"
            yield Issue("PROPERTY_NOT_ALLOWED", at, f'"{alias}" does not apply to {self.format}', f'remove "{alias}"')

    def _record_issues(self) -> Iterator[Issue]:
        kind = encoders.get(str(self.format))
        for problem in kind.check(self.delivery.schema) if kind is not None else ():
            yield problem.as_issue()

    def _suffix_issues(self) -> Iterator[Issue]:
        format_name, compression = format_of(self.config.path)
        if self.format not in encoders:
            return
        if format_name not in {None, self.format}:
            message = f'"{self.config.path}" looks like {format_name}, but will hold {self.format}'
            yield Issue("SUFFIX_MISMATCH", "/destination/config/format", message, severity=Severity.WARNING)
        if compression not in {Compression.NONE, self.compression}:
            message = f'"{self.config.path}" looks like {compression}, but its compression will be {self.compression}'
            yield Issue("SUFFIX_MISMATCH", "/destination/config/compression", message, severity=Severity.WARNING)

    def _part_issues(self) -> Iterator[Issue]:
        rolls = [name for name in _ROLLS if getattr(self.config, name)]
        for name in rolls[1:]:
            alias = type(self.config).model_fields[name].alias
            message = "only one of rollRecords, rollBytes and rollSeconds can be given"
            yield Issue("PROPERTY_NOT_ALLOWED", f"/destination/config/{alias}", message)
        if self.config.before_run is BeforeRun.APPEND and not rolls:
            message = "APPEND adds parts to a folder, and one file has none"
            yield Issue("INVALID_VALUE", "/destination/config/beforeRun", message, _PART_CHOICES)

    @staticmethod
    def roll_of(config: Any, *, bytes_per_record: float, step_ms: Fraction | int) -> int | None:
        """How many records a part has; None for one file."""
        if config.roll_bytes:
            return max(1, int(config.roll_bytes / bytes_per_record))
        if config.roll_seconds:
            return max(1, config.roll_seconds * 1000 // step_ms) if step_ms else MAX_RECORDS
        roll: int | None = config.roll_records
        return roll

    @staticmethod
    def part_issues(config: Any, *, parts: int) -> Sequence[Issue]:
        """An error or a warning about so many files."""
        if parts <= MANY_PARTS:
            return ()
        alias = next(FileKeys.model_fields[name].alias for name in _ROLLS if getattr(config, name))
        at, message = f"/destination/config/{alias}", f"the run would be cut into {parts:,} files"
        if parts > MAX_PARTS:
            return [Issue("MANY_PARTS", at, f"{message}, at most {MAX_PARTS:,} are accepted", f"raise {alias}")]
        message += f"; more than {MANY_PARTS:,} are slow to make and to list"
        return [Issue("MANY_PARTS", at, message, f"raise {alias}", severity=Severity.WARNING)]

    def encoded_bytes(self, batch: Batch) -> int:
        """How many bytes some records take in this format."""
        return len(self.encoder.frame(batch).payload)

    # What stands in the way.

    def collisions(self) -> Sequence[Issue]:
        try:
            nearest, is_there = Folder.nearest(self.delivery.root, self._place.steps)
            with nearest:
                return list(self._collisions(nearest)) if is_there else ()
        except SinkError:  # a start says so
            return ()

    def preflight(self, *, estimated_bytes: int) -> Sequence[Issue]:
        try:
            nearest, is_there = Folder.nearest(self.delivery.root, self._place.steps)
            with nearest:
                obstacles = [*live_runs(nearest, self._place), *self._collisions(nearest)] if is_there else []
                # While shards are joined they are there twice, and so is what ends before its range does.
                is_joined = len(self.delivery.shards) > 1 or self.delivery.span.end == MAX_RECORDS
                needed = estimated_bytes * (2 if is_joined and not self.in_parts else 1)
                return [*obstacles, *room_obstacles(nearest, needed, wanted=self.delivery.root)]
        except SinkError as error:
            return [Issue(error.code, _AT, str(error))]

    def _collisions(self, target: Folder) -> Iterator[Issue]:
        """What is there already and may not be replaced."""
        return collisions(
            target,
            self._place,
            self._holdings(target),
            delivery=self.delivery,
            before_run=self.config.before_run,
            form=f"{self.format} {self.compression}",
        )

    def _holdings(self, target: Folder) -> Holdings:
        return holdings(target, self._place, self.delivery.owner)

    # The run.

    def prepare(self) -> None:
        with Folder.made(self.delivery.root, self._place.steps) as target:
            self._hold()
            failpoint("file.prepare.held")
            if is_shown(target, self._place):
                target.remove_folder(self._place.work_name)
                return
            with target.make(self._place.work_name) as work:
                hidden = Manifest.from_json(work.read(HIDDEN_MANIFEST))
                if hidden and is_intact(work, target, self._place, hidden):
                    return
                if hidden:  # what it names has been lost since, and is to be made again
                    work.remove(WHOLE)
                    work.sync()
                    work.remove(HIDDEN_MANIFEST)
                    work.sync()
                if work.read(PREPARED) is None:
                    self._take_over(work, target)

    def _take_over(self, work: Folder, target: Folder) -> None:
        """Claim the place, and remove what this run replaces, but for a single file: that stays until the new is whole.

        The old manifest is kept in the work folder until the end, so that at any time somebody knows whose the files
        are.
        """
        for issue in self._collisions(target):
            raise TerminalSinkError(issue.code, f"{issue.message}; {issue.hint}")
        work.replace_file(CLAIM, Claim(self.delivery.owner, self._part_names).to_json())
        failpoint("file.prepare.claimed")
        if self.in_parts and self.config.before_run is BeforeRun.REPLACE:
            if target.status(self._place.manifest_name) is not None:
                target.rename(self._place.manifest_name, REPLACED, to=work)
            failpoint("file.prepare.moved")
            owned = self._holdings(target)
            for name in self._place.shown_names(target):
                found = target.status(name)
                if found is not None and owned.hold(name, found):
                    target.remove(name)
                    failpoint("file.prepare.removed")
            target.sync()
            for name in owned.claims:
                if name != self._place.work_name:  # an earlier run without an end, whose parts are gone now
                    target.remove_folder(name)
        failpoint("file.prepare.done")
        work.replace_file(PREPARED, b"yes")

    def sink(self, shard: int) -> ShardWriter:
        return ShardWriter(
            number=shard,
            span=self.delivery.shards[shard],
            cuts=self.delivery.cuts,
            encoder=self.encoder,
            checksum=self.config.checksum,
            segment_at=self._segment_at,
            open_folders=self._open_folders,
        )

    def finalize(
        self, *, ends: Sequence[int] | None = None, on_progress: Callable[[], object] = lambda: None
    ) -> Sequence[Written]:
        place = self._place
        with Folder.at(self.delivery.root, place.steps) as target:
            self._hold()
            if not is_shown(target, place):
                with target.enter(place.work_name) as work:
                    self._show(work, target, self._spans(ends), once_a_second(on_progress))
            failpoint("file.finalize.done")
            target.remove_folder(place.work_name)
            if self._part_names is not None:
                remove_strays(target, place, self._part_names)
            target.sync()
            shown = Manifest.from_json(target.read(place.manifest_name))
            files = [file for file in shown.files if file.run_id == place.run_id] if shown else []
            return [Written(f"{target.shown}/{file.name}", file.records, file.bytes, file.checksum) for file in files]

    def _show(self, work: Folder, target: Folder, spans: Sequence[Span], on_progress: Callable[[], None]) -> None:
        manifest = Manifest.from_json(work.read(HIDDEN_MANIFEST)) or self._complete(work, target, spans, on_progress)
        if self.in_parts:
            show_parts(work, target, self._place, manifest)
        else:
            if work.size(WHOLE) == manifest.files[0].bytes:
                for issue in self._collisions(target):
                    raise TerminalSinkError(issue.code, f"{issue.message}; {issue.hint}, then resume the run")
            show_file(work, target, self._place, manifest)
        show_manifest(work, target, self._place, manifest, append=self.config.before_run is BeforeRun.APPEND)

    def _complete(
        self, work: Folder, target: Folder, spans: Sequence[Span], on_progress: Callable[[], None]
    ) -> Manifest:
        """Bring everything into its final form, hidden still, and say so in the hidden manifest."""
        completion = Completion(
            work=work,
            target=target,
            place=self._place,
            spans=spans,
            segment_at=self._segment_at,
            encoder=self.encoder,
            checksum=self.config.checksum,
            on_progress=on_progress,
        )
        names = self._part_names
        files = completion.whole_file(self.delivery.shards) if names is None else completion.parts(names)
        manifest = Manifest(
            owner=self.delivery.owner,
            run_id=self._place.run_id,
            spec_hash=self.delivery.spec_hash,
            format=str(self.format),
            compression=self.compression.value,
            files=tuple(files),
        )
        failpoint("file.finalize.manifest")
        work.replace_file(HIDDEN_MANIFEST, manifest.to_json())
        return manifest

    def _spans(self, ends: Sequence[int] | None) -> list[Span]:
        """The records that each shard has in the end."""
        shards = self.delivery.shards
        numbers = ends if ends is not None else [shard.end for shard in shards]
        return [Span(shard.start, end - shard.start) for shard, end in zip(shards, numbers, strict=True)]

    def abandon(self) -> None:
        nearest, is_there = Folder.nearest(self.delivery.root, self._place.steps)
        with nearest as target:
            if not is_there or target.status(self._place.work_name) is None:
                return
            self._hold()
            with target.enter(self._place.work_name) as work:
                undo_showing(work, target, self._place, owner=self.delivery.owner)
            target.remove_folder(self._place.work_name)
        self.close()

    def close(self) -> None:
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    # Names.

    @cached_property
    def _place(self) -> Place:
        return Place(self.path, self.in_parts, self.delivery.run_id)

    @cached_property
    def _part_names(self) -> PartNames | None:
        roll = self.delivery.cuts.roll
        if roll is None:
            return None
        appended = self.config.before_run is BeforeRun.APPEND
        prefix = f"p-{self.delivery.run_id}-" if appended else "p-"
        return PartNames(prefix, self.encoder.file_suffix, roll, self.delivery.span.start, self.delivery.span.end)

    def _segment_at(self, number: int) -> Segment:
        """The hidden file that holds a record."""
        if self._part_names is not None:
            span = self._part_names.span_at(number)
            name = self._part_names.name(span)
            return Segment(span, name, header=True, name=name)
        for index, shard in enumerate(self.delivery.shards):
            if shard.start <= number < shard.end or shard.count == 0:
                return Segment(shard, data_name(index), header=index == 0, name=None)
        raise ValueError(f"record {number} is in no shard")

    def _open_folders(self, shard: int) -> tuple[Folder, Folder] | int:
        """The work and the target folder; where the shard has ended, when the run is complete or waits to be shown."""
        place, span = self._place, self.delivery.shards[shard]
        target = Folder.at(self.delivery.root, place.steps)
        try:
            if is_shown(target, place):
                manifest = Manifest.from_json(target.read(place.manifest_name))
                reached = reached_in(manifest, place, span) if manifest else span.start
            else:
                work = target.enter(place.work_name)
                if work.read(HIDDEN_MANIFEST) is None and work.size(WHOLE) is None:
                    return work, target
                with work:
                    _, position = latest_position(work, shard=shard)
                    reached = position.reached if position else span.start
        except BaseException:
            target.close()
            raise
        target.close()
        return reached

    def _hold(self) -> None:
        """Keep other runs away from this place for as long as this process lives."""
        if self._lock is None:
            place = self._place
            self._lock = PlaceLock(self.delivery.root, place.steps, place.lock_name, place=self.path)
