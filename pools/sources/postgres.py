"""POSTGRES: a table, or what a query gives, over a stored connection."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, Field, model_validator

from engine.issues import Issue
from pools.limits import PoolLimits
from pools.raw import RawTable
from pools.sources.base import PoolSource, sources
from sdg_project.errors import Conflict, Invalid, NotFound, Unavailable
from sdg_project.shapes import Faults, Params
from sdg_project.text import quoted
from sinks.connections.base import ConnectionFailed
from sinks.connections.directory import find_connection
from sinks.connections.postgres import PostgresConnection, PostgresName, is_system_schema
from sinks.enums import ConnectionOutcome

_CONNECT_S = 10.0
_MAX_QUERY = 100_000


def _query(text: str) -> str:
    if "\0" in text or not text.strip():
        raise Faults(Issue("INVALID_VALUE", "", "must be one SELECT"))
    return text


def _schema(name: str) -> str:
    if is_system_schema(name):
        raise Faults(Issue("PROPERTY_NOT_ALLOWED", "", f"{quoted(name)} belongs to the server and is not read"))
    return name


class PostgresParams(Params):
    connection: str = Field(
        min_length=1, max_length=100, description="Name of a stored connection.", examples=["refdata"]
    )
    table: PostgresName | None = Field(default=None, description="A table or view; else query.", examples=["product"])
    schema_: Annotated[PostgresName, AfterValidator(_schema)] | None = Field(
        default=None, alias="schema", description="Of the table; default public."
    )
    columns: list[PostgresName] | None = Field(
        default=None, min_length=1, max_length=1_000, description="Of the table; default all."
    )
    query: Annotated[str, AfterValidator(_query)] | None = Field(
        default=None, max_length=_MAX_QUERY, description="One SELECT, in place of a table; it may change nothing."
    )
    timeout_seconds: int = Field(default=60, ge=1, le=3_600, description="Longer the reading may not take.")

    @model_validator(mode="after")
    def _one_of_both(self) -> PostgresParams:
        issues = []
        if (self.table is None) == (self.query is None):
            message = "there must be either a table or a query" + (", not both" if self.query is not None else "")
            issues.append(Issue("MISSING_PARAM" if self.query is None else "PROPERTY_NOT_ALLOWED", "/table", message))
        if self.table is None:
            issues += [
                Issue("PROPERTY_NOT_ALLOWED", f"/{name}", f"{name} is for a table")
                for name, value in (("schema", self.schema_), ("columns", self.columns))
                if value is not None
            ]
        if issues:
            raise Faults(*issues)
        return self


@sources.register("POSTGRES")
class PostgresSource(PoolSource[PostgresParams]):
    Params = PostgresParams
    is_foreign = True

    def read(self, *, base: Path, limits: PoolLimits) -> RawTable:  # there is no file
        from pools.tables.postgres import Query, read_query, table_query

        params = self.params
        if params.query is not None:
            query = Query(params.query, "/source/query", "the query", is_own=False)
        else:
            query = table_query(params.schema_ or "public", params.table or "", params.columns)
        try:
            with self.connection().connect(timeout_s=_CONNECT_S) as connection:
                return read_query(connection, query, timeout_s=params.timeout_seconds, limits=limits)
        except ConnectionFailed as error:
            message = f"connection {quoted(params.connection)}: {error} ({error.outcome})"
            if error.outcome is ConnectionOutcome.HOST_NOT_ALLOWED:
                raise Invalid([Issue("HOST_NOT_ALLOWED", "/source/connection", message, error.hint)]) from error
            raise Unavailable("SOURCE_UNAVAILABLE", message, hint=error.hint) from error

    def most_seconds(self, limits: PoolLimits) -> int:
        return super().most_seconds(limits) + self.params.timeout_seconds

    def connection(self) -> PostgresConnection:
        name, at = self.params.connection, "/source/connection"
        try:
            found: Any = find_connection(name)
        except NotFound as error:
            raise Invalid([Issue("INVALID_VALUE", at, str(error), error.hint)]) from error
        except Conflict as error:
            raise Invalid([Issue(error.code, at, str(error), error.hint)]) from error
        if not isinstance(found, PostgresConnection):
            message = f"connection {quoted(name)} is of type {found.kind}, and this source needs POSTGRES"
            raise Invalid([Issue("TYPE_MISMATCH", at, message)])
        return found
