"""What can be done with stored connections: add, replace, look up, test, remove."""

from __future__ import annotations

import time
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from threading import Thread
from typing import Any

from django.apps import apps
from django.conf import settings
from django.db import IntegrityError, transaction

from engine.issues import Issue, did_you_mean, pointer
from sdg_project import env
from sdg_project.database import has_table
from sdg_project.errors import Conflict, Invalid, NotFound
from sdg_project.hosts import ControlDatabase, HostPolicy
from sdg_project.variables import HIDDEN
from sinks.connections.base import ConnectionFailed, ConnectionKind, connection_kinds
from sinks.definition import ConnectionDefinition, read_connection
from sinks.enums import ConnectionOutcome
from sinks.models import Connection
from sinks.secrets import decrypted, encrypted, encrypted_anew
from sinks.uses import uses_of

TEST_SECONDS = 2.5
"""A test answers within three seconds, whatever the server does."""


@dataclass(frozen=True, slots=True)
class Tested:
    """What a test of a connection has found; `server` is what has answered."""

    outcome: ConnectionOutcome
    message: str
    hint: str | None
    server: str | None
    duration_ms: int

    @property
    def is_ok(self) -> bool:
        return self.outcome is ConnectionOutcome.OK


def add_connection(document: Any, *, by: str) -> Connection:
    """Store a connection; raises Invalid with all that is wrong with it, Conflict when the name is taken."""
    definition = read_connection(document)
    _refuse_hidden(definition, kept=())
    connection = Connection(name=definition.name, created_by=by)
    _take(connection, definition, definition.secrets)
    try:
        with transaction.atomic():
            connection.save(force_insert=True)
    except IntegrityError as error:
        raise Conflict("NAME_TAKEN", f'there is a connection "{definition.name}" already') from error
    return connection


def replace_connection(name: str, document: Any) -> Connection:
    """Give a connection another definition; ``••••`` keeps a secret, as long as it is told to nobody else.

    Raises Invalid, with SECRET_REQUIRED when a kept secret would go to another host, port or user, or be less guarded.
    """
    with transaction.atomic():
        connection = get_connection(name, for_update=True)
        definition = read_connection(document)
        if definition.name.lower() != connection.name.lower():
            message = f'the name must be "{connection.name}", as in the address: connections are not renamed'
            raise Invalid([Issue("INVALID_VALUE", "/name", message)])
        _refuse_hidden(definition, kept=connection.secret_names)
        kept = [name for name, value in definition.secrets.items() if value == HIDDEN]
        if kept and (changed := changes_of(connection, definition)):
            message = (
                f"{' and '.join(changed)} changes, so the secret must be sent again: the kept one is not told there"
            )
            raise Invalid([Issue("SECRET_REQUIRED", pointer("secrets", secret), message) for secret in kept])
        known = decrypted(connection.encrypted_secrets, of=f'connection "{connection.name}"') if kept else {}
        _take(connection, definition, {**definition.secrets, **{secret: known[secret] for secret in kept}})
        connection.save()
    return connection


def set_secrets(name: str, secrets: Mapping[str, str]) -> Connection:
    """Give a connection other secrets, and leave all else as it is."""
    connection = get_connection(name)
    document = {"name": connection.name, "type": connection.type, "config": connection.config, "secrets": dict(secrets)}
    return replace_connection(name, document)


def reencrypt_secrets() -> list[str]:
    """Encrypt all stored secrets by the first key, so that the others are needed no more; whose were by another one.

    They are those of connections, and of all else that keeps some as connections do. Raises Conflict when no key opens
    one of them; nothing changes then.
    """
    changed = []
    with transaction.atomic():
        for model in apps.get_models():
            if "encrypted_secrets" not in {field.name for field in model._meta.fields}:
                continue
            rows = model._default_manager.select_for_update().exclude(encrypted_secrets="")
            for key, stored in rows.values_list("pk", "encrypted_secrets"):
                named = f'{model._meta.verbose_name} "{rows.get(pk=key)}"'
                if (anew := encrypted_anew(stored, of=named)) != stored:
                    model._default_manager.filter(pk=key).update(encrypted_secrets=anew)
                    changed.append(named)
    return changed


def get_connection(name: str, *, for_update: bool = False) -> Connection:
    """The connection of a name, without regard to case; raises NotFound with a close name."""
    rows = Connection.objects.select_for_update() if for_update else Connection.objects.all()
    connection = rows.filter(name__iexact=name).first() if has_table(Connection._meta.db_table) else None
    if connection is None:
        known = [one.name for one in list_connections()]
        raise NotFound(f'there is no connection "{name}"', hint=did_you_mean(name, known))
    return connection


def list_connections() -> list[Connection]:
    """All connections, by name."""
    return list(Connection.objects.all()) if has_table(Connection._meta.db_table) else []


def remove_connection(name: str) -> None:
    """Remove a connection with its secrets; raises Conflict when something still uses it."""
    connection = get_connection(name)
    if used_by := uses_of(connection.name):
        message = f'connection "{connection.name}" is used by {", ".join(" ".join(use.values()) for use in used_by)}'
        raise Conflict("IN_USE", message, hint="change these first", details={"usedBy": used_by})
    connection.delete()


def open_connection(name: str) -> ConnectionKind[Any]:
    """A stored connection, ready to be used; raises NotFound, or Conflict when its secrets cannot be read."""
    connection = get_connection(name)
    secrets = decrypted(connection.encrypted_secrets, of=f'connection "{connection.name}"')
    return connection_of(connection_kinds[connection.type], connection.config, secrets)


def connection_of(
    kind: type[ConnectionKind[Any]],
    config: Mapping[str, Any],
    secrets: Mapping[str, str],
    *,
    variables: Mapping[str, str] | None = None,
) -> ConnectionKind[Any]:
    """A connection from what it consists of, under the policy of this installation."""
    policy = HostPolicy(env.is_production(), tuple(settings.SDG_ALLOWED_NETS), control=_control_database())
    return kind(kind.Config.model_validate(dict(config)), secrets, policy=policy, variables=variables)


def probe_connection(name: str) -> Tested:
    """Connect, and say what stands against it; answers in less than three seconds. Raises NotFound."""
    connection = open_connection(name)
    started = time.monotonic()
    future: Future[str] = Future()

    def probe() -> None:
        try:
            future.set_result(connection.probe(timeout_s=TEST_SECONDS))
        except BaseException as error:
            future.set_exception(error)

    # A thread of its own, since nothing interrupts the libraries below: it ends by itself.
    Thread(target=probe, name="connection-test", daemon=True).start()
    outcome, message, hint, server = ConnectionOutcome.OK, "the connection works", None, None
    try:
        server = future.result(timeout=TEST_SECONDS)
    except ConnectionFailed as error:
        outcome, message, hint = error.outcome, str(error), error.hint
    except TimeoutError:
        outcome, message = ConnectionOutcome.TIMEOUT, "the server does not answer"
    return Tested(outcome, message, hint, server, int((time.monotonic() - started) * 1000))


def changes_of(connection: Connection, definition: ConnectionDefinition) -> list[str]:
    """What a definition changes of that to which secrets are told."""
    if connection.type != definition.kind.kind:
        return ["type"]
    before = ConnectionDefinition(connection.name, definition.kind, connection.config, {}).told()
    return [name for name, value in definition.told().items() if value != before[name]]


def _take(connection: Connection, definition: ConnectionDefinition, secrets: Mapping[str, str]) -> None:
    connection.type, connection.config = definition.kind.kind, dict(definition.config)
    connection.secret_names, connection.encrypted_secrets = sorted(secrets), encrypted(secrets)


def _refuse_hidden(definition: ConnectionDefinition, *, kept: Any) -> None:
    """Raise Invalid where a secret is to be kept that is not there."""
    missing = [name for name, value in definition.secrets.items() if value == HIDDEN and name not in kept]
    if missing:
        message = f"there is no secret that {HIDDEN} could keep"
        raise Invalid([Issue("SECRET_REQUIRED", pointer("secrets", name), message) for name in missing])


def _control_database() -> ControlDatabase | None:
    """Where the control database is, if a server has it."""
    found = settings.DATABASES["default"]
    if found["ENGINE"].endswith("sqlite3"):
        return None
    return ControlDatabase(str(found.get("HOST") or ""), int(found.get("PORT") or 5432), str(found["NAME"]))
