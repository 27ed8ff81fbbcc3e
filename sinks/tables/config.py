"""The config of a POSTGRES destination."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, Field, model_validator

from engine.issues import Issue
from sdg_project.shapes import Faults, FieldName
from sdg_project.text import quoted
from sinks.connections.postgres import PostgresName, is_system_schema
from sinks.destinations.base import DestinationConfig
from sinks.enums import BeforeRun

CHECKPOINT_TABLE = "sdg_checkpoint"
"""Beside the table that is written, in its schema."""


class TablePolicy(StrEnum):
    MUST_EXIST = "MUST_EXIST"
    CREATE = "CREATE"
    """Made from the definition when it is not there."""
    DROP_AND_CREATE = "DROP_AND_CREATE"


class WriteMode(StrEnum):
    COPY = "COPY"
    INSERT = "INSERT"
    """By way of a temporary table, so that rows which are there already can be passed over."""
    UPSERT = "UPSERT"


class OnConflict(StrEnum):
    """What becomes of a row whose key is there already."""

    ERROR = "ERROR"
    IGNORE = "IGNORE"
    UPDATE = "UPDATE"


def _schema(name: str) -> str:
    if is_system_schema(name):
        raise Faults(Issue("PROPERTY_NOT_ALLOWED", "", f"{quoted(name)} belongs to the server and is not written"))
    return name


def _table(name: str) -> str:
    if name == CHECKPOINT_TABLE:
        raise Faults(Issue("PROPERTY_NOT_ALLOWED", "", f"{quoted(name)} holds the positions of runs"))
    return name


class TableConfig(DestinationConfig):
    schema_: Annotated[PostgresName, AfterValidator(_schema)] = Field(
        default="public", alias="schema", description="Schema of the table.", examples=["shop"]
    )
    table: Annotated[PostgresName, AfterValidator(_table)] = Field(
        description="Name of the table, taken as it is.", examples=["orders"]
    )
    table_policy: TablePolicy = Field(
        default=TablePolicy.MUST_EXIST,
        description="CREATE makes the table from the definition if it is not there; DROP_AND_CREATE in any case.",
    )
    write_mode: WriteMode = Field(
        default=WriteMode.COPY, description="COPY is the fastest; INSERT and UPSERT know what is there already."
    )
    conflict_keys: list[PostgresName] = Field(
        default_factory=list, max_length=32, description="Columns of a unique index: a row with the same is a conflict."
    )
    on_conflict: OnConflict | None = Field(
        default=None, description="INSERT: ERROR or IGNORE, default ERROR. UPSERT: UPDATE or IGNORE, default UPDATE."
    )
    columns: dict[FieldName, PostgresName] = Field(
        default_factory=dict, description="Columns by their fields, where the names differ.", examples=[{"id": "nr"}]
    )
    before_run: BeforeRun = Field(
        default=BeforeRun.FAIL,
        description="FAIL if an earlier run has written there, APPEND to it, or REPLACE: empty the table first.",
    )

    @property
    def conflict(self) -> OnConflict:
        """What becomes of a row whose key is there already, defaults filled in."""
        default = OnConflict.UPDATE if self.write_mode is WriteMode.UPSERT else OnConflict.ERROR
        return self.on_conflict or default

    @property
    def shown(self) -> str:
        return f"{self.schema_}.{self.table}"

    @model_validator(mode="after")
    def _consistent(self) -> TableConfig:
        faults = []
        mode, conflict = self.write_mode, self.on_conflict
        fits = {
            WriteMode.COPY: {OnConflict.ERROR},
            WriteMode.INSERT: {OnConflict.ERROR, OnConflict.IGNORE},
            WriteMode.UPSERT: {OnConflict.UPDATE, OnConflict.IGNORE},
        }[mode]
        if conflict is not None and conflict not in fits:
            accepted = " and ".join(sorted(fits))
            faults.append(Issue("INVALID_VALUE", "/onConflict", f"{mode} knows {accepted}, not {conflict}"))
        if mode is WriteMode.UPSERT and not self.conflict_keys:
            message = "UPSERT needs the columns of a unique index"
            faults.append(Issue("MISSING_PARAM", "/conflictKeys", message))
        if mode is WriteMode.COPY and self.conflict_keys:
            message = "COPY does not look at keys"
            faults.append(Issue("PROPERTY_NOT_ALLOWED", "/conflictKeys", message, "choose INSERT or UPSERT"))
        for place, key in enumerate(self.conflict_keys):
            if key in self.conflict_keys[:place]:
                faults.append(Issue("DUPLICATE_VALUE", f"/conflictKeys/{place}", f"{quoted(key)} is listed twice"))
        if faults:
            raise Faults(*faults)
        return self
