"""DRAGONFLY: a server that speaks the Redis protocol: Dragonfly, Valkey, Redis."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from enum import StrEnum
from typing import ClassVar

from pydantic import Field

from sdg_project.shapes import Params
from sinks.connections.base import ConnectionFailed, ConnectionKind, connection_kinds
from sinks.connections.servers import Certificates, Host, allowed_addresses
from sinks.dragonfly.protocol import Client, ConnectionLost, ProtocolViolation, ServerError, facts_of
from sinks.enums import ConnectionOutcome


class Encryption(StrEnum):
    DISABLE = "DISABLE"
    REQUIRE = "REQUIRE"
    """Encrypted, whoever the server is."""
    VERIFY_FULL = "VERIFY_FULL"
    """Encrypted, and the server shows a certificate of its name."""


class DragonflyConfig(Params):
    host: Host = Field(description="Name or address of one server.", examples=["cache.example.org"])
    port: int = Field(default=6379, ge=1, le=65_535, description="Port of the server.")
    database: int = Field(default=0, ge=0, le=16_383, description="Number of the database.")
    username: str | None = Field(
        default=None, min_length=1, max_length=200, description="Name of the ACL user; else the default user."
    )
    tls: Encryption = Field(
        default=Encryption.DISABLE, description="Whether the connection is encrypted and the server is checked."
    )
    ca_certificate: Certificates | None = Field(
        default=None,
        description="VERIFY_FULL: certificates in PEM form that vouch for the server; default those of the system.",
    )


@connection_kinds.register("DRAGONFLY")
class DragonflyConnection(ConnectionKind[DragonflyConfig]):
    Config = DragonflyConfig
    secret_names: ClassVar[tuple[str, ...]] = ("password",)
    bound: ClassVar[frozenset[str]] = frozenset({"host", "port", "username", "tls", "caCertificate"})

    def probe(self, *, timeout_s: float) -> str:
        with self.connect(timeout_s=timeout_s) as client:
            try:
                return server_name(facts_of(client.call("INFO", "server")))
            except ServerError as error:
                if error.word == "NOPERM":
                    return "a server that speaks the Redis protocol"  # and does not tell this user what it is
                raise _refused(error) from None
            except (ConnectionLost, ProtocolViolation) as error:
                raise _unusable(error) from error

    @contextmanager
    def connect(self, *, timeout_s: float) -> Iterator[Client]:
        """A connection that is closed at the end; raises ConnectionFailed when there is none."""
        client = self.open(timeout_s=timeout_s)
        try:
            yield client
        finally:
            client.close()

    def open(self, *, timeout_s: float, call_timeout_s: float | None = None) -> Client:
        """A connection that wants to be closed, with the user logged in and the database chosen.

        It is made within `timeout_s`; later calls of it may take `call_timeout_s`. Raises ConnectionFailed.
        """
        deadline = time.monotonic() + timeout_s
        config = self.config
        addresses = allowed_addresses(self.policy, config.host, config.port, timeout_s=timeout_s)
        connected = self._socket(addresses, deadline)
        try:
            greeting = Client(connected, timeout_s=max(0.01, deadline - time.monotonic()))
            self._greet(greeting)
            connected.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        except BaseException:
            connected.close()
            raise
        return Client(connected, timeout_s=call_timeout_s or timeout_s)

    def _socket(self, addresses: list[str], deadline: float) -> socket.socket:
        """A socket to the first address that answers, encrypted if it is to be."""
        failure: OSError | None = None
        for address in addresses:
            left = max(0.01, deadline - time.monotonic())
            try:
                connected = socket.create_connection((address, self.config.port), timeout=left)
            except OSError as error:
                failure = error
                continue
            connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self.config.tls is Encryption.DISABLE:
                return connected
            try:
                return self._context().wrap_socket(connected, server_hostname=self.config.host)
            except (OSError, ValueError) as error:
                connected.close()
                raise _not_encrypted(error) from error
        if isinstance(failure, TimeoutError):
            raise ConnectionFailed(_O.TIMEOUT, "the server does not answer") from failure
        if isinstance(failure, ConnectionRefusedError):
            raise ConnectionFailed(_O.REFUSED, "nothing listens at that port of the host") from failure
        raise ConnectionFailed(_O.REFUSED, "there is no way to the host") from failure

    def _context(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        if self.config.tls is Encryption.REQUIRE:
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        elif self.config.ca_certificate is None:
            context.load_default_certs()
        else:
            context.load_verify_locations(cadata=self.config.ca_certificate)
        return context

    def _greet(self, client: Client) -> None:
        """Log in, choose the database, and see that the server answers."""
        password, user = self.secrets.get("password"), self.config.username
        words = [["PING"]]
        if self.config.database:
            words.insert(0, ["SELECT", str(self.config.database)])
        if user is not None:
            words.insert(0, ["AUTH", user, password or ""])
        elif password is not None:
            words.insert(0, ["AUTH", password])
        try:
            for one in words:
                client.call(*one)
        except ServerError as error:
            raise _refused(error) from None  # whose text has what the server says
        except (ConnectionLost, ProtocolViolation) as error:
            raise _unusable(error) from error


def server_name(facts: Mapping[str, str]) -> str:
    """Which server has said this of itself, and its version."""
    if "dragonfly_version" in facts:
        return f"Dragonfly {_safe(facts['dragonfly_version'].removeprefix('df-').removeprefix('v'))}"
    if "valkey_version" in facts:
        return f"Valkey {_safe(facts['valkey_version'])}"
    return f"Redis {_safe(facts.get('redis_version', '?'))}"


def _safe(text: str) -> str:
    return "".join(letter for letter in text[:40] if letter.isascii() and letter.isprintable())


_O = ConnectionOutcome


def _refused(error: ServerError) -> ConnectionFailed:
    text = error.text
    match error.word:
        case "NOAUTH" | "WRONGPASS":
            return ConnectionFailed(_O.AUTH, "the server does not accept the user or the password")
        case "NOPERM":
            return ConnectionFailed(_O.NO_RIGHT, "the user may not do what a connection needs", "see the user's ACL")
        case "DENIED":
            hint = "see protected-mode of the server, or give it a password"
            return ConnectionFailed(_O.NO_RIGHT, "the server lets in nobody from here without a password", hint)
        case "LOADING":
            return ConnectionFailed(_O.OTHER, "the server is still loading its data", "try again in a while")
    if "without any password" in text:
        return ConnectionFailed(_O.AUTH, "the server has no password for this user", "store the connection without one")
    if "DB index" in text or "invalid DB" in text or "invalid first argument" in text:
        return ConnectionFailed(_O.MISSING_DATABASE, "there is no such database on the server")
    return ConnectionFailed(_O.OTHER, "the server has refused the connection for another reason; its log has more")


def _unusable(error: ConnectionLost | ProtocolViolation) -> ConnectionFailed:
    if isinstance(error, ProtocolViolation):
        return ConnectionFailed(_O.OTHER, "what listens there does not speak the Redis protocol", "see port and tls")
    if "in time" in str(error):
        return ConnectionFailed(_O.TIMEOUT, "the server does not answer")
    message = "the server has closed the connection while it was greeted"
    return ConnectionFailed(_O.OTHER, message, "does it demand encryption? see tls")


def _not_encrypted(error: OSError | ValueError) -> ConnectionFailed:
    if isinstance(error, ssl.SSLCertVerificationError):
        message = "the server's certificate cannot be trusted for this host"
        return ConnectionFailed(_O.TLS, message, "see caCertificate")
    if isinstance(error, TimeoutError):
        return ConnectionFailed(_O.TLS, "the server does not answer when it is asked to encrypt", "see port and tls")
    return ConnectionFailed(_O.TLS, "encryption cannot be agreed on with the server", "see tls")
