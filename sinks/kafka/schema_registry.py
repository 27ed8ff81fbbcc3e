"""The schema registry: schemas get numbers there, and it says which of them fit those before.

It is spoken to over its address as the host policy has found it, and redirects are not followed.
https://docs.confluent.io/platform/current/schema-registry/develop/api.html
"""

from __future__ import annotations

import base64
import http.client
import json
import socket
import ssl
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from sinks.connections.base import ConnectionFailed
from sinks.connections.servers import allowed_addresses
from sinks.enums import ConnectionOutcome

if TYPE_CHECKING:
    from sinks.connections.kafka import KafkaConnection

_O = ConnectionOutcome
_MEDIA_TYPE = "application/vnd.schemaregistry.v1+json"
_MOST_BYTES = 4 * 2**20
_MOST_REASON = 500
_NOT_FOUND = 404


class SchemaRefused(Exception):
    """The registry does not take a schema; the sentence says why, in its own words."""


class SchemaRegistry:
    """The registry of a connection, each of whose answers is there within some seconds."""

    def __init__(self, connection: KafkaConnection, *, timeout_s: float) -> None:
        place = connection.config.schema_registry
        if place is None:
            raise ValueError("the connection has no schema registry")
        self._place, self._policy, self._timeout_s = place, connection.policy, timeout_s
        self._password = connection.secrets.get("schemaRegistryPassword", "")

    def reasons_against(self, subject: str, schema_type: str, schema: str) -> str | None:
        """Why a schema does not fit what the subject has; None when it does, or the subject has nothing yet.

        Raises ConnectionFailed.
        """
        path = f"/compatibility/subjects/{quote(subject, safe='')}/versions/latest?verbose=true"
        status, answer = self._call("POST", path, {"schemaType": schema_type, "schema": schema})
        if status == _NOT_FOUND:
            return None
        if status in {409, 422}:
            return _said(answer)
        self._check(status)
        if not isinstance(answer, dict) or answer.get("is_compatible", True):
            return None
        told = [str(message) for message in answer.get("messages") or [] if message]
        return _short("; ".join(told)) if told else "the registry does not say why"

    def register(self, subject: str, schema_type: str, schema: str) -> int:
        """The number of a schema, which the subject then has; raises SchemaRefused or ConnectionFailed."""
        path = f"/subjects/{quote(subject, safe='')}/versions"
        status, answer = self._call("POST", path, {"schemaType": schema_type, "schema": schema})
        if status in {409, 422}:
            raise SchemaRefused(_said(answer))
        self._check(status)
        if not isinstance(answer, dict) or not isinstance(answer.get("id"), int):
            raise ConnectionFailed(_O.OTHER, "what answers is no schema registry", "see schemaRegistry.url")
        number: int = answer["id"]
        return number

    def _check(self, status: int) -> None:
        if status in {401, 403}:
            message = "the schema registry does not accept the user or the password"
            raise ConnectionFailed(_O.AUTH if status == 401 else _O.NO_RIGHT, message, "see schemaRegistry")
        if status != 200:
            message = f"the schema registry answers with status {status}"
            raise ConnectionFailed(_O.OTHER, message, "see schemaRegistry.url")

    def _call(self, method: str, path: str, body: dict[str, str]) -> tuple[int, Any]:
        """The status and the document of an answer; raises ConnectionFailed when there is none."""
        url = urlsplit(self._place.url)
        deadline = time.monotonic() + self._timeout_s
        is_encrypted = url.scheme == "https"
        host, port = str(url.hostname), url.port or (443 if is_encrypted else 80)
        headers = {"Content-Type": _MEDIA_TYPE, "Accept": f"{_MEDIA_TYPE}, application/json", "Host": url.netloc}
        if self._place.username is not None:
            login = base64.b64encode(f"{self._place.username}:{self._password}".encode()).decode()
            headers["Authorization"] = f"Basic {login}"
        try:
            addresses = allowed_addresses(self._policy, host, port, timeout_s=self._timeout_s)
            left = max(0.1, deadline - time.monotonic())
            connection = http.client.HTTPConnection(addresses[0], port, timeout=left)
            try:
                connection.connect()
                if is_encrypted:
                    connection.sock = self._context().wrap_socket(connection.sock, server_hostname=host)
                connection.request(method, url.path.rstrip("/") + path, json.dumps(body), headers)
                response = connection.getresponse()
                content = response.read(_MOST_BYTES)
            finally:
                connection.close()
        except ConnectionFailed as error:
            raise ConnectionFailed(error.outcome, f"schema registry: {error}", error.hint) from error
        except ssl.SSLError as error:
            message = "the schema registry's certificate cannot be trusted, or encryption cannot be agreed on"
            raise ConnectionFailed(_O.TLS, message, "see schemaRegistry.caCertificate") from error
        except TimeoutError as error:
            raise ConnectionFailed(_O.TIMEOUT, "the schema registry does not answer") from error
        except ConnectionRefusedError as error:
            raise ConnectionFailed(_O.REFUSED, "nothing listens at the schema registry's port") from error
        except (OSError, http.client.HTTPException, socket.gaierror) as error:
            raise ConnectionFailed(_O.REFUSED, "there is no way to the schema registry") from error
        try:
            return response.status, json.loads(content)
        except ValueError:
            return response.status, None

    def _context(self) -> ssl.SSLContext:
        return ssl.create_default_context(cadata=self._place.ca_certificate)


def _said(answer: Any) -> str:
    message = answer.get("message") if isinstance(answer, dict) else None
    return _short(str(message)) if message else "the registry does not say why"


def _short(text: str) -> str:
    """In one line of a bearable length."""
    line = " ".join(text.split())
    return line if len(line) <= _MOST_REASON else f"{line[: _MOST_REASON - 1]}…"
