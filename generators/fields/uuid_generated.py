"""UUID_GENERATED: random, time-ordered or named UUIDs, whole or the first digits."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from enum import StrEnum
from functools import cached_property
from typing import Annotated, Literal
from uuid import NAMESPACE_DNS, NAMESPACE_OID, NAMESPACE_URL, NAMESPACE_X500, UUID

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pydantic import AfterValidator, Field

from engine.choice import Tables
from engine.errors import RecordInvalid
from engine.issues import Issue, Severity
from engine.permutation import Permutation
from engine.schema import OutputType
from engine.span import MAX_RECORDS, Span
from engine.template import Template
from engine.text import hex_texts, uuid_texts
from engine.uuids import named_uuids, ordered_uuids, random_uuids, stamped_uuids
from engine.zones import MAX_MS
from generators.fields.base import Columns, FieldType, Output, field_types
from generators.references import envelope_of, may_be_null, type_of
from generators.times.envelope import Envelope
from generators.times.instants import instant_text, instants_of_column, with_nulls_of
from sdg_project.partial_shapes import as_far_as_sound
from sdg_project.shapes import FieldName, Params
from sdg_project.text import UNSTORABLE, quoted
from sinks.encoding.instants import instant_texts

Words = NDArray[np.uint64]
_NAMESPACES = {"DNS": NAMESPACE_DNS, "URL": NAMESPACE_URL, "OID": NAMESPACE_OID, "X500": NAMESPACE_X500}
_LIKELY = 1e-3
"""A collision that is likelier than this is worth a warning."""


class UuidFormat(StrEnum):
    """How the 32 digits of a UUID are written."""

    CANONICAL = "CANONICAL"
    COMPACT = "COMPACT"
    URN = "URN"
    BRACED = "BRACED"


_AROUND = {UuidFormat.URN: ("urn:uuid:", ""), UuidFormat.BRACED: ("{", "}")}


def _storable(text: str) -> str:
    if UNSTORABLE.search(text):
        raise ValueError("must not hold NUL or half a surrogate pair")
    return text


def _namespace(text: str) -> str:
    if text not in _NAMESPACES:
        try:
            UUID(text)
        except ValueError as error:
            raise ValueError(f"must be a UUID, or one of {', '.join(_NAMESPACES)}, not {quoted(text)}") from error
    return text


def _readable(text: str) -> str:
    Template.parse(text)
    return text


class UuidGeneratedParams(Params):
    version: Literal[4, 7, 5] = Field(default=4, description="4 is random, 7 sorted by time, 5 made from a name.")
    format: UuidFormat = Field(default=UuidFormat.CANONICAL, description="How the 32 digits are written.")
    uppercase: bool = Field(default=False, description="Digits A to F instead of a to f.")
    prefix: Annotated[str, AfterValidator(_storable)] = Field(
        default="", max_length=64, description="Text before each UUID.", examples=["cust_"]
    )
    short_form: int | None = Field(default=None, ge=4, le=12, description="Only so many of the first digits.")
    deterministic: bool = Field(default=True, description="false: every run has other UUIDs, whatever its seed.")
    timestamp_field: FieldName | None = Field(
        default=None, description="7: whose instant it holds; by default the record's own.", examples=["createdAt"]
    )
    monotonic: bool = Field(default=True, description="7: sorted by record number within a millisecond.")
    namespace: Annotated[str, AfterValidator(_namespace)] | None = Field(
        default=None, description="5: a UUID, or DNS, URL, OID, X500.", examples=["URL"]
    )
    name_template: Annotated[str, AfterValidator(_readable)] | None = Field(
        default=None, max_length=2_000, description="5: the name, from other fields.", examples=["customer/${email}"]
    )


_OF_VERSION_7, _OF_VERSION_5 = ("timestamp_field", "monotonic"), ("namespace", "name_template")


@field_types.register("UUID_GENERATED")
class UuidGenerated(FieldType[UuidGeneratedParams]):
    """Makes two words of 64 bits per record and writes their digits.

    - Versions 4 and 7 never repeat themselves: they hold the record number, or the word of a stream in which no word
      comes twice. `engine.uuids` says where, and leads back.
    - The first digits may repeat themselves; with unique, they are drawn by a permutation and do not.
    - Version 5 of a null in the name, and version 7 of a null instant, is null.
    """

    Params = UuidGeneratedParams

    # What is wrong.

    def check(self) -> Iterator[Issue]:
        version = self.params.version
        if version != 7:
            yield from self.not_applicable(*_OF_VERSION_7, when=f"to version {version}")
        if version == 5:
            yield from self.required(*_OF_VERSION_5, when="for version 5")
            yield from self.not_applicable("deterministic", when="to version 5, which is made from its name alone")
        else:
            yield from self.not_applicable(*_OF_VERSION_5, when=f"to version {version}")
        yield from as_far_as_sound(self._short_form_issues(), self._type_issues())
        if version == 7:
            yield from self._instant_issues()

    def _short_form_issues(self) -> Iterator[Issue]:
        digits, count = self.params.short_form, self.scope.facts.record_count
        if digits is None:
            return
        yield from self.not_applicable("format", when="to a short form")
        if self.params.version == 7:
            message = '"shortForm" does not apply to version 7, whose first digits are only its time'
            yield self.issue("PROPERTY_NOT_ALLOWED", message, at="/shortForm", hint="use version 4")
        elif self.params.version == 4 and not self.scope.unique and count is not None and count > 1:
            probability = -math.expm1(-count * (count - 1) / 2 / 16**digits)
            yield self.issue(
                "UNIQUE_TIGHT",
                f"among {count} values of {digits} digits, two are equal with a probability of {probability:.2g}",
                at="/shortForm",
                hint="set unique if they must differ",
                severity=Severity.WARNING if probability > _LIKELY else Severity.INFO,
            )

    def _type_issues(self) -> Iterator[Issue]:
        if self.scope.output_type is not OutputType.UUID:
            return
        reasons = {
            "prefix": self.params.prefix != "",
            "shortForm": self.params.short_form is not None,
            "format": self.params.format is not UuidFormat.CANONICAL,
        }
        for name, applies in reasons.items():
            if applies:
                message = f'with "{name}" the text is no UUID, so its type can only be STRING'
                hint = f'remove "{name}", or make the type STRING'
                yield self.issue("TYPE_MISMATCH", message, at=f"/{name}", hint=hint)

    def _instant_issues(self) -> Iterator[Issue]:
        field = self.params.timestamp_field
        at = "/version" if field is None else "/timestampField"
        if field is not None and (type_ := type_of(field, self.scope)) not in {None, OutputType.TIMESTAMP}:
            yield self.issue("TYPE_MISMATCH", f'"{field}" is {type_}; version 7 needs a TIMESTAMP', at=at)
        envelope, count = self._envelope, self.scope.facts.record_count
        if envelope is None or (first := envelope.first_outside(0, MAX_MS)) is None or first >= (count or 1):
            return
        early = envelope.start - envelope.below < 0
        message = f"version 7 needs instants from 1970-01-01 on, and record {first} may lie before"
        if not early:
            message = f"record {first} may lie after {instant_text(MAX_MS)}"
        yield self.issue("INVALID_VALUE" if early else "SEQUENCE_OVERFLOW", message, at=at)

    # What is known.

    def output(self) -> Output:
        params = self.params
        before, after = self._around
        digits = params.short_form or (32 if params.format is UuidFormat.COMPACT else 36)
        length = len(before) + digits + len(after)
        plain = length == 36 and digits == 36 and not params.uppercase
        nullable = any(may_be_null(name, self.scope) for name in self.depends_on().values())
        return Output(OutputType.UUID if plain else OutputType.STRING, max_length=length, nullable=nullable)

    def depends_on(self) -> Mapping[str, str]:
        if self.params.version == 7 and self.params.timestamp_field is not None:
            return {"/timestampField": self.params.timestamp_field}
        names = dict.fromkeys(self._template.names) if self.params.version == 5 else {}
        return {f"/nameTemplate#{name}": name for name in names}

    def capacity(self) -> int | None:
        if self.params.version == 5:
            return None
        return MAX_RECORDS if self.params.short_form is None else 16**self.params.short_form

    def uses(self) -> frozenset[str]:
        used = set() if self.params.deterministic else {"entropy"}
        if self.params.version == 7 and self.params.timestamp_field is None:
            used.add("clock")
        return frozenset(used)

    def reasons(self) -> Iterator[str]:
        if not self.params.deterministic:
            yield "deterministic is false, so every run draws other UUIDs"
        if self.params.version == 7 and self.params.timestamp_field is None and not self.scope.clock.fixed:
            yield "the clock counts from the start of the run; clock.start or --started-at fixes it"

    def asks_to_differ(self) -> bool:
        return not self.params.deterministic

    # What is made.

    def bind(self, tables: Tables) -> None:
        source = self.scope.source
        if not self.params.deterministic:
            source = replace(source, seed=self.scope.facts.entropy)
        self._first, self._second = source.stream("value", 0), source.stream("value", 1)
        if self.params.short_form is not None and self.scope.unique:
            self._order = Permutation(self._first, 16**self.params.short_form)

    def values(self, span: Span, columns: Columns) -> pl.Series:
        if self.params.version == 7:
            return self._stamped(span, columns)
        if self.params.version == 5:
            return self._named(span, columns)
        if self.params.short_form is not None and self.scope.unique:
            return self._texts(self._distinct_digits(span, self.params.short_form), np.empty(0, np.uint64))
        return self._texts(*random_uuids(self._first.words(span), self._second.words(span)))

    def _distinct_digits(self, span: Span, digits: int) -> Words:
        if span.end > 16**digits:
            message = f"all {16**digits} distinct values have been used"
            first = max(span.start, 16**digits)
            raise RecordInvalid("UNIQUE_EXHAUSTED", message, field=self.scope.field, record_number=first)
        return self._order(span.numbers()) << np.uint64(64 - 4 * digits)

    def _stamped(self, span: Span, columns: Columns) -> pl.Series:
        field = self.params.timestamp_field
        if field is None:
            end = self._envelope.first_outside(0, MAX_MS) if self._envelope else None
            if end is not None and span.end > end:
                self._refuse(max(span.start, end))
            return self._texts(*self._stamp(self.scope.clock.instants(span), span))
        column = columns[field]
        instants = instants_of_column(column)
        for at in np.flatnonzero((instants < 0) | (instants > MAX_MS))[:1].tolist():
            self._refuse(span.start + at)
        return with_nulls_of(column, self._texts(*self._stamp(instants, span)))

    def _stamp(self, instants: NDArray[np.int64], span: Span) -> tuple[Words, Words]:
        more = self._second.words(span)
        if self.params.monotonic:
            return ordered_uuids(instants, span.numbers(), more)
        return stamped_uuids(instants, self._first.words(span), more)

    def _named(self, span: Span, columns: Columns) -> pl.Series:
        names = self._template.fill_columns(
            {name: _as_text(columns[name]) for name in self._template.names}, span.count
        )
        return with_nulls_of(names, self._texts(*named_uuids(self._namespace, names.fill_null(""))))

    def _texts(self, high: Words, low: Words) -> pl.Series:
        params, (before, after) = self.params, self._around
        if params.short_form is not None:
            return hex_texts(high, params.short_form, before=before, uppercase=params.uppercase)
        dashes = params.format is not UuidFormat.COMPACT
        return uuid_texts(high, low, before=before, after=after, dashes=dashes, uppercase=params.uppercase)

    def _refuse(self, number: int) -> None:
        message = f"version 7 needs instants from 1970-01-01 to {instant_text(MAX_MS)}"
        raise RecordInvalid("RECORD_INVALID", message, field=self.scope.field, record_number=number)

    # What the parameters mean.

    @property
    def _around(self) -> tuple[str, str]:
        """The texts before and behind the digits."""
        if self.params.short_form is not None:
            return self.params.prefix, ""
        before, after = _AROUND.get(self.params.format, ("", ""))
        return self.params.prefix + before, after

    @property
    def _namespace(self) -> UUID:
        name = self.params.namespace or "URL"
        return _NAMESPACES[name] if name in _NAMESPACES else UUID(name)

    @cached_property
    def _template(self) -> Template:
        return Template.parse(self.params.name_template or "")

    @property
    def _envelope(self) -> Envelope | None:
        """Between which instants those of version 7 lie, if that is known."""
        field = self.params.timestamp_field
        if field is None:
            return self.scope.clock.envelope
        return envelope_of(field, self.scope)


def _as_text(column: pl.Series) -> pl.Series:
    """The column as a template takes it: instants as they are written elsewhere, too."""
    return instant_texts(column) if isinstance(column.dtype, pl.Datetime) else column
