"""FILE: one file or a folder of parts below the output folder, each record exactly once."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import re
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any

from pydantic import Field, create_model

from engine.batch import Batch
from engine.issues import Issue
from engine.span import Span
from engine.template import Template
from sdg_project.failpoints import failpoint
from sdg_project.shapes import Params
from sinks.destinations.base import Delivery, Destination, Written, destinations
from sinks.encoding.base import Encoder, EncoderOptions, encoders
from sinks.encoding.compression import Compression
from sinks.enums import BeforeRun, Checksum, DeliveryGuarantee
from sinks.errors import SinkError, TerminalSinkError
from sinks.files.folder import Folder, path_problem, translated, write_all
from sinks.files.manifest import Manifest, WrittenFile, describe
from sinks.files.shard import Segment, ShardWriter, final_position, read_frames

_COPY_BYTES = 2**24
_NAMES = ("generatorName", "runId", "startedAt")
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
        default=None, description="NONE, GZIP or ZSTD; else by the suffix .gz, .zst."
    )
    checksum: Checksum = Field(default=Checksum.XXH128, description="Checksum of each file in the manifest.")
    before_run: BeforeRun = Field(
        default=BeforeRun.REPLACE,
        description="REPLACE what an earlier run of the same owner wrote, FAIL if it is there, APPEND parts to it.",
    )
    roll_records: int | None = Field(default=None, ge=1, description="Records of a part; path is then a folder.")
    roll_bytes: int | None = Field(default=None, ge=1, description="Bytes of a part, turned into records at start.")
    roll_seconds: int | None = Field(default=None, ge=1, description="Planned seconds of a part, turned into records.")


FileConfig: Any = create_model(
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
        self._lock: int | None = None

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
        at = "/destination/config/path"
        try:
            unknown = [name for name in Template.parse(self.config.path).names if name not in _NAMES]
        except ValueError as error:
            yield Issue("INVALID_VALUE", at, str(error))
            return
        for name in unknown:
            yield Issue("UNKNOWN_FIELD", at, f"${{{name}}} has no value here", f"accepted are {', '.join(_NAMES)}")
        if not unknown and (problem := path_problem(self.path)):
            yield Issue("INVALID_VALUE", at, f"the path {problem}")

    def _format_issues(self) -> Iterator[Issue]:
        if self.format is None:
            message = f'the suffix of "{self.config.path}" does not tell the format'
            yield Issue("MISSING_PARAM", "/destination/config/format", message, f"accepted are {', '.join(encoders)}")
            return
        if self.format not in encoders:
            message = f'there is no format "{self.format}"'
            yield Issue("INVALID_VALUE", "/destination/config/format", message, f"accepted are {', '.join(encoders)}")
            return
        own = set(encoders[self.format].Options.model_fields)
        for name in sorted(self.config.model_fields_set - set(FileKeys.model_fields) - own):
            alias = type(self.config).model_fields[name].alias or name
            at = f"/destination/config/{alias}"
            yield Issue("PROPERTY_NOT_ALLOWED", at, f'"{alias}" does not apply to {self.format}', f'remove "{alias}"')
        for problem in encoders[self.format].check(self.delivery.schema):
            at = "/destination/config/format"
            yield Issue(problem.code, at, problem.message, problem.hint, problem.column)

    def _part_issues(self) -> Iterator[Issue]:
        rolls = [name for name in ("roll_records", "roll_bytes", "roll_seconds") if getattr(self.config, name)]
        for name in rolls[1:]:
            alias = type(self.config).model_fields[name].alias
            message = "only one of rollRecords, rollBytes and rollSeconds can be given"
            yield Issue("PROPERTY_NOT_ALLOWED", f"/destination/config/{alias}", message)
        if self.config.before_run is BeforeRun.APPEND and not rolls:
            message = "APPEND adds parts to a folder, and one file has none"
            yield Issue("INVALID_VALUE", "/destination/config/beforeRun", message, "set rollRecords, or choose REPLACE")

    @staticmethod
    def roll_of(config: Any, *, bytes_per_record: float, step_ms: int) -> int | None:
        """How many records a part has; None for one file."""
        if config.roll_bytes:
            return max(1, int(config.roll_bytes / bytes_per_record))
        if config.roll_seconds:
            return max(1, config.roll_seconds * 1000 // step_ms) if step_ms else None
        roll: int | None = config.roll_records
        return roll

    def encoded_bytes(self, batch: Batch) -> int:
        """How many bytes some records take in this format."""
        return len(self.encoder.frame(batch).payload)

    # What stands in the way.

    def preflight(self, *, estimated_bytes: int) -> Sequence[Issue]:
        try:
            with self._target_folder() as target:
                return [*self._collisions(target), *self._room(target, estimated_bytes)]
        except SinkError as error:
            return [Issue(error.code, "/destination/config/path", str(error))]

    def _room(self, target: Folder, estimated_bytes: int) -> Iterator[Issue]:
        at = "/destination/config/path"
        if not target.writable():
            yield Issue("DEST_UNAVAILABLE", at, f"no right to write to {target.shown}")
        needed = estimated_bytes * (1 if self.in_parts or len(self.delivery.shards) == 1 else 2)
        free = target.free_bytes()
        if needed > free:
            message = f"about {needed:,} bytes are needed, {free:,} are free at {target.shown}"
            yield Issue("DEST_FULL", at, message, "free some room, or ask for fewer records")

    def _collisions(self, target: Folder) -> Iterator[Issue]:
        """What is there already and may not be replaced."""
        at = "/destination/config/path"
        names = self._foreign(target)
        shown = f"{target.shown}/{names[0]}" if names else ""
        if names and not (self.delivery.overwrite and not self.in_parts):
            message = f"{shown} was not written by this {self.delivery.owner.partition(':')[0]}"
            yield Issue("RERUN_WOULD_COLLIDE", at, message, self.delivery.overwrite_hint)
        own = self._own(target)
        if own and self.config.before_run is BeforeRun.FAIL:
            message = f"an earlier run has written {target.shown}/{own.files[0].name if own.files else ''}"
            yield Issue("RERUN_WOULD_COLLIDE", at, message, "beforeRun accepts REPLACE, FAIL and, for parts, APPEND")
        for name in target.names():
            if name.startswith(self._work_prefix) and name != self._work_name and _is_locked(target, name):
                yield Issue(
                    "RERUN_WOULD_COLLIDE", at, f"another run is writing {self.path} now", "wait until it has ended"
                )

    def _own(self, target: Folder) -> Manifest | None:
        """What is there and belongs to our owner."""
        manifest = Manifest.from_json(target.read(self._manifest_name))
        if manifest is None:  # perhaps a run ended between showing its file and its manifest
            for name in target.names():
                if name.startswith(self._work_prefix):
                    with target.enter(name, create=False) as work:
                        manifest = manifest or Manifest.from_json(work.read("manifest"))
        return manifest if manifest and manifest.owner == self.delivery.owner else None

    def _foreign(self, target: Folder) -> list[str]:
        own = self._own(target)
        ours = {file.name: file.bytes for file in own.files} if own else {}
        if self.in_parts:
            shown = [name for name in target.names() if not name.startswith(".") and name != self._manifest_name]
            parts = self._parts_of_own_runs(target)
            return [name for name in shown if name not in ours and name not in parts]
        found = target.status(self._file_name)
        if found is None or ours.get(self._file_name) == found.st_size:
            return []
        return [self._file_name]

    def _parts_of_own_runs(self, target: Folder) -> set[str]:
        """Parts that runs of our owner have shown without coming to their end."""
        names: set[str] = set()
        for name in target.names():
            if name.startswith(self._work_prefix):
                with target.enter(name, create=False) as work:
                    claim = json.loads(work.read("claim") or b"{}")
                if claim.get("owner") == self.delivery.owner:
                    pattern = re.compile(claim["parts"])
                    names |= {part for part in target.names() if pattern.fullmatch(part)}
        return names

    # The run.

    def prepare(self) -> None:
        with self._target_folder() as target, target.enter(self._work_name) as work:
            self._hold(work)
            if work.read("prepared") is not None:
                return
            if self.in_parts and self.config.before_run is not BeforeRun.APPEND:
                stale = self._own(target)
                names = {file.name for file in stale.files} if stale else set()
                names |= self._parts_of_own_runs(target)
                target.remove(self._manifest_name)
                target.sync()
                for name in names:
                    target.remove(name)
            failpoint("file.prepare")
            claim = {"owner": self.delivery.owner, "parts": self._part_pattern}
            work.replace_file("claim", json.dumps(claim).encode())
            work.replace_file("prepared", b"yes")

    def sink(self, shard: int) -> ShardWriter:
        return ShardWriter(
            number=shard,
            span=self.delivery.shards[shard],
            cuts=self.delivery.cuts,
            encoder=self.encoder,
            segment_at=self._segment_at,
            open_folders=self._open_folders,
        )

    def finalize(self) -> Sequence[Written]:
        with self._target_folder() as target:
            if target.status(self._work_name) is not None:
                with target.enter(self._work_name) as work:
                    manifest = Manifest.from_json(work.read("manifest")) or self._complete(work, target)
                    self._show(work, target, manifest)
                target.remove_folder(self._work_name)
                target.sync()
            shown = Manifest.from_json(target.read(self._manifest_name))
        if shown is None or shown.run_id != self.delivery.run_id:
            raise TerminalSinkError("DEST_REGRESSED", f"{self.path} no longer holds what this run wrote")
        own = [file for file in shown.files if not self.in_parts or re.fullmatch(self._part_pattern, file.name)]
        return [Written(f"{target.shown}/{file.name}", file.records, file.bytes, file.checksum) for file in own]

    def abandon(self) -> None:
        with self._target_folder() as target:
            target.remove_folder(self._work_name)

    def close(self) -> None:
        """Let other runs write to this place."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _complete(self, work: Folder, target: Folder) -> Manifest:
        """Bring everything into its final form, hidden still, and say so in the hidden manifest."""
        files = self._described_parts(target) if self.in_parts else [self._joined(work)]
        earlier = self._own(target) if self.config.before_run is BeforeRun.APPEND else None
        manifest = Manifest(
            owner=self.delivery.owner,
            run_id=self.delivery.run_id,
            spec_hash=self.delivery.spec_hash,
            format=str(self.format),
            compression=self.compression.value,
            files=(*(earlier.files if earlier else ()), *files),
        )
        failpoint("file.finalize.manifest")
        work.replace_file("manifest", manifest.to_json())
        return manifest

    def _joined(self, work: Folder) -> WrittenFile:
        """All shards behind each other in the file of the first, under the footer."""
        segments = [self._segment_at(shard.start) for shard in self.delivery.shards]
        lengths = [final_position(work, number).offset for number in range(len(segments))]
        descriptor = work.open(segments[0].hidden, os.O_RDWR | os.O_CREAT)
        try:
            with translated(work.shown):
                place = lengths[0]
                for segment, length in zip(segments[1:], lengths[1:], strict=True):
                    _copy(work, segment.hidden, descriptor, length, place)
                    failpoint("file.finalize.join")
                    place += length
                footer = self.encoder.footer(list(read_frames(work, segments, self.encoder)))
                write_all(descriptor, footer, place)
                os.ftruncate(descriptor, place + len(footer))
                os.fsync(descriptor)
        finally:
            os.close(descriptor)
        return describe(
            work,
            segments[0].hidden,
            records=self.delivery.records,
            checksum=self.config.checksum,
            shown=self._file_name,
        )

    def _described_parts(self, target: Folder) -> list[WrittenFile]:
        spans = list(self.delivery.cuts.parts(Span(0, self.delivery.records)))
        names = [self._part_name(span) for span in spans]
        return [
            describe(target, name, records=span.count, checksum=self.config.checksum)
            for name, span in zip(names, spans, strict=True)
        ]

    def _show(self, work: Folder, target: Folder, manifest: Manifest) -> None:
        """Give the finished file its name, and then the manifest: it never names what is not there."""
        hidden = self._segment_at(0).hidden
        if not self.in_parts and work.status(hidden) is not None:
            if self._foreign(target) and not self.delivery.overwrite:
                message = f"{target.shown}/{self._file_name} has appeared, and this run did not write it"
                raise TerminalSinkError("RERUN_WOULD_COLLIDE", f"{message}; move it away, then resume the run")
            target.remove(self._manifest_name)
            target.sync()
            failpoint("file.finalize.show")
            work.rename(hidden, self._file_name, to=target)
        failpoint("file.finalize.shown")
        target.replace_file(self._manifest_name, manifest.to_json())
        failpoint("file.finalize.done")

    # Names.

    @property
    def _steps(self) -> list[str]:
        steps = self.path.split("/")
        return steps if self.in_parts else steps[:-1]

    @property
    def _file_name(self) -> str:
        return self.path.split("/")[-1]

    @property
    def _manifest_name(self) -> str:
        return "manifest.json" if self.in_parts else f"{self._file_name}.manifest.json"

    @property
    def _work_prefix(self) -> str:
        return ".sdg-" if self.in_parts else f".{self._file_name}.sdg-"

    @property
    def _work_name(self) -> str:
        return f"{self._work_prefix}{self.delivery.run_id}"

    @property
    def _part_prefix(self) -> str:
        appended = self.config.before_run is BeforeRun.APPEND
        return f"p-{self.delivery.run_id[:8]}-" if appended else "p-"

    @property
    def _part_pattern(self) -> str:
        return rf"{re.escape(self._part_prefix)}\d+-\d+{re.escape(self.encoder.file_suffix)}"

    def _part_name(self, span: Span) -> str:
        return f"{self._part_prefix}{span.start:013d}-{span.end:013d}{self.encoder.file_suffix}"

    def _segment_at(self, number: int) -> Segment:
        """The hidden file that holds a record."""
        roll = self.delivery.cuts.roll
        if roll is not None:
            start = number // roll * roll
            span = Span(start, min(roll, self.delivery.records - start))
            name = self._part_name(span)
            return Segment(span, name, header=True, name=name)
        for index, shard in enumerate(self.delivery.shards):
            if shard.start <= number < shard.end:
                return Segment(shard, f"shard-{index}.data", header=index == 0, name=None)
        raise ValueError(f"record {number} is in no shard")

    def _target_folder(self) -> Folder:
        return Folder.at(self.delivery.root, self._steps)

    def _open_folders(self) -> tuple[Folder, Folder]:
        target = self._target_folder()
        return target.enter(self._work_name, create=False), target

    def _hold(self, work: Folder) -> None:
        """Keep other runs away from this place for as long as this process lives."""
        if self._lock is None:
            self._lock = work.open("lock", os.O_RDWR | os.O_CREAT)
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _is_locked(target: Folder, name: str) -> bool:
    with target.enter(name, create=False) as work:
        if work.status("lock") is None:
            return False
        descriptor = work.open("lock", os.O_RDWR)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(descriptor)
    return False


def _copy(work: Folder, name: str, target: int, length: int, place: int) -> None:
    """Append a shard to the joined file inside the kernel, at an absolute offset."""
    source = work.open(name, os.O_RDONLY)
    try:
        done = 0
        while done < length:
            count = _copy_some(source, target, min(_COPY_BYTES, length - done), done, place + done)
            if count == 0:
                raise TerminalSinkError("DEST_REGRESSED", f"{work.shown}/{name} is shorter than it was")
            done += count
    finally:
        os.close(source)


def _copy_some(source: int, target: int, count: int, start: int, place: int) -> int:
    """One step of a copy: in the kernel, or through memory where the file system cannot."""
    try:
        return os.copy_file_range(source, target, count, start, place)
    except OSError as error:
        if error.errno not in {errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP}:
            raise
    block = os.pread(source, count, start)
    write_all(target, block, place)
    return len(block)
