"""Plans: a definition compiled into a pure function from spans to records."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from operator import call
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
from generators.losses import Losses, stood_in
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

    def table(self, tables: dict[str, ElementTable], span: Span, record: Columns) -> ElementTable:
        """The elements among those that are known by the paths of their arrays; added when they are not."""
        path = self.lengths.shape.path
        if path not in tables:
            tables[path] = ElementTable.of(self.lengths, span, record)
        return tables[path]

    def columns(self, span: Span, table: ElementTable, losses: Losses | None) -> dict[str, pl.Series]:
        """The values of each field as lists, one for each record of a span; all values are added to the table."""
        most = self.lengths.shape.max
        numbers, elements = Span(span.start * most, span.count * most), table.columns
        lists = {}
        for step in self.steps:
            if isinstance(step, HiddenColumn):
                elements.put(step.name, self._values(step, numbers, elements, table.is_there, losses))
                continue
            values, _ = _masked(step, numbers, self._values(step.field, numbers, elements, table.is_there, losses))
            try:
                cast = _cast(step, numbers, values)
            except RecordInvalid as error:
                cast = self._spared(error, numbers, table.is_there, losses)
            elements.put(step.name, cast)
            if step.name in self.listed:
                lists[step.name] = first_of_each(cast, table.lengths, most=most)
        return lists

    def _values(
        self,
        step: FieldType[Any] | HiddenColumn,
        span: Span,
        columns: Columns,
        is_there: NDArray[np.bool_],
        losses: Losses | None,
    ) -> pl.Series:
        """The values of some elements; any value, or null, for one that cannot be made and is not there anyway."""
        try:
            return step.values(span, columns)
        except RecordInvalid as error:
            place = error.record_number - span.start
            if not 0 <= place < span.count:
                raise
            if error.partial is not None:
                return self._spared(error, span, is_there, losses)
            if is_there[place]:
                raise self._of_record(error, error.record_number, error.message) from error
        before = step.values(Span(span.start, place), SlicedColumns(columns, 0, place))
        rest = Span(span.start + place + 1, span.count - place - 1)
        behind = SlicedColumns(columns, place + 1, rest.count)
        after = self._values(step, rest, behind, is_there[place + 1 :], losses)
        return pl.concat([before.extend_constant(None, 1), after])

    def _spared(
        self, error: RecordInvalid, span: Span, is_there: NDArray[np.bool_], losses: Losses | None
    ) -> pl.Series:
        """What an error has left of some elements; the records of those that are there are given up, or told of."""
        left = error.partial
        if left is None:
            raise self._of_record(error, error.record_number, error.message) from error
        for place in np.flatnonzero(left.failed & is_there).tolist():
            lost = self._of_record(error, span.start + place, left.message(place))
            if losses is None:
                raise lost from error
            losses.lose(lost)
        return stood_in(left)

    def _of_record(self, error: RecordInvalid, element: int, message: str) -> RecordInvalid:
        """The error of an element as one of its record."""
        number, place = divmod(element, self.lengths.shape.max)
        told = f"element {place}: {message}"
        return RecordInvalid(error.code, told, field=error.field, record_number=number)


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

    def salvaged(self, span: Span) -> tuple[Batch, list[RecordInvalid]]:
        """The records of a span that can be made, and an error for each of the others, in their order.

        The error is that which `batch` raises for the record alone, whatever the span. Raises RecordInvalid when a
        field says of a record that it cannot be made, and does not give what it could make of the span.
        """
        columns: dict[str, pl.Series] = {}
        missing: dict[str, NDArray[np.bool_]] = {}
        losses = Losses(span)
        self._evaluate(self.steps, span, columns, missing, losses)
        if span.count and losses.are_all:
            nothing = self.batch(Span(0, 0))  # no records, but all columns
            numbers = tuple(error.record_number for error in losses.errors)
            return Batch(span, nothing.records, nothing.missing, numbers), losses.errors
        return losses.without(_batch(span, self.schema, columns, missing)), losses.errors

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
        fallbacks = list(self._fallbacks())
        tables = self._evaluate(self._leading_to({key for _, _, key, _ in fallbacks}), span, columns, {})
        counts: Counter[str] = Counter()
        for array, rows, key, pool in fallbacks:
            keys = columns[key] if array is None else array.table(tables, span, columns).there(key)
            counts[pool] += rows.passed_over(keys)
        return counts

    def _fallbacks(self) -> Iterator[tuple[PlannedArray | None, HiddenColumn, str, str]]:
        """The hidden columns that may pass over a key, each with its array, the key's field and the pool."""
        for step in self.steps:
            array = step if isinstance(step, PlannedArray) else None
            for part in array.steps if array is not None else [step]:
                if isinstance(part, HiddenColumn) and part.fallback is not None:
                    yield (array, part, *part.fallback)

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
        losses: Losses | None = None,
    ) -> dict[str, ElementTable]:
        """Put the values of every step where the following ones find them, until one raises RecordInvalid.

        The answer are the elements of the arrays, by their paths. With `losses` the records that cannot be made are
        given up instead, until none is left.
        """
        made = call if losses is None else losses.made
        tables: dict[str, ElementTable] = {}
        for step in steps:
            if losses is not None and losses.are_all:
                break
            if isinstance(step, PlannedArray):
                columns |= step.columns(span, step.table(tables, span, columns), losses)
                continue
            if isinstance(step, HiddenColumn):
                columns[step.name] = made(partial(step.values, span, columns))
                continue
            values, absent = _masked(step, span, made(partial(step.field.values, span, columns)))
            if absent is not None:
                missing[step.name] = absent
            columns[step.name] = made(partial(_cast, step, span, values))
        return tables

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


def _cast(step: PlannedField, span: Span, values: pl.Series) -> pl.Series:
    """The values of a field as the type of its column; raises RecordInvalid for the first that cannot be read so."""
    cast = cast_values(values, step.output, step.column)
    if cast is not values:
        refuse_unread(values, cast, span, step.column)
    return cast


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
