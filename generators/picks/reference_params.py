"""The parameters of POOL_REFERENCE: which column, how its row is chosen, and what follows when there is none."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from pydantic import ConfigDict, Field

from generators.picks.keyed_rows import OnMissing
from generators.picks.pool_filters import FilterOp
from generators.picks.pool_rows import OnExhausted, PoolSelection
from generators.values.listed_values import Scalar
from sdg_project.shapes import FieldName, Params


class RefreshPolicy(StrEnum):
    PIN = "PIN"
    FOLLOW = "FOLLOW"


class PoolFilter(Params):
    """A condition on a column; rows that fail it are never taken."""

    column: str = Field(description="Column of the pool.", examples=["country"])
    op: FilterOp = Field(description="How to compare.")
    value: Any = Field(description="What to compare with; a list for IN.", examples=["US"])


class PoolReferenceParams(Params):
    model_config = ConfigDict(json_schema_extra={"examples": [{"pool": "people", "column": "name"}]})

    pool: str = Field(description="Name of the pool.", examples=["people"])
    column: str | None = Field(default=None, description="Column to copy; may be left out if the pool has one.")
    selection: PoolSelection = Field(default=PoolSelection.RANDOM, description="How rows are chosen.")
    weight_column: str | None = Field(default=None, description="WEIGHTED: column of weights; else the pool's own.")
    exponent: float = Field(default=1.1, gt=0, le=100, description="ZIPF: how much the first rows are preferred.")
    row_binding: str | None = Field(
        default=None, min_length=1, max_length=100, description="Fields of one binding copy from the same row."
    )
    filter: list[PoolFilter] = Field(
        default_factory=list, max_length=50, description="Only rows that pass all of these."
    )
    skip_nulls: bool = Field(default=False, description="Leave out rows in which the column is null.")
    key_field: FieldName | None = Field(
        default=None,
        description="Choose among the rows whose keyColumn equals this field of the record; null where it is null.",
        examples=["country"],
    )
    key_column: str | None = Field(
        default=None, description="With keyField: the column of the pool that it is compared with.", examples=["code"]
    )
    on_missing: OnMissing = Field(
        default=OnMissing.ERROR,
        description="With keyField: what a key without rows does. ERROR ends the run, NULL and DEFAULT give that value,"
        " ANY chooses among all rows.",
    )
    default: Scalar = Field(default=None, description="With onMissing DEFAULT: the value of a key without rows.")
    on_exhausted: OnExhausted = Field(
        default=OnExhausted.ERROR, description="With unique: what follows when every value has been taken."
    )
    refresh_policy: RefreshPolicy = Field(
        default=RefreshPolicy.PIN,
        description="PIN: a run keeps the version of the pool that it was started with. FOLLOW: new"
        " versions from the next frame on, so that a record that is made again may be another one.",
    )
