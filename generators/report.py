"""The report of a run, with the words that scripts rely on."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from generators.enums import RunOrigin, RunStatus
from generators.models import Run
from generators.planning import guarantee_of_run, leaves_files, place_of_run
from generators.runs.lock import is_alive
from generators.services.runs import progress_of
from sdg_project.text import amount


def run_report(run: Run, progress: Mapping[str, int] | None = None) -> dict[str, Any]:
    """What a run has done so far, ready for JSON; `progress` is that of `progress_of` where it is known."""
    progress = progress or progress_of(run)
    written = sum(output["bytes"] for output in run.outputs) or progress["bytes"]
    rate = round(progress["records"] / run.active_seconds) if run.active_seconds else 0
    report = {
        "runId": str(run.pk),
        "status": run.status,
        "recordsWritten": progress["records"] - progress["rejected"],
        "recordsFailed": progress["rejected"],
        "bytesWritten": written,
        "activeSeconds": round(run.active_seconds, 3),
        "averageRate": rate,
        "effectiveSeed": run.seed,
        "specHash": run.spec_hash,
        "deliveryGuarantee": guarantee_of_run(run).value,
        "outputs": [{**output, "path": shown_path(output["path"])} for output in run.outputs],
        "endReason": run.end_reason or None,
    }
    if run.error is not None:
        report["lastError"] = run.error
    return report


def lost_outputs(run: Run) -> list[str]:
    """The files of a completed run that are gone, or are not as long as it has written them."""

    def is_there(output: Mapping[str, Any]) -> bool:
        try:
            return bool(os.stat(output["path"]).st_size == output["bytes"])
        except OSError:
            return False

    if not leaves_files(run):  # nobody is asked for the sake of a report
        return []
    return [shown_path(output["path"]) for output in run.outputs if not is_there(output)]


def summary(report: Mapping[str, Any]) -> list[str]:
    """The report of a completed run as lines for people."""
    size = f"{amount(report['recordsWritten'], 'record')}, {report['bytesWritten']:,} bytes"
    speed = f"{report['activeSeconds']:.2f} s ({report['averageRate']:,} records/s)"
    lines = [f"{size} in {speed}, seed {report['effectiveSeed']}"]
    if report["endReason"] != "RECORD_COUNT":
        lines.append(f"ended by {report['endReason']}")
    shown = report["outputs"][:5]
    lines += [f"  {output['path']}  {output['checksum'] or ''}".rstrip() for output in shown]
    if len(report["outputs"]) > len(shown):
        lines.append(f"  … {len(report['outputs']) - len(shown)} more files, see manifest.json beside them")
    if "digest" in report:
        lines.append(f"digest {report['digest']}")
    return lines


def run_row(run: Run) -> dict[str, Any]:
    """One run in the list of runs."""
    interrupted = run.status == RunStatus.RUNNING and run.origin == RunOrigin.CLI and not is_alive(run)
    progress = progress_of(run)
    return {
        "runId": str(run.pk),
        "definition": run.name,
        "status": "INTERRUPTED" if interrupted else run.status,
        "records": progress["records"] - progress["rejected"],
        "failed": progress["rejected"],
        "recordCount": run.record_count,
        "to": shown_path(place_of_run(run)),
        "createdAt": run.created_at.isoformat().replace("+00:00", "Z"),
        "resume": _resumed_by(run),
        "stop": _stopped_by(run, records=progress["records"]),
    }


def _resumed_by(run: Run) -> str | None:
    """What goes on with a run: a command, or a call of the API; None when nothing does, or it is going on."""
    if run.origin == RunOrigin.CLI:
        has_ended = run.status in {RunStatus.COMPLETED, RunStatus.STOPPED}
        return None if has_ended else f"sdg run --resume {run.pk}"
    is_resting = run.status in {RunStatus.PAUSED, RunStatus.FAILED} and run.generator_id is not None
    return f"POST /api/v1/generators/{run.generator_id}/resume" if is_resting else None


def _stopped_by(run: Run, *, records: int) -> str | None:
    """The command that ends a run where it stands and shows what it has; None when it has nothing, or shows it."""
    is_shown = run.status == RunStatus.COMPLETED or (run.status == RunStatus.STOPPED and run.outputs)
    return None if run.origin != RunOrigin.CLI or is_shown or not records else f"sdg runs stop {run.pk}"


def shown_path(path: str) -> str:
    """A path as a person here would write it: relative when it lies below the working folder."""
    try:
        return str(Path(path).relative_to(Path.cwd()))
    except ValueError:
        return path
