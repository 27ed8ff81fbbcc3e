"""The answer of validate, with the words of the contract."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from engine.issues import Issue, Severity, told_apart
from generators.planning import SAMPLE_RECORDS
from generators.services.validation import CheckedConnection, Validation
from sdg_project.exact_json import VerbatimDecoder
from sinks.encoding.base import encoders
from sinks.encoding.compression import Compression


def validation_answer(
    validation: Validation, *, strict: bool = False, acknowledged: Sequence[str] = ()
) -> dict[str, Any]:
    """The answer ready for `ExactEncoder`. With `strict`, warnings that were not acknowledged count as errors."""
    return {**judgement(validation.issues, strict=strict, acknowledged=acknowledged), **prospect(validation)}


def judgement(
    issues: Sequence[Issue],
    *,
    strict: bool,
    acknowledged: Sequence[str],
    shown: Callable[[Issue], Mapping[str, Any]] = Issue.as_json,
) -> dict[str, Any]:
    """The part of the answer that says what is wrong, and whether it may be run; `shown` is how an issue is shown."""
    left = [one for one in told_apart(issues) if one.severity is Severity.ERROR or one.id not in acknowledged]
    by_severity = {severity: [shown(issue) for issue in left if issue.severity is severity] for severity in Severity}
    return {
        "valid": not by_severity[Severity.ERROR] and not (strict and by_severity[Severity.WARNING]),
        "errors": by_severity[Severity.ERROR],
        "warnings": by_severity[Severity.WARNING],
        "infos": by_severity[Severity.INFO],
    }


def _shown_connections(checked: Sequence[CheckedConnection] | None) -> list[dict[str, Any]] | None:
    if checked is None:
        return None
    return [
        {
            "connection": one.name,
            "place": one.place,
            "ok": all(issue.severity is not Severity.ERROR for issue in one.issues),
            "codes": [issue.code for issue in one.issues],
        }
        for one in checked
    ]


def prospect(validation: Validation) -> dict[str, Any]:
    """The part of the answer that says what a run would make; the preview's numbers have the digits that one writes."""
    plan, batch = validation.plan, validation.preview
    answer: dict[str, Any] = {"estimates": None, "determinism": None, "dependencyOrder": [], "preview": []}
    answer["connections"] = _shown_connections(validation.connections)
    if plan is None:
        return answer
    answer["effectiveSeed"] = plan.facts.seed
    answer["determinism"] = {"deterministic": not plan.reasons, "randomAccess": True, "reasons": plan.reasons}
    answer["dependencyOrder"] = [field.name for field in plan.fields]
    if batch is not None and validation.bytes_per_record is not None:
        size, records = validation.bytes_per_record, validation.records
        answer["estimates"] = {
            "records": records,
            "bytesPerRecord": round(size),
            "totalBytes": None if records is None else round(size * records),
            "durationSeconds": None if validation.duration_seconds is None else round(validation.duration_seconds, 2),
            "poolMemoryBytes": sum(pool.records.estimated_size() for pool in plan.pools.values()),
            "basis": f"{SAMPLE_RECORDS if records is None else min(records, SAMPLE_RECORDS)} preview records",
        }
        kind = encoders["JSONL"]
        payload = kind(plan.schema, kind.Options(), Compression.NONE).frame(batch).payload
        answer["preview"] = [json.loads(line, cls=VerbatimDecoder) for line in payload.splitlines()]
    return answer
