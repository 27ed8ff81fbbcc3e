"""FILE: one file or a folder of parts below the output folder, each record exactly once."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from functools import cached_property
from typing import Any, cast

from pydantic import Field, create_model

from engine.batch import Batch
from engine.issues import Issue, Severity
from engine.span import MAX_RECORDS
from engine.template import Template
from sdg_project.failpoints import failpoint
from sdg_project.shapes import Params
from sinks.destinations.base import Delivery, Destination, Written, destinations
from sinks.encoding.base import Encoder, EncoderOptions, encoders
from sinks.encoding.compression import Compression
from sinks.enums import BeforeRun, Checksum, DeliveryGuarantee
from sinks.errors import SinkError, TerminalSinkError
from sinks.files.ending import described_parts, is_intact, is_shown, joined_file, show_file, show_manifest, undo_showing
from sinks.files.folder import Folder
from sinks.files.lock import PlaceLock
from sinks.files.manifest import Manifest
from sinks.files.obstacles import collisions, live_runs, room_obstacles
from sinks.files.parts import PartNames
from sinks.files.paths import path_problem
from sinks.files.place import CLAIM, HIDDEN_MANIFEST, PREPARED, REPLACED, Claim, Holdings, Place, holdings
from sinks.files.segment import Segment, data_name, part_name
from sinks.files.shard import ShardWriter

_AT = "/destination/config/path"
_NAMES = ("generatorName", "runId", "startedAt")
_ROLLS = ("roll_records", "roll_bytes", "roll_seconds")
MAX_PARTS = 10_000
MANY_PARTS = 1_000
"""More parts than this are a warning: each is a file to make durable, and an entry of the manifest."""
_SUFFIXES = {".jsonl": "JSONL", ".ndjson": "JSONL", ".csv": "CSV", ".parquet": "PARQUET", ".avro": "AVRO"}
_COMPRESSIONS = {".gz": Compression.GZIP, ".zst": Compression.ZSTD}


class FileKeys(Params):
    """What every file has, whatever its format."""

    path: str = Field(
        min_length=1,
        max_length=1000,
        description="Path below the output folder; ${generatorName}, ${runId} and ${startedAt} are filled in.",
        examples=["shop/orders.jsonl"],
    )
    format: str | None = Field(default=None, description="JSONL, CSV, PARQUET or AVRO; else by the path's suffix.")
    compression: Compression | None = Field(
        default=None,
        description="NONE, GZIP or ZSTD; else by the suffix .gz, .zst. Not every reader of Avro knows ZSTD.",
    )
    checksum: Checksum = Field(default=Checksum.XXH128, description="Checksum of each file in the manifest.")
    before_run: BeforeRun = Field(
        default=BeforeRun.REPLACE,
        description="REPLACE what an earlier run of the same owner wrote, FAIL if it is there, APPEND parts to it.",
    )
    roll_records: int | None = Field(
        default=None,
        ge=1,
        description="Records of a part, exactly; path is then a folder. More than 10,000 parts are refused.",
    )
    roll_bytes: int | None = Field(default=None, ge=1, description="Bytes of a part, turned into records at start.")
    roll_seconds: int | None = Field(default=None, ge=1, description="Planned seconds of a part, turned into records.")


FileConfig: Any = cast(Any, create_model)(  # its bases are known when it is made, and not before
    "FileConfig",
    __base__=(FileKeys, *(kind.Options for kind in encoders.values() if kind.Options is not EncoderOptions)),
    __doc__="The config of a FILE destination: what every file has, and the dialects of the formats.",
)


def format_of(path: str) -> tuple[str | None, Compression]:
    """The format and the compression that a file name's suffixes stand for."""
    stem, suffix = os.path.splitext(path)
    compression = _COMPRESSIONS.get(suffix.lower(), Compression.NONE)
    if compression is not Compression.NONE:
        suffix = os.path.splitext(stem)[1]
    return _SUFFIXES.get(suffix.lower()), compression


@destinations.register("FILE")
class FileDestination(Destination[Any]):
    """The files of one run: hidden in a work folder until they are complete."""

    Config = FileConfig
    guarantee = DeliveryGuarantee.EXACTLY_ONCE

    def __init__(self, config: Any, delivery: Delivery) -> None:
        super().__init__(config, delivery)
        self._lock: PlaceLock | None = None

    # What the config means.

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
        return [*self._path_issues(), *self._format_issues(), *self._part_issues()]

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
        yield from self._suffix_issues()
        own = set(encoders[self.format].Options.model_fields)
        for name in sorted(self.config.model_fields_set - set(FileKeys.model_fields) - own):
            alias = type(self.config).model_fields[name].alias or name
            at = f"/destination/config/{alias}"
            yield Issue("PROPERTY_NOT_ALLOWED", at, f'"{alias}" does not apply to {self.format}', f'remove "{alias}"')
        for problem in encoders[self.format].check(self.delivery.schema):
            yield problem.as_issue()

    def _suffix_issues(self) -> Iterator[Issue]:
        format_name, compression = format_of(self.config.path)
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
            yield Issue("INVALID_VALUE", "/destination/config/beforeRun", message, "set rollRecords, or choose REPLACE")

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

    def preflight(self, *, estimated_bytes: int) -> Sequence[Issue]:
        try:
            nearest, is_there = Folder.nearest(self.delivery.root, self._place.steps)
            with nearest:
                obstacles = [*live_runs(nearest, self._place), *self._collisions(nearest)] if is_there else []
                # While shards are joined they are there twice.
                needed = estimated_bytes * (1 if self.in_parts or len(self.delivery.shards) == 1 else 2)
                return [*obstacles, *room_obstacles(nearest, needed)]
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
                if hidden and is_intact(work, target, hidden, segment=self._segment_at(0)):
                    return
                if hidden:  # what it names has been lost since, and is to be made again
                    work.remove(HIDDEN_MANIFEST)
                    work.sync()
                if work.read(PREPARED) is None:
                    self._take_over(work, target)
                elif work.read(CLAIM) != self._claim:  # the run has got an earlier end, and with it another last part
                    work.replace_file(CLAIM, self._claim)

    def _take_over(self, work: Folder, target: Folder) -> None:
        """Claim the place, and remove what this run replaces, but for a single file: that stays until the new is whole.

        The old manifest is kept in the work folder until the end, so that at any time somebody knows whose the files
        are.
        """
        for issue in self._collisions(target):
            raise TerminalSinkError(issue.code, f"{issue.message}; {issue.hint}")
        work.replace_file(CLAIM, self._claim)
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

    def finalize(self) -> Sequence[Written]:
        place = self._place
        with Folder.at(self.delivery.root, place.steps) as target:
            self._hold()
            if not is_shown(target, place):
                with target.enter(place.work_name) as work:
                    self._show(work, target)
            failpoint("file.finalize.done")
            target.remove_folder(place.work_name)
            target.sync()
            shown = Manifest.from_json(target.read(place.manifest_name))
            files = [file for file in shown.files if file.run_id == place.run_id] if shown else []
            return [Written(f"{target.shown}/{file.name}", file.records, file.bytes, file.checksum) for file in files]

    def _show(self, work: Folder, target: Folder) -> None:
        manifest = Manifest.from_json(work.read(HIDDEN_MANIFEST)) or self._complete(work, target)
        segment = self._segment_at(0)
        if not self.in_parts:
            if work.size(segment.hidden) == manifest.files[0].bytes:
                for issue in self._collisions(target):
                    raise TerminalSinkError(issue.code, f"{issue.message}; {issue.hint}, then resume the run")
            show_file(work, target, self._place, segment, manifest)
        show_manifest(work, target, self._place, manifest, append=self.config.before_run is BeforeRun.APPEND)

    def _complete(self, work: Folder, target: Folder) -> Manifest:
        """Bring everything into its final form, hidden still, and say so in the hidden manifest."""
        shards = self.delivery.shards
        if self._part_names is not None:
            run_id, checksum = self._place.run_id, self.config.checksum
            files = described_parts(work, target, self._part_names, shards, checksum=checksum, run_id=run_id)
        else:
            segments = [self._segment_at(shard.start) for shard in shards]
            file = joined_file(work, segments, self.encoder, checksum=self.config.checksum)
            files = [replace(file, name=self._place.file_name, run_id=self._place.run_id)]
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

    def abandon(self) -> None:
        nearest, is_there = Folder.nearest(self.delivery.root, self._place.steps)
        with nearest as target:
            if not is_there or target.status(self._place.work_name) is None:
                return
            self._hold()
            with target.enter(self._place.work_name) as work:
                undo_showing(work, target, self._place, self._segment_at(0), owner=self.delivery.owner)
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

    @property
    def _claim(self) -> bytes:
        return Claim(self.delivery.owner, self._part_names).to_json()

    @cached_property
    def _part_names(self) -> PartNames | None:
        roll = self.delivery.cuts.roll
        if roll is None:
            return None
        appended = self.config.before_run is BeforeRun.APPEND
        prefix = f"p-{self.delivery.run_id}-" if appended else "p-"
        return PartNames(prefix, self.encoder.file_suffix, roll, self.delivery.records)

    def _segment_at(self, number: int) -> Segment:
        """The hidden file that holds a record."""
        if self._part_names is not None:
            span = self._part_names.span_at(number)
            name = self._part_names.name(span)
            return Segment(span, part_name(span.start), header=True, name=name)
        for index, shard in enumerate(self.delivery.shards):
            if shard.start <= number < shard.end or shard.count == 0:
                return Segment(shard, data_name(index), header=index == 0, name=None)
        raise ValueError(f"record {number} is in no shard")

    def _open_folders(self) -> tuple[Folder, Folder] | None:
        """The work and the target folder; None when the run is complete, or only waits to be shown."""
        target = Folder.at(self.delivery.root, self._place.steps)
        try:
            if target.status(self._place.work_name) is not None or not is_shown(target, self._place):
                work = target.enter(self._place.work_name)
                if work.read(HIDDEN_MANIFEST) is None:
                    return work, target
                work.close()
        except BaseException:
            target.close()
            raise
        target.close()
        return None

    def _hold(self) -> None:
        """Keep other runs away from this place for as long as this process lives."""
        if self._lock is None:
            place = self._place
            self._lock = PlaceLock(self.delivery.root, place.steps, place.lock_name, place=self.path)
