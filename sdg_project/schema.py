"""The ground's part of the OpenAPI document."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from engine.issues import CODES, Severity
from sdg_project.health import Health
from sdg_project.openapi import declared
from sdg_project.roles import Role


class Answer(BaseModel):
    """The base of what describes an answer."""

    model_config = ConfigDict(alias_generator=to_camel, extra="allow")


_CODES: dict[str, Any] = {"enum": sorted(CODES)}


class Issue(Answer):
    id: str = Field(description="The same whenever the same is said of the same place.")
    severity: Severity
    code: str = Field(json_schema_extra=_CODES)
    path: str = Field(description="JSON Pointer (RFC 6901) into the request.")
    field: str | None = Field(description="Name of the field or parameter.")
    message: str
    hint: str | None = Field(description="What would be accepted.")
    offset: int | None = Field(
        default=None,
        description="The character of the text at the path, counted from 0; only of what is wrong in a formula.",
        examples=[8],
    )


class Problem(Answer):
    type: str
    title: str
    status: int
    detail: str
    code: str = Field(json_schema_extra=_CODES)
    request_id: str | None
    hint: str | None = None
    errors: list[Issue] | None = Field(default=None, description="All that is wrong with the request.")


class Me(Answer):
    name: str = Field(examples=["ci"])
    role: Role | None = Field(examples=["viewer"])
    kind: str = Field(json_schema_extra={"enum": ["TOKEN", "SESSION"]})
    expires_at: str | None = Field(json_schema_extra={"format": "date-time"})


class HealthPart(Answer):
    status: Health


class HealthAnswer(Answer):
    status: Health
    parts: dict[str, HealthPart] | None = Field(
        default=None, description="Not for strangers.", examples=[{"workers": {"status": "UP", "alive": 2}}]
    )


def components() -> dict[str, Any]:
    """What every operation refers to."""
    return declared(Issue, Problem, Me, HealthAnswer, mode="serialization")
