"""The connections' part of the OpenAPI document."""

from __future__ import annotations

from typing import Any

from pydantic import Field
from pydantic.json_schema import models_json_schema

from sdg_project.openapi import REFERENCE, declared
from sdg_project.schema import Answer
from sdg_project.variables import HIDDEN
from sinks.connections.base import connection_kinds
from sinks.definition import MAX_SECRET, ConnectionShape
from sinks.enums import ConnectionOutcome

READ_ONLY = frozenset({"usedBy", "createdBy", "createdAt", "updatedAt"})


class ConnectionUse(Answer):
    kind: str = Field(examples=["pool"])
    name: str = Field(examples=["products"])


class Connection(Answer):
    name: str = Field(examples=["refdata"])
    type: str = Field(examples=["POSTGRES"])
    config: dict[str, Any] | None = Field(default=None, description="For admins only, like all below.")
    secrets: dict[str, str] | None = Field(default=None, examples=[{"password": HIDDEN}])
    used_by: list[ConnectionUse] | None = None
    created_by: str | None = Field(default=None, examples=["ada"])
    created_at: str | None = Field(default=None, json_schema_extra={"format": "date-time"})
    updated_at: str | None = Field(default=None, json_schema_extra={"format": "date-time"})


class ConnectionTest(Answer):
    ok: bool
    outcome: ConnectionOutcome
    message: str = Field(examples=["the connection works"])
    hint: str | None
    server: str | None = Field(examples=["PostgreSQL 17.2"])
    duration_ms: int


def components() -> dict[str, Any]:
    """Connections as they are sent and shown; their config is told by their type."""
    return {
        **declared(Connection, ConnectionTest, mode="serialization"),
        **connection_parts(REFERENCE),
    }


def connection_parts(reference: str, *, in_file: bool = False) -> dict[str, Any]:
    """The schemas that a connection's definition consists of; ``ConnectionRequest`` is its own.

    In a file a secret is named by a variable of the environment.
    """
    models = [(ConnectionShape, "validation"), *((kind.Config, "validation") for kind in connection_kinds.values())]
    parts: dict[str, Any] = models_json_schema(models, ref_template=reference)[1]["$defs"]  # type: ignore[arg-type]
    shape = parts.pop("ConnectionShape")["properties"]
    places = {}
    for name, kind in connection_kinds.items():
        secret: dict[str, Any] = {"type": "string", "minLength": 1, "maxLength": MAX_SECRET}
        if in_file:
            named = {"env": {"type": "string", "minLength": 1}}
            secret = {"type": "object", "properties": named, "required": ["env"], "additionalProperties": False}
        secrets = {
            "type": "object",
            "description": shape["secrets"]["description"],
            "properties": dict.fromkeys(kind.secret_names, secret),
            "additionalProperties": False,
            "examples": [{}],
        }
        parts[f"{name.capitalize()}Connection"] = {
            "type": "object",
            "properties": {
                "name": shape["name"],
                "type": {"const": name},
                "config": {"$ref": reference.format(model=kind.Config.__name__)},
                "secrets": secrets,
            },
            "required": ["name", "type", "config"],
            "additionalProperties": False,
        }
        places[name] = reference.format(model=f"{name.capitalize()}Connection")
    parts["ConnectionRequest"] = {
        "oneOf": [{"$ref": place} for place in places.values()],
        "discriminator": {"propertyName": "type", "mapping": places},
    }
    return parts
