"""The pools' part of the OpenAPI document."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import Field
from pydantic.json_schema import models_json_schema

from pools.definition import PoolShape
from pools.enums import ColumnType, PoolLoadStrategy, PoolStatus, SampleMethod
from pools.sources.base import sources
from sdg_project.openapi import REFERENCE, declared
from sdg_project.schema import Answer, Issue

READ_ONLY = frozenset(
    {
        "description", "status", "version", "contentHash", "rowCount", "sourceRowCount", "memoryBytes", "notes",
        "progress", "loadedAt", "loadDurationMs", "lastError", "usedBy",
    }
)  # fmt: skip


HTTP_SOURCES = ("INLINE", "BUILTIN", "FAKER", "GENERATOR", "POSTGRES")
"""Sources that a request may name: the others would read files of the server."""


class PoolColumn(Answer):
    name: str = Field(examples=["size"])
    type: ColumnType
    distinct: int = Field(examples=[2])
    nulls: int


class PoolUse(Answer):
    generator_id: str = Field(json_schema_extra={"format": "uuid"})
    field_names: list[str]
    pinned_version: int | None


class PoolProgress(Answer):
    rows: int
    bytes: int


class Pool(Answer):
    name: str = Field(examples=["products"])
    description: str | None = Field(description="What a built-in pool holds; null for others.")
    source: dict[str, Any] = Field(examples=[{"type": "INLINE", "rows": [{"size": "S"}, {"size": "M"}]}])
    status: PoolStatus = Field(examples=["READY"])
    progress: PoolProgress | None = Field(description="While LOADING: how much has been read of the source.")
    load_strategy: PoolLoadStrategy
    sample_size: int | None = None
    sample_rate: float | None = None
    sample_seed: int | None = None
    method: SampleMethod | None = None
    stratify_column: str | None = None
    index_columns: list[str] | None = None
    lazy: bool | None = None
    version: int = Field(examples=[1])
    content_hash: str | None
    row_count: int = Field(examples=[2])
    source_row_count: int = Field(examples=[2], description="How many rows the source had.")
    memory_bytes: int
    columns: list[PoolColumn]
    weight_column: str | None
    refresh: dict[str, Any] = Field(examples=[{"mode": "INTERVAL", "intervalSeconds": 3600}])
    limits: dict[str, Any]
    notes: list[str] = Field(description="What was found out of the form of the source.")
    loaded_at: str | None = Field(json_schema_extra={"format": "date-time"})
    load_duration_ms: int
    last_error: list[Issue] | None


class PoolDetails(Pool):
    used_by: list[PoolUse]


def components() -> dict[str, Any]:
    """Pools as they are sent and shown; a source is told by its type."""
    parts, request = pool_parts(REFERENCE, HTTP_SOURCES)
    row = {
        "type": "object",
        "description": "The values of the pool's columns by their names.",
        "examples": [{"size": "S"}],
    }
    return {**declared(Pool, PoolDetails, mode="serialization"), **parts, "PoolRequest": request, "PoolRow": row}


def pool_parts(reference: str, kinds: Sequence[str]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The schemas that a pool's definition consists of, by name, and its own; its source is of one of these kinds.

    `reference` is how schemas refer to each other.
    """
    models = [(PoolShape, "validation"), *((sources[kind].Params, "validation") for kind in kinds)]
    parts: dict[str, Any] = models_json_schema(models, ref_template=reference)[1]["$defs"]  # type: ignore[arg-type]
    root = parts.pop("PoolShape")
    places = {}
    for kind in kinds:
        params = parts.pop(sources[kind].Params.__name__)
        name = f"{kind.capitalize()}Source"
        parts[name] = {
            "type": "object",
            "properties": {"type": {"const": kind}, **params["properties"]},
            "required": ["type", *params.get("required", [])],
            "additionalProperties": False,
        }
        places[kind] = reference.format(model=name)
    root["properties"]["source"] = {
        "oneOf": [{"$ref": place} for place in places.values()],
        "discriminator": {"propertyName": "type", "mapping": places},
    }
    return parts, root
