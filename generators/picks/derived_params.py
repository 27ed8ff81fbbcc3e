"""The parameters of POOL_DERIVED: five ways to derive a value from a pool, and which parameters belong to each."""

from __future__ import annotations

from enum import StrEnum

from pydantic import ConfigDict, Field

from engine.expression.tokens import MAX_CHARACTERS
from engine.schema import OutputType
from generators.picks.keyed_rows import OnMissing
from generators.values.formula_field import OnEvalError, OnNull
from generators.values.listed_values import Scalar
from sdg_project.shapes import FieldName, Params


class DerivedMode(StrEnum):
    """What is derived: from the row that another field has chosen, or from a column as a whole."""

    COLUMN = "COLUMN"
    TEMPLATE = "TEMPLATE"
    EXPRESSION = "EXPRESSION"
    AGGREGATE = "AGGREGATE"
    DISTRIBUTION = "DISTRIBUTION"


class Aggregate(StrEnum):
    MIN = "MIN"
    MAX = "MAX"
    AVG = "AVG"
    SUM = "SUM"
    COUNT = "COUNT"
    MEDIAN = "MEDIAN"
    P95 = "P95"


class Method(StrEnum):
    """How the values of a column become a distribution."""

    EMPIRICAL = "EMPIRICAL"
    HISTOGRAM = "HISTOGRAM"
    NORMAL_FIT = "NORMAL_FIT"


APPLIES: dict[DerivedMode, tuple[str, ...]] = {
    DerivedMode.COLUMN: ("source_field", "column"),
    DerivedMode.TEMPLATE: ("source_field", "template"),
    DerivedMode.EXPRESSION: ("source_field", "expression", "result_type", "on_null", "on_eval_error", "default"),
    DerivedMode.AGGREGATE: ("aggregate", "pool", "column", "group_by", "key_field", "on_missing", "default"),
    DerivedMode.DISTRIBUTION: ("pool", "column", "method", "noise", "min_count", "other_value"),
}
"""The parameters of each mode by their Python names; any other one is an error there."""
REQUIRED: dict[DerivedMode, tuple[str, ...]] = {
    DerivedMode.COLUMN: ("source_field", "column"),
    DerivedMode.TEMPLATE: ("source_field", "template"),
    DerivedMode.EXPRESSION: ("source_field", "expression"),
    DerivedMode.AGGREGATE: ("aggregate", "pool"),
    DerivedMode.DISTRIBUTION: ("pool", "column"),
}
"""Those of them without which the mode means nothing."""


class PoolDerivedParams(Params):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"mode": "DISTRIBUTION", "pool": "people", "column": "birthDate"},
                {"sourceField": "productSku", "column": "name"},
                {"mode": "TEMPLATE", "sourceField": "productSku", "template": "${pool.name} ${pool.size}"},
                {"mode": "AGGREGATE", "pool": "people", "column": "birthDate", "aggregate": "MIN"},
            ]
        }
    )

    mode: DerivedMode = Field(
        default=DerivedMode.COLUMN,
        description="COLUMN, TEMPLATE and EXPRESSION look at the row that sourceField has chosen; AGGREGATE and"
        " DISTRIBUTION at all rows of a pool.",
    )
    source_field: FieldName | None = Field(
        default=None,
        description="COLUMN, TEMPLATE, EXPRESSION: a POOL_REFERENCE field; where it is null, so is this field.",
        examples=["productSku"],
    )
    column: str | None = Field(
        default=None,
        description="COLUMN: column to copy. AGGREGATE, DISTRIBUTION: column to sum up; COUNT without one counts rows.",
        examples=["birthDate"],
    )
    template: str | None = Field(
        default=None,
        min_length=1,
        max_length=2_000,
        description="TEMPLATE: text with ${pool.column} for columns of the row; null where one of them is.",
        examples=["${pool.name} ${pool.size}"],
    )
    expression: str | None = Field(
        default=None,
        description="EXPRESSION: a formula as in COMPUTED, in which row.column is a column of the row"
        ' (field("row.unit price") where the name is no word) and other names are fields.',
        examples=["ROUND(row.price * 1.19, 2)"],
        json_schema_extra={"minLength": 1, "maxLength": MAX_CHARACTERS},
    )
    result_type: OutputType | None = Field(default=None, description="EXPRESSION: as in COMPUTED.")
    on_null: OnNull = Field(default=OnNull.PROPAGATE, description="EXPRESSION: as in COMPUTED.")
    on_eval_error: OnEvalError = Field(default=OnEvalError.FAIL_RECORD, description="EXPRESSION: as in COMPUTED.")
    default: Scalar = Field(
        default=None,
        description="onEvalError DEFAULT: the value where the formula has no result. onMissing DEFAULT: the value of a"
        " key without rows.",
        examples=[0],
    )
    pool: str | None = Field(
        default=None, description="AGGREGATE, DISTRIBUTION: name of the pool.", examples=["people"]
    )
    aggregate: Aggregate | None = Field(
        default=None,
        description="AGGREGATE: what is made of the values that are not null; P95 is the smallest value that at least"
        " 95 % of them do not exceed.",
    )
    group_by: str | None = Field(
        default=None,
        description="AGGREGATE: column by whose values the rows are grouped; keyField says which group.",
        examples=["country"],
    )
    key_field: FieldName | None = Field(
        default=None, description="AGGREGATE: field whose value is that of groupBy.", examples=["country"]
    )
    on_missing: OnMissing = Field(
        default=OnMissing.ERROR,
        description="AGGREGATE with keyField: what a key without rows does. ERROR ends the run, NULL and DEFAULT give"
        " that value, ANY takes that of all rows.",
    )
    method: Method = Field(
        default=Method.EMPIRICAL,
        description="DISTRIBUTION: EMPIRICAL draws frequent values by their frequency and rare numbers between each"
        " other; HISTOGRAM from bins of one width; NORMAL_FIT from the bell curve of the column's mean and deviation.",
    )
    noise: float = Field(
        default=0.0,
        ge=0,
        le=10,
        description="DISTRIBUTION of numbers: standard deviation of what is added, in standard deviations of the"
        " column.",
        examples=[0.05],
    )
    min_count: int = Field(
        default=5,
        ge=1,
        le=1_000_000,
        description="DISTRIBUTION: no value, block or bin stands for fewer rows; 1 keeps all.",
    )
    other_value: str | None = Field(
        default=None,
        max_length=10_000,
        description="DISTRIBUTION of texts: what stands for all that come in fewer than minCount rows; they are left"
        " out without it.",
        examples=["other"],
    )
