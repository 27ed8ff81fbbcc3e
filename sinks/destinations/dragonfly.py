"""DRAGONFLY: keys of a server that speaks the Redis protocol, each record exactly once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import ClassVar

from engine.batch import Batch
from engine.issues import Issue, Severity
from engine.schema import Column, OutputType
from engine.template import Template
from sdg_project.failpoints import failpoint
from sdg_project.partial_shapes import as_far_as_sound
from sdg_project.text import quoted
from sinks.connections.base import ConnectionFailed
from sinks.destinations.base import Destination, Written, destinations
from sinks.destinations.reaching import error_of, issue_of
from sinks.dragonfly.commands import Commands, escaped_glob
from sinks.dragonfly.config import OWN_PREFIX, DataType, DragonflyKeys
from sinks.dragonfly.failures import failure
from sinks.dragonfly.obstacles import obstacles
from sinks.dragonfly.protocol import Client, ConnectionLost, ProtocolViolation, Reply, ServerError, fields_of
from sinks.dragonfly.scripts import PREPARE, REMOVE, checkpoint_key, owner_key, run_key
from sinks.dragonfly.shard import ShardWriter
from sinks.enums import BeforeRun, DeliveryGuarantee, OnRegression
from sinks.errors import SinkError, TerminalSinkError
from sinks.time_limits import PREFLIGHT_SECONDS, time_limits

_AT = "/destination/config"
_ADDED_TO = frozenset({DataType.LIST, DataType.STREAM})
"""Types to which records are added in order."""
_OWN_KEY = frozenset({DataType.STRING, DataType.HASH, DataType.JSON})
"""Types of which each record has a key of its own."""
_TEXTS = frozenset({DataType.STRING, DataType.LIST, DataType.SET, DataType.ZSET})
_SCORES = frozenset({OutputType.INTEGER, OutputType.LONG, OutputType.DOUBLE, OutputType.DECIMAL, OutputType.TIMESTAMP})
_CHOICES = "choose APPEND to add to it or REPLACE to remove it, as beforeRun"
_SCAN_COUNT = 1000


@destinations.register("DRAGONFLY")
class DragonflyDestination(Destination[DragonflyKeys]):
    """The keys of one run, its checkpoints beside them."""

    Config = DragonflyKeys
    connects_to: ClassVar[str | None] = "DRAGONFLY"
    writer: ClassVar[type[ShardWriter]] = ShardWriter

    # What the config means.

    @staticmethod
    def guarantee(config: DragonflyKeys) -> DeliveryGuarantee:
        if config.data_type is DataType.LIST and _holes(config.key_template):
            return DeliveryGuarantee.AT_LEAST_ONCE  # nobody can tell how long each of many lists has to be
        return DeliveryGuarantee.EXACTLY_ONCE

    @staticmethod
    def target(config: DragonflyKeys) -> str:
        return config.key_template

    @staticmethod
    def one_shard_because(config: DragonflyKeys) -> str | None:
        if config.data_type in _ADDED_TO:
            return f"the records of a {config.data_type} are added to it in their order"
        return None

    def check(self) -> Sequence[Issue]:
        config = self.config
        return list(
            as_far_as_sound(
                self._template_issues(config.key_template, "keyTemplate"),
                self._template_issues(config.value_template, "valueTemplate"),
                self._key_issues(),
                self._option_issues(),
                self._record_issues(),
                self._guarantee_issues(),
            )
        )

    def _template_issues(self, text: str | None, name: str) -> Iterator[Issue]:
        """What is wrong with the holes of a template."""
        try:
            names = Template.parse(text or "").names
        except ValueError as error:
            yield Issue("INVALID_VALUE", f"{_AT}/{name}", str(error))
            return
        for field in dict.fromkeys(names):
            yield from self._field_issues(field, name, "a text")

    def _field_issues(self, field: str, name: str, wanted: str) -> Iterator[Issue]:
        """What stands against a field whose value is needed of every record."""
        at, column = f"{_AT}/{name}", self._columns.get(field)
        if column is None:
            hint = f"accepted are {', '.join(sorted(self._columns))}"
            yield Issue("UNKNOWN_FIELD", at, f"there is no written field {quoted(field)}", hint)
        elif column.is_element:
            message = f"{field} is a list of values, and {name} needs {wanted}"
            yield Issue("TYPE_MISMATCH", at, message, "choose a field that has one value")
        elif column.nullable or column.may_be_missing:
            message = f"{field} is null or missing in some records, and {name} needs {wanted} of each"
            yield Issue("REQUIRED_FIELD_NULLABLE", at, message, "choose a field without nullRate and missingRate")

    def _key_issues(self) -> Iterator[Issue]:
        config, at = self.config, f"{_AT}/keyTemplate"
        template = _parsed(config.key_template)
        if template is None:
            return
        prefix = template.literals[0]
        if prefix.startswith(OWN_PREFIX) or (template.names and OWN_PREFIX.startswith(prefix) and prefix):
            message = f"keys that begin with {OWN_PREFIX} hold the checkpoints of runs"
            yield Issue("INVALID_VALUE", at, message, "begin the template otherwise")
        if config.data_type in _OWN_KEY and not template.names:
            message = f"every record would be written to the one key {quoted(config.key_template)}"
            yield Issue("INVALID_VALUE", at, message, "put a field that differs from record to record into it: ${id}")
        if config.before_run is BeforeRun.REPLACE and not prefix:
            message = "REPLACE removes the keys that begin as the template does, and this one begins with a field"
            yield Issue("INVALID_VALUE", at, message, "begin it with a text, as in order:${id}, or choose FAIL")
        if config.before_run is BeforeRun.APPEND and config.data_type is DataType.STREAM and template.names:
            message = "entries have the numbers of records as ids, so that nothing can be added to many STREAMs again"
            yield Issue("INVALID_VALUE", f"{_AT}/beforeRun", message, "choose REPLACE or FAIL, or one key for all")

    def _option_issues(self) -> Iterator[Issue]:
        config, kind = self.config, self.config.data_type
        applies = {
            "value_template": kind in _TEXTS,
            "score_field": kind is DataType.ZSET,
            "stream_max_len": kind is DataType.STREAM,
            "ttl_jitter_seconds": config.ttl_seconds is not None,
        }
        for name, does in applies.items():
            if getattr(config, name) is not None and not does:
                alias = str(DragonflyKeys.model_fields[name].alias)
                reason = f"does not apply to {kind}" if name != "ttl_jitter_seconds" else "needs ttlSeconds"
                yield Issue("PROPERTY_NOT_ALLOWED", f"{_AT}/{alias}", f'"{alias}" {reason}', f'remove "{alias}"')
        if kind is DataType.ZSET and config.score_field is None:
            message = '"scoreField" is required for a ZSET'
            hint = "name a field with a number or a TIMESTAMP"
            yield Issue("MISSING_PARAM", f"{_AT}/scoreField", message, hint)
        elif kind is DataType.ZSET:
            yield from self._field_issues(str(config.score_field), "scoreField", "a number")
            column = self._columns.get(str(config.score_field))
            if column is not None and not column.is_element and column.type not in _SCORES:
                message = f"{column.name} is a {column.type}, and a score is a number"
                yield Issue("TYPE_MISMATCH", f"{_AT}/scoreField", message, f"accepted are {', '.join(sorted(_SCORES))}")

    def _record_issues(self) -> Iterator[Issue]:
        """What of the records a HASH or the entry of a STREAM cannot hold."""
        kind = self.config.data_type
        if kind not in {DataType.HASH, DataType.STREAM}:
            return
        for column in self._columns.values():
            if column.is_element:
                message = f"the fields of a {kind} hold texts, and {column.name} is a list of values"
                yield Issue("TYPE_MISMATCH", column.pointer, message, "choose dataType JSON or STRING", column.name)
        if all(column.nullable or column.may_be_missing for column in self._columns.values()):
            message = f"a record of which all fields are null cannot be a {kind}: null is no field there"
            yield Issue("REQUIRED_FIELD_NULLABLE", f"{_AT}/dataType", message, "let one field never be null")

    def _guarantee_issues(self) -> Iterator[Issue]:
        if self.guarantee(self.config) is DeliveryGuarantee.AT_LEAST_ONCE:
            message = "records are added to many LISTs, so that those of a broken pipeline may be there twice"
            hint = "take one key for all records, or a STREAM or SET, to have each exactly once"
            yield Issue("NON_IDEMPOTENT_SINK", f"{_AT}/keyTemplate", message, hint, severity=Severity.WARNING)

    @cached_property
    def _columns(self) -> Mapping[str, Column]:
        return {column.name: column for column in self.delivery.schema.columns}

    @cached_property
    def _commands(self) -> Commands:
        return Commands(self.delivery.schema, self.config, spec_hash=self.delivery.spec_hash)

    def encoded_bytes(self, batch: Batch) -> int:
        """How many bytes some records take on their way there."""
        if self.config.data_type is DataType.STREAM:
            return len(self._commands.entries(batch, batch.span.numbers().astype("int64"))[0].content)
        return len(self._commands.commands(batch).content)

    # What stands in the way.

    def preflight(self, *, estimated_bytes: int) -> Sequence[Issue]:
        try:
            client = self._opened(timeout_s=PREFLIGHT_SECONDS)
        except ConnectionFailed as error:
            return [issue_of(error)]
        except SinkError as error:
            return [Issue(error.code, "/destination", str(error))]
        try:
            found = list(obstacles(client, self.config, self._commands, estimated_bytes=estimated_bytes))
            return [*found, *self._collisions(client)]
        except (ServerError, ConnectionLost, ProtocolViolation) as error:
            problem = failure(error, at="preflight")
            return [Issue(problem.code, "/destination", str(problem))]
        finally:
            client.close()

    def _collisions(self, client: Client) -> Iterator[Issue]:
        """An earlier run of the same owner, where it is not to be added to or replaced."""
        if self.config.before_run is BeforeRun.FAIL and (run := self._earlier(client).get("run")) is not None:
            message = f"run {run} has written to {quoted(self.config.key_template, 80)} before"
            yield Issue("RERUN_WOULD_COLLIDE", f"{_AT}/beforeRun", message, _CHOICES)

    def _earlier(self, client: Client) -> dict[str, str]:
        """What is known of the earlier run of the same owner; nothing when there is none."""
        found = fields_of(client.call("HGETALL", self._owner_key))
        return {} if found.get("run") in {None, self.delivery.run_id} else found

    # The run.

    def prepare(self) -> None:
        with self._connected() as client:
            if client.call("EXISTS", self._run_key) == 1:
                return
            for issue in self._collisions(client):
                raise TerminalSinkError(issue.code, f"{issue.message}; {issue.hint}")
            earlier = self._earlier(client)
            if self.config.before_run is BeforeRun.REPLACE:
                for keys in self._replaced(client):
                    self._remove(client, keys)
                    failpoint("dragonfly.prepare.removed")
            if earlier:
                shards = int(earlier.get("shards", "1"))
                marks = [run_key(earlier["run"]), *(checkpoint_key(earlier["run"], shard) for shard in range(shards))]
                self._remove(client, [mark.encode() for mark in marks])
            failpoint("dragonfly.prepare.cleared")
            self._mark(client)
            failpoint("dragonfly.prepare.done")

    def _replaced(self, client: Client) -> Iterator[list[bytes]]:
        """The keys that begin as the template does, some at a time; never our own."""
        template = self._commands.key
        prefix = template.literals[0]
        if not template.names:
            yield [prefix.encode()]
            return
        cursor: Reply = b"0"
        while True:
            reply = client.call("SCAN", _text(cursor), "MATCH", f"{escaped_glob(prefix)}*", "COUNT", _SCAN_COUNT)
            if not isinstance(reply, list) or not isinstance(reply[1], list):
                raise ProtocolViolation("SCAN has another answer")
            cursor, found = reply[0], reply[1]
            begin = prefix.encode()
            keys = [key for key in found if isinstance(key, bytes) and key.startswith(begin)]
            if others := [key for key in keys if not key.startswith(OWN_PREFIX.encode())]:
                yield others
            if cursor == b"0":
                return

    def _remove(self, client: Client, keys: Sequence[bytes]) -> None:
        """Remove keys, unless the place is ready by now, since another has taken over from us."""
        if client.call("EVAL", REMOVE, 1 + len(keys), self._run_key, *keys) == -1:
            raise TerminalSinkError("FENCED", "another process has made the place ready for this run")

    def _mark(self, client: Client) -> int:
        """Say that the place is ready; the number behind which this run's entries lie."""
        base = self._base(client)
        shards = len(self.delivery.shards)
        client.call("EVAL", PREPARE, 2, self._run_key, self._owner_key, self.delivery.run_id, base, shards)
        return int(_text(client.call("HGET", self._run_key, "base")))

    def _base(self, client: Client) -> int:
        """How many elements a list has, or which number the last entry of a stream, before the run adds to it."""
        key = self._commands.key
        start = self.delivery.span.start
        if key.names or self.config.data_type not in _ADDED_TO:
            return start if self.config.data_type is DataType.STREAM else 0
        if self.config.data_type is DataType.LIST:
            length = client.call("LLEN", key.literals[0])
            return length if isinstance(length, int) else 0
        last = client.call("XREVRANGE", key.literals[0], "+", "-", "COUNT", 1)
        if isinstance(last, list) and last and isinstance(last[0], list):
            return max(start, int(_text(last[0][0]).partition("-")[0]))
        return start

    def sink(self, shard: int) -> ShardWriter:
        return self.writer(
            run_id=self.delivery.run_id,
            number=shard,
            span=self.delivery.shards[shard],
            commands=self._commands,
            connected=self._client,
            base_of=lambda client: self._standing(client, shard),
        )

    def _standing(self, client: Client, shard: int) -> int:
        """Where the run's entries begin, after a look at whether the place is still as it was made ready."""
        owner = fields_of(client.call("HGETALL", self._owner_key))
        if owner.get("run") not in {None, self.delivery.run_id}:
            message = f"run {owner['run']} has taken the place of this one; start a new run"
            raise TerminalSinkError("RERUN_WOULD_COLLIDE", message)
        told = client.call("HGET", self._run_key, "base")
        base = self._mark(client) if told is None else int(_text(told))
        is_list = self.config.data_type is DataType.LIST and not self._commands.key.names
        if is_list and client.call("EXISTS", checkpoint_key(self.delivery.run_id, shard)) == 0:
            self._cut(client, base)
        return base

    def _cut(self, client: Client, base: int) -> None:
        """Take away what a list holds of this run, of which the checkpoint is lost."""
        key = self._commands.key.literals[0]
        length = client.call("LLEN", key)
        if not isinstance(length, int) or length <= base:
            return
        if self.config.on_regression is OnRegression.STOP:
            message = f"the checkpoint of list {quoted(key, 80)} is lost; onRegression REGENERATE writes it anew"
            raise TerminalSinkError("DEST_REGRESSED", message)
        if base:
            client.call("LTRIM", key, 0, base - 1)
        else:
            client.call("UNLINK", key)

    def finalize(
        self, *, ends: Sequence[int] | None = None, on_progress: Callable[[], object] = lambda: None
    ) -> Sequence[Written]:
        shards = self.delivery.shards
        wanted = ends if ends is not None else [shard.end for shard in shards]
        records = size = 0
        with self._connected() as client:
            for number, end in enumerate(wanted):
                found = fields_of(client.call("HGETALL", checkpoint_key(self.delivery.run_id, number)))
                if found.get("next") != str(end):
                    stands = f"stands at record {found['next']}" if "next" in found else "has no checkpoint"
                    message = f"shard {number} {stands}, and ends at {end}: the server has lost records; resume the run"
                    raise TerminalSinkError("DEST_REGRESSED", message)
                records, size = records + int(found["records"]), size + int(found["bytes"])
            if self.config.ttl_seconds is not None and self._commands.shares_a_key:
                client.call("EXPIRE", self._commands.key.literals[0], self._commands.shared_ttl)
            failpoint("dragonfly.finalize.done")
        return [Written(self.config.key_template, records, size, None)]

    def abandon(self) -> None:
        with self._connected() as client:
            shards = range(len(self.delivery.shards))
            marks = [self._run_key, *(checkpoint_key(self.delivery.run_id, shard) for shard in shards)]
            client.call("UNLINK", *marks)

    # The server.

    @contextmanager
    def _connected(self) -> Iterator[Client]:
        """A connection; what goes wrong with it becomes what it means for the run."""
        client = self._client()
        try:
            yield client
        except (ServerError, ConnectionLost, ProtocolViolation) as error:
            raise failure(error, at=f"keys {quoted(self.config.key_template, 80)}") from error
        finally:
            client.close()

    def _client(self) -> Client:
        """A connection of a worker; raises SinkError."""
        try:
            return self._opened(timeout_s=time_limits().connect)
        except ConnectionFailed as error:
            raise error_of(error) from error

    def _opened(self, *, timeout_s: float) -> Client:
        if self.delivery.connect is None:
            raise ValueError("the destination has no server to be reached")
        client: Client = self.delivery.connect().open(timeout_s=timeout_s, call_timeout_s=time_limits().call)  # type: ignore[attr-defined]
        return client

    @property
    def _run_key(self) -> str:
        return run_key(self.delivery.run_id)

    @property
    def _owner_key(self) -> str:
        return owner_key(self.delivery.owner, self.config.key_template)


def _parsed(text: str) -> Template | None:
    try:
        return Template.parse(text)
    except ValueError:
        return None


def _holes(text: str) -> tuple[str, ...]:
    template = _parsed(text)
    return () if template is None else template.names


def _text(reply: Reply) -> str:
    if not isinstance(reply, bytes):
        raise ProtocolViolation("the server has another answer")
    return reply.decode(errors="replace")
