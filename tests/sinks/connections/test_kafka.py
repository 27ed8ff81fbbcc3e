"""Connections to a real Kafka: what a test of one tells apart, and what can never be smuggled in."""

from __future__ import annotations

import socket
from typing import Any

import pytest
from pydantic import ValidationError

from sdg_project.hosts import ControlDatabase, HostPolicy
from sdg_project.shapes import issues_of
from sinks.connections.base import ConnectionFailed
from sinks.connections.kafka import KafkaConnection, KafkaConnectionConfig
from sinks.enums import ConnectionOutcome
from tests.support.certificates import Certificates
from tests.support.kafka import PASSWORD, USER, Kafka, some_broker

O = ConnectionOutcome  # noqa: E741
SASL = {"protocol": "SASL_PLAINTEXT", "username": USER}


@pytest.fixture(scope="module")
def kafka() -> Kafka:
    return some_broker()


def outcome(
    servers: str, *, policy: HostPolicy | None = None, security: Any = None, timeout_s: float = 20, **secrets: str
) -> O:
    """What a test of a connection finds; what it says tells no secret."""
    config = {"bootstrapServers": servers, **({"security": security} if security else {})}
    connection = KafkaConnection(
        KafkaConnectionConfig.model_validate(config), secrets, policy=policy or HostPolicy(is_production=False)
    )
    try:
        said, found = connection.probe(timeout_s=timeout_s), O.OK
    except ConnectionFailed as error:
        said, found = f"{error} {error.hint}", error.outcome
    assert said.startswith("Kafka, ") is (found is O.OK)
    assert not any(secret in said for secret in (*secrets.values(), servers))
    return found


def test_a_connection_that_works_says_so(kafka: Kafka) -> None:
    assert outcome(kafka.address) is O.OK


def test_one_of_several_servers_is_enough(kafka: Kafka) -> None:
    assert outcome(f"127.0.0.1:1,{kafka.address}") is O.OK


@pytest.mark.parametrize(("servers", "found"), [("127.0.0.1:1", O.REFUSED), ("nowhere.invalid", O.DNS)])
def test_a_server_that_is_not_there_is_told_apart(servers: str, found: O) -> None:
    assert outcome(servers) is found


def test_a_server_that_says_nothing_is_a_timeout() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()

        assert outcome(f"127.0.0.1:{silent.getsockname()[1]}", timeout_s=0.5) is O.TIMEOUT


@pytest.mark.parametrize(
    ("mechanism", "password", "found"),
    [(None, PASSWORD, O.OK), (None, "wrong", O.AUTH), ("SCRAM_SHA_256", PASSWORD, O.AUTH)],
)
def test_a_password_is_told_from_a_wrong_one(kafka: Kafka, mechanism: str | None, password: str, found: O) -> None:
    kafka.needs_listeners()
    security = {**SASL, **({"mechanism": mechanism} if mechanism else {})}

    assert outcome(kafka.password_address, security=security, password=password) is found


def test_an_encrypted_connection_needs_a_certificate_of_that_name_that_can_be_trusted(kafka: Kafka) -> None:
    kafka.needs_listeners()
    address, trusted = kafka.tls_address, {"protocol": "SSL", "caCertificate": kafka.ca_certificate}
    foreign = {"protocol": "SSL", "caCertificate": Certificates.made("localhost").ca}

    found = [
        outcome(address, security=trusted),
        outcome(address, security={"protocol": "SSL"}),
        outcome(address, security=foreign),
        outcome(address.replace("localhost", "127.0.0.1"), security=trusted),
    ]

    assert found == [O.OK, O.TLS, O.TLS, O.TLS]


def test_a_protocol_that_the_server_does_not_speak_is_told(kafka: Kafka) -> None:
    kafka.needs_listeners()
    encrypted = outcome(kafka.address, security={"protocol": "SSL", "caCertificate": kafka.ca_certificate})

    assert (encrypted, outcome(kafka.tls_address), outcome(kafka.password_address)) == (O.TLS, O.TLS, O.TLS)


def test_hosts_are_held_to_the_policy_also_where_brokers_name_them(kafka: Kafka) -> None:
    kafka.needs_listeners()
    port = int(kafka.address.split(":")[1])
    control = HostPolicy(is_production=False, control=ControlDatabase("127.0.0.1", port, "sdg"))

    assert outcome(kafka.address, policy=HostPolicy(is_production=True)) is O.HOST_NOT_ALLOWED
    assert outcome(kafka.elsewhere_address) is O.HOST_NOT_ALLOWED
    assert outcome(kafka.address, policy=control) is O.HOST_NOT_ALLOWED


@pytest.mark.parametrize(
    "name",
    [
        "plugin.library.paths",
        "sasl.kerberos.kinit.cmd",
        "ssl.engine.location",
        "ssl.ca.location",
        "debug",
        "test.mock.num.brokers",
        "sasl.oauthbearer.token.endpoint.url",
        "pluginLibraryPaths",
    ],
)
@pytest.mark.parametrize("place", ["", "security"])
def test_settings_of_the_client_cannot_be_smuggled_in(name: str, place: str) -> None:
    given: dict[str, Any] = {"bootstrapServers": "kafka.example.org"}
    (given.setdefault(place, {}) if place else given)[name] = "/bin/sh -c id"

    with pytest.raises(ValidationError) as refused:
        KafkaConnectionConfig.model_validate(given)

    assert [one.code for one in issues_of(refused.value, model=KafkaConnectionConfig)] == ["UNKNOWN_PROPERTY"]


@pytest.mark.parametrize(
    "servers",
    [
        "kafka.example.org:0",
        "kafka.example.org:99999",
        "SASL_SSL://kafka.example.org:9092",
        "unix:/run/kafka",
        "2130706433:9092",
        "a,,b",
        "kafka.example.org:9092;debug=all",
        "[fe80::1%eth0]:9092",
    ],
)
def test_servers_that_are_no_hosts_are_refused(servers: str) -> None:
    with pytest.raises(ValidationError) as refused:
        KafkaConnectionConfig.model_validate({"bootstrapServers": servers})

    assert [one.path for one in issues_of(refused.value, model=KafkaConnectionConfig)] == ["/bootstrapServers"]


@pytest.mark.parametrize(
    ("security", "paths"),
    [
        ({"username": "a"}, ["/security/username"]),
        ({"protocol": "SASL_SSL"}, ["/security/username"]),
        ({"protocol": "SSL", "mechanism": "PLAIN"}, ["/security/mechanism"]),
        ({"caCertificate": "/etc/passwd"}, ["/security/caCertificate"]),
    ],
)
def test_what_does_not_fit_the_protocol_is_an_error(security: dict[str, str], paths: list[str]) -> None:
    with pytest.raises(ValidationError) as refused:
        KafkaConnectionConfig.model_validate({"bootstrapServers": "kafka.example.org", "security": security})

    assert [one.path for one in issues_of(refused.value, model=KafkaConnectionConfig)] == paths


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "gopher://a", "http://0x7f.1/", "http://u:p@registry", "http://a/?x=1", "http://"]
)
def test_a_registry_that_is_no_plain_address_is_refused(url: str) -> None:
    with pytest.raises(ValidationError) as refused:
        KafkaConnectionConfig.model_validate({"bootstrapServers": "a", "schemaRegistry": {"url": url}})

    assert [one.path for one in issues_of(refused.value, model=KafkaConnectionConfig)] == ["/schemaRegistry/url"]
