"""A pool's definition: the document that bundles, the command line and the control database share."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import AfterValidator, Field, ValidationError

from engine.issues import Issue, did_you_mean, pointer
from engine.schema import MAX_DECIMAL_DIGITS
from pools.enums import ColumnType, PoolLoadStrategy, RefreshMode, SampleMethod
from pools.limits import PoolLimits
from pools.sampling import Sampling
from pools.sources.base import PoolSource, sources
from sdg_project.errors import Invalid
from sdg_project.shapes import Int64, Params, issues_of
from sdg_project.text import NAME_PATTERN, quoted

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


class Refresh(Params):
    """When the source is read anew."""

    mode: RefreshMode = Field(default=RefreshMode.MANUAL, description="Only when somebody asks, or by itself.")
    interval_seconds: int | None = Field(
        default=None, ge=1, le=31_536_000, description="INTERVAL: how old the rows may become.", examples=[3600]
    )


class PoolShape(Params):
    """The properties of a pool."""

    name: Annotated[
        str, AfterValidator(_pool_name), Field(description="Unique without regard to case.", examples=["products"])
    ]
    source: dict[str, Any] = Field(description="Where the rows come from: type and its parameters.")
    load_strategy: PoolLoadStrategy = Field(
        default=PoolLoadStrategy.FULL, description="How much of the source is loaded."
    )
    sample_size: int | None = Field(
        default=None, ge=1, le=2**31 - 1, description="SAMPLED: how many rows are kept; default 10,000."
    )
    sample_rate: float | None = Field(
        default=None, gt=0, le=1, description="SAMPLED: which share of the rows is kept, instead of sampleSize."
    )
    sample_seed: Int64 | None = Field(
        default=None, description="SAMPLED: another seed draws other rows; default: derived from the pool's name."
    )
    method: SampleMethod | None = Field(
        default=None, description="SAMPLED: which rows are kept; default RESERVOIR, any of them."
    )
    stratify_column: str | None = Field(
        default=None, min_length=1, description="STRATIFIED: the column of whose values each keeps its share."
    )
    index_columns: list[str] | None = Field(
        default=None,
        min_length=1,
        max_length=5,
        description="INDEXED: the columns that can be a keyColumn; each has an index of its own.",
    )
    lazy: bool | None = Field(
        default=None, description="INDEXED: fetch the rows of a key when they are asked for; sources that can do so."
    )
    refresh: Refresh = Field(default_factory=Refresh, description="When the source is read anew.")
    columns: list[DeclaredColumn] = Field(default_factory=list, max_length=1_000, description="Declared columns.")
    weight_column: str | None = Field(default=None, min_length=1, description="Default column of weights.")
    limits: PoolLimits = Field(default_factory=PoolLimits, description="What is more is refused.")


@dataclass(frozen=True, slots=True)
class PoolDefinition:
    """A pool's properties and its source, ready to be loaded."""

    shape: PoolShape
    source: PoolSource[Any]
    document: Mapping[str, Any]

    @property
    def sampling(self) -> Sampling | None:
        """Which rows are kept; None for all."""
        shape = self.shape
        if shape.load_strategy is not PoolLoadStrategy.SAMPLED:
            return None
        return Sampling(
            method=shape.method or SampleMethod.RESERVOIR,
            size=shape.sample_size,
            rate=shape.sample_rate,
            seed=shape.sample_seed,
            pool=shape.name,
            column=shape.stratify_column,
        )


STRATEGY_PARAMS = {
    PoolLoadStrategy.SAMPLED: ("sampleSize", "sampleRate", "sampleSeed", "method", "stratifyColumn"),
    PoolLoadStrategy.INDEXED: ("indexColumns", "lazy"),
}
"""The properties that only apply to one strategy."""


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
        issues += _strategy_issues(shape, source)
        issues += _refresh_issues(shape.refresh, source)
    if issues or shape is None or source is None:
        raise Invalid(issues)
    return PoolDefinition(shape, source, document)


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


def _strategy_issues(shape: PoolShape, source: PoolSource[Any] | None) -> Iterator[Issue]:
    """What does not fit the strategy: a property that does not apply is an error, not ignored."""
    given = shape.model_dump(by_alias=True, exclude_none=True)
    for strategy, names in STRATEGY_PARAMS.items():
        for name in names:
            if name in given and shape.load_strategy is not strategy:
                message = f"{name} does not apply to {shape.load_strategy}"
                yield Issue("PROPERTY_NOT_ALLOWED", pointer(name), message, f"it is for loadStrategy {strategy}")
    if shape.load_strategy is PoolLoadStrategy.SAMPLED:
        if shape.sample_size is not None and shape.sample_rate is not None:
            message = "sampleSize and sampleRate cannot both be given"
            yield Issue("PROPERTY_NOT_ALLOWED", "/sampleRate", message, "remove one of them")
        if shape.method is SampleMethod.STRATIFIED and shape.stratify_column is None:
            message = "STRATIFIED needs stratifyColumn, the column of whose values each keeps its share"
            yield Issue("MISSING_PARAM", "/stratifyColumn", message)
        if shape.method is not SampleMethod.STRATIFIED and shape.stratify_column is not None:
            message = f"stratifyColumn does not apply to method {shape.method or SampleMethod.RESERVOIR}"
            yield Issue("PROPERTY_NOT_ALLOWED", "/stratifyColumn", message, "it is for method STRATIFIED")
        if shape.method is SampleMethod.FIRST and shape.sample_seed is not None:
            message = "sampleSeed does not apply to method FIRST, which draws nothing"
            yield Issue("PROPERTY_NOT_ALLOWED", "/sampleSeed", message, "it is for RESERVOIR and STRATIFIED")
    if shape.load_strategy is PoolLoadStrategy.INDEXED:
        if shape.index_columns is None:
            message = "INDEXED needs indexColumns, the columns that can be a keyColumn"
            yield Issue("MISSING_PARAM", "/indexColumns", message)
        for index, name in enumerate(shape.index_columns or ()):
            if name in (shape.index_columns or ())[:index]:
                yield Issue("DUPLICATE_VALUE", pointer("indexColumns", index), f"{quoted(name)} is listed twice")
        if shape.lazy and source is not None and not source.fetches_keys:
            message = f"lazy does not apply to a source of type {source.kind}, which cannot fetch the rows of one key"
            yield Issue("PROPERTY_NOT_ALLOWED", "/lazy", message, "remove lazy: all rows are loaded then")


def _refresh_issues(refresh: Refresh, source: PoolSource[Any] | None) -> Iterator[Issue]:
    if refresh.mode is RefreshMode.INTERVAL and source is not None and not source.may_change:
        message = f"INTERVAL does not apply to a source of type {source.kind}, whose rows are always the same"
        yield Issue("PROPERTY_NOT_ALLOWED", "/refresh/mode", message, f"accepted is {RefreshMode.MANUAL}")
    if refresh.mode is RefreshMode.INTERVAL and refresh.interval_seconds is None:
        yield Issue("MISSING_PARAM", "/refresh/intervalSeconds", "INTERVAL needs intervalSeconds")
    if refresh.mode is not RefreshMode.INTERVAL and refresh.interval_seconds is not None:
        message = f"intervalSeconds does not apply to mode {refresh.mode}"
        yield Issue("PROPERTY_NOT_ALLOWED", "/refresh/intervalSeconds", message, "it is for mode INTERVAL")
