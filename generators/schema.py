"""The generators' part of the OpenAPI document."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from generators.definition import READ_ONLY
from generators.enums import DesiredState, ErrorClass, GeneratorStatus, RunHealth, RunOrigin, RunStatus
from generators.fields.base import field_types
from generators.json_schema import definition_parts
from generators.services.lifecycle import StartOptions
from sdg_project.openapi import REFERENCE, declared
from sdg_project.schema import Answer, Issue
from sinks.destinations.base import destinations
from sinks.enums import DeliveryGuarantee

_INSTANT: dict[str, Any] = {"format": "date-time"}
_ID: dict[str, Any] = {"format": "uuid"}


class RunError(Answer):
    code: str
    message: str
    record_index: int | None
    at: str | None = Field(json_schema_extra=_INSTANT)


class LastError(Answer):
    code: str
    at: str | None = Field(json_schema_extra=_INSTANT)
    record_index: int | None


class BatchLatency(Answer):
    p50: float
    p95: float
    max: float


class PoolVersion(Answer):
    pool: str
    version: int
    on_missing: int = Field(description="How often a key without rows was passed over.")


class MetricsResponse(Answer):
    """At every reading generated = written + failed + dropped + inFlight."""

    generator_id: str = Field(json_schema_extra=_ID)
    run_id: str | None = Field(json_schema_extra=_ID)
    status: GeneratorStatus
    health: RunHealth
    desired_state: DesiredState | None
    started_at: str | None = Field(json_schema_extra=_INSTANT)
    active_seconds: float
    paused_seconds: float
    effective_seed: int | None
    records_generated: int
    records_written: int
    records_failed: int
    records_dead_lettered: int
    records_dropped: int
    records_duplicated: int
    bytes_written: int
    next_index: int = Field(description="The lowest record number that has not been made.")
    target_rate: float | None
    current_rate: float = Field(description="Records per second over the last ten seconds.")
    average_rate: float = Field(description="Records per second of active time.")
    behind_by_seconds: float
    progress: float | None = Field(description="From 0 to 1; null when nobody knows how many there will be.")
    estimated_end_at: str | None = Field(json_schema_extra=_INSTANT)
    batch_latency_ms: BatchLatency
    in_flight: int
    last_error: LastError | None
    pools: list[PoolVersion]
    updated_at: str | None = Field(json_schema_extra=_INSTANT)


class DeadLetter(Answer):
    run_id: str = Field(json_schema_extra=_ID)
    record_index: int
    destination: str = Field(description="Type of the destination.")
    error_class: ErrorClass
    code: str
    message: str
    field: str | None
    attempt: int
    occurred_at: str = Field(json_schema_extra=_INSTANT)
    record: dict[str, Any] | None = Field(description="What could be made of it.")


class GeneratorState(Answer):
    """What the service adds to a definition."""

    id: str = Field(json_schema_extra=_ID)
    status: GeneratorStatus
    delivery_guarantee: DeliveryGuarantee | None = Field(description="Before a run: what the definition can reach.")
    effective_seed: int | None
    run_id: str | None = Field(json_schema_extra=_ID)
    spec_changed: bool = Field(description="The paused run goes on with an earlier definition.")
    last_error: RunError | None
    end_reason: str | None
    pause_reason: str | None
    in_flight: int | None = Field(default=None, description="After an action: records that are not durable yet.")
    metrics: MetricsResponse | None = Field(
        default=None, description="While RUNNING or PAUSED, where one generator is asked for."
    )
    created_by: str
    created_at: str = Field(json_schema_extra=_INSTANT)
    updated_at: str = Field(json_schema_extra=_INSTANT)
    started_at: str | None = Field(json_schema_extra=_INSTANT)
    finished_at: str | None = Field(json_schema_extra=_INSTANT)


class Output(Answer):
    path: str
    records: int
    bytes: int
    checksum: str | None


class Run(Answer):
    run_id: str = Field(json_schema_extra=_ID)
    generator_id: str | None = Field(json_schema_extra=_ID)
    name: str
    origin: RunOrigin
    status: RunStatus
    records_written: int
    records_failed: int
    record_count: int | None = Field(description="How many it makes; null when nobody knows.")
    bytes_written: int
    active_seconds: float
    average_rate: int
    effective_seed: int
    spec_hash: str
    delivery_guarantee: DeliveryGuarantee
    outputs: list[Output]
    end_reason: str | None
    last_error: RunError | None
    created_at: str = Field(json_schema_extra=_INSTANT)
    started_at: str = Field(json_schema_extra=_INSTANT)
    finished_at: str | None = Field(json_schema_extra=_INSTANT)


class RunDigest(Answer):
    run_id: str = Field(json_schema_extra=_ID)
    record_count: int = Field(description="How many records the digest is of.")
    digest: str


class Records(Answer):
    effective_seed: int
    run_id: str | None = Field(json_schema_extra=_ID)
    start: int
    records: list[dict[str, Any]]


class Estimates(Answer):
    records: int
    bytes_per_record: int
    total_bytes: int
    pool_memory_bytes: int
    basis: str


class Determinism(Answer):
    deterministic: bool
    random_access: bool
    reasons: list[str]


class Validation(Answer):
    valid: bool
    errors: list[Issue]
    warnings: list[Issue]
    infos: list[Issue]
    estimates: Estimates | None
    determinism: Determinism | None
    dependency_order: list[str]
    preview: list[dict[str, Any]]
    effective_seed: int | None = None


def components() -> dict[str, Any]:
    """Definitions as they are sent and shown, with typed mappings and destinations; runs; answers of validate."""
    parts, root = definition_parts(REFERENCE)
    asked = declared(StartOptions)
    shown = declared(
        GeneratorState, MetricsResponse, DeadLetter, Run, RunDigest, Records, Validation, mode="serialization"
    )
    state = shown.pop("GeneratorState")
    read_only = {name: {**part, "readOnly": True} for name, part in state["properties"].items()}
    required = sorted({*root["required"], "destination"})
    return {
        **parts,
        **asked,
        **shown,
        "FieldMappingType": {"type": "string", "enum": list(field_types)},
        "DestinationType": {"type": "string", "enum": list(destinations)},
        "CreateGeneratorRequest": {**root, "required": required},
        "UpdateGeneratorRequest": {
            **root,
            "required": required,
            "description": "As for creation. Read-only properties of an answer may be sent back and are ignored.",
            "properties": {**root["properties"], **{name: {"readOnly": True} for name in sorted(READ_ONLY)}},
        },
        "GeneratorResponse": {
            "type": "object",
            "properties": {**{name: _shown(part) for name, part in root["properties"].items()}, **read_only},
            "required": [*required, *state["required"]],
        },
    }


def _shown(part: dict[str, Any]) -> dict[str, Any]:
    """A property of a definition in an answer, where nobody fills in a default."""
    return {name: value for name, value in part.items() if name != "default"}
