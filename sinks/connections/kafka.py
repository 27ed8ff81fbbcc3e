"""KAFKA: a cluster of Kafka brokers, and the schema registry beside it."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from engine.issues import Issue
from sdg_project.hosts import check_host
from sdg_project.shapes import Faults, Params
from sdg_project.text import quoted
from sinks.connections.base import ConnectionFailed, ConnectionKind, connection_kinds
from sinks.connections.servers import Certificates, allowed_addresses, refuse_control_database

if TYPE_CHECKING:
    from confluent_kafka import KafkaError
    from confluent_kafka.admin import AdminClient
    from confluent_kafka.admin._metadata import ClusterMetadata

DEFAULT_PORT = 9092
_MAX_SERVERS = 32
_STEP_SECONDS = 1.0
"""After so long without an answer it is looked whether there is still hope for one."""
_TRIED = re.compile(r"(?:^|//)\[?([^\s/\[\]]+?)\]?:([0-9]+)/[0-9]+: ")
"""How the client names a broker that the cluster has sent it to; one of its own servers ends in ``/bootstrap``."""
_ADDRESS = re.compile(r"(?:\[(?P<v6>[^\]]+)\]|(?P<host>[^:\[\]]+))(?::(?P<port>[0-9]{1,5}))?")


class Protocol(StrEnum):
    PLAINTEXT = "PLAINTEXT"
    SSL = "SSL"
    SASL_PLAINTEXT = "SASL_PLAINTEXT"
    SASL_SSL = "SASL_SSL"

    @property
    def encrypts(self) -> bool:
        return self in {Protocol.SSL, Protocol.SASL_SSL}

    @property
    def logs_in(self) -> bool:
        return self in {Protocol.SASL_PLAINTEXT, Protocol.SASL_SSL}


class Mechanism(StrEnum):
    PLAIN = "PLAIN"
    SCRAM_SHA_256 = "SCRAM_SHA_256"
    SCRAM_SHA_512 = "SCRAM_SHA_512"


def server_addresses(text: str) -> list[tuple[str, int]]:
    """The hosts and ports of a list such as ``kafka-1.example.org:9092,kafka-2.example.org``; raises Faults."""
    found = []
    for entry in text.split(","):
        match = _ADDRESS.fullmatch(entry.strip())
        port = int(match["port"] or DEFAULT_PORT) if match else 0
        if match is None or not 1 <= port <= 65_535:
            message = f"must be host:port, several of them parted by commas, not {quoted(entry)}"
            raise Faults(Issue("INVALID_VALUE", "", message))
        try:
            found.append((check_host(match["v6"] or match["host"]), port))
        except ValueError as error:
            raise Faults(Issue("INVALID_VALUE", "", str(error))) from error
    if len(found) > _MAX_SERVERS:
        raise Faults(Issue("INVALID_VALUE", "", f"must have at most {_MAX_SERVERS} servers, not {len(found)}"))
    return found


def _servers(text: str) -> str:
    server_addresses(text)
    return text


def _url(text: str) -> str:
    rule = "must be http:// or https://, a host, and at most a port and a path"
    try:
        url = urlsplit(text)
        if url.scheme not in {"http", "https"} or not url.hostname or url.query or url.fragment or "@" in url.netloc:
            raise ValueError(rule)
        check_host(url.hostname)
        if url.port == 0 or not re.fullmatch(r"[\w./-]*", url.path, re.ASCII):
            raise ValueError(rule)
    except ValueError as error:
        raise Faults(Issue("INVALID_VALUE", "", f"{error}")) from error
    return text


class Security(Params):
    """How the servers are spoken to. The password and the client's key are secrets of the connection."""

    protocol: Protocol = Field(default=Protocol.PLAINTEXT, description="Whether it is encrypted and logs in.")
    mechanism: Mechanism | None = Field(default=None, description="How it logs in; default PLAIN.")
    username: str | None = Field(default=None, min_length=1, max_length=200, description="Who logs in.")
    ca_certificate: Certificates | None = Field(
        default=None, description="Certificates in PEM form that vouch for the servers; default those of the system."
    )
    client_certificate: Certificates | None = Field(
        default=None, description="The client's certificate in PEM form, with the secret clientKey."
    )

    @model_validator(mode="after")
    def _fits_the_protocol(self) -> Self:
        faults = []
        for name, given, applies in (
            ("mechanism", self.mechanism, self.protocol.logs_in),
            ("username", self.username, self.protocol.logs_in),
            ("caCertificate", self.ca_certificate, self.protocol.encrypts),
            ("clientCertificate", self.client_certificate, self.protocol.encrypts),
        ):
            if given is not None and not applies:
                message = f'"{name}" does not apply to {self.protocol}'
                faults.append(Issue("PROPERTY_NOT_ALLOWED", f"/{name}", message, f'remove "{name}", or see protocol'))
        if self.protocol.logs_in and self.username is None:
            faults.append(Issue("MISSING_PARAM", "/username", f"{self.protocol} needs a username"))
        if faults:
            raise Faults(*faults)
        return self


class SchemaRegistryPlace(Params):
    """Where schemas are kept, by the API of Confluent's registry. Its password is a secret of the connection."""

    url: Annotated[str, AfterValidator(_url)] = Field(
        max_length=500, description="Address of the API.", examples=["https://registry.example.org"]
    )
    username: str | None = Field(default=None, min_length=1, max_length=200, description="Who logs in.")
    ca_certificate: Certificates | None = Field(
        default=None, description="Certificates in PEM form that vouch for the registry; default those of the system."
    )


class KafkaConnectionConfig(Params):
    bootstrap_servers: Annotated[str, AfterValidator(_servers)] = Field(
        min_length=1,
        max_length=2000,
        description="host:port of some of the brokers, parted by commas; the port is 9092 unless given.",
        examples=["kafka-1.example.org:9092,kafka-2.example.org:9092"],
    )
    security: Security = Field(default=Security(), description="How the brokers are spoken to.")
    schema_registry: SchemaRegistryPlace | None = Field(
        default=None, description="Where the schemas of AVRO, PROTOBUF and JSON_SCHEMA are kept."
    )


@connection_kinds.register("KAFKA")
class KafkaConnection(ConnectionKind[KafkaConnectionConfig]):
    Config = KafkaConnectionConfig
    secret_names: ClassVar[tuple[str, ...]] = ("password", "clientKey", "schemaRegistryPassword")
    bound: ClassVar[frozenset[str]] = frozenset({"bootstrapServers", "security", "schemaRegistry"})

    def probe(self, *, timeout_s: float) -> str:
        brokers = len(self.metadata(timeout_s=timeout_s).brokers)
        return f"Kafka, {brokers} broker{'s' if brokers > 1 else ''}"

    def metadata(self, *, timeout_s: float) -> ClusterMetadata:
        """What the cluster says of itself and of its topics; raises ConnectionFailed, also when it sends clients on to
        addresses that may not be connected to.
        """
        found: ClusterMetadata = self.ask(lambda admin, left_s: admin.list_topics(timeout=left_s), timeout_s=timeout_s)
        return found

    def ask(self, question: Callable[[AdminClient, float], Any], *, timeout_s: float) -> Any:
        """What an administrator is answered within some seconds; raises ConnectionFailed.

        `question` is given the client and how many seconds are left. What else it raises goes on to the caller.
        """
        from confluent_kafka import KafkaException  # which those who only know of connections need not wait for
        from confluent_kafka.admin import AdminClient

        from sinks.kafka.failures import failure

        started = time.monotonic()
        self.check_hosts(timeout_s=timeout_s)
        said: list[KafkaError] = []
        settings: Any = {**self.client_settings(), "error_cb": said.append}
        client = AdminClient(settings, logger=Silent())
        deadline = started + timeout_s
        try:
            metadata = self._first_answer(client, said, deadline)
            self._check_advertised(metadata, timeout_s=max(0.1, deadline - time.monotonic()))
            return question(client, max(0.1, deadline - time.monotonic()))
        except KafkaException as error:
            said.append(error.args[0])
            self._check_tried(said, timeout_s=max(0.1, deadline - time.monotonic()))
            raise failure(said) from None  # whose message has what servers say
        finally:
            client.poll(0)

    def _first_answer(self, client: AdminClient, said: list[KafkaError], deadline: float) -> ClusterMetadata:
        """The cluster's metadata, or as soon as it is known why there is none the reason."""
        from confluent_kafka import KafkaError, KafkaException

        from sinks.kafka.failures import AUTH

        hopeless = {*AUTH, KafkaError._SSL, KafkaError._ALL_BROKERS_DOWN, KafkaError.UNSUPPORTED_SASL_MECHANISM}
        while True:
            left = deadline - time.monotonic()
            try:
                return client.list_topics(timeout=max(0.05, min(_STEP_SECONDS, left)))
            except KafkaException:
                client.poll(0)
                if left <= _STEP_SECONDS or any(error.code() in hopeless for error in said):
                    raise

    def check_hosts(self, *, timeout_s: float) -> None:
        """Raise ConnectionFailed when one of the servers may not be connected to."""
        for host, port in server_addresses(self.config.bootstrap_servers):
            self._check_host(host, port, timeout_s=timeout_s)

    def _check_advertised(self, metadata: ClusterMetadata, *, timeout_s: float) -> None:
        """Brokers name themselves the addresses to which clients go: these are held to the same rules."""
        for broker in metadata.brokers.values():
            try:
                self._check_host(str(broker.host), int(broker.port or 0), timeout_s=timeout_s)
            except ConnectionFailed as error:
                message = f"the cluster sends clients on to another address: {error}"
                raise ConnectionFailed(error.outcome, message, error.hint or "see advertised.listeners") from error

    def _check_tried(self, said: Sequence[KafkaError], *, timeout_s: float) -> None:
        """The same for the addresses that the client has gone to by itself, before anybody could look at them."""
        for error in said:
            for host, port in _TRIED.findall(error.str()):
                self._check_host(host, int(port), timeout_s=timeout_s)

    def _check_host(self, host: str, port: int, *, timeout_s: float) -> None:
        found = allowed_addresses(self.policy, host, port, timeout_s=timeout_s)
        if self.policy.control is not None:
            refuse_control_database(self.policy, found, port, self.policy.control.name, timeout_s=timeout_s)

    def client_settings(self) -> dict[str, Any]:
        """What every client of the brokers is told; each setting is one that stands here."""
        security = self.config.security
        servers = (
            (f"[{host}]" if ":" in host else host, port)
            for host, port in server_addresses(self.config.bootstrap_servers)
        )
        settings: dict[str, Any] = {
            "bootstrap.servers": ",".join(f"{host}:{port}" for host, port in servers),
            "client.id": "sdg",
            "security.protocol": security.protocol.value,
            "log_level": 2,  # what is worth saying is said by exceptions
            "socket.keepalive.enable": True,
            "reconnect.backoff.max.ms": 1000,
        }
        if security.protocol.encrypts:
            settings |= _given(
                {
                    "ssl.ca.pem": security.ca_certificate,
                    "ssl.certificate.pem": security.client_certificate,
                    "ssl.key.pem": self.secrets.get("clientKey"),
                }
            )
            settings["ssl.endpoint.identification.algorithm"] = "https"
        if security.protocol.logs_in:
            settings |= {
                "sasl.mechanism": (security.mechanism or Mechanism.PLAIN).value.replace("_", "-"),
                "sasl.username": security.username,
                "sasl.password": self.secrets.get("password", ""),
            }
        return settings


class Silent:
    """A logger that says nothing: what is worth saying is said by exceptions, and logs name addresses."""

    def log(self, *_: object) -> None:
        """Take a line."""


def _given(settings: Mapping[str, str | None]) -> dict[str, str]:
    return {name: value for name, value in settings.items() if value is not None}
