"""Runs without an end of their own, and what they show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from engine.batch import Batch
from engine.cuts import Cuts
from engine.span import MAX_RECORDS, Span
from generators.plan import Plan
from generators.runs.salvage import salvaged
from tests.sinks.encoding.records import file_of
from tests.support.file_runs import FileRun, destination_of, plan_of_run, shard_of

FRAME, ROLL = 32, 50


def open_run(root: Path, config: Mapping[str, Any], *, end: int, **changes: Any) -> FileRun:
    """A run whose end was not known when it began."""
    run = FileRun(str(root), path="out", config=config, records=MAX_RECORDS, frame=FRAME, shards=1, ends=(end,))
    return run.but(**changes)


def made(plan: Plan, span: Span) -> Batch:
    return salvaged(plan, span)[0]


def expected(run: FileRun, spans: Sequence[Span]) -> bytes:
    """A file of some spans, from a loop that knows of no shards: the frames of each end where the run is cut."""
    destination = destination_of(run)
    encoder = destination.encoder  # type: ignore[attr-defined]
    cuts: Cuts = destination.delivery.cuts
    batches: list[Batch] = []
    for span in spans:
        start = span.start
        while start < span.end:
            end = min(cuts.frame_end(start), span.end)
            batches.append(made(plan_of_run(run), Span(start, end - start)))
            start = end
    return file_of(encoder, *batches)


def expected_parts(run: FileRun, spans: Sequence[Span]) -> dict[str, bytes]:
    """The parts of some spans by their names."""
    suffix = destination_of(run).encoder.file_suffix  # type: ignore[attr-defined]
    parts = [
        Span(number, min((number // ROLL + 1) * ROLL, span.end) - number)
        for span in spans
        for number in range(span.start, span.end)
        if number == span.start or number % ROLL == 0
    ] or [Span(0, 0)]
    return {f"out/p-{part.start:013}-{part.end:013}{suffix}": expected(run, [part]) for part in parts}


def spans_of(run: FileRun) -> list[Span]:
    destination = destination_of(run)
    return [shard_of(run, destination, number) for number in range(len(destination.delivery.shards))]
