"""A pool's definition: the document that bundles, the command line and the control database share."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import AfterValidator, Field, ValidationError

from engine.issues import Issue, did_you_mean, pointer
from engine.schema import MAX_DECIMAL_DIGITS
from pools.enums import ColumnType, PoolLoadStrategy
from pools.limits import PoolLimits
from pools.sources.base import PoolSource, sources
from sdg_project.errors import Invalid
from sdg_project.shapes import Params, issues_of
from sdg_project.text import quoted

NAME_PATTERN = r"^[A-Za-z0-9_.-]{1,100}$"
MAX_COLUMN_NAME = 256


def _pool_name(name: str) -> str:
    if not re.fullmatch(NAME_PATTERN, name):
        raise ValueError("must be 1 to 100 letters, digits, dots, hyphens or underscores of ASCII")
    return name


class DeclaredColumn(Params):
    """What is known of a column; columns that are not declared keep the type that their values have."""

    name: str = Field(min_length=1, max_length=MAX_COLUMN_NAME, description="Name as in the source.", examples=["sku"])
    type: ColumnType | None = Field(default=None, description="Type of the values; every value must be of it.")
    scale: int | None = Field(
        default=None,
        ge=0,
        le=MAX_DECIMAL_DIGITS,
        description="DECIMAL: digits behind the point; default: the most used.",
    )
    unique: bool = Field(default=False, description="No value occurs twice.")


class PoolShape(Params):
    """The properties of a pool."""

    name: Annotated[
        str, AfterValidator(_pool_name), Field(description="Unique without regard to case.", examples=["products"])
    ]
    source: dict[str, Any] = Field(description="Where the rows come from: type and its parameters.")
    load_strategy: PoolLoadStrategy = Field(
        default=PoolLoadStrategy.FULL, description="How much of the source is loaded."
    )
    columns: list[DeclaredColumn] = Field(default_factory=list, max_length=1_000, description="Declared columns.")
    weight_column: str | None = Field(default=None, min_length=1, description="Default column of weights.")
    limits: PoolLimits = Field(default_factory=PoolLimits, description="What is more is refused.")


@dataclass(frozen=True, slots=True)
class PoolDefinition:
    """A pool's properties and its source, ready to be loaded."""

    shape: PoolShape
    source: PoolSource[Any]


def read_pool(document: Any) -> PoolDefinition:
    """The definition that a document holds; raises Invalid with everything that is wrong with its shape."""
    issues: list[Issue] = []
    shape: PoolShape | None = None
    try:
        shape = PoolShape.model_validate(document)
    except ValidationError as error:
        issues += issues_of(error, model=PoolShape)
    given = document.get("source") if isinstance(document, Mapping) else None
    pool = shape.name if shape is not None else ""
    source = _read_source(given, issues, pool=pool) if isinstance(given, Mapping) else None
    if shape is not None:
        issues += _column_issues(shape.columns)
    if issues or shape is None or source is None:
        raise Invalid(issues)
    return PoolDefinition(shape, source)


def _read_source(document: Mapping[str, Any], issues: list[Issue], *, pool: str) -> PoolSource[Any] | None:
    name = document.get("type")
    kind = sources.get(name) if isinstance(name, str) else None
    if kind is None:
        code = "MISSING_PARAM" if name is None else "INVALID_VALUE"
        message = "type is required" if name is None else f"there is no source type {quoted(str(name))}"
        hint = did_you_mean(str(name), sources) or f"accepted are {', '.join(sources)}"
        issues.append(Issue(code, "/source/type", message, hint))
        return None
    try:
        params = kind.Params.model_validate({key: value for key, value in document.items() if key != "type"})
    except ValidationError as error:
        issues += issues_of(error, at="/source", model=kind.Params)
        return None
    return kind(params, pool=pool)


def _column_issues(columns: list[DeclaredColumn]) -> list[Issue]:
    issues, seen = [], set()
    for index, column in enumerate(columns):
        if column.name in seen:
            message = f"column {quoted(column.name)} is declared twice"
            issues.append(Issue("DUPLICATE_FIELD", pointer("columns", index, "name"), message))
        seen.add(column.name)
        if column.scale is not None and column.type is not ColumnType.DECIMAL:
            message = "scale is for columns of type DECIMAL"
            issues.append(Issue("PROPERTY_NOT_ALLOWED", pointer("columns", index, "scale"), message))
    return issues
