"""Regressions: a destination that holds less of a shard than was written to it."""

from __future__ import annotations

import logging

from generators.models import Shard
from generators.runs.job import Job
from sinks.destinations.base import Sink
from sinks.enums import OnRegression
from sinks.errors import TerminalSinkError

_log = logging.getLogger("sdg.workers")


def opened(sink: Sink, shard: Shard, job: Job) -> int:
    """Open a shard's sink, and say where it goes on.

    The row of the shard lags behind its destination, never ahead of it: a position below the row's tells that something
    is lost. Raises TerminalSinkError when the run is not to make that again by itself.
    """
    position = sink.open(shard.epoch)
    if position < shard.next_record:
        lost = f"shard {shard.number} stands at record {position:,}, and {shard.next_record:,} was written before"
        if job.destination.config.on_regression is OnRegression.STOP:
            message = f"the destination has lost records: {lost}; put them back, or choose onRegression REGENERATE"
            raise TerminalSinkError("DEST_REGRESSED", message)
        _log.warning("the destination has lost records", extra={"fields": {"run": str(shard.run_id), "reason": lost}})
    return position
