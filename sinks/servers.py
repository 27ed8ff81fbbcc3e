"""Servers of destinations: a stored connection of a name, or details that stand in the destination's config.

A run freezes where its server is. What opens it, the secrets, is read each time it is needed and never frozen.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from engine.issues import Issue
from sdg_project.errors import Conflict, Invalid, NotFound
from sdg_project.shape_issues import aliases
from sdg_project.shapes import issues_of
from sdg_project.text import quoted
from sdg_project.variables import HIDDEN
from sinks import services
from sinks.connections.base import ConnectionKind, connection_kinds
from sinks.connections.directory import find_connection
from sinks.definition import MAX_SECRET
from sinks.destinations.base import Destination, destinations
from sinks.errors import TerminalSinkError

CONFIG = "/destination/config"
NAME = "/destination/connection"


@dataclass(frozen=True, slots=True)
class Told:
    """What a destination says of its server: the `name` of a stored connection, else `config` and `secrets`.

    A secret is a text, ``••••`` for one that is kept elsewhere, or in a file ``{"env": "NAME"}``.
    """

    kind: type[ConnectionKind[Any]]
    name: str | None
    config: Mapping[str, Any]
    secrets: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ServerPin:
    """Where the server of a run is, as frozen in its spec; `config` is complete and holds no secret.

    The secrets are those of the stored connection of the `name`; without one, those of the generator, or in a run of
    the command line the values of the `variables`.
    """

    kind: str
    config: Mapping[str, Any]
    name: str | None = None
    variables: Mapping[str, str] = field(default_factory=dict)


def own_config(kind: type[Destination[Any]], config: Mapping[str, Any]) -> dict[str, Any]:
    """What of a config belongs to the destination itself, and not to its server."""
    server = _server_of(kind)
    if server is None:
        return dict(config)
    own = aliases(kind.Config)
    return {name: value for name, value in config.items() if name in own or name not in _names_of(server)}


def read_server(kind: type[Destination[Any]], document: Mapping[str, Any]) -> tuple[Told | None, list[Issue]]:
    """What a destination's document says of its server, and what is wrong with that as far as nobody is asked."""
    server, name = _server_of(kind), document.get("connection")
    if server is None:
        if name is None:
            return None, []
        message = f'"connection" does not apply to {kind.kind}'
        return None, [Issue("PROPERTY_NOT_ALLOWED", NAME, message, 'remove "connection"')]
    config = document.get("config")
    given = {key: value for key, value in (config if isinstance(config, Mapping) else {}).items() if value is not None}
    details = {key: value for key, value in given.items() if key in _names_of(server)}
    if name is not None:
        message = "the connection has its own"
        issues = [
            Issue("PROPERTY_NOT_ALLOWED", f"{CONFIG}/{key}", f'"{key}": {message}', f'remove "{key}", or "connection"')
            for key in details
        ]
        if not isinstance(name, str):
            issues.append(Issue("TYPE_MISMATCH", NAME, "the name of a connection is a text"))
            return None, issues
        return Told(server, name, {}, {}), issues
    if not details:
        message = f"a {kind.kind} destination needs a server"
        hint = f"name a stored connection as connection, or give {', '.join(_required(server))} in config"
        return None, [Issue("MISSING_PARAM", NAME, message, hint)]
    secrets = {key: details.pop(key) for key in server.secret_names if key in details}
    issues = [issue for key, value in secrets.items() for issue in _secret_issues(key, value)]
    try:
        server.Config.model_validate(details)
    except ValidationError as error:
        issues += issues_of(error, at=CONFIG, model=server.Config)
    return Told(server, None, details, secrets), issues


def found_issues(told: Told) -> list[Issue]:
    """What is wrong with a named connection: there is none, it is of another type, or its secrets cannot be read."""
    if told.name is None:
        return []
    try:
        found = find_connection(told.name)
    except NotFound as error:
        return [Issue("INVALID_VALUE", NAME, str(error), error.hint)]
    except Conflict as error:
        return [Issue(error.code, NAME, str(error), error.hint)]
    if found.kind != told.kind.kind:
        message = f"connection {quoted(told.name)} is of type {found.kind}, and this destination needs {told.kind.kind}"
        return [Issue("TYPE_MISMATCH", NAME, message)]
    return []


def told_server(document: Any) -> Told | None:
    """What the destination of an accepted definition says of its server; None when it has none."""
    kind = destinations.get(document.get("type", "")) if isinstance(document, Mapping) else None
    return None if kind is None else read_server(kind, document)[0]


def server_of(told: Told, *, kept: Mapping[str, str]) -> ConnectionKind[Any]:
    """The server, ready to be used; `kept` are the secrets of the generator. Raises Conflict for a missing secret."""
    if told.name is not None:
        return find_connection(told.name)
    variables = _variables(told.secrets)
    secrets = {**_values(variables), **{key: value for key, value in told.secrets.items() if isinstance(value, str)}}
    for key, value in secrets.items():
        if value == HIDDEN:
            secrets[key] = _kept(kept, key)
    return services.connection_of(told.kind, told.config, secrets, variables=variables)


def pinned(told: Told, server: ConnectionKind[Any]) -> ServerPin:
    """A server as a run freezes it."""
    config = _complete(server)
    if told.name is not None and server.variables is None:
        return ServerPin(server.kind, config, name=told.name)
    return ServerPin(server.kind, config, variables=dict(server.variables or {}))


def open_pinned(pin: ServerPin, *, kept: Callable[[], Mapping[str, str]]) -> ConnectionKind[Any]:
    """The server of a run, with its secrets as they are now; raises TerminalSinkError when it is another one by now."""
    try:
        if pin.name is None:
            kind = connection_kinds[pin.kind]
            secrets = _values(pin.variables) if pin.variables else dict(kept())
            return services.connection_of(kind, pin.config, secrets)
        found = find_connection(pin.name)
    except (NotFound, Conflict) as error:
        code = error.code if isinstance(error, Conflict) else "CONNECTION_CHANGED"
        hint = f"; {error.hint}" if error.hint else ""
        raise TerminalSinkError(code, f"{error}{hint}") from error
    now = _complete(found)
    if found.kind != pin.kind or now != pin.config:
        changed = [name for name in sorted({*now, *pin.config}) if now.get(name) != pin.config.get(name)]
        message = (
            f'connection "{pin.name}" has another {", ".join(changed or ["type"])} than when the run was started; '
            "change it back to go on, or start a new run"
        )
        raise TerminalSinkError("CONNECTION_CHANGED", message)
    return found


# Secrets that stand in a definition.


def secret_names_in(document: Mapping[str, Any]) -> list[str]:
    """The secrets that a definition's destination holds or keeps."""
    told = told_server(document.get("destination"))
    return [] if told is None else sorted(told.secrets)


def without_secrets(document: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """A definition with ``••••`` in place of its secrets, as it is stored and shown; and those that it really holds."""
    told = told_server(document.get("destination"))
    if told is None or not told.secrets:
        return dict(document), {}
    given = {name: value for name, value in told.secrets.items() if isinstance(value, str) and value != HIDDEN}
    place = document["destination"]
    config = {**place["config"], **dict.fromkeys(told.secrets, HIDDEN)}
    return {**document, "destination": {**place, "config": config}}, given


def kept_issues(before: Any, after: Any) -> list[Issue]:
    """What stands against keeping the secrets of a destination that another document had: they would be told elsewhere.

    Without one, there are none to keep.
    """
    told, known = told_server(after), told_server(before)
    asked = [name for name, value in (told.secrets if told else {}).items() if value == HIDDEN]
    if told is None or not asked:
        return []
    if known is None or known.kind is not told.kind or not set(asked) <= set(known.secrets):
        message = f"there is no secret that {HIDDEN} could keep"
        return [Issue("SECRET_REQUIRED", f"{CONFIG}/{name}", message) for name in asked]
    places = [_bound(one) for one in (known, told)]
    if changed := [name for name in places[1] if places[0][name] != places[1][name]]:
        message = f"{' and '.join(changed)} changes, so the secret must be sent again: the kept one is not told there"
        return [Issue("SECRET_REQUIRED", f"{CONFIG}/{name}", message) for name in asked]
    return []


def variable_issues(document: Any) -> list[Issue]:
    """Secrets that are named by a variable: only a file may do so, whose reader's environment it is."""
    message = "a variable of the environment can be named in a file only"
    return [
        Issue("PROPERTY_NOT_ALLOWED", f"{CONFIG}/{name}", message, "send the secret itself; it is never shown again")
        for name in _variables(_secrets_in(document))
    ]


def literal_issues(document: Any) -> list[Issue]:
    """Secrets that stand in a file; ``••••`` is none, and keeps that of the stored generator of its name."""
    hint = 'name a variable of the environment, as in {"env": "PGPASSWORD"}, or a stored connection'
    return [
        Issue("PROPERTY_NOT_ALLOWED", f"{CONFIG}/{name}", "a file holds no secrets", hint)
        for name, value in _secrets_in(document).items()
        if isinstance(value, str) and value != HIDDEN
    ]


def with_values(document: Any) -> Any:
    """A file's definition with the values of the variables that its destination names; raises Invalid."""
    variables = _variables(_secrets_in(document))
    if not variables:
        return document
    try:
        values = _values(variables)
    except Conflict as error:
        raise Invalid([Issue(error.code, CONFIG, str(error), error.hint)]) from error
    place = document["destination"]
    return {**document, "destination": {**place, "config": {**place["config"], **values}}}


def _secrets_in(document: Any) -> Mapping[str, Any]:
    told = told_server(document.get("destination")) if isinstance(document, Mapping) else None
    return {} if told is None else told.secrets


def _secret_issues(name: str, value: Any) -> Sequence[Issue]:
    at = f"{CONFIG}/{name}"
    if isinstance(value, Mapping) and set(value) == {"env"} and isinstance(value["env"], str) and value["env"]:
        return ()
    if not isinstance(value, str):
        return [Issue("TYPE_MISMATCH", at, 'a secret must be a text, or in a file {"env": "NAME"}')]
    if not 1 <= len(value) <= MAX_SECRET or "\0" in value:
        return [Issue("INVALID_VALUE", at, f"a secret must have 1 to {MAX_SECRET:,} characters, none of them NUL")]
    return ()


def _variables(secrets: Mapping[str, Any]) -> dict[str, str]:
    named = {name: value.get("env") for name, value in secrets.items() if isinstance(value, Mapping)}
    return {name: variable for name, variable in named.items() if isinstance(variable, str)}


def _values(variables: Mapping[str, str]) -> dict[str, str]:
    """The values of variables of the environment; raises Conflict for those that are not set."""
    if missing := sorted({variable for variable in variables.values() if not os.environ.get(variable)}):
        raise Conflict("SECRET_REQUIRED", f"{', '.join(missing)} must be set: the destination's secrets are read there")
    return {name: os.environ[variable] for name, variable in variables.items()}


def _kept(kept: Mapping[str, str], name: str) -> str:
    if name not in kept:
        message = f'the destination\'s "{name}" is not known any more'
        raise Conflict("SECRET_REQUIRED", message, hint="send it again with the definition")
    return kept[name]


def _bound(told: Told) -> dict[str, Any]:
    """That to which the secrets are told, with defaults."""
    complete = told.kind.Config.model_validate(dict(told.config)).model_dump(mode="json", by_alias=True)
    return {name: complete[name] for name in sorted(told.kind.bound)}


def _complete(server: ConnectionKind[Any]) -> dict[str, Any]:
    complete: dict[str, Any] = server.config.model_dump(mode="json", by_alias=True)
    return complete


def _server_of(kind: type[Destination[Any]]) -> type[ConnectionKind[Any]] | None:
    return None if kind.connects_to is None else connection_kinds[kind.connects_to]


def _names_of(server: type[ConnectionKind[Any]]) -> frozenset[str]:
    return frozenset({*aliases(server.Config), *server.secret_names})


def _required(server: type[ConnectionKind[Any]]) -> list[str]:
    return [info.alias or name for name, info in server.Config.model_fields.items() if info.is_required()]
