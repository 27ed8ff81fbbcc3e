"""Rates, multipliers and lengths of time as parameters: exact decimals."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Annotated

from pydantic import AfterValidator, Field

from engine.issues import Issue
from engine.rates import MICROS
from sdg_project.shapes import Faults, Number
from sdg_project.text import shown

MAX_RATE = 10**7
MAX_SECONDS = 315_360_000


def _with_decimals(most: int) -> Callable[[int | Decimal], int | Decimal]:
    def check(number: int | Decimal) -> int | Decimal:
        if Fraction(number) * 10**most % 1:
            message = f"must have at most {most} digits behind the point, not {shown(number)}"
            raise Faults(Issue("INVALID_VALUE", "", message))
        return number

    return check


Rate = Annotated[Number, Field(ge=0, le=MAX_RATE), AfterValidator(_with_decimals(6))]
"""Records a second, exact to a millionth."""

Multiplier = Annotated[Number, Field(ge=0, le=10**6), AfterValidator(_with_decimals(6))]
"""By how much a rate is multiplied, exact to a millionth."""

Seconds = Annotated[Number, Field(ge=0, le=MAX_SECONDS), AfterValidator(_with_decimals(3))]
"""A length of time of at most ten years, exact to a millisecond."""

Length = Annotated[Number, Field(gt=0, le=MAX_SECONDS), AfterValidator(_with_decimals(3))]
"""A length of time that is not 0."""

Speed = Annotated[Number, Field(gt=0, le=10**6), AfterValidator(_with_decimals(3))]
"""How many times faster, exact to a thousandth."""


def millionths(rate: int | Decimal | Fraction) -> int:
    """A rate in millionths of a record a second, rounded to the nearest."""
    return round(Fraction(rate) * 10**6)


def micros(seconds: int | Decimal) -> int:
    """A length of time in microseconds."""
    return int(Fraction(seconds) * MICROS)
