"""A connection's definition: the document that the API, bundles and the command line share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, ValidationError

from engine.issues import Issue, did_you_mean, pointer
from sdg_project.errors import Invalid
from sdg_project.shapes import Faults, Params, issues_of
from sdg_project.text import NAME_PATTERN, UNSTORABLE, quoted
from sdg_project.variables import HIDDEN
from sinks.connections.base import ConnectionKind, connection_kinds

MAX_SECRET = 10_000


def _secret(value: Any) -> str:
    """A secret; what is said of a wrong one does not repeat it."""
    if not isinstance(value, str):
        raise Faults(Issue("TYPE_MISMATCH", "", "a secret must be a text"))
    if not 1 <= len(value) <= MAX_SECRET or UNSTORABLE.search(value):
        message = f"a secret must have 1 to {MAX_SECRET:,} characters, none of them NUL"
        raise Faults(Issue("INVALID_VALUE", "", message))
    return value


def _secrets(value: Any) -> dict[Any, Any]:
    if not isinstance(value, dict):
        raise Faults(Issue("TYPE_MISMATCH", "", "secrets must be an object with a text for each"))
    return value


class ConnectionShape(Params):
    """The properties of a connection."""

    name: str = Field(pattern=NAME_PATTERN, description="Unique without regard to case.", examples=["refdata"])
    type: str = Field(description="What it connects to.", examples=["POSTGRES"])
    config: dict[str, Any] = Field(description="Where the server is and how it is spoken to.")
    secrets: Annotated[dict[str, Annotated[str, BeforeValidator(_secret)]], BeforeValidator(_secrets)] = Field(
        default_factory=dict,
        description=f"Never shown: {HIDDEN} stands for each in answers, and keeps it in a PUT; one that is left out is"
        " deleted.",
    )


@dataclass(frozen=True, slots=True)
class ConnectionDefinition:
    """A connection's properties, checked; `config` is as it was written."""

    name: str
    kind: type[ConnectionKind[Any]]
    config: Mapping[str, Any]
    secrets: Mapping[str, str]

    def told(self) -> dict[str, Any]:
        """To whom the secrets are told, with defaults."""
        params = self.kind.Config.model_validate(dict(self.config))
        complete = params.model_dump(mode="json", by_alias=True)
        return {name: complete[name] for name in sorted(self.kind.bound)}


def read_connection(document: Any) -> ConnectionDefinition:
    """The definition that a document holds; raises Invalid with everything that is wrong with it."""
    issues: list[Issue] = []
    shape: ConnectionShape | None = None
    try:
        shape = ConnectionShape.model_validate(document)
    except ValidationError as error:
        issues += issues_of(error, model=ConnectionShape)
    given = document if isinstance(document, Mapping) else {}
    kind = _kind(given.get("type"), issues)
    if kind is not None and isinstance(given.get("config"), Mapping):
        try:
            kind.Config.model_validate(dict(given["config"]))
        except ValidationError as error:
            issues += issues_of(error, at="/config", model=kind.Config)
    if kind is not None and isinstance(given.get("secrets"), Mapping):
        for name in given["secrets"]:
            if name not in kind.secret_names:
                hint = f"accepted are {', '.join(kind.secret_names)}"
                message = f"there is no secret {quoted(str(name))} of {kind.kind}"
                issues.append(Issue("UNKNOWN_PROPERTY", pointer("secrets", name), message, hint))
    if issues or shape is None or kind is None:
        raise Invalid(issues)
    return ConnectionDefinition(shape.name, kind, shape.config, shape.secrets)


def _kind(name: Any, issues: list[Issue]) -> type[ConnectionKind[Any]] | None:
    kind = connection_kinds.get(name) if isinstance(name, str) else None
    if kind is None and isinstance(name, str):
        hint = did_you_mean(name, connection_kinds) or f"accepted are {', '.join(connection_kinds)}"
        issues.append(Issue("INVALID_VALUE", "/type", f"there is no connection type {quoted(name)}", hint))
    return kind
