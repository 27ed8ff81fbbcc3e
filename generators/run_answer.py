"""A run as the API shows it, with the words of the command line's report."""

from __future__ import annotations

import os
from typing import Any

from django.db.models import F, QuerySet, Sum

from generators.generator_answer import shown_error, shown_instant
from generators.models import Run
from generators.planning import leaves_files
from generators.report import run_report


def with_progress(runs: QuerySet[Run]) -> QuerySet[Run]:
    """Runs with what `run_answer` needs of their shards, in one query for all."""
    return runs.annotate(
        records_done=Sum(F("shards__next_record") - F("shards__first_record"), default=0),
        records_rejected=Sum("shards__rejected", default=0),
        bytes_done=Sum("shards__bytes_written", default=0),
    )


def run_answer(run: Any) -> dict[str, Any]:
    """A run that `with_progress` gave. Paths are those below the output folder."""
    progress = {"records": run.records_done, "rejected": run.records_rejected, "bytes": run.bytes_done}
    report = run_report(run, progress)
    root, outputs = str(run.spec["root"]), run.outputs
    if leaves_files(run):
        outputs = [{**output, "path": os.path.relpath(output["path"], root)} for output in outputs]
    return {
        **report,
        "outputs": outputs,
        "lastError": shown_error(run.error),
        "generatorId": str(run.generator_id) if run.generator_id else None,
        "name": run.name,
        "origin": run.origin,
        "recordCount": run.record_count,
        "createdAt": shown_instant(run.created_at),
        "startedAt": shown_instant(run.started_at),
        "finishedAt": shown_instant(run.finished_at) if run.finished_at else None,
    }
