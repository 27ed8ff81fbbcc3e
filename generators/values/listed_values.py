"""Listed values: scalars that a definition writes out, their weights, and the column type in which they stand."""

from __future__ import annotations

import json
from collections.abc import Sequence
from decimal import Decimal
from typing import Annotated, Any, TypeAlias

import polars as pl
from pydantic import AfterValidator, Field, PlainValidator, TypeAdapter, WithJsonSchema

from engine.issues import Issue
from engine.schema import MAX_DECIMAL_DIGITS, Column, OutputType
from generators.fields.base import Output
from sdg_project.exact_json import ExactEncoder
from sdg_project.shapes import Faults, Number, Params
from sdg_project.text import UNSTORABLE, shown

NUMBERS: TypeAdapter[int | Decimal] = TypeAdapter(Number)


def scalar(given: Any) -> str | int | Decimal | bool | None:
    """A JSON scalar with its number exact; raises `Faults` for anything else."""
    if isinstance(given, str):
        if UNSTORABLE.search(given):
            raise Faults(Issue("INVALID_VALUE", "", "must not hold NUL or half of a surrogate pair"))
        return given
    if given is None or isinstance(given, bool):
        return given
    if isinstance(given, (int, float, Decimal)):
        return NUMBERS.validate_python(given)
    message = f"must be text, a number, true, false or null, not {shown(given)}"
    raise Faults(Issue("TYPE_MISMATCH", "", message))


def _weight(given: float) -> float:
    if given < 0:
        raise Faults(Issue("INVALID_WEIGHTS", "", f"must be 0 or more, not {shown(given)}"))
    return given


Scalar: TypeAlias = Annotated[
    str | int | Decimal | bool | None,
    PlainValidator(scalar),
    WithJsonSchema({"type": ["string", "number", "boolean", "null"]}),
]
"""A text, an exact number, a truth value or null; unlike a `Number`, digits in quotes stay text."""

Weight = Annotated[float, AfterValidator(_weight), Field(json_schema_extra={"minimum": 0})]
"""How often a value comes, in proportion to the others."""


class WeightedValue(Params):
    """A value with its weight."""

    null_is_value = frozenset({"value"})

    value: Scalar = Field(description="The value.", examples=["NEW"])
    weight: Weight = Field(description="How often it comes, relative to the others.", examples=[3])


def identity(value: Scalar) -> tuple[bool, Any]:
    """A key that is equal for equal values: true is not 1, but 1.0 is."""
    return isinstance(value, bool), value


def output_of_values(values: Sequence[Scalar]) -> Output:
    """The narrowest type that holds all of the values, and all that is known about them then.

    Numbers are INTEGER, LONG or, with digits behind the point, DECIMAL of the largest scale; DOUBLE when that takes
    more than 18 digits. Values of several sorts are JSON texts. Raises ValueError with a sentence when no type fits.
    """
    present = [value for value in values if value is not None]
    type_, scale = _narrowest(present)
    numbers = [value for value in present if isinstance(value, (int, Decimal)) and not isinstance(value, bool)]
    bounded = type_ in {OutputType.INTEGER, OutputType.LONG, OutputType.DECIMAL, OutputType.DOUBLE}
    texts = [value if type_ is OutputType.STRING else json_text(value) for value in present]
    textual = type_ in {OutputType.STRING, OutputType.JSON}
    return Output(
        type_,
        scale,
        max_length=max((len(str(text)) for text in texts), default=0) if textual else None,
        minimum=min(numbers) if bounded else None,
        maximum=max(numbers) if bounded else None,
        values=values_of_type(values, type_),
        nullable=len(present) < len(values),
    )


def values_of_type(values: Sequence[Scalar], type_: OutputType) -> tuple[Any, ...] | None:
    """The values as a column of that type holds them; None for JSON texts, which nobody listed so."""
    if type_ is OutputType.DOUBLE:
        return tuple(None if value is None else float(value) for value in values)
    return None if type_ is OutputType.JSON else tuple(values)


def column_of_values(values: Sequence[Scalar], output: Output) -> pl.Series:
    """The values as a column of the type that `output_of_values` found; texts as ``pl.Enum``."""
    match output.type:
        case OutputType.STRING:
            texts = pl.Series(values, dtype=pl.String)
            # A dictionary without a word is nothing that anybody expects.
            return (
                texts
                if texts.null_count() == len(texts)
                else texts.cast(pl.Enum(texts.drop_nulls().unique(maintain_order=True)))
            )
        case OutputType.JSON:
            return pl.Series([None if value is None else json_text(value) for value in values], dtype=pl.String)
        case OutputType.DECIMAL:
            unit = Decimal(1).scaleb(-output.scale)
            exact = [None if value is None else Decimal(value).quantize(unit) for value in values]
            return pl.Series(exact, dtype=pl.Decimal(MAX_DECIMAL_DIGITS, output.scale))
        case OutputType.DOUBLE:
            return pl.Series([None if value is None else float(value) for value in values], dtype=pl.Float64)
        case _:
            return pl.Series(values, dtype=Column("", output.type).dtype)


def json_text(value: Any) -> str:
    """The compact JSON text of a value, numbers as they were typed."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False, cls=ExactEncoder)


def _narrowest(present: Sequence[Scalar]) -> tuple[OutputType, int]:
    if all(isinstance(value, str) for value in present):
        return OutputType.STRING, 0
    if all(isinstance(value, bool) for value in present):
        return OutputType.BOOLEAN, 0
    numbers = [value for value in present if isinstance(value, (int, Decimal)) and not isinstance(value, bool)]
    if len(numbers) < len(present):
        return OutputType.JSON, 0
    if all(isinstance(number, int) for number in numbers):
        for number in numbers:
            if not -(2**63) <= number < 2**63:
                accepted = f"whole numbers are from {-(2**63):,} to {2**63 - 1:,}"
                raise ValueError(f"{shown(number)} does not fit 64 bits; {accepted}, others are text, in quotes")
        return (OutputType.INTEGER if all(-(2**31) <= n < 2**31 for n in numbers) else OutputType.LONG), 0
    scale = max(digits_behind_point(number) for number in numbers)
    largest = max(abs(Decimal(number)) for number in numbers)
    if scale <= MAX_DECIMAL_DIGITS and largest < 10 ** (MAX_DECIMAL_DIGITS - scale):
        return OutputType.DECIMAL, scale
    for number in numbers:
        if Decimal(repr(float(number))) != number:
            if len(numbers) == 1:
                raise ValueError(
                    f"{shown(number)} has more than {MAX_DECIMAL_DIGITS} digits; write it as text, in quotes"
                )
            message = f"{shown(number)} has too many digits beside the others, which take {scale} behind the point"
            raise ValueError(f"{message}; at most {MAX_DECIMAL_DIGITS} in all are exact")
    return OutputType.DOUBLE, 0


def digits_behind_point(number: int | Decimal) -> int:
    """How many decimal digits a number has behind the point, without trailing zeros."""
    return len(format(number, "f").partition(".")[2].rstrip("0")) if isinstance(number, Decimal) else 0
