"""DRAGONFLY: JSON documents, and answers that no server here gives, against the protocol alone.

No server here knows JSON.SET. So one in front of a real one takes each JSON command to pieces by the protocol's own
rules, reads the document, and answers; all other commands go to the real server behind it.
"""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any, BinaryIO

import pytest

from engine.errors import RecordInvalid
from engine.span import Span
from sinks.destinations.base import Refused
from sinks.dragonfly.protocol import Client, ProtocolViolation, ServerError, command
from sinks.errors import SinkError, TerminalSinkError, TransientSinkError
from tests.sinks.destinations.dragonfly_kinds import run_of
from tests.support.dragonfly_runs import DragonflyRun, carry, destination_of, errors_of, expected_records, plan_of
from tests.support.redis import Redis


class JsonFront:
    """Knows JSON.SET and JSON.TYPE; `answers` are those to the keys named, in the place of OK."""

    def __init__(self, server: Redis) -> None:
        self.documents: dict[str, Any] = {}
        self.answers: dict[str, bytes] = {}
        self.asked: list[str] = []
        self._server = server
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]

    def __enter__(self) -> JsonFront:
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listening.accept()
                threading.Thread(target=self._answer, args=(client,), daemon=True).start()

    def _answer(self, client: socket.socket) -> None:
        place = (str(self._server.config["host"]), int(str(self._server.config["port"])))
        with suppress(OSError), client, client.makefile("rb") as asked, socket.create_connection(place) as behind:
            answers = behind.makefile("rb")
            while words := _command(asked):
                name, key = words[0].decode(), words[1].decode() if len(words) > 1 else ""
                self.asked.append(name)
                if name == "JSON.SET" and (answer := self.answers.get(key)) is not None:
                    client.sendall(answer)
                elif name == "JSON.SET":
                    [_, _, path, document] = words
                    assert path == b"$"
                    self.documents[key] = json.loads(document)
                    client.sendall(b"+OK\r\n")
                elif name == "JSON.TYPE":
                    client.sendall(b"$-1\r\n")
                else:
                    behind.sendall(command(*words))
                    client.sendall(_reply(answers))


def _command(stream: BinaryIO) -> list[bytes]:
    head = stream.readline()
    if not head:
        return []
    assert head[:1] == b"*"
    words = []
    for _ in range(int(head[1:])):
        length = stream.readline()
        assert length[:1] == b"$"
        words.append(stream.read(int(length[1:])))
        assert stream.read(2) == b"\r\n"
    return words


def _reply(stream: BinaryIO) -> bytes:
    line = stream.readline()
    if line[:1] == b"$" and int(line[1:]) >= 0:
        return line + stream.read(int(line[1:]) + 2)
    if line[:1] == b"*":
        return line + b"".join(_reply(stream) for _ in range(int(line[1:])))
    return line


@pytest.fixture
def front(redis: Redis) -> Iterator[JsonFront]:
    with JsonFront(redis) as running:
        yield running


@pytest.fixture
def run(redis: Redis, front: JsonFront) -> Iterator[DragonflyRun]:
    with redis.prefix() as prefix:
        one = run_of("string", redis, prefix, records=500, frame=128, shards=2, config={"dataType": "JSON"})
        yield one.but(server={**one.server, "host": "127.0.0.1", "port": front.port})


def key_of(run: DragonflyRun, number: int) -> str:
    return f"{str(run.config['keyTemplate']).removesuffix('${id}')}{number + 1}"


def test_json_documents_are_the_records(front: JsonFront, run: DragonflyRun) -> None:
    assert errors_of(run) == []

    [written] = carry(run)

    assert written.records == 500
    assert front.documents == {key_of(run, number): record for number, record in enumerate(expected_records(run))}
    assert front.asked.count("JSON.SET") == 500


def test_a_json_document_gets_its_time_by_a_command_of_its_own(front: JsonFront, run: DragonflyRun) -> None:
    front.answers = {key_of(run, 3): b"-ERR not this one\r\n"}

    with pytest.raises(RecordInvalid) as caught:
        carry(run.but(config={**run.config, "ttlSeconds": 60}))

    assert front.asked.count("EXPIRE") >= 128
    assert caught.value.record_number == 3


def test_a_server_without_json_is_refused_before_a_run(redis: Redis) -> None:
    [issue] = errors_of(run_of("string", redis, "k:", config={"dataType": "JSON"}))

    assert issue.code == "DEST_SCHEMA"
    assert issue.path == "/destination/config/dataType"


# Records that the server does not take.


def test_a_record_that_is_refused_ends_the_shard_there(front: JsonFront, run: DragonflyRun) -> None:
    front.answers = {key_of(run, number): b"-ERR not this one\r\n" for number in (70, 200)}
    one = run.but(shards=1)

    with pytest.raises(RecordInvalid) as caught:
        carry(one)
    position = destination_of(one).sink(0).open(2)
    del front.answers[key_of(run, 70)]
    with pytest.raises(RecordInvalid) as later:
        carry(one.but(epoch=3))
    front.answers.clear()
    [written] = carry(one.but(epoch=4))

    assert (caught.value.record_number, position, later.value.record_number) == (70, 70, 200)
    assert caught.value.message == "ERR not this one"
    assert written.records == 500
    assert len(front.documents) == 500


def test_records_that_are_refused_are_told_of_before_the_others_become_durable(
    front: JsonFront, run: DragonflyRun, redis: Redis
) -> None:
    front.answers = {key_of(run, number): b"-ERR not this one\r\n" for number in (3, 5)}
    one = run.but(shards=1)
    destination, plan = destination_of(one), plan_of(500, one.seed)
    destination.prepare()
    sink = destination.sink(0)
    sink.open(1)
    told: list[Refused] = []

    def refuse(records: Sequence[Refused]) -> None:
        assert redis.ask("HGET", f"sdg:ck:{one.run_id}:0", "next") == b"0"
        told.extend(records)

    sink.refuse = refuse
    sink.write(plan.batch(Span(0, 500)))
    sink.end(500)
    [written] = destination.finalize()

    assert [(record.record_number, record.code) for record in told] == [(3, "RECORD_INVALID"), (5, "RECORD_INVALID")]
    assert written.records == 498
    assert len(front.documents) == 498


@pytest.mark.parametrize(
    ("answer", "kind", "code"),
    [
        ("OOM command not allowed when used memory > 'maxmemory'.", TerminalSinkError, "DEST_FULL"),
        ("ERR Out of memory", TerminalSinkError, "DEST_FULL"),
        ("WRONGTYPE Operation against a key holding the wrong kind of value", TerminalSinkError, "DEST_SCHEMA"),
        ("NOPERM this user has no permissions to access one of the keys", TerminalSinkError, "DEST_AUTH"),
        ("NOAUTH Authentication required.", TerminalSinkError, "DEST_AUTH"),
        ("MOVED 3999 192.0.2.7:6381", TerminalSinkError, "DEST_SCHEMA"),
        ("READONLY You can't write against a read only replica.", TransientSinkError, "DEST_UNAVAILABLE"),
        ("LOADING Redis is loading the dataset in memory", TransientSinkError, "DEST_UNAVAILABLE"),
        ("MASTERDOWN Link with MASTER is down", TransientSinkError, "DEST_UNAVAILABLE"),
        ("MISCONF Errors writing to the AOF file", TransientSinkError, "DEST_UNAVAILABLE"),
        ("ERR unknown command 'JSON.SET'", TerminalSinkError, "DEST_SCHEMA"),
    ],
    ids=lambda one: one if isinstance(one, str) else one.__name__,
)
def test_what_an_answer_means_for_the_run(
    answer: str, kind: type[SinkError], code: str, front: JsonFront, run: DragonflyRun
) -> None:
    front.answers = {key_of(run, 9): f"-{answer}\r\n".encode()}

    with pytest.raises(kind) as caught:
        carry(run)

    assert caught.value.code == code
    assert "record 9" in str(caught.value)


def test_an_answer_of_another_form_is_not_taken_for_a_good_one(front: JsonFront, run: DragonflyRun) -> None:
    front.answers = {key_of(run, 9): b":1\r\n"}

    with pytest.raises(TransientSinkError):
        carry(run)


# The client.


def answering(*answers: bytes) -> Client:
    """A client to which these bytes are said, piece by piece."""
    ours, theirs = socket.socketpair()

    def say() -> None:
        for answer in answers:
            theirs.sendall(answer)
        theirs.close()

    threading.Thread(target=say, daemon=True).start()
    return Client(ours, timeout_s=5)


def test_replies_of_every_form_are_read_wherever_they_are_cut() -> None:
    said = b"+OK\r\n:-7\r\n$5\r\na\r\nbc\r\n$-1\r\n*3\r\n:1\r\n$0\r\n\r\n*-1\r\n"
    client = answering(*(said[at : at + 1] for at in range(len(said))))

    assert [client.reply() for _ in range(5)] == [b"OK", -7, b"a\r\nbc", None, [1, b"", None]]


def test_the_refusals_of_a_pipeline_are_numbered_and_nothing_behind_it_is_read() -> None:
    client = answering(b"+OK\r\n-WRONGTYPE a\r\n+O", b"K\r\n-OOM b\r\n+next\r\n")

    refused = client.simple_replies(b"+:++")

    assert [(one.number, one.error.word) for one in refused] == [(1, "WRONGTYPE"), (3, "OOM")]
    assert client.reply() == b"next"


@pytest.mark.parametrize("said", [b"HTTP/1.1 400 Bad Request\r\n", b"\r\n", b"$abc\r\n", b"x" * 70_000])
def test_what_is_no_reply_is_said_to_be_none(said: bytes) -> None:
    with pytest.raises(ProtocolViolation):
        answering(said).reply()


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("OOM command not allowed. script: f00, on @user_script:3.", "OOM"),
        ("ERR Error running script (call to f_1): @user_script:1: WRONGTYPE Operation against", "WRONGTYPE"),
        ("FENCED by a later owner", "FENCED"),
        ("ERR value is not a valid float", "ERR"),
    ],
)
def test_the_word_of_an_error_is_found_also_inside_that_of_a_script(text: str, word: str) -> None:
    assert ServerError(text).word == word
