"""FAKER: rows that the Faker library makes up, once, when the pool is loaded."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, WithJsonSchema

from engine.draws import bounded
from engine.issues import Issue, pointer
from engine.span import Span
from engine.stream import Source
from pools.json_rows import RowColumns
from pools.limits import PoolLimits
from pools.raw import RawTable
from pools.sources.base import PoolSource, sources
from sdg_project.errors import Invalid
from sdg_project.shapes import Params

ORIGIN = "Faker"
MAX_ROWS = 1_000_000
MAX_VALUES = 5_000_000
"""Rows times columns: that takes some minutes."""
LOCALE = "row.locale"
"""In place of a provider: the locale of the row."""
_CHECKED_EVERY = 1_000
_VALUES_PER_S = 1_000
"""Of the slowest providers, on a busy machine."""


class FakerColumn(Params):
    provider: str = Field(
        pattern=r"^[a-z][a-z0-9_]*(\.[A-Za-z0-9_]+)?$",
        description="A provider of Faker, with a dot and the name of a part where it gives several: person.email.",
        examples=["person.email"],
    )
    args: dict[str, Any] = Field(default_factory=dict, description="Its arguments by their names.", examples=[{}])


def _written_out(column: Any) -> Any:
    return {"provider": column} if isinstance(column, str) else column


Column = Annotated[
    FakerColumn,
    BeforeValidator(_written_out),
    WithJsonSchema({"anyOf": [{"type": "string"}, FakerColumn.model_json_schema()], "examples": ["city"]}),
]


class FakerParams(Params):
    rows: int = Field(ge=1, le=MAX_ROWS, description="How many rows are made.", examples=[1000])
    columns: dict[str, Column] = Field(
        min_length=1,
        max_length=100,
        description="The provider of each column: its name, or provider and args. Parts of person (firstName, lastName,"
        " name, gender, userName, email) fit each other in a row; row.locale is the row's locale.",
        examples=[{"name": "person.name", "email": "person.email", "city": "city"}],
    )
    locales: list[str] = Field(
        default_factory=lambda: ["en_US"],
        min_length=1,
        max_length=100,
        description="A row is of one of them, all equally often. What one lacks Faker takes from en_US.",
        examples=[["de_DE", "fr_FR"]],
    )
    seed: int = Field(
        default=0,
        ge=-(2**63),
        lt=2**63,
        description="Equal seeds give equal rows with one version of Faker. Providers of dates may count from today.",
        examples=[1],
    )


@sources.register("FAKER")
class FakerSource(PoolSource[FakerParams]):
    Params = FakerParams
    is_foreign = True

    def most_seconds(self, limits: PoolLimits) -> int:
        return super().most_seconds(limits) + self.params.rows * len(self.params.columns) // _VALUES_PER_S

    def read(self, *, base: Path, limits: PoolLimits) -> RawTable:  # there is no file
        from pools.fakes.calls import Call, Fakes, Unusable  # which loads Faker, for those who use it

        limits.check_rows(self.params.rows, ORIGIN)
        if (count := self.params.rows * len(self.params.columns)) > MAX_VALUES:
            message = f"rows times columns are {count:,} values, and Faker makes at most {MAX_VALUES:,} for a pool"
            raise Invalid([Issue("POOL_TOO_LARGE", "/source/rows", message, "take fewer rows or columns")])
        calls = []
        for name, column in self.params.columns.items():
            provider, _, part = column.provider.partition(".")
            calls.append(Call(name, provider, part or None, column.args))
        if issues := list(self._issues(calls)):
            raise Invalid(issues)
        fakes = [Fakes(locale, self.params.seed) for locale in self.params.locales]
        words = Source(self.params.seed, "pools", "FAKER").stream("locale").words(Span(0, self.params.rows))
        chosen = bounded(words, len(fakes)).tolist()
        rows, size = RowColumns(lambda row: f"row {row + 1}"), 0
        for row, choice in enumerate(chosen):
            whole: dict[str, Any] = {}
            values = {}
            for call in calls:
                try:
                    is_locale = self.params.columns[call.column].provider == LOCALE
                    locale = self.params.locales[choice]
                    values[call.column] = locale if is_locale else fakes[choice].value(call, row, whole)
                except Unusable as error:
                    raise Invalid([Issue("INVALID_VALUE", call.at, f"row {row + 1}: {error}")]) from error
            rows.add(values)
            size += sum(len(value) for value in values.values() if isinstance(value, str))
            if row % _CHECKED_EVERY == 0:
                limits.check_bytes(size, ORIGIN)
        limits.check_bytes(size, ORIGIN)
        return RawTable(ORIGIN, rows.columns(), rows.row_count)

    def _issues(self, calls: list[Any]) -> Iterator[Issue]:
        from pools.fakes.calls import call_issues, locale_issue

        locales = self.params.locales
        wrong = [
            issue
            for index, locale in enumerate(locales)
            if (issue := locale_issue(locale, pointer("source", "locales", index)))
        ]
        yield from wrong
        if not wrong:
            for call in calls:
                if self.params.columns[call.column].provider != LOCALE:
                    yield from call_issues(call, locales)
