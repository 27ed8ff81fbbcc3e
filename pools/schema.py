"""The pools' part of the OpenAPI document."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from pools.definition import PoolShape
from pools.enums import ColumnType, PoolLoadStrategy, PoolStatus
from pools.sources.base import sources
from sdg_project.openapi import REFERENCE, declared
from sdg_project.schema import Answer, Issue

READ_ONLY = frozenset(
    {
        "status", "version", "contentHash", "rowCount", "memoryBytes", "loadedAt", "loadDurationMs", "lastError",
        "usedBy",
    }
)  # fmt: skip


class PoolColumn(Answer):
    name: str = Field(examples=["size"])
    type: ColumnType
    distinct: int = Field(examples=[2])
    nulls: int


class PoolUse(Answer):
    generator_id: str = Field(json_schema_extra={"format": "uuid"})
    field_names: list[str]
    pinned_version: int | None


class Pool(Answer):
    name: str = Field(examples=["products"])
    source: dict[str, Any] = Field(examples=[{"type": "INLINE", "rows": [{"size": "S"}, {"size": "M"}]}])
    status: PoolStatus = Field(examples=["READY"])
    load_strategy: PoolLoadStrategy
    version: int = Field(examples=[1])
    content_hash: str | None
    row_count: int = Field(examples=[2])
    memory_bytes: int
    columns: list[PoolColumn]
    weight_column: str | None
    limits: dict[str, Any]
    loaded_at: str | None = Field(json_schema_extra={"format": "date-time"})
    load_duration_ms: int
    last_error: list[Issue] | None


class PoolDetails(Pool):
    used_by: list[PoolUse]


def components() -> dict[str, Any]:
    """Pools as they are sent and shown; a source is told by its type."""
    shown = declared(Pool, PoolDetails, mode="serialization")
    asked = declared(PoolShape, *(sources[kind].Params for kind in ("INLINE", "BUILTIN")))
    request = asked.pop("PoolShape")
    variants = {}
    for kind in ("INLINE", "BUILTIN"):
        params = asked.pop(sources[kind].Params.__name__)
        properties = {"type": {"const": kind}, **params["properties"]}
        variants[f"{kind.capitalize()}Source"] = {
            "type": "object",
            "properties": properties,
            "required": ["type", *params.get("required", [])],
            "additionalProperties": False,
        }
    request["properties"]["source"] = {
        "oneOf": [{"$ref": REFERENCE.format(model=name)} for name in variants],
        "discriminator": {
            "propertyName": "type",
            "mapping": {name.removesuffix("Source").upper(): REFERENCE.format(model=name) for name in variants},
        },
    }
    row = {
        "type": "object",
        "description": "The values of the pool's columns by their names.",
        "examples": [{"size": "S"}],
    }
    return {**shown, **asked, **variants, "PoolRequest": request, "PoolRow": row}
