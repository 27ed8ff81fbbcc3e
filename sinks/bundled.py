"""Connections that stand in a bundle, beside the pools that are read over them. A file names variables, no secrets."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from engine.issues import Issue, pointer
from sdg_project.documents import Document
from sdg_project.errors import Invalid
from sdg_project.variables import HIDDEN
from sinks import services
from sinks.connections.base import ConnectionKind
from sinks.definition import ConnectionDefinition, read_connection
from sinks.models import Connection


@dataclass(frozen=True, slots=True)
class StagedConnection:
    """A connection as it would be stored; `current` is the stored one of its name, if there is one."""

    definition: ConnectionDefinition
    current: Connection | None
    variables: Mapping[str, str] = field(default_factory=dict)
    """The variables of the environment that hold its secrets."""

    @property
    def name(self) -> str:
        return self.current.name if self.current is not None else self.definition.name

    @property
    def forgets(self) -> list[str]:
        """Properties for whose change the stored secrets are not kept, if there are any."""
        if self.current is None or not self.current.secret_names or self.definition.secrets:
            return []
        return services.changes_of(self.current, self.definition)

    @property
    def is_new_or_changed(self) -> bool:
        current, definition = self.current, self.definition
        is_same = current is not None and (current.type, current.config) == (definition.kind.kind, definition.config)
        return not is_same or bool(definition.secrets)

    def opened(self) -> ConnectionKind[Any]:
        """The connection, ready to be used."""
        secrets = self.definition.secrets
        if self.current is not None and not secrets and not self.forgets:
            secrets = services.open_connection(self.current.name).secrets
        return services.connection_of(self.definition.kind, self.definition.config, secrets, variables=self.variables)

    def document(self) -> dict[str, Any]:
        """The definition, as services take it, with the stored secrets where they are kept."""
        definition = self.definition
        secrets: Mapping[str, str] = definition.secrets
        if self.current is not None and not secrets and not self.forgets:
            secrets = dict.fromkeys(self.current.secret_names, HIDDEN)
        return {
            "name": self.name,
            "type": definition.kind.kind,
            "config": dict(definition.config),
            "secrets": dict(secrets),
        }


def stage_connections(
    documents: Sequence[Document], *, beside_stored: bool = True
) -> tuple[list[StagedConnection], list[Issue]]:
    """The connections of a bundle, and everything that is wrong with them; without a look at stored ones if so said."""
    staged: list[StagedConnection] = []
    issues: list[Issue] = []
    stored = {one.name.lower(): one for one in services.list_connections()} if beside_stored else {}
    names: set[str] = set()
    for document in documents:
        try:
            definition = read_connection(_with_secrets(document.value))
            if definition.name.lower() in names:
                message = f'there are two connections "{definition.name}"'
                raise Invalid([Issue("DUPLICATE_VALUE", "/name", message)])
        except Invalid as error:
            issues += document.placed(error.issues)
            continue
        names.add(definition.name.lower())
        variables = {name: told["env"] for name, told in (document.value.get("secrets") or {}).items()}
        staged.append(StagedConnection(definition, stored.get(definition.name.lower()), variables))
    return staged, issues


def opened_connections(staged: Sequence[StagedConnection]) -> dict[str, ConnectionKind[Any]]:
    """Staged connections by their names in lower case, for `directory.beside`."""
    return {one.name.lower(): one.opened() for one in staged}


def store_connections(staged: Sequence[StagedConnection], *, by: str) -> None:
    """Store connections by their names."""
    for one in staged:
        if one.current is None:
            services.add_connection(one.document(), by=by)
        else:
            services.replace_connection(one.name, one.document())


def exported_connection(connection: Connection) -> dict[str, Any]:
    """A stored connection as a bundle has it: without its secrets."""
    return {"name": connection.name, "type": connection.type, "config": connection.config}


def _with_secrets(document: Any) -> Any:
    """A connection's document with the values of the variables that it names; raises Invalid."""
    given = document.get("secrets") if isinstance(document, Mapping) else None
    if not isinstance(given, Mapping):
        return document
    issues, secrets = [], {}
    for name, told in given.items():
        at = pointer("secrets", name)
        variable = told.get("env") if isinstance(told, Mapping) and set(told) == {"env"} else None
        if not isinstance(variable, str):
            message = "a file holds no secrets"
            hint = f'name a variable of the environment, as in {{"{name}": {{"env": "PGPASSWORD"}}}}'
            issues.append(Issue("PROPERTY_NOT_ALLOWED", at, message, hint))
        elif not os.environ.get(variable):
            issues.append(Issue("SECRET_REQUIRED", at, f"the variable {variable} is not set"))
        else:
            secrets[name] = os.environ[variable]
    if issues:
        raise Invalid(issues)
    return {**document, "secrets": secrets}
