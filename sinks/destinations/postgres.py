"""POSTGRES: a table of a PostgreSQL server, each record exactly once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from engine.batch import Batch
from engine.issues import Issue, Severity, did_you_mean
from sdg_project.failpoints import failpoint
from sdg_project.partial_shapes import as_far_as_sound
from sinks.connections.base import ConnectionFailed
from sinks.connections.postgres import PostgresConnection
from sinks.destinations.base import Delivery, Destination, Written, destinations
from sinks.destinations.reaching import issue_of
from sinks.encoding.base import encoders
from sinks.encoding.compression import Compression
from sinks.enums import BeforeRun, DeliveryGuarantee
from sinks.errors import SinkError, TerminalSinkError
from sinks.tables.config import CHECKPOINT_TABLE, OnConflict, TableConfig, TablePolicy, WriteMode
from sinks.time_limits import PREFLIGHT_SECONDS, time_limits

if TYPE_CHECKING:
    import psycopg

    from sinks.tables.catalogue import Surroundings, TableForm
    from sinks.tables.checkpoint import Checkpoints
    from sinks.tables.fit import Mapped
    from sinks.tables.shard import Passage, TableShard

# psycopg is imported where somebody is asked: those who only look at a definition need not wait for it.

_AT = "/destination/config"
_CHOICES = "choose APPEND to add to it, or REPLACE to empty the table first, in beforeRun"


@destinations.register("POSTGRES")
class PostgresDestination(Destination[TableConfig]):
    """The rows of one run."""

    Config = TableConfig
    connects_to = "POSTGRES"

    def __init__(self, config: TableConfig, delivery: Delivery) -> None:
        super().__init__(config, delivery)
        self._keeps_positions = True

    # What the config means.

    @staticmethod
    def guarantee(config: TableConfig) -> DeliveryGuarantee:  # noqa: ARG004
        return DeliveryGuarantee.EXACTLY_ONCE

    @property
    def achieved_guarantee(self) -> DeliveryGuarantee:
        # A row with a key that is there already is not written again, so that it may be sent again.
        is_idempotent = bool(self.config.conflict_keys) and self.config.conflict is not OnConflict.ERROR
        is_exact = self._keeps_positions or is_idempotent
        return DeliveryGuarantee.EXACTLY_ONCE if is_exact else DeliveryGuarantee.AT_LEAST_ONCE

    @staticmethod
    def target(config: TableConfig) -> str:
        return config.shown

    @staticmethod
    def is_shared(config: TableConfig) -> bool:
        return config.before_run is not BeforeRun.REPLACE and config.table_policy is not TablePolicy.DROP_AND_CREATE

    def check(self) -> Sequence[Issue]:
        from sinks.tables.fit import mapping_issues

        return list(as_far_as_sound(mapping_issues(self.delivery.schema, self.config)))

    def encoded_bytes(self, batch: Batch) -> int:
        # No table is looked at for an estimate.
        kind = encoders["JSONL"]
        return len(kind(self.delivery.schema, kind.Options(), Compression.NONE).frame(batch).payload)

    # What stands in the way.

    def preflight(self, *, estimated_bytes: int) -> Sequence[Issue]:  # nobody tells its room
        import psycopg

        from sinks.tables.session import within

        try:
            with self._server().connect(timeout_s=PREFLIGHT_SECONDS) as connection:
                connection.read_only = True
                with within(connection, PREFLIGHT_SECONDS):
                    connection.execute(f"SET LOCAL statement_timeout = '{PREFLIGHT_SECONDS}s'")
                    return list(self._obstacles(connection))
        except ConnectionFailed as error:
            return [issue_of(error)]
        except psycopg.Error as error:
            message = f"the server does not say what table {self.config.shown} is like: {_told(error)}"
            return [Issue("DEST_UNAVAILABLE", "/destination", message)]

    def _obstacles(self, connection: psycopg.Connection[Any]) -> Iterator[Issue]:
        from sinks.tables.catalogue import look_around, read_form

        config = self.config
        around = look_around(connection, config.schema_, config.table, CHECKPOINT_TABLE)
        if not around.has_schema:
            schemas = [row[0] for row in connection.execute("SELECT nspname FROM pg_namespace")]
            message = f'there is no schema "{config.schema_}" in the database'
            yield Issue("DEST_SCHEMA", f"{_AT}/schema", message, did_you_mean(config.schema_, schemas))
            return
        if not around.may_use:
            yield self._no_right(f'use schema "{config.schema_}"', f'GRANT USAGE ON SCHEMA "{config.schema_}"')
            return
        if config.write_mode is not WriteMode.COPY and not around.may_make_temporary:
            yield self._no_right("make temporary tables, which INSERT and UPSERT need", "GRANT TEMPORARY, or use COPY")
        makes = config.table_policy is TablePolicy.DROP_AND_CREATE or around.table is None
        if around.table is None and config.table_policy is TablePolicy.MUST_EXIST:
            tables = connection.execute(
                "SELECT relname FROM pg_class WHERE relnamespace = %s::regnamespace AND relkind IN ('r', 'p')",
                [_identifier(config.schema_)],
            )
            hint = did_you_mean(config.table, [row[0] for row in tables]) or "make it, or choose tablePolicy CREATE"
            yield Issue("DEST_SCHEMA", f"{_AT}/table", f"there is no table {config.shown}", hint)
            return
        if makes and not around.may_create:
            yield self._no_right(f'make a table in schema "{config.schema_}"', "GRANT CREATE ON SCHEMA")
        if around.table is not None:
            yield from self._table_obstacles(connection, read_form(connection, around.table))
        yield from self._position_obstacles(connection, around)

    def _table_obstacles(self, connection: psycopg.Connection[Any], form: TableForm) -> Iterator[Issue]:
        from sinks.tables.fit import table_issues

        config = self.config
        if form.kind not in {"r", "p"}:
            yield Issue("DEST_SCHEMA", f"{_AT}/table", f"{config.shown} is no table, but of another kind")
            return
        if config.table_policy is TablePolicy.DROP_AND_CREATE:
            if "OWNER" not in form.privileges:
                yield self._no_right(f"drop table {config.shown}, which belongs to another role", None)
            return
        needed = {"INSERT"}
        if config.conflict is OnConflict.UPDATE:
            needed |= {"UPDATE", "SELECT"}
        elif config.conflict_keys or config.write_mode is not WriteMode.COPY:
            needed |= {"SELECT"}  # of the staging table's form, and of the keys
        if config.before_run is BeforeRun.REPLACE:
            needed |= {"TRUNCATE"}
        for right in sorted(needed - form.privileges):
            if not (right == "TRUNCATE" and "OWNER" in form.privileges):
                yield self._no_right(f"{right} on table {config.shown}", f"GRANT {right}")
        yield from table_issues(self.delivery.schema, config, form)

    def _position_obstacles(self, connection: psycopg.Connection[Any], around: Surroundings) -> Iterator[Issue]:
        """What stands against a run because of what earlier ones have noted, or because nothing can be noted."""
        config = self.config
        self._keeps_positions = around.may_checkpoint
        if not around.may_checkpoint:
            if self.achieved_guarantee is DeliveryGuarantee.AT_LEAST_ONCE:
                message = (
                    f'the user may not keep positions in schema "{config.schema_}", so that records may be there twice '
                    "after a crash"
                )
                hint = f"GRANT CREATE ON SCHEMA, or use UPSERT: {CHECKPOINT_TABLE} is made beside the table"
                yield Issue("NON_IDEMPOTENT_SINK", "/destination", message, hint, severity=Severity.WARNING)
            return
        fails = config.before_run is BeforeRun.FAIL and config.table_policy is not TablePolicy.DROP_AND_CREATE
        if fails and around.checkpoints is not None and self._checkpoints().others(connection):
            message = f"an earlier run has written to table {config.shown}"
            yield Issue("RERUN_WOULD_COLLIDE", f"{_AT}/beforeRun", message, _CHOICES)

    def _no_right(self, what: str, hint: str | None) -> Issue:
        return Issue("DEST_AUTH", "/destination", f"the user has no right to {what}", hint)

    # The run.

    def prepare(self) -> None:
        with self._session("prepare") as session:
            from sinks.tables.catalogue import look_around

            config, checkpoints = self.config, self._checkpoints()
            with session.transaction():
                # Of two processes that prepare one run, or make the table of positions, one waits for the other.
                session.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", [f"sdg {config.schema_}"])
                around = look_around(session, config.schema_, config.table, CHECKPOINT_TABLE)
                self._keeps_positions = around.may_checkpoint
                if not around.may_checkpoint:
                    if not self._has_begun():
                        self._make_table(session, is_there=around.table is not None)
                    return
                if around.checkpoints is None:
                    checkpoints.make(session)
                if checkpoints.are_begun(session):
                    return
                failpoint("postgres.prepare.locked")
                if self._collides(session):
                    message = f"an earlier run has written to table {config.shown}; {_CHOICES}"
                    raise TerminalSinkError("RERUN_WOULD_COLLIDE", message)
                self._make_table(session, is_there=around.table is not None)
                checkpoints.begin(session)
                failpoint("postgres.prepare.begun")
            failpoint("postgres.prepare.done")

    def _has_begun(self) -> bool:
        """Whether the run has written something, by its own account: where no positions can be kept."""
        account, shards = self.delivery.account, self.delivery.shards
        return account is not None and any(account(number) > shard.start for number, shard in enumerate(shards))

    def _collides(self, session: psycopg.Connection[Any]) -> bool:
        fails = self.config.before_run is BeforeRun.FAIL
        drops = self.config.table_policy is TablePolicy.DROP_AND_CREATE
        return fails and not drops and self._checkpoints().others(session)

    def _make_table(self, session: psycopg.Connection[Any], *, is_there: bool) -> None:
        """Make or empty the table as the config says; within the transaction in which the run begins."""
        from psycopg import sql

        from sinks.tables.fit import column_names, made_type

        config, table = self.config, sql.Identifier(self.config.schema_, self.config.table)
        is_emptied = config.before_run is BeforeRun.REPLACE
        if config.table_policy is TablePolicy.DROP_AND_CREATE and is_there:
            session.execute(sql.SQL("DROP TABLE {}").format(table))
            is_there, is_emptied = False, True
        if not is_there and config.table_policy is not TablePolicy.MUST_EXIST:
            names = column_names(self.delivery.schema, config)
            parts = [
                sql.SQL("{} {}{}").format(
                    sql.Identifier(names[field.name]),
                    sql.SQL(made_type(field)),
                    sql.SQL("" if field.nullable else " NOT NULL"),
                )
                for field in self.delivery.schema.columns
            ]
            keys = config.conflict_keys or [names[field.name] for field in self.delivery.schema.columns if field.is_key]
            if keys:
                listed = sql.SQL(", ").join(map(sql.Identifier, keys))
                parts.append(sql.SQL("PRIMARY KEY ({})").format(listed))
            session.execute(sql.SQL("CREATE TABLE {} ({})").format(table, sql.SQL(", ").join(parts)))
        elif is_emptied and is_there:
            session.execute(sql.SQL("TRUNCATE TABLE {}").format(table))
        if is_emptied and self._keeps_positions:
            self._checkpoints().forget_others(session)

    def sink(self, shard: int) -> TableShard:
        from sinks.tables.loading import Loader
        from sinks.tables.shard import TableShard

        checkpoints = self._checkpoints()
        return TableShard(
            shard,
            span=self.delivery.shards[shard],
            table=self.config.shown,
            checkpoints=checkpoints,
            open_passage=lambda: self._passage(checkpoints.session_name(shard)),
            loader_of=lambda mapped: Loader(self.config, mapped),
            limits=time_limits(),
            account=self.delivery.account or (lambda number: self.delivery.shards[number].start),
        )

    def _passage(self, name: str) -> Passage:
        """A session, and the table as it is now; raises TerminalSinkError when the records do not fit it any more."""
        import psycopg

        from sinks.tables.catalogue import look_around
        from sinks.tables.faults import error_of
        from sinks.tables.session import open_session
        from sinks.tables.shard import Passage

        config = self.config
        session = open_session(self._server(), time_limits(), name=name)
        try:
            around = look_around(session, config.schema_, config.table, CHECKPOINT_TABLE)
            mapped = self._mapped(session, around)
            if around.may_checkpoint and around.checkpoints is None:  # it has been lost
                self._checkpoints().make(session)
            return Passage(session, mapped, keeps_positions=around.may_checkpoint)
        except psycopg.Error as error:
            session.close()
            raise error_of(error, table=config.shown) from error
        except BaseException:
            session.close()
            raise

    def _mapped(self, session: psycopg.Connection[Any], around: Surroundings) -> list[Mapped]:
        from sinks.tables.catalogue import read_form
        from sinks.tables.fit import Mapped, column_names, table_issues

        if around.table is None:
            raise TerminalSinkError("DEST_SCHEMA", f"there is no table {self.config.shown} any more")
        form = read_form(session, around.table)
        wrong = [one for one in table_issues(self.delivery.schema, self.config, form) if one.severity is Severity.ERROR]
        if wrong:
            raise TerminalSinkError("DEST_SCHEMA", "; ".join(issue.message for issue in wrong))
        columns = {column.name: column for column in form.columns}
        names = column_names(self.delivery.schema, self.config)
        return [Mapped(field, columns[names[field.name]]) for field in self.delivery.schema.columns]

    def finalize(
        self, *, ends: Sequence[int] | None = None, on_progress: Callable[[], object] = lambda: None
    ) -> Sequence[Written]:
        from sinks.tables.aftercare import after_load

        config, delivery = self.config, self.delivery
        wanted = list(ends) if ends is not None else [shard.end for shard in delivery.shards]
        with self._session("finalize") as session:
            from sinks.tables.catalogue import look_around

            around = look_around(session, config.schema_, config.table, CHECKPOINT_TABLE)
            rows = size = 0
            if around.checkpoints is not None and around.may_checkpoint:
                positions = self._checkpoints().positions(session)
                for shard, end in enumerate(wanted):
                    found = positions.get(shard)
                    if found is None or found.next_record != end:
                        stands = "nowhere" if found is None else f"at record {found.next_record:,}"
                        message = f"table {config.shown}: shard {shard} stands {stands}, not at {end:,}"
                        raise TerminalSinkError("DEST_REGRESSED", message)
                    rows, size = rows + found.rows, size + found.bytes
            else:
                rows = sum(end - shard.start for shard, end in zip(delivery.shards, wanted, strict=True))
            on_progress()
            failpoint("postgres.finalize.counted")
            mapped = self._mapped(session, around)
            after_load(session, config, mapped, seconds=time_limits().call)
        return [Written(config.shown, rows, size, None)]

    def abandon(self) -> None:
        """Nothing is hidden: the rows stay, and so does what tells of them."""

    # The server.

    @contextmanager
    def _session(self, purpose: str) -> Iterator[psycopg.Connection[Any]]:
        import psycopg

        from sinks.tables.faults import error_of
        from sinks.tables.session import open_session, within

        limits = time_limits()
        session = open_session(self._server(), limits, name=f"sdg/{self.delivery.run_id}/{purpose}")
        try:
            with within(session, limits.call):
                yield session
        except psycopg.Error as error:
            raise error_of(error, table=self.config.shown) from error
        finally:
            session.close()

    def _server(self) -> PostgresConnection:
        if self.delivery.connect is None:
            raise SinkError("DEST_UNAVAILABLE", "there is no server to ask")
        found = self.delivery.connect()
        if not isinstance(found, PostgresConnection):
            raise TerminalSinkError("CONNECTION_CHANGED", f"the connection leads to {found.kind}, not to POSTGRES")
        return found

    def _checkpoints(self) -> Checkpoints:
        from sinks.tables.checkpoint import Checkpoints

        return Checkpoints(self.config, self.delivery)


def _identifier(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _told(error: psycopg.Error) -> str:
    return error.diag.message_primary or "the connection was lost"
