"""The generators' part of the OpenAPI document."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field
from pydantic.alias_generators import to_camel

from generators.definition import READ_ONLY
from generators.enums import DesiredState, ErrorClass, GeneratorStatus, RunHealth, RunOrigin, RunStatus
from generators.fields.base import field_types
from generators.json_schema import definition_parts
from generators.services.catalog import definition_answer
from generators.services.lifecycle import ResumeOptions, StartOptions
from sdg_project.examples import INSTANT, example_of
from sdg_project.openapi import REFERENCE, declared, translated
from sdg_project.schema import Answer, Issue
from sinks.destinations.base import destinations
from sinks.enums import DeliveryGuarantee

_INSTANT: dict[str, Any] = {"format": "date-time"}
_ID: dict[str, Any] = {"format": "uuid"}


class RunError(Answer):
    code: str = Field(examples=["DEST_FULL"])
    message: str = Field(examples=["no room for orders.jsonl: No space left on device"])
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
    pool: str = Field(examples=["products"])
    version: int = Field(examples=[7])
    on_missing: int = Field(description="How often a key without rows was passed over.")


class MetricsResponse(Answer):
    """At every reading generated = written + failed + dropped + inFlight."""

    generator_id: str = Field(json_schema_extra=_ID)
    run_id: str | None = Field(json_schema_extra=_ID)
    status: GeneratorStatus = Field(examples=["RUNNING"])
    health: RunHealth
    desired_state: DesiredState | None = Field(examples=["RUN"])
    started_at: str | None = Field(json_schema_extra=_INSTANT, examples=[INSTANT])
    active_seconds: float = Field(examples=[61.4])
    paused_seconds: float
    effective_seed: int | None = Field(examples=[42])
    records_generated: int = Field(examples=[12250])
    records_written: int = Field(examples=[12200])
    records_failed: int
    records_dead_lettered: int
    records_dropped: int = Field(description="What stood behind a gap when the run was stopped, and was taken away.")
    records_duplicated: int
    bytes_written: int
    next_index: int = Field(description="The lowest record number that has not been made.", examples=[12250])
    target_rate: float | None
    current_rate: float = Field(description="Records per second over the last ten seconds.", examples=[198.7])
    average_rate: float = Field(description="Records per second of active time.", examples=[199.5])
    behind_by_seconds: float = Field(description="How late the next record is, also while no worker has the run.")
    progress: float | None = Field(
        description="From 0 to 1; null when nobody knows how many there will be.", examples=[0.245]
    )
    estimated_end_at: str | None = Field(json_schema_extra=_INSTANT)
    batch_latency_ms: BatchLatency
    in_flight: int = Field(examples=[50])
    last_error: LastError | None
    pools: list[PoolVersion]
    updated_at: str | None = Field(json_schema_extra=_INSTANT)


class DeadLetter(Answer):
    run_id: str = Field(json_schema_extra=_ID)
    record_index: int = Field(examples=[7311])
    destination: str = Field(description="Type of the destination.", examples=["FILE"])
    error_class: ErrorClass
    code: str = Field(examples=["RECORD_INVALID"])
    message: str = Field(examples=["record 7311: the sequence has no further number"])
    field: str | None = Field(examples=["orderNumber"])
    attempt: int = Field(examples=[1])
    occurred_at: str = Field(json_schema_extra=_INSTANT)
    record: dict[str, Any] | None = Field(
        description="What could be made of it: written fields before the one that failed; long texts are cut."
    )


class GeneratorState(Answer):
    """What the service adds to a definition."""

    id: str = Field(json_schema_extra=_ID)
    status: GeneratorStatus
    delivery_guarantee: DeliveryGuarantee = Field(description="Before a run: what the definition can reach.")
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
    created_by: str = Field(examples=["ci"])
    created_at: str = Field(json_schema_extra=_INSTANT)
    updated_at: str = Field(json_schema_extra=_INSTANT)
    started_at: str | None = Field(json_schema_extra=_INSTANT)
    finished_at: str | None = Field(json_schema_extra=_INSTANT)


class Output(Answer):
    path: str = Field(examples=["shop/orders.jsonl"])
    records: int = Field(examples=[1000])
    bytes: int = Field(examples=[52_000])
    checksum: str | None = Field(examples=["xxh128:99aa06d3014798d86001c324468d497f"])


class Run(Answer):
    run_id: str = Field(json_schema_extra=_ID)
    generator_id: str | None = Field(json_schema_extra=_ID)
    name: str = Field(examples=["orders"])
    origin: RunOrigin = Field(examples=["SERVICE"])
    status: RunStatus = Field(examples=["COMPLETED"])
    records_written: int = Field(examples=[1000])
    records_failed: int
    record_count: int | None = Field(description="How many it makes; null when nobody knows.", examples=[1000])
    bytes_written: int = Field(examples=[52_000])
    active_seconds: float = Field(examples=[0.25])
    average_rate: int = Field(examples=[4_000])
    effective_seed: int = Field(examples=[42])
    spec_hash: str = Field(examples=["d41d8cd98f00b204e9800998ecf8427e"])
    delivery_guarantee: DeliveryGuarantee
    outputs: list[Output]
    end_reason: str | None
    last_error: RunError | None
    created_at: str = Field(json_schema_extra=_INSTANT)
    started_at: str = Field(json_schema_extra=_INSTANT)
    finished_at: str | None = Field(json_schema_extra=_INSTANT)


class RunDigest(Answer):
    run_id: str = Field(json_schema_extra=_ID)
    record_count: int = Field(description="How many records the digest is of.", examples=[1000])
    digest: str = Field(examples=["99aa06d3014798d86001c324468d497f"])


class Records(Answer):
    effective_seed: int
    run_id: str | None = Field(json_schema_extra=_ID)
    start: int
    records: list[dict[str, Any]]


class Estimates(Answer):
    records: int | None
    bytes_per_record: int
    total_bytes: int | None
    duration_seconds: float | None = Field(
        description="By the rate or the limit of time, else by a measurement of the first records in one process."
    )
    pool_memory_bytes: int
    basis: str = Field(examples=["200 preview records"])


class Determinism(Answer):
    deterministic: bool
    random_access: bool
    reasons: list[str]


class CheckedConnection(Answer):
    """What a server has said to `checkConnections`; the issues stand among the others."""

    connection: str | None = Field(description="Name of the stored connection, if there is one.", examples=["target"])
    place: str = Field(description="The table, topic or key there.", examples=["shop.orders"])
    ok: bool
    codes: list[str] = Field(examples=[[]])


class Validation(Answer):
    valid: bool = Field(examples=[True])
    errors: list[Issue] = Field(examples=[[]])
    warnings: list[Issue] = Field(examples=[[]])
    infos: list[Issue] = Field(examples=[[]])
    estimates: Estimates | None
    determinism: Determinism | None
    dependency_order: list[str] = Field(examples=[["orderNumber"]])
    preview: list[dict[str, Any]] = Field(examples=[[{"orderNumber": 1000}]])
    connections: list[CheckedConnection] | None = Field(description="With `checkConnections`; else null.")
    effective_seed: int | None = None


def components() -> dict[str, Any]:
    """Definitions as they are sent and shown, with typed mappings and destinations; runs; answers of validate."""
    parts, root = definition_parts(REFERENCE)
    asked = declared(StartOptions, ResumeOptions)
    shown = declared(
        GeneratorState, MetricsResponse, DeadLetter, Run, RunDigest, Records, Validation, mode="serialization"
    )
    state = shown.pop("GeneratorState")
    read_only = {name: {**part, "readOnly": True} for name, part in state["properties"].items()}
    required = sorted({*root["required"], "destination"})
    example = example_definition(parts)
    return {
        **parts,
        **asked,
        **shown,
        "FieldMappingType": {"type": "string", "enum": list(field_types)},
        "DestinationType": {"type": "string", "enum": list(destinations)},
        "CreateGeneratorRequest": {**root, "required": required, "examples": [example]},
        "UpdateGeneratorRequest": {
            **root,
            "required": required,
            "examples": [{**example, "description": "of the shop"}],
            "description": "As for creation. Read-only properties of an answer may be sent back and are ignored.",
            "properties": {**root["properties"], **{name: {"readOnly": True} for name in sorted(READ_ONLY)}},
        },
        "GeneratorResponse": {
            "type": "object",
            "properties": {**{name: _shown(part) for name, part in root["properties"].items()}, **read_only},
            "required": [*required, *state["required"]],
            "examples": [_shown_example(example, state, shown)],
        },
        "Records": {**shown["Records"], "examples": [{**_RECORDS, "records": [{"orderNumber": 1000}]}]},
    }


_RECORDS = {"effectiveSeed": 0, "runId": None, "start": 0}


def example_definition(parts: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """A definition with a field of every type, from the examples at the declarations of their parameters."""
    parts = definition_parts(REFERENCE)[0] if parts is None else parts
    schemas = {name: translated(part) for name, part in parts.items()}
    mappings = [
        {
            "fieldName": to_camel(kind.lower()),
            "type": kind,
            "params": example_of({"$ref": f"#/{field.Params.__name__}"}, schemas, whole=False),
        }
        for kind, field in field_types.items()
    ]
    destination = example_of({"$ref": "#/FileDestination"}, schemas, whole=False)
    return {"name": "orders", "fieldMappings": mappings, "recordCount": 1000, "destination": destination}


def _shown_example(example: Mapping[str, Any], state: Mapping[str, Any], parts: Mapping[str, Any]) -> dict[str, Any]:
    """The definition of the example as an answer shows it before it has run."""
    schemas = {name: translated(part) for name, part in parts.items()}
    added = {name: example_of(translated(state["properties"][name]), schemas, whole=True) for name in state["required"]}
    return {**definition_answer(example), **added}


def _shown(part: dict[str, Any]) -> dict[str, Any]:
    """A property of a definition in an answer, where nobody fills in a default."""
    return {name: value for name, value in part.items() if name != "default"}
