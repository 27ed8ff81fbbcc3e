"""POSTGRES: a database of a PostgreSQL server."""

from __future__ import annotations

import re
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import AfterValidator, Field

from engine.issues import Issue
from sdg_project.hosts import HostPolicy
from sdg_project.shapes import Faults, Params
from sdg_project.text import UNSTORABLE, quoted
from sinks.connections.base import ConnectionFailed, ConnectionKind, connection_kinds
from sinks.connections.servers import Certificates, Host, allowed_addresses, refuse_control_database
from sinks.enums import ConnectionOutcome

if TYPE_CHECKING:
    import psycopg

MAX_NAME_BYTES = 63
"""PostgreSQL cuts longer names off, so that they would mean something else."""

_NOWHERE = "/dev/null/none"
"""A file that cannot be there: in place of those that libpq looks for in the home folder."""
_MIN_TIMEOUT_S = 2
"""libpq waits no shorter."""


def postgres_name(text: str) -> str:
    """A name that PostgreSQL takes as it is; raises Faults."""
    if not text or len(text.encode(errors="replace")) > MAX_NAME_BYTES:
        raise Faults(Issue("INVALID_VALUE", "", f"must have 1 to {MAX_NAME_BYTES} bytes, not {quoted(text)}"))
    if UNSTORABLE.search(text):
        raise Faults(Issue("INVALID_VALUE", "", "must hold neither NUL nor half of a surrogate pair"))
    return text


def is_system_schema(name: str) -> bool:
    """Whether a schema is the server's own."""
    return name == "information_schema" or name.startswith("pg_")


PostgresName = Annotated[str, AfterValidator(postgres_name), Field(min_length=1, max_length=MAX_NAME_BYTES)]


class Tls(StrEnum):
    DISABLE = "DISABLE"
    PREFER = "PREFER"
    """Encrypted if the server can."""
    REQUIRE = "REQUIRE"
    """Encrypted, whoever the server is."""
    VERIFY_FULL = "VERIFY_FULL"
    """Encrypted, and the server shows a certificate of its name."""


class PostgresConfig(Params):
    host: Host = Field(description="Name or address of one server.", examples=["db.example.org"])
    port: int = Field(default=5432, ge=1, le=65_535, description="Port of the server.")
    database: PostgresName = Field(description="Name of the database.", examples=["shop"])
    user: PostgresName = Field(description="Name of the role that reads or writes.", examples=["sdg"])
    tls: Tls = Field(default=Tls.PREFER, description="Whether the connection is encrypted and the server is checked.")
    ca_certificate: Certificates | None = Field(
        default=None,
        description="VERIFY_FULL: certificates in PEM form that vouch for the server; default those of the system.",
    )


@connection_kinds.register("POSTGRES")
class PostgresConnection(ConnectionKind[PostgresConfig]):
    Config = PostgresConfig
    secret_names: ClassVar[tuple[str, ...]] = ("password",)
    bound: ClassVar[frozenset[str]] = frozenset({"host", "port", "user", "tls", "caCertificate"})

    def probe(self, *, timeout_s: float) -> str:
        with self.connect(timeout_s=timeout_s) as connection:
            version = connection.info.parameter_status("server_version") or "?"
        return f"PostgreSQL {version.split(' ')[0]}"

    @contextmanager
    def connect(self, *, timeout_s: float) -> Iterator[psycopg.Connection[Any]]:
        """A connection that is closed at the end; raises ConnectionFailed when there is none.

        Every setting is given as a field of its own, also those that libpq would take from its variables and files.
        """
        import psycopg  # which those who only know of connections need not wait for

        started = time.monotonic()
        addresses = _addresses(self.policy, self.config, timeout_s)
        left = max(_MIN_TIMEOUT_S, int(timeout_s - (time.monotonic() - started)))
        with self._tls() as tls:
            try:
                connection = psycopg.connect(
                    host=",".join([self.config.host] * len(addresses)),
                    hostaddr=",".join(addresses),
                    port=self.config.port,
                    dbname=self.config.database,
                    user=self.config.user,
                    password=self.secrets.get("password", ""),  # None would be the one in PGPASSWORD
                    passfile=_NOWHERE,
                    connect_timeout=left,
                    application_name="sdg",
                    client_encoding="UTF8",
                    options="",
                    gssencmode="disable",
                    target_session_attrs="any",
                    **tls,
                )
            except psycopg.OperationalError as error:
                raise _failure(error, self.config) from None  # whose message has what the server says
        try:
            yield connection
        finally:
            connection.close()

    @contextmanager
    def _tls(self) -> Iterator[dict[str, Any]]:
        """What libpq is told of TLS. It reads certificates from files only."""
        mode = {"sslmode": self.config.tls.value.lower().replace("_", "-"), "sslcert": _NOWHERE, "sslkey": _NOWHERE}
        if self.config.tls is not Tls.VERIFY_FULL:
            yield {**mode, "sslrootcert": _NOWHERE}
        elif self.config.ca_certificate is None:
            yield {**mode, "sslrootcert": "system"}
        else:
            with tempfile.NamedTemporaryFile("w", suffix=".pem") as file:
                file.write(self.config.ca_certificate)
                file.flush()
                yield {**mode, "sslrootcert": file.name}


def _addresses(policy: HostPolicy, config: PostgresConfig, timeout_s: float) -> list[str]:
    found = allowed_addresses(policy, config.host, config.port, timeout_s=timeout_s)
    refuse_control_database(policy, found, config.port, config.database, timeout_s=timeout_s)
    return found


_O = ConnectionOutcome
_REASONS: Mapping[str, tuple[ConnectionOutcome, str, str | None]] = {
    # libpq gives no SQLSTATE for what fails while connecting. Servers may speak other languages: these are then OTHER.
    r"certificate verify failed|does not match host name|root certificate": (
        _O.TLS,
        "the server's certificate cannot be trusted for this host",
        "see caCertificate",
    ),
    r"server does not support SSL": (_O.TLS, "the server does not encrypt, and tls demands it", "see tls"),
    r"no pg_hba\.conf entry.*no encryption": (
        _O.TLS,
        "the server does not let this user in without encryption, or not at all",
        "see tls and user",
    ),
    r"no pg_hba\.conf entry|pg_hba\.conf rejects": (
        _O.NO_RIGHT,
        "the server does not let this user in from here",
        "see pg_hba.conf of the server",
    ),
    r"SSL|certificate": (_O.TLS, "encryption cannot be agreed on with the server", "see tls"),
    r"password authentication failed|no password supplied|authentication failed|role \".*\" does not exist": (
        _O.AUTH,
        "the server does not accept the user or the password",
        None,
    ),
    r"role \".*\" is not permitted": (_O.NO_RIGHT, "the user may not log in", None),
    r"permission denied for database": (_O.NO_RIGHT, "the user may not connect to the database", "GRANT CONNECT"),
    r"database \".*\" does not exist": (_O.MISSING_DATABASE, "there is no such database on the server", None),
    r"timeout expired|[Tt]imed out": (_O.TIMEOUT, "the server does not answer", None),
    r"Connection refused": (_O.REFUSED, "nothing listens at that port of the host", None),
    r"unreachable|No route to host": (_O.REFUSED, "there is no way to the host", None),
}


def _failure(error: psycopg.OperationalError, config: PostgresConfig) -> ConnectionFailed:
    text = str(error)
    for name in (config.user, config.database):  # which may read like one of the reasons
        text = text.replace(f'"{name}"', '"?"')
    for pattern, (outcome, message, hint) in _REASONS.items():
        if re.search(pattern, text, re.DOTALL):
            return ConnectionFailed(outcome, message, hint)
    return ConnectionFailed(_O.OTHER, "the server has ended the connection for another reason; its log has more")
