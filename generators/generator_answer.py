"""A generator as the API shows it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from generators.enums import GeneratorStatus
from generators.models import Generator
from generators.planning import guarantee_of
from generators.services.catalog import definition_answer
from sdg_project.problems import shown_message


def generator_answer(generator: Generator) -> dict[str, Any]:
    """A GeneratorResponse: the definition as it was sent, and what is read-only."""
    run = generator.last_run
    is_paused = generator.status == GeneratorStatus.PAUSED
    return {
        "id": str(generator.pk),
        **definition_answer(generator.definition),
        "status": generator.status,
        "deliveryGuarantee": guarantee_of(generator.definition).value,
        "effectiveSeed": run.seed if run else generator.definition.get("seed"),
        "runId": str(run.pk) if run else None,
        "specChanged": run is not None and is_paused and generator.updated_at > run.created_at,
        "lastError": shown_error(run.error) if run else None,
        "endReason": (run.end_reason or None) if run else None,
        "pauseReason": (run.pause_reason or None) if run and is_paused else None,
        "createdBy": generator.created_by,
        "createdAt": shown_instant(generator.created_at),
        "updatedAt": shown_instant(generator.updated_at),
        "startedAt": shown_instant(run.started_at) if run else None,
        "finishedAt": shown_instant(run.finished_at) if run and run.finished_at else None,
    }


def shown_error(error: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """What has ended or paused a run."""
    if error is None:
        return None
    message = shown_message(str(error.get("message", "")))
    return {"code": error["code"], "message": message, "recordIndex": error.get("recordIndex"), "at": error.get("at")}


def shown_instant(instant: datetime) -> str:
    """An instant in UTC with milliseconds."""
    return instant.isoformat(timespec="milliseconds").replace("+00:00", "Z")
