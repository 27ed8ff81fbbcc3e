"""Shards written in tests without Django, to the end, by a clock that ticks at each look at it."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeVar

from engine.span import Span
from generators.plan import Plan
from generators.runs.runner import Progress, Watch, finish, run_slice
from generators.runs.salvage import Salvage
from sdg_project.failpoints import set_failpoints
from sinks.destinations.base import Destination, Sink, Written
from sinks.errors import SinkError


class Share(Protocol):
    """A share of the work of a run, with the failpoints at which it is to break off."""

    @property
    def failpoints(self) -> str: ...


S = TypeVar("S", bound=Share)


def write_to_end(
    sink: Sink,
    plan: Plan | Salvage,
    destination: Destination[Any],
    *,
    shard: Span,
    epoch: int,
    batch: int | None = None,
) -> Progress:
    """Write a shard from where it stands to its end, and close its sink; each commit is at a frame."""
    seconds = itertools.count()
    try:
        return finish(
            run_slice(
                plan,
                sink,
                shard=shard,
                next_record=sink.open(epoch),
                cuts=destination.delivery.cuts,
                batch_size=batch,
                watch=Watch(),
                monotonic=lambda: float(next(seconds)),
            )
        )
    finally:
        sink.close()


def carried(run: S, carry: Callable[[S], Sequence[Written]]) -> dict[str, Any]:
    """What a process of its own does and says: how much was written, or why nothing was."""
    set_failpoints(run.failpoints)
    try:
        return {"files": len(carry(run))}
    except SinkError as error:
        return {"error": type(error).__name__, "code": error.code, "message": str(error)}
