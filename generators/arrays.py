"""Arrays of a record: how many elements each has, and the fields of an element."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pydantic import Field

from engine.choice import Tables
from engine.distributions import Distribution, Uniform
from engine.issues import Issue, pointer
from engine.ranges import Lattice
from engine.samplers import build_tables, sampler
from engine.schema import array_of
from engine.span import Span
from engine.stream import Source
from generators.fields.base import Columns, HiddenColumn
from sdg_project.shapes import FieldName, Params

MOST_ELEMENTS = 100
"""Elements are drawn for as many as a record may have, so that memory has a bound."""


class ArrayShape(Params):
    """An array of a record; mappings named ``path[].member``, or ``path[]`` alone, make its elements."""

    path: FieldName = Field(description="Name of the array; dots lead into objects.", examples=["items"])
    min: int = Field(default=1, ge=0, le=MOST_ELEMENTS, description="Fewest elements.", examples=[1])
    max: int = Field(ge=1, le=MOST_ELEMENTS, description="Most elements.", examples=[5])
    distribution: Distribution = Field(
        default_factory=lambda: Uniform(type="UNIFORM"), description="How many elements between min and max."
    )

    @property
    def lattice(self) -> Lattice:
        """The possible lengths."""
        return Lattice(Decimal(self.min), Decimal(1), self.max - self.min + 1)


class ArrayLengths(HiddenColumn):
    """How many elements the array of each record has."""

    def __init__(self, shape: ArrayShape, source: Source) -> None:
        self.shape, self.name = shape, f"{shape.path}[]#length"
        self._source = source

    def tables(self) -> dict[str, NDArray[Any]]:
        return build_tables(self.shape.distribution, self.shape.lattice)

    def bind(self, tables: Tables) -> None:
        self._sampler = sampler(self.shape.distribution, self.shape.lattice, tables)
        self._streams = [self._source.stream("length", lane) for lane in range(self._sampler.lanes)]

    def values(self, span: Span, columns: Columns) -> pl.Series:
        offsets = self._sampler.draw([stream.words(span) for stream in self._streams])
        return pl.Series(self.name, offsets + np.int64(self.shape.min))


class ElementColumns(Mapping[str, pl.Series]):
    """What a field of an element may look at: fields of the same element, and those of the record for each of them."""

    def __init__(self, record: Columns, rows: NDArray[np.int64]) -> None:
        self._record, self._rows = record, rows
        self._own: dict[str, pl.Series] = {}

    def put(self, name: str, values: pl.Series) -> None:
        """Add the values of the elements."""
        self._own[name] = values

    def __getitem__(self, name: str) -> pl.Series:
        if name not in self._own:
            self._own[name] = self._record[name].gather(pl.Series(self._rows))
        return self._own[name]

    def __iter__(self) -> Iterator[str]:
        return iter({**self._record, **self._own})

    def __len__(self) -> int:
        return len(list(iter(self)))


@dataclass(frozen=True, slots=True)
class ElementTable:
    """The elements of the records of a span: as many for each record as it may have, and which of them are there.

    `lengths` has the shape of the span, `is_there` ``max`` times that.
    """

    lengths: NDArray[np.int64]
    is_there: NDArray[np.bool_]
    columns: ElementColumns

    @classmethod
    def of(cls, lengths: ArrayLengths, span: Span, record: Columns) -> ElementTable:
        """The elements of a span, without any values but those of the record."""
        most, counts = lengths.shape.max, lengths.values(span, record).to_numpy()
        rows = np.repeat(np.arange(span.count), most)
        return cls(counts, np.arange(len(rows)) % most < counts.take(rows), ElementColumns(record, rows))

    def there(self, name: str) -> pl.Series:
        """The values of a column for the elements that are there."""
        return self.columns[name].filter(pl.Series(self.is_there))


class SlicedColumns(Mapping[str, pl.Series]):
    """Some rows of other columns."""

    def __init__(self, columns: Columns, first: int, count: int) -> None:
        self._columns, self._first, self._count = columns, first, count

    def __getitem__(self, name: str) -> pl.Series:
        return self._columns[name].slice(self._first, self._count)

    def __iter__(self) -> Iterator[str]:
        return iter(self._columns)

    def __len__(self) -> int:
        return len(self._columns)


def array_issues(arrays: Sequence[ArrayShape], names: Sequence[tuple[int, str]], *, refused: bool) -> Iterator[Issue]:
    """What is wrong with declared arrays, and with the names of the fields of elements.

    With `refused` some arrays have mistakes in their shape and are not known.
    """
    declared: dict[str, ArrayShape] = {}
    used = {array_of(name) for _, name in names}
    for index, array in enumerate(arrays):
        at = pointer("arrays", index)
        if "[]" in array.path:
            message = f'"{array.path}" would be an array inside an array, or has brackets of its own'
            yield Issue("INVALID_VALUE", f"{at}/path", message, "an array lies in the record, or in an object of it")
        elif declared.setdefault(array.path.casefold(), array) is not array:
            yield Issue("DUPLICATE_FIELD", f"{at}/path", f'array "{array.path}" is declared twice')
        elif array.path not in used:
            message = f'no mapping makes the elements of "{array.path}"'
            hint = f'add a mapping with a fieldName such as "{array.path}[].id", or "{array.path}[]"'
            yield Issue("MISSING_PARAM", f"{at}/path", message, hint)
        if array.min > array.max:
            yield Issue("RANGE_INVERTED", f"{at}/min", f"min ({array.min}) must not be above max ({array.max})")
        else:
            for issue in array.distribution.issues(array.lattice):
                yield Issue(issue.code, f"{at}/distribution{issue.path}", issue.message, issue.hint)
    paths = {array.path for array in arrays}
    others = {name.casefold(): name for _, name in names}
    for index, name in names:
        at, path = pointer("fieldMappings", index, "fieldName"), array_of(name)
        if path is None:
            continue
        if "[]" in name[len(path) + 2 :]:
            yield Issue("INVALID_VALUE", at, f'"{name}" is an array inside an array', "records have arrays only", name)
        elif path not in paths and not refused:
            hint = f'declare it: "arrays": [{{"path": "{path}", "min": 1, "max": 5}}]'
            yield Issue("INVALID_VALUE", at, f'"{name}" speaks of elements, and there is no array "{path}"', hint, name)
        clash = next(
            (other for key, other in others.items() if key == path.casefold() or key.startswith(f"{path.casefold()}.")),
            None,
        )
        if clash is not None:
            yield Issue("PATH_CONFLICT", at, f'"{path}" is an array, so it cannot hold "{clash}"', field=name)
