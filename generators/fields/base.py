"""What a field type is: one declaration of parameters, checks that name every problem, and values as a pure function.

A field's life: its parameters are validated by the pydantic model `Params`; it is made with them and a `Scope`; `check`
yields what is wrong with it among its neighbours; `tables` makes what needs floating-point functions, once per run;
`bind` takes those tables; from then on `values` answers for any span.
"""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Any, ClassVar, Generic, TypeVar

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pydantic import BaseModel

from engine.choice import Tables
from engine.expression.forms import Array
from engine.issues import Issue, Severity
from engine.schema import OutputType
from engine.span import Span
from engine.stream import Source, Stream
from generators.facts import RunFacts
from generators.times.clocks import Clock
from generators.times.envelope import Envelope
from pools.snapshot import Snapshot
from sdg_project.partial_shapes import sound
from sdg_project.registry import Kind, Registry
from sdg_project.shapes import Params

P = TypeVar("P", bound=Params)
FACTS = frozenset({"clock", "startedAt", "runId", "entropy", "earlierRecords", "generatorName"})
Columns = Mapping[str, pl.Series]
"""The columns that a field may look at: fields it depends on (null applied) and hidden columns, by name."""


@dataclass(frozen=True, slots=True)
class Output:
    """What is known about all values of a field before any is made; None means not known or without bound.

    Bounds are those of numbers, or of instants in milliseconds since 1970 (UTC).
    """

    type: OutputType
    scale: int = 0
    max_length: int | None = None
    minimum: Decimal | int | None = None
    maximum: Decimal | int | None = None
    values: tuple[Any, ...] | None = None
    nullable: bool = False


@dataclass(frozen=True, slots=True)
class Scope:
    """The surroundings in which one field is compiled."""

    field: str
    pointer: str
    unique: bool
    source: Source
    facts: RunFacts
    clock: Clock
    generator_name: str
    pools: Mapping[str, Snapshot]
    fields: Mapping[str, FieldType[Any]]
    """All fields of the definition that could be made, also later ones."""
    output_type: OutputType | None = None
    """What the values are cast to, when the mapping or the schema says so."""
    output_scale: int | None = None
    """The scale of the decimals that the values are cast to, when the schema says so."""
    nullable: bool = False
    """Whether the mapping makes some values null or leaves them out."""
    arrays: Mapping[str, Array] = dataclasses.field(default_factory=dict)
    """The arrays of the record, by their paths."""


class HiddenColumn(ABC):
    """A column that fields share and that is not written, such as the row of a pool that several fields copy from."""

    name: str

    @abstractmethod
    def tables(self) -> dict[str, NDArray[Any]]:
        """As `FieldType.tables`."""

    @abstractmethod
    def bind(self, tables: Tables) -> None:
        """As `FieldType.bind`."""

    @abstractmethod
    def values(self, span: Span, columns: Columns) -> pl.Series:
        """As `FieldType.values`."""

    @property
    def fallback(self) -> tuple[str, str] | None:
        """The field whose value may have no row, and the pool of which any row is taken then; None when none is."""
        return None

    def passed_over(self, keys: pl.Series) -> int:
        """How many of some values of that field have no row."""
        return 0


class FieldType(Kind, ABC, Generic[P]):
    """A kind of field, compiled for one field of one definition."""

    Params: ClassVar[type[BaseModel]]
    rank: ClassVar[int] = 1
    """Where the kind stands in the order of evaluation when dependencies leave a choice (1 = first)."""

    def __init__(self, params: P, scope: Scope) -> None:
        self.params = params
        self.scope = scope

    @classmethod
    def pool_names(cls, params: BaseModel) -> tuple[str, ...]:
        """The pools that a field with these parameters looks at."""
        return ()

    # What the plan asks while it compiles. None of these may raise for parameters that `Params` has accepted.

    @abstractmethod
    def output(self) -> Output:
        """The type of the values and what is known about them; only asked when `check` found no error."""

    def held(self) -> pl.Series | None:
        """The values that can come, some perhaps several times, where they lie in a column anyway; else None."""
        return None

    def check(self) -> Iterator[Issue]:
        """Every problem of this field that its parameters alone do not show."""
        yield from ()

    @cached_property
    def known_output(self) -> Output | None:
        """`output` for those that refer to this field; None when `check` finds an error or a field is missing.

        Kept, so that long chains of references are not followed again from each of their members.
        """
        if any(name not in self.scope.fields for name in self.depends_on().values()):
            return None
        return None if any(issue.severity is Severity.ERROR for issue in self.check()) else self.output()

    def depends_on(self) -> Mapping[str, str]:
        """The fields that `values` looks at: where below ``params`` each is named (a JSON Pointer) → its name.

        What follows a ``#`` is no part of the place: it keeps apart those that are named at one place.
        """
        return {}

    def gathers(self, at: str) -> bool:
        """Whether the field named at one of the places of `depends_on` may be one of the elements of an array.

        Then it is looked at as lists, one for each record.
        """
        return False

    def mention(self, at: str) -> str:
        """What a sentence about one of `depends_on` says of its place, where that has parts of its own."""
        return ""

    def offset(self, at: str) -> int | None:
        """At which character of a text, counted from 0, one of `depends_on` is named; None where it is not in one."""
        return None

    def hidden(self) -> tuple[HiddenColumn, ...]:
        """The hidden columns that `values` looks at; equal names mean the same column."""
        return ()

    def envelope(self) -> Envelope | None:
        """Between which instants the values lie; None when they are no instants, or that is not known."""
        return None

    def capacity(self) -> int | None:
        """How many distinct values there are for ``unique``; None when that is not known, so that it is refused."""
        return None

    def record_limit(self) -> tuple[int, str] | None:
        """After how many records the field ends the run, and the reason to give for it; None when it never does."""
        return None

    def uses(self) -> frozenset[str]:
        """Which facts of the run the values depend on: a subset of `FACTS`."""
        return frozenset()

    def reasons(self) -> Iterator[str]:
        """Why two runs with one seed may differ in this field, in words."""
        yield from ()

    def asks_to_differ(self) -> bool:
        """Whether the parameters say in so many words that runs are to differ, so that nobody has to be warned."""
        return False

    @classmethod
    def follows_pools(cls, params: BaseModel) -> bool:
        """Whether it wants the newest versions of its pools, instead of those that the run was started with."""
        return False

    @classmethod
    def is_remade_alike(cls, params: Mapping[str, Any]) -> bool:
        """Whether a value that is made twice in one run is the same both times; `params` are those of a document."""
        return True

    def tables(self) -> dict[str, NDArray[Any]]:
        """Arrays that need floating-point functions: made once per run, then the same on every machine."""
        return {}

    def bind(self, tables: Tables) -> None:
        """Get ready for `values`, with the arrays that `tables` made (now or in another process)."""

    @abstractmethod
    def values(self, span: Span, columns: Columns) -> pl.Series:
        """The values of a span's records, one each; pure. Raises RecordInvalid where there is none."""

    # Helpers for the kinds.

    def stream(self, purpose: str = "value", lane: int = 0) -> Stream:
        """This field's stream for a purpose."""
        return self.scope.source.stream(purpose, lane)

    def issue(
        self,
        code: str,
        message: str,
        *,
        at: str = "",
        hint: str | None = None,
        severity: Severity = Severity.ERROR,
        offset: int | None = None,
    ) -> Issue:
        """An issue at a place below ``params``, for example ``at="/min"``."""
        where = f"{self.scope.pointer}/params{at}"
        return Issue(code, where, message, hint, self.scope.field, severity, offset=offset)

    def not_applicable(self, *names: str, when: str) -> Iterator[Issue]:
        """An error for each of these parameters (Python names) that was given although it means nothing here."""
        for name in names:
            if name in self.params.model_fields_set:
                alias = self.Params.model_fields[name].alias or name
                yield self.issue(
                    "PROPERTY_NOT_ALLOWED", f'"{alias}" does not apply {when}', at=f"/{alias}", hint=f'remove "{alias}"'
                )

    def required(self, *names: str, when: str) -> Iterator[Issue]:
        """An error for each of these parameters that was not given although it is needed here."""
        for name in names:
            if sound(self.params, name, ...) is None:  # one that was refused was given
                alias = self.Params.model_fields[name].alias or name
                yield self.issue("MISSING_PARAM", f'"{alias}" is required {when}', at=f"/{alias}")


field_types: Registry[FieldType[Any]] = Registry("field type", "generators.fields")


def record_numbers(span: Span) -> NDArray[np.int64]:
    """The record numbers of a span as signed integers: shape ``(span.count,)``."""
    return np.arange(span.start, span.end, dtype=np.int64)
