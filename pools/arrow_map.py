"""Arrow files as tables whose columns lie in the mapped file, so that all processes share one copy of the pages.

polars 2 reads Arrow files into memory of its own and no longer maps them. But it takes columns from others without
copying, by the Arrow PyCapsule interface: this module finds the buffers in the file and hands polars their addresses.
Formats: https://arrow.apache.org/docs/format/Columnar.html (IPC file) and CDataInterface.html.
"""

from __future__ import annotations

import ctypes
import itertools
import mmap
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from struct import calcsize, unpack_from
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

_MAGIC = b"ARROW1"
_SHORTEST = 20
_RECORD_BATCH = 3
_NULLABLE = 2


def map_table(path: Path) -> pl.DataFrame:
    """The table of an uncompressed Arrow file that polars wrote, mapped into memory and read-only.

    The file must not be changed while the table lives; it may be removed. Raises ValueError when the file is not of
    this form, OSError when it cannot be read.
    """
    with path.open("rb") as file:
        content = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    if len(content) < _SHORTEST or content[:6] != _MAGIC or content[-6:] != _MAGIC:
        raise ValueError(f"{path} is no Arrow file, or only a part of one")
    try:
        schema = pl.read_ipc_schema(path)
        parts = [_frame(batch, schema, content) for batch in _record_batches(content)]
    except (struct.error, pl.exceptions.PolarsError) as error:
        raise ValueError(f"{path} is damaged: {error}") from error
    return pl.concat(parts, rechunk=False) if parts else pl.DataFrame(schema=schema)


# The metadata: flatbuffers.


@dataclass(frozen=True, slots=True)
class _Batch:
    """Where a record batch lies: the absolute place and length of its buffers, column by column."""

    rows: int
    null_counts: list[int]
    buffers: list[tuple[int, int]]
    data_buffer_counts: list[int]


class _Table:
    """A table of a flatbuffer: its fields by their numbers."""

    def __init__(self, content: mmap.mmap, place: int) -> None:
        self._content, self._place = content, place
        self._fields = place - unpack_from("<i", content, place)[0]

    @classmethod
    def root(cls, content: mmap.mmap, place: int) -> _Table:
        return cls(content, place + unpack_from("<I", content, place)[0])

    def _field(self, number: int) -> int | None:
        entry = 4 + 2 * number
        if entry >= unpack_from("<H", self._content, self._fields)[0]:
            return None
        offset = unpack_from("<H", self._content, self._fields + entry)[0]
        return self._place + offset if offset else None

    def scalar(self, number: int, form: str) -> int:
        place = self._field(number)
        return 0 if place is None else int(unpack_from(form, self._content, place)[0])

    def table(self, number: int) -> _Table:
        place = self._field(number)
        if place is None:
            raise ValueError("the Arrow file lacks a part of its metadata")
        return _Table.root(self._content, place)

    def structs(self, number: int, form: str) -> list[tuple[int, ...]]:
        """A vector of structs, or of scalars."""
        place = self._field(number)
        if place is None:
            return []
        place += unpack_from("<I", self._content, place)[0]
        count = unpack_from("<I", self._content, place)[0]
        return [unpack_from(form, self._content, place + 4 + index * calcsize(form)) for index in range(count)]


def _record_batches(content: mmap.mmap) -> Iterator[_Batch]:
    footer_length = unpack_from("<i", content, len(content) - 10)[0]
    footer = _Table.root(content, len(content) - 10 - footer_length)
    # struct Block: the place of the message, the length of its metadata and padding, and of its body
    for place, metadata_length, body_length in footer.structs(3, "<qixxxxq"):
        # Metadata is preceded by a marker of four bytes 0xFF and its length.
        message = _Table.root(content, place + 8)
        if message.scalar(1, "<B") != _RECORD_BATCH:
            raise ValueError("the Arrow file holds something else than record batches")
        batch = message.table(2)
        body = place + metadata_length
        buffers = [(body + start, length) for start, length in batch.structs(2, "<qq")]
        if body + body_length > len(content) or any(start + length > len(content) for start, length in buffers):
            raise ValueError("the Arrow file ends before its columns do")
        yield _Batch(
            rows=batch.scalar(0, "<q"),
            null_counts=[nulls for _, nulls in batch.structs(1, "<qq")],
            buffers=buffers,
            data_buffer_counts=[count for (count,) in batch.structs(4, "<q")],
        )


# The columns: handed to polars by the C data interface.


class _ArrowSchema(ctypes.Structure):
    pass


class _ArrowArray(ctypes.Structure):
    pass


class _ArrowStream(ctypes.Structure):
    pass


_RELEASE_SCHEMA = ctypes.CFUNCTYPE(None, ctypes.POINTER(_ArrowSchema))
_NEXT_ARRAY = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(_ArrowStream), ctypes.POINTER(_ArrowArray))

_ArrowSchema._fields_ = [
    ("format", ctypes.c_char_p),
    ("name", ctypes.c_char_p),
    ("metadata", ctypes.c_char_p),
    ("flags", ctypes.c_int64),
    ("n_children", ctypes.c_int64),
    ("children", ctypes.c_void_p),
    ("dictionary", ctypes.c_void_p),
    ("release", _RELEASE_SCHEMA),
    ("private_data", ctypes.c_void_p),
]
_ArrowArray._fields_ = [
    ("length", ctypes.c_int64),
    ("null_count", ctypes.c_int64),
    ("offset", ctypes.c_int64),
    ("n_buffers", ctypes.c_int64),
    ("n_children", ctypes.c_int64),
    ("buffers", ctypes.POINTER(ctypes.c_void_p)),
    ("children", ctypes.c_void_p),
    ("dictionary", ctypes.c_void_p),
    ("release", ctypes.c_void_p),
    ("private_data", ctypes.c_void_p),
]
_ArrowStream._fields_ = [
    ("get_schema", ctypes.c_void_p),
    ("get_next", _NEXT_ARRAY),
    ("get_last_error", ctypes.c_void_p),
    ("release", ctypes.c_void_p),
    ("private_data", ctypes.c_void_p),
]

_new_capsule = ctypes.pythonapi.PyCapsule_New
_new_capsule.restype = ctypes.py_object
_new_capsule.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p]

_capsule_pointer = ctypes.pythonapi.PyCapsule_GetPointer
_capsule_pointer.restype = ctypes.c_void_p
_capsule_pointer.argtypes = [ctypes.py_object, ctypes.c_char_p]


def _release_schema(schema: Any) -> None:
    schema.contents.release = _RELEASE_SCHEMA()  # the mark of what is released


_schema_release = _RELEASE_SCHEMA(_release_schema)


class _Anchor(np.ndarray[Any, np.dtype[np.uint8]]):
    """The octets of a file, and what else an array that polars looks at needs."""

    needed: object


def _array_that_holds(octets: NDArray[np.uint8], needed: object) -> _ArrowArray:
    """An array of the file's octets in the form of the C data interface; what is needed lives as long as it.

    polars lets go of an array by calling a function, and it may do so while an exception is on its way through a frame
    that holds the table: a function of ours in Python would lose the exception. So the array is one that polars itself
    has made around an array of numpy, and that it lets go of without calling us.
    """
    anchor = octets.view(_Anchor)
    anchor.needed = needed
    stream = pl.Series(anchor).__arrow_c_stream__()
    source = ctypes.cast(_capsule_pointer(stream, b"arrow_array_stream"), ctypes.POINTER(_ArrowStream))
    array = _ArrowArray()
    if source.contents.get_next(source, ctypes.byref(array)) or not array.release:
        raise SystemError("polars does not hand on an array of numpy")
    return array


@dataclass(slots=True)
class _Column:
    """A column of a batch in the form in which libraries hand Arrow arrays to each other.

    `addresses` are those of its buffers in the file's `octets`, but for the lengths of its texts.
    """

    dtype: pl.DataType
    rows: int
    nulls: int
    addresses: list[int | None]
    octets: NDArray[np.uint8]
    lengths: NDArray[np.int64]
    _structures: tuple[_ArrowSchema, _ArrowArray] | None = None
    """What the capsules point to, for the time of the call that takes them."""

    def __arrow_c_array__(self, requested_schema: object = None) -> tuple[object, object]:
        schema = _ArrowSchema(format=_format(self.dtype), name=b"", flags=_NULLABLE, release=_schema_release)
        buffers = (ctypes.c_void_p * len(self.addresses))(*self.addresses)
        array = _array_that_holds(self.octets, (buffers, self.lengths))
        array.length, array.null_count, array.offset = self.rows, self.nulls, 0
        array.n_buffers, array.buffers = len(buffers), ctypes.cast(buffers, ctypes.POINTER(ctypes.c_void_p))
        self._structures = schema, array
        return (
            _new_capsule(ctypes.addressof(schema), b"arrow_schema", None),
            _new_capsule(ctypes.addressof(array), b"arrow_array", None),
        )


def _frame(batch: _Batch, schema: Mapping[str, pl.DataType], content: mmap.mmap) -> pl.DataFrame:
    octets = np.frombuffer(content, np.uint8)
    base = octets.ctypes.data
    buffers, counts = iter(batch.buffers), iter(batch.data_buffer_counts)
    columns = []
    for (name, dtype), nulls in zip(schema.items(), batch.null_counts, strict=True):
        validity, values = next(buffers), next(buffers)
        texts = list(itertools.islice(buffers, next(counts))) if dtype == pl.String else []
        addresses: list[int | None] = [base + validity[0] if nulls else None, base + values[0]]
        addresses += [base + start for start, _ in texts]
        lengths = np.array([length for _, length in texts], np.int64)
        if dtype == pl.String:  # the interface wants the lengths of the buffers of text behind them
            addresses.append(lengths.ctypes.data)
        column = _Column(dtype, batch.rows, nulls, addresses, octets, lengths)
        columns.append(pl.Series(column).alias(name))
    return pl.DataFrame(columns)


def _format(dtype: pl.DataType) -> bytes:
    """The type in the words of the C data interface."""
    if isinstance(dtype, pl.Decimal):
        return f"d:{dtype.precision},{dtype.scale}".encode()
    if isinstance(dtype, pl.Datetime):
        return f"ts{dtype.time_unit[0]}:{dtype.time_zone or ''}".encode()
    words = {pl.String: b"vu", pl.Int64: b"l", pl.Float64: b"g", pl.Boolean: b"b", pl.Date: b"tdD"}
    return words[dtype.base_type()]
