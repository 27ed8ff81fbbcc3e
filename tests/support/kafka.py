"""Apache Kafka for tests: the brokers that ``SDG_TEST_KAFKA`` names, else a broker of our own.

Tests that need no more than a topic share one broker, which ends with the session. A broker of our own also has a
listener with passwords and one with TLS; see `Broker`.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer, KafkaException, Message, TopicPartition
from confluent_kafka.admin import (
    AclBinding,
    AclOperation,
    AclPermissionType,
    AdminClient,
    NewTopic,
    ResourcePatternType,
    ResourceType,
)

from tests.support.certificates import Certificates
from tests.support.maven import java, libraries
from tests.support.shared_server import shared

VARIABLE = "SDG_TEST_KAFKA"
VERSION = "4.3.1"
FORBIDDEN = "169.254.169.254"
"""Where one of the listeners sends its clients."""
USER, PASSWORD = "writer", "canary-5c77-secret"
"""Who may do nothing unless it is allowed."""
_START_SECONDS = 120
_CLUSTER = "c2RnLXRlc3RzLWNsdXN0ZQ"


@dataclass(frozen=True)
class Kafka:
    """A running broker. The other addresses are those of its further listeners, if it has them."""

    address: str
    password_address: str = ""
    tls_address: str = ""
    elsewhere_address: str = ""
    ca_certificate: str = ""

    @property
    def said(self) -> Mapping[str, Any]:
        return vars(self)

    def needs_listeners(self) -> None:
        """Skip the test where there are no further listeners."""
        if not self.password_address:
            pytest.skip(f"the broker of {VARIABLE} has none of our further listeners")

    def topic(self, name: str = "", *, partitions: int = 1, **settings: str) -> str:
        """A new topic; its name."""
        name = name or f"sdg-{uuid.uuid4().hex}"
        config = {key.replace("_", "."): value for key, value in settings.items()}
        self.call("create_topics", [NewTopic(name, partitions, 1, config=config)])
        return name

    def call(self, request: str, *arguments: Any) -> list[Any]:
        """What an administrator is answered; raises KafkaException."""
        client = AdminClient({"bootstrap.servers": self.address, "log_level": 2})
        answers = getattr(client, request)(*arguments).values()
        return [answer.result(timeout=30) for answer in answers]

    def allow(self, user: str, prefix: str, *operations: str) -> None:
        """Let a user do something with topics whose names begin so, and be any of our producers and groups."""
        rights = [(ResourceType.TOPIC, prefix, operation) for operation in operations]
        rights += [(ResourceType.GROUP, "sdg.", "READ")]
        rights += [(ResourceType.TRANSACTIONAL_ID, "sdg.", operation) for operation in ("WRITE", "DESCRIBE")]
        how = ResourcePatternType.PREFIXED, f"User:{user}", "*"
        acls = [
            AclBinding(kind, name, *how, AclOperation[operation], AclPermissionType.ALLOW)
            for kind, name, operation in rights
        ]
        self.call("create_acls", acls)

    def messages(self, topic: str, *, committed: bool = True) -> list[Message]:
        """All messages of a topic, partition by partition, as somebody reads them who starts now."""
        consumer = Consumer(
            {
                "bootstrap.servers": self.address,
                "group.id": f"reader-{uuid.uuid4().hex}",
                "isolation.level": "read_committed" if committed else "read_uncommitted",
                "enable.auto.commit": False,
                "enable.partition.eof": True,
                "fetch.wait.max.ms": 20,
            }
        )
        try:
            partitions = consumer.list_topics(topic, timeout=30).topics[topic].partitions
            consumer.assign([TopicPartition(topic, number, 0) for number in partitions])
            found: list[Message] = []
            left = set(partitions)
            deadline = time.monotonic() + 120
            while left:
                if time.monotonic() > deadline:
                    raise TimeoutError(f"partitions {sorted(left)} of {topic} do not come to their ends")
                for message in consumer.consume(10_000, timeout=0.2):
                    error = message.error()
                    if error is None:
                        found.append(message)
                    elif error.name() == "_PARTITION_EOF":
                        left.discard(message.partition())
                    else:
                        raise KafkaException(error)
            return sorted(found, key=lambda message: (message.partition(), message.offset()))
        finally:
            consumer.close()


def some_broker() -> Kafka:
    """The broker that the environment names, else the one that this session shares."""
    if named := os.environ.get(VARIABLE):
        return Kafka(named)
    return Kafka(**shared("kafka", __name__))


class Broker:
    """A broker in a temporary folder, on free ports of 127.0.0.1; it can be stopped and started again.

    Who comes without a password may do everything; `USER`, by the listener with passwords, only a little.
    """

    def __init__(self, **settings: str) -> None:
        self._settings = {name.replace("_", "."): value for name, value in settings.items()}
        self._java, self._libraries = java(), libraries("org.apache.kafka", "kafka_2.13", VERSION)
        self._folder = Path(tempfile.mkdtemp(prefix="sdg-kafka-"))
        self._ports = _free_ports(5)
        self._certificates = Certificates.made("localhost")
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def kafka(self) -> Kafka:
        plain, password, tls, elsewhere, _ = (f"127.0.0.1:{port}" for port in self._ports)
        tls = tls.replace("127.0.0.1", "localhost")
        return Kafka(plain, password, tls, elsewhere, self._certificates.ca)

    def __enter__(self) -> Broker:
        try:
            self._write_properties()
            format_storage = ["kafka.tools.StorageTool", "format", "-t", _CLUSTER, "-c", "server.properties"]
            if self._launch("256m", *format_storage, "--standalone").wait(_START_SECONDS):
                raise RuntimeError(f"Kafka's storage is not made: {self.log}")
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def log(self) -> str:
        return (self._folder / "log").read_text()[-4000:]

    def start(self) -> None:
        """Start, and wait until it answers."""
        self._process = self._launch("512m", "kafka.Kafka", "server.properties")
        deadline = time.monotonic() + _START_SECONDS
        while True:
            with contextlib.suppress(KafkaException):
                AdminClient({"bootstrap.servers": self.kafka.address, "log_level": 0}).list_topics(timeout=1)
                return
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"Kafka does not start: {self.log}")

    def stop(self) -> None:
        """Stop at once, as by a loss of power; clients lose their connections."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(_START_SECONDS)
            self._process = None

    def signal(self, number: signal.Signals) -> None:
        """Send the process a signal: SIGSTOP makes a broker that does not answer."""
        if self._process is not None:
            self._process.send_signal(number)

    def _write_properties(self) -> None:
        plain, password, tls, elsewhere, controller = self._ports
        ports = {"PLAIN": plain, "PASSWORD": password, "TLS": tls, "ELSEWHERE": elsewhere}
        own = {name: f"{'localhost' if name == 'TLS' else '127.0.0.1'}:{port}" for name, port in ports.items()}
        told = {**own, "ELSEWHERE": f"{FORBIDDEN}:80"}
        login = "org.apache.kafka.common.security.plain.PlainLoginModule"
        settings = {
            "process.roles": "broker,controller",
            "node.id": "1",
            "controller.quorum.bootstrap.servers": f"127.0.0.1:{controller}",
            "controller.listener.names": "CONTROLLER",
            "listeners": ",".join(_listeners({**own, "CONTROLLER": f"127.0.0.1:{controller}"})),
            "advertised.listeners": ",".join(_listeners(told)),
            "listener.security.protocol.map": "PLAIN:PLAINTEXT,PASSWORD:SASL_PLAINTEXT,TLS:SSL,"
            "ELSEWHERE:PLAINTEXT,CONTROLLER:PLAINTEXT",
            "inter.broker.listener.name": "PLAIN",
            "listener.name.password.sasl.enabled.mechanisms": "PLAIN",
            "listener.name.password.plain.sasl.jaas.config": f'{login} required user_{USER}="{PASSWORD}";',
            "listener.name.tls.ssl.keystore.type": "PEM",
            "listener.name.tls.ssl.keystore.certificate.chain": _one_line(self._certificates.certificate),
            "listener.name.tls.ssl.keystore.key": _one_line(self._certificates.key),
            "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            "super.users": "User:ANONYMOUS",
            "log.dirs": str(self._folder / "data"),
            "auto.create.topics.enable": "false",
            "offsets.topic.replication.factor": "1",
            "offsets.topic.num.partitions": "4",
            "transaction.state.log.replication.factor": "1",
            "transaction.state.log.min.isr": "1",
            "transaction.state.log.num.partitions": "4",
            "share.coordinator.state.topic.replication.factor": "1",
            "share.coordinator.state.topic.min.isr": "1",
            "group.initial.rebalance.delay.ms": "0",
            "transaction.abort.timed.out.transaction.cleanup.interval.ms": "500",
            **self._settings,
        }
        text = "".join(f"{name}={value}\n" for name, value in settings.items())
        (self._folder / "server.properties").write_text(text)

    def _launch(self, heap: str, program: str, *arguments: str) -> subprocess.Popen[bytes]:
        options = ["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData"] if heap != "512m" else []
        with (self._folder / "log").open("ab") as log:
            return subprocess.Popen(
                [self._java, f"-Xmx{heap}", *options, "-cp", f"{self._libraries}/*", program, *arguments],
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )


@contextlib.contextmanager
def serve() -> Iterator[Kafka]:
    """The broker that a session shares."""
    with Broker() as broker:
        yield broker.kafka


def _listeners(addresses: Mapping[str, str]) -> list[str]:
    return [f"{name}://{address}" for name, address in addresses.items()]


def _one_line(pem: str) -> str:
    return pem.strip().replace("\n", "\\n")


def _free_ports(count: int) -> list[int]:
    """So many ports, which nobody has at the moment."""
    with contextlib.ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [int(probe.getsockname()[1]) for probe in probes]
