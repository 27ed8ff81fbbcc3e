"""Thrift's compact protocol: trees are read back as they were written, unknown fields included."""

from __future__ import annotations

from io import BytesIO

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sinks.encoding.thrift import Field, Items, Struct, Wire, Written, read_struct, write_struct

_scalars = {
    Wire.BYTE: st.integers(-128, 127),
    Wire.I16: st.integers(-(2**15), 2**15 - 1),
    Wire.I32: st.integers(-(2**31), 2**31 - 1),
    Wire.I64: st.integers(-(2**63), 2**63 - 1),
    Wire.DOUBLE: st.floats(allow_nan=False),
    Wire.BINARY: st.binary(max_size=200),
}
_items = st.sampled_from(list(_scalars)).flatmap(
    lambda wire: st.lists(_scalars[wire], max_size=20).map(lambda values: Items(wire, values))
) | st.lists(st.booleans()).map(lambda values: Items(Wire.TRUE, values))
_leaves = st.one_of(
    st.sampled_from(list(_scalars)).flatmap(lambda wire: st.builds(Field, st.just(wire), _scalars[wire])),
    st.booleans().map(lambda value: Field(Wire.TRUE if value else Wire.FALSE, value)),
    st.builds(Field, st.sampled_from([Wire.LIST, Wire.SET]), _items),
)
_ids = st.integers(1, 20) | st.integers(1, 2**15 - 1)


def _by_id(fields: dict[int, Field]) -> Struct:
    return dict(sorted(fields.items()))


_structs = st.recursive(
    st.dictionaries(_ids, _leaves, max_size=4).map(_by_id),
    lambda inner: st.dictionaries(
        _ids,
        _leaves
        | inner.map(lambda struct: Field(Wire.STRUCT, struct))
        | st.lists(inner, max_size=17).map(lambda structs: Field(Wire.LIST, Items(Wire.STRUCT, list(structs)))),
        max_size=4,
    ).map(_by_id),
    max_leaves=6,
)


@given(_structs)
def test_what_is_written_is_read(struct: Struct) -> None:
    encoded = b"\xff\xff" + write_struct(struct) + b"\xff"

    assert read_struct(encoded, 2) == (struct, len(encoded) - 1)


def test_the_metadata_of_a_parquet_file_is_written_as_it_was_read() -> None:
    buffer = BytesIO()
    frame = pl.DataFrame({"a": [1, None], "b": ["x", "y"], "c": [True, False], "d": [{"e": 1.5}, {"e": None}]})
    frame.write_parquet(buffer)
    file = buffer.getvalue()
    encoded = file[-8 - int.from_bytes(file[-8:-4], "little") : -8]

    struct, end = read_struct(encoded)

    assert end == len(encoded)
    assert write_struct(struct) == encoded


def test_a_struct_that_is_written_already_is_taken_as_it_is() -> None:
    inner: Struct = {1: Field(Wire.I64, 5)}
    values = Field(Wire.LIST, Items(Wire.STRUCT, [Written(write_struct(inner)), inner]))

    assert read_struct(write_struct({4: values}))[0][4].structs == [inner, inner]


def test_a_value_of_another_type_is_refused() -> None:
    field = Field(Wire.BINARY, b"x")

    for take in (lambda: field.number, lambda: field.struct, lambda: field.structs):
        with pytest.raises(TypeError, match="BINARY where"):
            take()
