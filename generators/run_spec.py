"""The frozen spec of a run: everything its records, its cuts and its place depend on, as one JSON document."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

from engine.cuts import Cuts, TimedCuts
from engine.schedule import Schedule
from engine.span import MAX_RECORDS
from engine.version import ENGINE_VERSION
from generators.enums import EndReason
from generators.facts import RunFacts
from sdg_project.errors import Conflict
from sinks.servers import ServerPin


@dataclass(frozen=True, slots=True)
class PoolPin:
    """The version of a pool that a run uses, whatever becomes of the pool."""

    version: int
    content_hash: str
    weight_column: str | None = None


@dataclass(frozen=True, slots=True)
class RunSpec:
    """What a run is made from.

    `record_count` is how many records it makes, from `first_record` on, None while only time or a person ends it;
    `asked_count` how many there would be from record 0 on, which the clock counts back from; `written_count` how many
    must be written where those that cannot be made do not count, and `most_records` how many may be tried for that.
    """

    document: Mapping[str, Any]
    seed: int
    started_at: str
    started_at_given: bool
    record_count: int | None
    asked_count: int | None
    end_reason: str
    entropy: str
    earlier_records: int
    pools: Mapping[str, PoolPin]
    frame: int
    roll: int | None
    batch_size: int | None
    workers: int
    root: str
    owner: str
    overwrite: bool
    first_record: int = 0
    written_count: int | None = None
    most_records: int = MAX_RECORDS
    paced: bool = False
    """Whether records are due at certain times, by which the run is cut then."""
    timed: bool = False
    """Whether something depends on the running time: `Run.active_seconds` is then kept by the run's one writer."""
    server: ServerPin | None = None
    """Where the destination's server is, if it has one."""
    guarantee: str = ""
    """How often each record will be at the destination, as its preflight has found."""
    continues: bool = False
    """Whether records depend on how many numbers earlier runs have used."""
    engine_version: str = ENGINE_VERSION

    @property
    def counts_written(self) -> bool:
        """Whether the run is over when so many records are written, and nothing else has ended it yet."""
        return self.written_count is not None and self.end_reason == EndReason.RECORD_COUNT

    @property
    def range_count(self) -> int:
        """How many records the run may come to make, at most."""
        if self.written_count is not None:
            return self.most_records
        return MAX_RECORDS if self.record_count is None else self.record_count

    def to_json(self) -> dict[str, Any]:
        """The spec as JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> RunSpec:
        """The inverse of `to_json`; raises Conflict when another version's spec is not understood."""
        try:
            spec = cls(**document)
            pools = {name: PoolPin(**pin) for name, pin in spec.pools.items()}  # type: ignore[arg-type]
            server = None if spec.server is None else ServerPin(**spec.server)  # type: ignore[arg-type]
            return replace(spec, pools=pools, server=server)
        except TypeError as error:
            message = f"the run was started by another version of sdg (engine {document.get('engine_version')})"
            raise Conflict("SPEC_VERSION", message, hint="continue it there, or start a new run") from error

    def cuts(self, schedule: Schedule | None) -> Cuts:
        """Where the run is cut; the schedule is that of its plan."""
        if schedule is None:
            return Cuts(self.frame, self.roll)
        return TimedCuts(self.frame, self.roll, planned=schedule)

    def facts(self, run_id: str) -> RunFacts:
        """The facts that the records may depend on."""
        return RunFacts(
            seed=self.seed,
            started_at=datetime.fromisoformat(self.started_at),
            started_at_given=self.started_at_given,
            record_count=self.asked_count,
            run_id=run_id,
            entropy=self.entropy,
            earlier_records=self.earlier_records,
        )
