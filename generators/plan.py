"""Plans: a definition compiled into a pure function from spans to records."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from engine.batch import Batch
from engine.choice import Tables
from engine.draws import happens
from engine.errors import RecordInvalid
from engine.lists import first_of_each
from engine.schema import Column, RecordSchema
from engine.span import Span
from engine.version import ENGINE_VERSION
from generators.arrays import ArrayLengths, ElementTable, SlicedColumns
from generators.casting import cast_values, refuse_unread
from generators.definition import Definition
from generators.facts import RunFacts, epoch_ms
from generators.fields.base import Columns, FieldType, HiddenColumn, Output
from generators.pace import Pace
from generators.times.clocks import Clock
from pools.snapshot import Snapshot
from sdg_project.exact_json import ExactEncoder


@dataclass(frozen=True, slots=True)
class PlannedField:
    """A field with what the plan does to its values: null, missing, cast, written or not."""

    field: FieldType[Any]
    output: Output
    column: Column
    null_rate: float
    missing_rate: float
    omit: bool

    @property
    def name(self) -> str:
        return self.column.name


@dataclass(frozen=True, slots=True)
class PlannedArray:
    """Fields and hidden columns of the elements of an array, in an order in which each finds what it looks at.

    Element j of record i has the number ``i * max + j``. All that a record may have are made, and those that it does
    not have are left out, so that each field makes the values of a span. `listed` are the fields of which there are to
    be lists, as they are written or as fields outside of the element look at them.
    """

    lengths: ArrayLengths
    steps: Sequence[PlannedField | HiddenColumn]
    listed: frozenset[str]

    @property
    def fields(self) -> list[PlannedField]:
        """The fields among the steps."""
        return [step for step in self.steps if isinstance(step, PlannedField)]

    def columns(self, span: Span, table: ElementTable) -> dict[str, pl.Series]:
        """The values of each field as lists, one for each record of a span; all values are added to the table."""
        most = self.lengths.shape.max
        numbers, elements, there = Span(span.start * most, span.count * most), table.columns, pl.Series(table.is_there)
        lists = {}
        for step in self.steps:
            if isinstance(step, HiddenColumn):
                elements.put(step.name, self._values(step, numbers, elements, table.is_there))
                continue
            values, _ = _masked(step, numbers, self._values(step.field, numbers, elements, table.is_there))
            cast = cast_values(values, step.output, step.column)
            if cast is not values:
                with _told_of_the_record(most):
                    refuse_unread(pl.select(pl.when(there).then(values)).to_series(), cast, numbers, step.column)
            elements.put(step.name, cast)
            if step.name in self.listed:
                lists[step.name] = first_of_each(cast, table.lengths, most=most)
        return lists

    def _values(
        self, step: FieldType[Any] | HiddenColumn, span: Span, columns: Columns, is_there: NDArray[np.bool_]
    ) -> pl.Series:
        """The values of some elements; null for one that cannot be made and is not there anyway."""
        most = self.lengths.shape.max
        try:
            return step.values(span, columns)
        except RecordInvalid as error:
            place = error.record_number - span.start
            if not 0 <= place < span.count:
                raise
            if is_there[place]:
                raise _of_record(error, most) from error
        before = step.values(Span(span.start, place), SlicedColumns(columns, 0, place))
        rest = Span(span.start + place + 1, span.count - place - 1)
        after = self._values(step, rest, SlicedColumns(columns, place + 1, rest.count), is_there[place + 1 :])
        return pl.concat([before.extend_constant(None, 1), after])


@contextmanager
def _told_of_the_record(most: int) -> Iterator[None]:
    try:
        yield
    except RecordInvalid as error:
        raise _of_record(error, most) from error


def _of_record(error: RecordInvalid, most: int) -> RecordInvalid:
    """The error of an element as one of its record."""
    number, place = divmod(error.record_number, most)
    message = f"element {place}: {error.message}"
    return RecordInvalid(error.code, message, field=error.field, record_number=number)


Step = PlannedField | HiddenColumn | PlannedArray
"""What is done at once for all records of a span."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What makes the records of a run: `batch` is pure, everything else describes it.

    `pools` are those that a field looks at; `steps` are the fields and hidden columns in an order in which each finds
    what it depends on; an array has several steps where its fields look at what others make of its elements.
    """

    definition: Definition
    facts: RunFacts
    pace: Pace
    pools: Mapping[str, Snapshot]
    steps: Sequence[Step]
    schema: RecordSchema
    tables: Tables

    def batch(self, span: Span) -> Batch:
        """The records of a span. Raises RecordInvalid for the first record that cannot be made."""
        columns: dict[str, pl.Series] = {}
        missing: dict[str, NDArray[np.bool_]] = {}
        self._evaluate(self.steps, span, columns, missing)
        return _batch(span, self.schema, columns, missing)

    def remnant(self, number: int) -> tuple[RecordSchema, Batch]:
        """What can be made of a record: all of it, or the written columns that are evaluated before the one that fails.

        A record of which nothing can be made has no columns.
        """
        span = Span(number, 1)
        columns: dict[str, pl.Series] = {}
        missing: dict[str, NDArray[np.bool_]] = {}
        with suppress(RecordInvalid):
            self._evaluate(self.steps, span, columns, missing)
        made = tuple(column for column in self.schema.columns if column.name in columns)
        schema = RecordSchema(self.schema.name, made)
        if not made:
            return schema, Batch(Span(number, 0), pl.DataFrame())
        return schema, _batch(span, schema, columns, missing)

    @property
    def may_pass_over(self) -> bool:
        """Whether records take any row of a pool where there is none for their key."""
        return any(True for _ in self._fallbacks())

    def passed_over(self, span: Span) -> Mapping[str, int]:
        """How many times the records of a span do that, by pool; only what says so is made. Raises as `batch` does."""
        columns: dict[str, pl.Series] = {}
        self._evaluate(self._leading_to({key for _, key, _ in self._fallbacks()}), span, columns, {})
        counts: Counter[str] = Counter()
        for rows, key, pool in self._fallbacks():
            counts[pool] += rows.passed_over(columns[key])
        return counts

    def _fallbacks(self) -> Iterator[tuple[HiddenColumn, str, str]]:
        """The hidden columns that may pass over a key, each with the key's field and the pool."""
        for step in self.steps:
            if isinstance(step, HiddenColumn) and step.fallback is not None:
                yield (step, *step.fallback)

    def _leading_to(self, names: set[str]) -> list[Step]:
        """The steps without which some columns cannot be made, in the order of evaluation."""
        wanted, found = set(names), list[Step]()
        for step in reversed(self.steps):
            made = {part.name for part in step.steps} if isinstance(step, PlannedArray) else {step.name}
            if not made & wanted:
                continue
            found.append(step)
            for planned in _fields_of(step):
                wanted |= {*planned.field.depends_on().values(), *(hidden.name for hidden in planned.field.hidden())}
        return found[::-1]

    def _evaluate(
        self,
        steps: Sequence[Step],
        span: Span,
        columns: dict[str, pl.Series],
        missing: dict[str, NDArray[np.bool_]],
    ) -> None:
        """Put the values of every step where the following ones find them, until one raises RecordInvalid."""
        tables: dict[str, ElementTable] = {}
        for step in steps:
            if isinstance(step, PlannedArray):
                path = step.lengths.shape.path
                if path not in tables:
                    tables[path] = ElementTable.of(step.lengths, span, columns)
                columns |= step.columns(span, tables[path])
                continue
            if isinstance(step, HiddenColumn):
                columns[step.name] = step.values(span, columns)
                continue
            values, absent = _masked(step, span, step.field.values(span, columns))
            cast = cast_values(values, step.output, step.column)
            if cast is not values:
                refuse_unread(values, cast, span, step.column)
            if absent is not None:
                missing[step.name] = absent
            columns[step.name] = cast

    @property
    def clock(self) -> Clock:
        """When the records take place."""
        return self.pace.clock

    @property
    def fields(self) -> list[PlannedField]:
        """The fields, in the order of evaluation."""
        return [planned for step in self.steps for planned in _fields_of(step)]

    @property
    def record_limit(self) -> tuple[int, str] | None:
        """After how many records a field ends the run, and why; None when only the end condition does."""
        limits = [limit for planned in self.fields if (limit := planned.field.record_limit()) is not None]
        return min(limits, default=None)

    @property
    def reasons(self) -> list[str]:
        """Why another run of this definition with the same seed may differ; empty when it cannot."""
        return [f"{planned.name}: {reason}" for planned in self.fields for reason in planned.field.reasons()]

    @property
    def spec_hash(self) -> str:
        """32 hex digits that are equal when the records are: whatever the destination, the cuts and the workers."""
        used = {fact for planned in self.fields for fact in planned.field.uses()}
        facts = {
            "clock": self.clock.identity,
            "startedAt": epoch_ms(self.facts.started_at),
            "runId": self.facts.run_id,
            "entropy": self.facts.entropy,
            "earlierRecords": self.facts.earlier_records,
            "generatorName": self.definition.name,
        }
        spec = {
            "engine": ENGINE_VERSION,
            "seed": self.facts.seed,
            "streamName": self.definition.stream_name,
            "schema": self.definition.document.get("schema"),
            "fieldMappings": self.definition.document["fieldMappings"],
            "facts": {name: value for name, value in facts.items() if name in used},
            **({"arrays": self.definition.document["arrays"]} if self.definition.shape.arrays else {}),
            "pools": {name: [pool.content_hash, pool.weight_column] for name, pool in self.pools.items()},
        }
        return hashlib.blake2b(json.dumps(spec, sort_keys=True, cls=ExactEncoder).encode(), digest_size=16).hexdigest()

    @property
    def tables_hash(self) -> str:
        """`hash_of_tables` of the plan's own."""
        return hash_of_tables(self.tables)


def _fields_of(step: Step) -> list[PlannedField]:
    """The fields that a step makes."""
    if isinstance(step, PlannedArray):
        return step.fields
    return [step] if isinstance(step, PlannedField) else []


def _batch(
    span: Span, schema: RecordSchema, columns: Mapping[str, pl.Series], missing: Mapping[str, NDArray[np.bool_]]
) -> Batch:
    """The written columns among all that have been made."""
    written = [columns[column.name].alias(column.name) for column in schema.columns]
    return Batch(span, pl.DataFrame(written), {c.name: missing[c.name] for c in schema.columns if c.name in missing})


def hash_of_tables(tables: Tables) -> str:
    """32 hex digits of all tables: a worker whose own tables differ must not go on with the run."""
    digest = hashlib.blake2b(digest_size=16)
    for name, table in sorted(tables.items()):
        digest.update(f"{name}\0{table.dtype.str}\0{table.shape}\0".encode())
        digest.update(np.ascontiguousarray(table).data)
    return digest.hexdigest()


def _masked(step: PlannedField, span: Span, values: pl.Series) -> tuple[pl.Series, NDArray[np.bool_] | None]:
    """The values with null where the field is null or missing, and where it is missing.

    Missing is drawn among the records that are not null, at a rate that makes it `missing_rate` of all: so neither
    rate changes which records the other one hits.
    """
    if not step.null_rate and not step.missing_rate:
        return values, None
    gone = happens(step.field.stream("null").words(span), step.null_rate)
    absent = None
    if step.missing_rate:
        rate = min(1.0, step.missing_rate / (1.0 - step.null_rate)) if step.null_rate < 1.0 else 0.0
        absent = happens(step.field.stream("missing").words(span), rate) & ~gone
        gone = gone | absent
    mask = pl.Series(gone)
    return pl.select(pl.when(~mask).then(values)).to_series(), absent
