"""The form of a record."""

from __future__ import annotations

import polars as pl
import pytest

from engine.schema import Column, ObjectNode, OutputType, RecordSchema, split_path


def column(name: str) -> Column:
    return Column(name, OutputType.STRING)


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("city", ("city",)),
        ("address.city", ("address", "city")),
        ("a.b.c", ("a", "b", "c")),
        (r"version\.no", ("version.no",)),
        (r"a\.b.c\.d", ("a.b", "c.d")),
    ],
)
def test_a_dot_parts_names_unless_escaped(name: str, parts: tuple[str, ...]) -> None:
    assert split_path(name) == parts
    assert column(name).path == parts


def test_an_object_stands_where_its_first_member_stands() -> None:
    schema = RecordSchema("r", tuple(column(name) for name in ("id", "a.x", "note", "a.b.y", "a.z")))

    tree = schema.tree()

    inner = tree.members["a"]
    assert list(tree.members) == ["id", "a", "note"]
    assert isinstance(inner, ObjectNode)
    assert list(inner.members) == ["x", "b", "z"]
    assert [one.name for one in tree.columns()] == ["id", "a.x", "a.b.y", "a.z", "note"]


@pytest.mark.parametrize("names", [("a", "a.b"), ("a.b", "a.b.c")])
def test_a_name_cannot_be_a_value_and_an_object(names: tuple[str, str]) -> None:
    with pytest.raises(ValueError, match="is a value and an object"):
        RecordSchema("r", tuple(column(name) for name in names)).tree()


def test_every_type_has_a_column_type_of_polars() -> None:
    dtypes = {kind: Column("c", kind, scale=2).dtype for kind in OutputType}

    assert dtypes == {
        OutputType.STRING: pl.String(),
        OutputType.INTEGER: pl.Int32(),
        OutputType.LONG: pl.Int64(),
        OutputType.DOUBLE: pl.Float64(),
        OutputType.DECIMAL: pl.Decimal(18, 2),
        OutputType.BOOLEAN: pl.Boolean(),
        OutputType.TIMESTAMP: pl.Datetime("ms", "UTC"),
        OutputType.DATE: pl.Date(),
        OutputType.TIME: pl.Time(),
        OutputType.UUID: pl.String(),
        OutputType.JSON: pl.String(),
    }
