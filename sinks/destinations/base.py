"""What a destination is: a place for one run's records, written by one sink per shard."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from fractions import Fraction
from typing import Any, ClassVar, Generic, NamedTuple, TypeVar

from pydantic import Field

from engine.batch import Batch
from engine.cuts import Cuts
from engine.issues import Issue
from engine.schema import RecordSchema
from engine.span import Span
from sdg_project.registry import Kind, Registry
from sdg_project.shapes import Params
from sinks.connections.base import ConnectionKind
from sinks.enums import DeliveryGuarantee, OnRegression

C = TypeVar("C", bound="DestinationConfig")


@dataclass(frozen=True, slots=True)
class Delivery:
    """What a destination knows of the run that it serves; the same in every process and for as long as there is a run.

    `owner` names who may replace what the run writes: the same generator, or the same command line. `shards` are the
    ranges of record numbers that its shards may write at most, one behind the other. A run whose end is not known has
    one that goes on to `MAX_RECORDS`; where a shard has ended before its range does is said to `Destination.finalize`.
    """

    run_id: str
    owner: str
    generator_name: str
    started_at: datetime
    schema: RecordSchema
    spec_hash: str
    cuts: Cuts
    shards: tuple[Span, ...]
    root: str
    """Folder below which files lie."""
    overwrite: bool = False
    """Replace a file that somebody else wrote, too: asked for on the command line."""
    overwrite_hint: str | None = None
    """What asks for that, where it can be asked for."""
    account: Callable[[int], int] | None = field(default=None, compare=False)
    """Where a shard stands by the run's own account, which lags behind its destination: for a destination that has no
    room for positions."""
    connect: Callable[[], ConnectionKind[Any]] | None = field(default=None, compare=False)
    """The server as it is now, with its secrets, which are read anew each time; None where there is none to be reached,
    as in a question that needs no run. Raises TerminalSinkError when it is not the one that the run started with."""

    @property
    def span(self) -> Span:
        """The record numbers that the run has at most."""
        return Span(self.shards[0].start, self.shards[-1].end - self.shards[0].start)


@dataclass(frozen=True, slots=True)
class Written:
    """One thing that a run has left at its destination, as the report names it: a file, a table, a topic."""

    path: str
    records: int
    bytes: int
    checksum: str | None

    def as_json(self) -> dict[str, Any]:
        """As the row of a run keeps it."""
        return asdict(self)


class Refused(NamedTuple):
    """A record that the destination does not take, and why; `field` is empty when it is not known."""

    record_number: int
    field: str
    code: str
    message: str


class Sink(ABC):
    """The writer of one shard: `open`, then `write` and `commit` in turns, then `end` if the shard comes to its end.

    A shard may also rest behind any record, by `end`. It goes on from where `go_on_from` says.

    Calls end by themselves: within the time-outs of `sinks.time_limits` where there is a server. `commit` and `end`
    raise RecordInvalid for the first record that the destination does not take, after all before it have been made
    durable with the position at that record; unless `refuse` is there to be told.
    """

    commits_anywhere: ClassVar[bool] = False
    """Whether a commit may come behind any record, and not at frame borders only."""
    commits_every_frame: ClassVar[bool] = False
    """Whether a commit comes at every frame border, however fast they follow each other."""
    refuse: Callable[[Sequence[Refused]], None] | None = None
    """Whom to tell of records that the destination does not take, before the others become durable: the run goes on
    without them. Whoever drives the sink sets it; a record may be told of again after a crash."""

    @abstractmethod
    def open(self, epoch: int) -> int:
        """Shut out earlier owners of the shard, and say which record is next by the destination's own account.

        Raises Fenced when a later owner is there already.
        """

    @abstractmethod
    def write(self, batch: Batch) -> None:
        """Take records, in order; they may be held back until `commit` or `end`."""

    @abstractmethod
    def commit(self, next_record: int) -> None:
        """Make all records before `next_record` durable together with the position. Called at frame borders only,
        unless `commits_anywhere`.
        """

    @abstractmethod
    def end(self, next_record: int) -> None:
        """Like `commit`, but behind any record: the shard ends or rests here, and `open` will say so. May be repeated.

        Who ends a shard has written down before that it ends here, so that nobody lets it end elsewhere.
        """

    @abstractmethod
    def go_on_from(self, next_record: int) -> int:
        """Which record to write next instead of the one that `open` has said, or that is next anyway.

        That is an earlier one when the shard has rested between two frame borders: what is behind the first of them is
        then made again, so that its frame is the one of a run that has never rested. Until the next commit `open` still
        says where it has rested.
        """

    @property
    @abstractmethod
    def bytes_written(self) -> int:
        """How many bytes the shard has at the destination, as far as this sink has written or found them."""

    @abstractmethod
    def close(self) -> None:
        """Let go of resources; what was not committed is not kept."""


class DestinationConfig(Params):
    """What the config of every destination has."""

    on_regression: OnRegression = Field(
        default=OnRegression.REGENERATE,
        description="REGENERATE what the destination has lost of a run, or STOP: pause the run with DEST_REGRESSED.",
    )


class Destination(Kind, ABC, Generic[C]):
    """A kind of destination, for one run.

    One with a server says so by `connects_to`; then `Config` has only what belongs to the generator, and
    ``Delivery.connect`` leads to the server, whether a stored connection is named or the details stand beside the
    config's own properties.
    """

    Config: ClassVar[type[DestinationConfig]]
    connects_to: ClassVar[str | None] = None
    """The type of connection that it writes over; None for one without a server."""
    leaves_files: ClassVar[bool] = False
    """Whether what it has written are files of this machine."""
    takes_back: ClassVar[bool] = False
    """Whether `finalize` can leave out what stands behind a gap, when a run is stopped and its shards end at `ends`."""

    def __init__(self, config: C, delivery: Delivery) -> None:
        self.config = config
        self.delivery = delivery

    @staticmethod
    @abstractmethod
    def guarantee(config: C) -> DeliveryGuarantee:
        """How often each record is at the destination, at best."""

    @property
    def achieved_guarantee(self) -> DeliveryGuarantee:
        """The same as preflight has found it to be possible."""
        return self.guarantee(self.config)

    @staticmethod
    @abstractmethod
    def target(config: C) -> str:
        """What people call the place: a path, a table, a topic."""

    @staticmethod
    def is_shared(config: C) -> bool:  # noqa: ARG004  # most depend on the config
        """Whether several live runs may write to the place."""
        return False

    @staticmethod
    def one_shard_because(config: C) -> str | None:  # noqa: ARG004
        """Why only one shard can write there; None when that is not so."""
        return None

    @abstractmethod
    def check(self) -> Sequence[Issue]:
        """What does not fit between the config and the records, without looking at the world.

        The paths of the issues begin below the definition: ``/destination/config/path``.
        """

    def collisions(self) -> Sequence[Issue]:
        """What is there already and may not be replaced, as far as that can be seen without calling anybody."""
        return ()

    @abstractmethod
    def preflight(self, *, estimated_bytes: int) -> Sequence[Issue]:
        """What stands against starting now: no room, no right, something in the way. Changes nothing.

        A server is asked within `sinks.time_limits.PREFLIGHT_SECONDS`. Warnings do not stand against it.
        """

    @abstractmethod
    def prepare(self) -> None:
        """Get the place ready, once per run and before its first shard; may be repeated after a crash."""

    @abstractmethod
    def sink(self, shard: int) -> Sink:
        """The writer of one shard, by its number."""

    @abstractmethod
    def finalize(
        self, *, ends: Sequence[int] | None = None, on_progress: Callable[[], object] = lambda: None
    ) -> Sequence[Written]:
        """Bring the shards together and show them, once nobody is to write any more; may be repeated after a crash.

        `ends` are the numbers behind the last record of each shard, as its sink has told them when it was last opened
        (which also shuts out whoever still writes); None when all ranges are written to their ends. Raises
        TerminalSinkError when the destination has not got exactly these records. `on_progress` is called again and
        again while it takes long, and may raise to break off.
        """

    def close(self) -> None:  # most have nothing to let go of
        """Let go of what keeps other runs away from the place."""

    @staticmethod
    def roll_of(config: C, *, bytes_per_record: float, step_ms: Fraction | int) -> int | None:  # noqa: ARG004
        """How many records a part has, when the config asks for parts; `step_ms` lies between two records."""
        return None

    @staticmethod
    def part_issues(config: C, *, parts: int) -> Sequence[Issue]:  # noqa: ARG004
        """What is wrong with so many parts."""
        return ()

    @abstractmethod
    def encoded_bytes(self, batch: Batch) -> int:
        """How many bytes some records take at the destination; for estimates."""

    @abstractmethod
    def abandon(self) -> None:
        """Remove what the run has left hidden without coming to its end; it can then no longer be continued."""


destinations: Registry[Destination[Any]] = Registry("destination", "sinks.destinations")
