"""Casts: what is possible, and every value of those that are."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import RecordInvalid
from engine.schema import Column, OutputType
from engine.span import Span
from generators.casting import CannotCast, cast_output, cast_values
from generators.casts import Cast
from generators.fields.base import Output
from generators.values.listed_values import output_of_values
from tests.generators.fields.examined import NAME, found, made, mapping, planned

T = OutputType
NOON = datetime(2026, 1, 31, 12, 30, 1, 250_000, tzinfo=UTC)
INSTANT = pl.Series([NOON], dtype=pl.Datetime("ms", "UTC")), Output(T.TIMESTAMP)
UUID = "12345678-1234-4234-8234-1234567890ab"


def cast(values: pl.Series, output: Output, to: OutputType, scale: int | None = None) -> list[Any]:
    known = cast_output(output, to, scale)
    column = Column(NAME, known.type, known.scale)
    made_values = cast_values(values, output, column)
    assert made_values.dtype == column.dtype or isinstance(made_values.dtype, pl.Enum)
    return made_values.to_list()


def whole(*numbers: int | None) -> tuple[pl.Series, Output]:
    return pl.Series(numbers, dtype=pl.Int64), Output(T.LONG, minimum=-(10**6), maximum=10**6)


def decimals(*texts: str | None, scale: int = 3) -> tuple[pl.Series, Output]:
    values = [None if text is None else Decimal(text) for text in texts]
    bound = Decimal(10) ** (18 - scale) - 1
    return pl.Series(values, dtype=pl.Decimal(18, scale)), Output(T.DECIMAL, scale, minimum=-bound, maximum=bound)


def doubles(*numbers: float | None) -> tuple[pl.Series, Output]:
    return pl.Series(numbers, dtype=pl.Float64), Output(T.DOUBLE, minimum=-(10**6), maximum=10**6)


def listed(*numbers: str) -> Output:
    """Decimals that a definition lists."""
    return output_of_values([Decimal(number) for number in numbers])


def texts(*values: str | None, known: bool = False) -> tuple[pl.Series, Output]:
    return pl.Series(values, dtype=pl.String), Output(T.STRING, values=tuple(values) if known else None)


@pytest.mark.parametrize(
    ("source", "to", "scale", "expected"),
    [
        (whole(1, None, -5), T.STRING, None, ["1", None, "-5"]),
        (whole(1, None, -5), T.INTEGER, None, [1, None, -5]),
        (whole(1, None, -5), T.DOUBLE, None, [1.0, None, -5.0]),
        (whole(1, None, -5), T.DECIMAL, 2, [Decimal("1.00"), None, Decimal("-5.00")]),
        (decimals("1.500", None), T.STRING, None, ["1.500", None]),
        (decimals("1.500", "-0.125"), T.DOUBLE, None, [1.5, -0.125]),
        (decimals("1.005", "1.015", "-1.005", "0.0051", None, scale=4), T.DECIMAL, 2,
         [Decimal("1.00"), Decimal("1.02"), Decimal("-1.00"), Decimal("0.01"), None]),
        (decimals("0.5", "1.5", "2.5", scale=1), T.DECIMAL, 0, [Decimal(0), Decimal(2), Decimal(2)]),
        (decimals("5", "-7", scale=0), T.LONG, None, [5, -7]),
        (doubles(0.1, None, 1e21, 5e-324), T.STRING, None, ["0.1", None, "1e+21", "5e-324"]),
        (doubles(2.5, -0.125, None), T.DECIMAL, 2, [Decimal("2.50"), Decimal("-0.12"), None]),
        (texts("5", "-7", None), T.INTEGER, None, [5, -7, None]),
        (texts(str(2**63 - 1), str(2**63)), T.LONG, None, [2**63 - 1, None]),
        (texts("1.05", "1.050", "1e1", "1.005", "x", str(10**16)), T.DECIMAL, 2,
         [Decimal("1.05"), Decimal("1.05"), Decimal(10), None, None, None]),
        (texts("1.5", "1e3", "x", "nan", "-inf", "1e400"), T.DOUBLE, None, [1.5, 1000.0, None, None, None, None]),
        (texts("true", "FALSE", "1", None), T.BOOLEAN, None, [True, False, None, None]),
        (texts("2026-01-31", "2026-02-30", "0001-01-01", "-001-01-01", "+026-01-31", "2026-1-31"), T.DATE, None,
         [date(2026, 1, 31), None, date(1, 1, 1), None, None, None]),
        (texts("2026-01-31T12:30:01.25Z", "2026-01-31T13:30:01.250+01:00", "2026-01-31T12:30:01", None), T.TIMESTAMP,
         None, [NOON, NOON, NOON.replace(microsecond=0), None]),
        (texts("2026-01-31", "2026-01-31 12:30:01Z", "2026-02-30T12:30:01Z", "2026-01-31T24:00:00Z",
               "2026-01-31T12:30:01.0005Z", "9999-12-31T23:59:59-01:00", "noon"), T.TIMESTAMP, None, [None] * 7),
        (texts("12:30:01", "23:59:59.999999", "00:00:00.5", None), T.TIME, None,
         [time(12, 30, 1), time(23, 59, 59, 999_999), time(0, 0, 0, 500_000), None]),
        (texts("24:00:00", "12:30", "12:30:60", "1:02:03", "12:30:01.0000001", "12:30:01Z"), T.TIME, None, [None] * 6),
        (texts('{"a": [1.50]}', " null", '"x"', "7", None), T.JSON, None, ['{"a": [1.50]}', " null", '"x"', "7", None]),
        (texts("{a: 1}", "", "x", "[1,]", "NaN", "1 2"), T.JSON, None, [None] * 6),
        (texts(UUID.upper(), UUID[:-1], None), T.UUID, None, [UUID, None, None]),
        ((pl.Series([True, None]), Output(T.BOOLEAN)), T.STRING, None, ["true", None]),
        ((pl.Series([UUID]), Output(T.UUID)), T.STRING, None, [UUID]),
        ((pl.Series(['{"a":1}']), Output(T.JSON)), T.STRING, None, ['{"a":1}']),
        ((pl.Series([date(2026, 1, 31)]), Output(T.DATE)), T.STRING, None, ["2026-01-31"]),
        ((pl.Series([date(2026, 1, 31)]), Output(T.DATE)), T.TIMESTAMP, None, [datetime(2026, 1, 31, tzinfo=UTC)]),
        (INSTANT, T.STRING, None, ["2026-01-31T12:30:01.250Z"]),
        (INSTANT, T.DATE, None, [date(2026, 1, 31)]),
        (INSTANT, T.TIME, None, [time(12, 30, 1, 250_000)]),
    ],
)  # fmt: skip
def test_values_keep_their_meaning(
    source: tuple[pl.Series, Output], to: OutputType, scale: int | None, expected: list[Any]
) -> None:
    values, output = source

    assert cast(values, output, to, scale) == expected


@given(st.lists(st.integers(-(10**18) + 1, 10**18 - 1), min_size=1), st.integers(0, 18), st.integers(0, 18))
def test_decimals_are_rounded_half_to_even(scaled: list[int], scale: int, to: int) -> None:
    numbers = [Decimal(number).scaleb(-scale) for number in scaled]
    values = pl.Series(numbers, dtype=pl.Decimal(18, scale))
    output = Output(T.DECIMAL, scale, minimum=min(numbers), maximum=max(numbers))
    expected = [
        number.quantize(Decimal(1).scaleb(-to), ROUND_HALF_EVEN) for number in numbers if abs(number) < 10 ** (18 - to)
    ]

    if len(expected) == len(numbers) and max(map(abs, expected)) < 10 ** (18 - to):
        known = cast_output(output, T.DECIMAL, to)

        assert cast(values, output, T.DECIMAL, to) == expected
        assert (known.minimum, known.maximum) == (min(expected), max(expected))
    else:
        with pytest.raises(ValueError, match="digits"):
            cast_output(output, T.DECIMAL, to)


@pytest.mark.parametrize(
    ("output", "to", "scale", "message"),
    [
        (Output(T.LONG), T.INTEGER, None, "may lie outside"),
        (Output(T.LONG, minimum=0, maximum=2**31), T.INTEGER, None, "do not fit"),
        (Output(T.LONG), T.DECIMAL, 0, "known bounds"),
        (Output(T.LONG, minimum=0, maximum=10**17), T.DECIMAL, 2, "more than 18 digits"),
        (Output(T.INTEGER), T.DECIMAL, 9, "more than 18 digits"),
        (Output(T.DOUBLE, minimum=0, maximum=1), T.LONG, None, "digits behind the point"),
        (Output(T.DECIMAL, 2, minimum=0, maximum=1), T.INTEGER, None, "digits behind the point"),
        (Output(T.DOUBLE), T.DECIMAL, 2, "known bounds"),
        (Output(T.BOOLEAN), T.INTEGER, None, "cannot be cast"),
        (Output(T.INTEGER), T.BOOLEAN, None, "cannot be cast"),
        (Output(T.INTEGER), T.TIMESTAMP, None, "cannot be cast"),
        (Output(T.DOUBLE, minimum=0, maximum=1), T.DECIMAL, None, "needs a scale"),
        (Output(T.STRING), T.DECIMAL, None, "needs a scale"),
        (Output(T.INTEGER), T.JSON, None, "cannot be cast"),
        (Output(T.UUID), T.LONG, None, "cannot be cast"),
    ],
)
def test_what_is_impossible_is_told(output: Output, to: OutputType, scale: int | None, message: str) -> None:
    with pytest.raises(CannotCast, match=message):
        cast_output(output, to, scale)


@pytest.mark.parametrize(
    ("output", "to", "scale", "message"),
    [
        (Output(T.STRING, values=("1", "x")), T.LONG, None, '"x" cannot be read as LONG, which is a whole number'),
        (Output(T.STRING, values=("1.5",)), T.LONG, None, '"1.5" cannot be read as LONG'),
        (Output(T.STRING, values=("yes",)), T.BOOLEAN, None, '"yes" cannot be read as BOOLEAN, which is true or false'),
        (Output(T.STRING, values=("1.005",)), T.DECIMAL, 2, "at most 2 digits behind the point"),
        (Output(T.STRING, values=("noon",)), T.TIME, None, "such as 12:30:00"),
        (Output(T.STRING, values=("2026-01-31",)), T.TIMESTAMP, None, "such as 2026-01-31T12:00:00Z"),
        (Output(T.STRING, values=("{",)), T.JSON, None, "a JSON document"),
        (listed("1.005", "1.01"), T.DECIMAL, 2, "1.005 has more digits than scale 2 has room for"),
        (listed("0.1234567890123456"), T.DOUBLE, None, None),
        (listed("0.12345678901234567"), T.DOUBLE, None, "0.12345678901234567 has more digits than DOUBLE"),
        (Output(T.DOUBLE, minimum=0, maximum=1, values=(0.5, 1e-20)), T.DECIMAL, 2, "1e-20 has more digits"),
        (Output(T.LONG, minimum=1, maximum=2**53 + 1, values=(1, 2**53 + 1)), T.DOUBLE, None, "9007199254740993 has"),
        (listed("1.500", "2.000"), T.DECIMAL, 1, None),
        (Output(T.DECIMAL, 3, minimum=0, maximum=1), T.DECIMAL, 2, "3 digits behind the point do not fit scale 2"),
        (Output(T.DOUBLE, minimum=0, maximum=1), T.DECIMAL, 2, None),
    ],
)
def test_what_the_definition_lists_is_neither_misread_nor_rounded(
    output: Output, to: OutputType, scale: int | None, message: str | None
) -> None:
    if message is None:
        assert Cast.of(output, to, scale).after.type is to
        return
    with pytest.raises(CannotCast) as raised:
        Cast.of(output, to, scale)
    assert message in str(raised.value)


@pytest.mark.parametrize(
    ("held", "output", "to", "scale", "loss"),
    [
        (decimals("1.500", "1.005")[0], decimals()[1], T.DECIMAL, 2, "1.005 and perhaps others are rounded"),
        (decimals("1.500", None)[0], decimals()[1], T.DECIMAL, 2, None),
        (doubles(19.99, None, 0.1)[0], doubles()[1], T.DECIMAL, 2, None),
        (doubles(19.99, 0.125)[0], doubles()[1], T.DECIMAL, 2, "0.125 and perhaps"),
        (whole(1, 2**53 + 1)[0], Output(T.LONG), T.DOUBLE, None, "9007199254740993 and perhaps"),
        (whole(1, -(2**53))[0], Output(T.LONG), T.DOUBLE, None, None),
        (None, Output(T.LONG, minimum=0, maximum=2**60), T.DOUBLE, None, "more digits than a DOUBLE holds"),
        (None, Output(T.LONG, minimum=0, maximum=2**53), T.DOUBLE, None, None),
        (None, Output(T.DECIMAL, 6, minimum=0, maximum=10**9), T.DOUBLE, None, "more digits than a DOUBLE holds"),
    ],
)
def test_what_a_pool_or_a_range_loses_is_told(
    held: pl.Series | None, output: Output, to: OutputType, scale: int | None, loss: str | None
) -> None:
    told = Cast.of(output, to, scale, lambda: held).loss()

    assert told is None if loss is None else loss in str(told)


def test_texts_of_a_pool_are_looked_at_however_many_they_are() -> None:
    held = pl.Series(map(str, range(2_000_000)), dtype=pl.String)

    assert Cast.of(Output(T.STRING), T.INTEGER, None, lambda: held).after.type is T.INTEGER
    held[1_999_999] = "x"
    with pytest.raises(CannotCast, match='"x" cannot be read as INTEGER'):
        Cast.of(Output(T.STRING), T.INTEGER, None, lambda: held)


def test_null_among_the_values_can_be_anything() -> None:
    assert cast_output(Output(T.STRING, values=("1", None)), T.LONG, None).type is T.LONG
    assert not found(mapping("CONSTANT", {"value": None}, outputType="INTEGER"))
    assert made(mapping("CONSTANT", {"value": None}, outputType="INTEGER")).dtype == pl.Int32


def test_a_cast_to_its_own_type_keeps_a_dictionary() -> None:
    values = made(mapping("ENUM_RANDOM", {"values": ["a", "b"]}, outputType="STRING"))

    assert values.dtype == pl.Enum(["a", "b"])


def test_the_first_text_that_cannot_be_read_is_refused_with_its_record() -> None:
    template = {"template": "{seq:1d}", "start": 2_147_483_640}
    plan = planned(mapping("SEQUENCE", template, outputType="INTEGER", nullRate=0.01))

    with pytest.raises(RecordInvalid) as raised:
        plan.batch(Span(5, 100))

    assert (raised.value.code, raised.value.field, raised.value.record_number) == ("RECORD_INVALID", NAME, 8)
    assert '"2147483648" cannot be read as INTEGER' in str(raised.value)


def test_a_listed_value_that_cannot_be_read_is_refused_beforehand() -> None:
    assert found(mapping("ENUM_RANDOM", {"values": ["1", "two"]}, outputType="LONG")) == {
        ("TYPE_MISMATCH", "/fieldMappings/0/outputType")
    }
