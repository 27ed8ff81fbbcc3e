"""The pool source GENERATOR: records of a generator, computed from its definition; nothing is run or written.

The generator stands in the same bundle, or is stored.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import polars as pl
from pydantic import Field

from engine.errors import RecordInvalid
from engine.issues import Issue, did_you_mean, pointer
from engine.span import Span
from generators.bundled import bundled_generator
from generators.circles import find_generator, generator_names, way_to_pool
from generators.definition import MAX_SEED
from generators.models import Generator
from generators.plan import Plan
from generators.services.validation import preview_plan
from pools.beside import bundled_tables
from pools.limits import PoolLimits
from pools.raw import RawTable, raw_table_of
from pools.snapshot import table_bytes
from pools.sources.base import PoolSource, sources
from sdg_project.errors import Invalid
from sdg_project.shapes import Params
from sdg_project.text import quoted

_PIECE = 65_536
_MOST_RECORDS = 10**12


class GeneratorParams(Params):
    generator: str = Field(min_length=1, max_length=200, description="Name or id.", examples=["customers"])
    rows: int = Field(ge=1, le=2**31 - 1, description="How many records.", examples=[1000])
    columns: list[str] | None = Field(
        default=None, min_length=1, max_length=500, description="Fields of the generator; default all."
    )
    start: int = Field(default=0, ge=0, lt=_MOST_RECORDS, description="Number of the first record.")
    seed: int | None = Field(
        default=None, ge=0, le=MAX_SEED, description="Default: that of the generator, which must have one then."
    )


@sources.register("GENERATOR")
class GeneratorSource(PoolSource[GeneratorParams]):
    Params = GeneratorParams

    def read(self, *, base: Path, limits: PoolLimits) -> RawTable:  # there is no file
        params = self.params
        bundled = bundled_generator(params.generator)
        generator = bundled or find_generator(params.generator)
        if generator is None:
            message = f"there is no generator {quoted(params.generator)}"
            hint = did_you_mean(params.generator, generator_names())
            raise Invalid([Issue("INVALID_VALUE", "/source/generator", message, hint)])
        origin = f"generator {quoted(generator.name)}"
        limits.check_rows(params.rows, origin)
        if issues := list(self._against(generator, is_stored=bundled is None)):
            raise Invalid(issues)
        plan = self._plan(generator, origin)
        names = params.columns or [column.name for column in plan.schema.columns]
        if issues := list(_against_columns(plan, names, origin, is_chosen=params.columns is not None)):
            raise Invalid(issues)
        return raw_table_of(self._records(plan, names, origin, limits), origin)

    def _against(self, generator: Generator, *, is_stored: bool) -> Iterator[Issue]:
        way = way_to_pool(self.pool, generator) if is_stored else None  # a bundle's circles are found in it
        if way is not None:
            message = f"generator {quoted(generator.name)} uses this pool itself: {' → '.join(way)}"
            yield Issue("DEPENDENCY_CYCLE", "/source/generator", message)
        if self.params.seed is None and generator.definition.get("seed") is None:
            message = f"generator {quoted(generator.name)} has no seed, so that each of its runs has other records"
            yield Issue("MISSING_PARAM", "/source/seed", message, "give the generator a seed, or the source")

    def _plan(self, generator: Generator, origin: str) -> Plan:
        try:
            return preview_plan(
                generator.definition,
                updated_at=generator.updated_at,
                seed=self.params.seed,
                own_pools=bundled_tables(),
            )
        except Invalid as error:
            raise Invalid(
                [
                    Issue("INVALID_VALUE", "/source/generator", f"{origin}: {issue.path}: {issue.message}", issue.hint)
                    for issue in error.issues
                ]
            ) from error

    def _records(self, plan: Plan, names: list[str], origin: str, limits: PoolLimits) -> pl.DataFrame:
        first, end = self.params.start, self.params.start + self.params.rows
        if end > _MOST_RECORDS:
            message = f"start and rows are {end:,} records, and there are at most {_MOST_RECORDS:,}"
            raise Invalid([Issue("INVALID_VALUE", "/source/rows", message)])
        if plan.record_limit is not None and end > plan.record_limit[0]:
            count, reason = plan.record_limit
            message = f"{origin} has {count:,} records and no more: {reason}"
            raise Invalid([Issue("INVALID_VALUE", "/source/rows", message)])
        pieces, size = [], 0
        for start in range(first, end, _PIECE):
            try:
                batch = plan.batch(Span(start, min(_PIECE, end - start)))
            except RecordInvalid as error:
                message = f"{origin}: record {error.record_number}: {error}"
                raise Invalid([Issue("RECORD_INVALID", "/source/generator", message)]) from error
            piece = batch.records.select(names).with_columns(pl.col(pl.Categorical, pl.Enum).cast(pl.String))
            size += table_bytes(piece)
            limits.check_bytes(size, f"what was made of {origin} so far")
            pieces.append(piece)
        return pl.concat(pieces)


def _against_columns(plan: Plan, names: list[str], origin: str, *, is_chosen: bool) -> Iterator[Issue]:
    """Columns that there are not, and those whose values differ from run to run: no run would have the same."""
    known = [column.name for column in plan.schema.columns]
    fields = {planned.name: planned.field for planned in plan.fields}
    for index, name in enumerate(names):
        at = pointer("source", "columns", index) if is_chosen else "/source/columns"
        if name not in known:
            hint = did_you_mean(name, known) or f"fields are {', '.join(known[:20])}"
            yield Issue("COLUMN_NOT_FOUND", at, f"{origin} has no field {quoted(name)}", hint)
        elif names.index(name) < index:
            yield Issue("DUPLICATE_VALUE", at, f"column {quoted(name)} is listed twice")
        elif reasons := list(fields[name].reasons()):
            message = f"{origin}: field {quoted(name)} differs from run to run: {'; '.join(reasons)}"
            yield Issue("NON_DETERMINISTIC", at, message, "choose the other columns, or make the field reproducible")
