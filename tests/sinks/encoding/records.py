"""Records of every output type for the encoders' tests, and the files that are made of them."""

from __future__ import annotations

import datetime as dt
import itertools
import json
from collections.abc import Sequence
from decimal import Decimal
from io import BytesIO
from typing import Any

import numpy as np
import polars as pl
from hypothesis import strategies as st

from engine.batch import Batch
from engine.schema import Column, OutputType, RecordSchema
from engine.span import Span
from sinks.encoding.base import Encoder, EncoderOptions, PlacedFrame, encoders
from sinks.encoding.compression import Compression

T = OutputType
UTC = dt.UTC
EPOCH = dt.datetime(1970, 1, 1, tzinfo=UTC)
SCALE = 4
WORDS = ("NEW", "", 'say "hi"', "a,b;c", "zwei\r\nZeilen", "😀")

EVERY_TYPE = RecordSchema(
    "every-type",
    (
        Column("text", T.STRING, nullable=True),
        Column("word", T.STRING, nullable=True),
        Column("inner.number", T.INTEGER, nullable=True),
        Column("long", T.LONG, nullable=True),
        Column("inner.amount", T.DECIMAL, SCALE, nullable=True),
        Column("double", T.DOUBLE, nullable=True),
        Column("flag", T.BOOLEAN, nullable=True),
        Column("inner.deep.at", T.TIMESTAMP, nullable=True),
        Column("day", T.DATE, nullable=True),
        Column("time", T.TIME, nullable=True),
        Column("id", T.UUID),
        Column("document", T.JSON, nullable=True),
    ),
)
TITLES = [column.name for column in EVERY_TYPE.columns]

_first, _last = dt.datetime(1, 1, 1, tzinfo=UTC), dt.datetime(9999, 12, 31, 23, 59, 59, 999000, tzinfo=UTC)
_milliseconds = dt.timedelta(milliseconds=1)
_texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12) | st.text(
    st.sampled_from("\"'\\,;|\t\r\n\0\x01\x1f\x7f\u0085\u2028\ufeff =+-@{}é中😀"), max_size=6
)
_documents = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | _texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_texts, inner, max_size=3),
    max_leaves=4,
)

VALUES: dict[str, st.SearchStrategy[Any]] = {
    "text": _texts,
    "word": st.sampled_from(WORDS),
    "inner.number": st.integers(-(2**31), 2**31 - 1) | st.sampled_from([-(2**31), 2**31 - 1]),
    "long": st.integers(-(2**63), 2**63 - 1) | st.sampled_from([-(2**63), 2**63 - 1, 0, -1]),
    "inner.amount": st.integers(-(10**18) + 1, 10**18 - 1).map(lambda n: Decimal(n).scaleb(-SCALE)),
    "double": st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from([5e-324, 2.2250738585072009e-308, 1.7976931348623157e308, -0.0, 1e16, 1e-5]),
    "flag": st.booleans(),
    "inner.deep.at": st.integers((_first - EPOCH) // _milliseconds, (_last - EPOCH) // _milliseconds).map(
        lambda n: EPOCH + n * _milliseconds
    ),
    "day": st.dates(dt.date(1, 1, 1), dt.date(9999, 12, 31)),
    "time": st.times(),
    "id": st.uuids().map(str),
    "document": _documents.flatmap(lambda d: st.sampled_from([json.dumps(d), json.dumps(d, indent=1)])),
}
"""Python values of each column."""

records = st.lists(
    st.tuples(
        *(VALUES[column.name] | st.none() if column.nullable else VALUES[column.name] for column in EVERY_TYPE.columns)
    ),
    min_size=1,
    max_size=12,
)
"""Lists of records as tuples in the order of EVERY_TYPE."""


def series(column: Column, values: Sequence[Any]) -> pl.Series:
    """A batch's column from Python values."""
    if column.name == "word":
        return pl.Series(column.name, values, dtype=pl.Enum(WORDS))
    return pl.Series(column.name, values, dtype=column.dtype)


def batch_of(rows: Sequence[tuple[Any, ...]], schema: RecordSchema = EVERY_TYPE) -> Batch:
    columns = [series(column, [row[place] for row in rows]) for place, column in enumerate(schema.columns)]
    return Batch(Span(0, len(rows)), pl.DataFrame(columns))


def one_column(column: Column, values: Sequence[Any]) -> tuple[RecordSchema, Batch]:
    """A schema of one column, and a batch of it."""
    schema = RecordSchema("one", (column,))
    return schema, batch_of([(value,) for value in values], schema)


def encoder(
    name: str, schema: RecordSchema = EVERY_TYPE, compression: Compression = Compression.NONE, **options: Any
) -> Encoder[Any]:
    kind = encoders[name]
    return kind(schema, kind.Options(**options), compression)


def file_of(encoder: Encoder[EncoderOptions], *batches: Batch) -> bytes:
    """The file whose frames are the batches."""
    file = BytesIO()
    file.write(encoder.header())
    placed: list[PlacedFrame] = []
    for batch in batches:
        frame = encoder.frame(batch)
        placed.append(PlacedFrame(file.tell(), len(frame.payload), batch.records.height, frame.index))
        file.write(frame.payload)
    file.write(encoder.footer(placed))
    return file.getvalue()


def cut(batch: Batch, *at: int) -> list[Batch]:
    """The batch in parts that begin at 0 and at the given records."""
    edges = [0, *(edge for edge in at if edge < batch.span.count), batch.span.count]
    return [batch.slice(Span(first, last - first)) for first, last in itertools.pairwise(edges)]


def missing(count: int, *absent: int) -> np.ndarray[Any, np.dtype[np.bool_]]:
    mask = np.zeros(count, dtype=np.bool_)
    mask[list(absent)] = True
    return mask


def nested(row: Sequence[Any]) -> dict[str, Any]:
    """A record of EVERY_TYPE as nested objects."""
    value = dict(zip(TITLES, row, strict=True))
    return {
        "text": value["text"],
        "word": value["word"],
        "inner": {
            "number": value["inner.number"],
            "amount": value["inner.amount"],
            "deep": {"at": value["inner.deep.at"]},
        },
        **{name: value[name] for name in ("long", "double", "flag", "day", "time", "id", "document")},
    }


def iso(value: dt.datetime | dt.date | dt.time) -> str:
    """The text that the encoders write of an instant, a date or a time."""
    if isinstance(value, dt.datetime):
        return f"{value:%Y-%m-%dT%H:%M:%S}".rjust(19, "0") + f".{value.microsecond // 1000:03}Z"
    if isinstance(value, dt.time):
        digits = f"{value.microsecond // 1000:03}" if value.microsecond % 1000 == 0 else f"{value.microsecond:06}000"
        return f"{value:%H:%M:%S}.{digits}"
    return value.isoformat()
