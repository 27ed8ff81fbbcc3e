"""Numbers keep their digits in JSON."""

from __future__ import annotations

import json
import math
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdg_project.exact_json import AsWritten, ExactDecoder, ExactEncoder, VerbatimDecoder
from sdg_project.scalars import MAX_DIGITS, ScalarError, exact_real

LONG = "123456789012.345678"


@pytest.mark.parametrize("options", [{}, {"indent": 2}, {"ensure_ascii": False, "separators": (",", ":")}])
def test_a_decimal_is_written_as_a_number_with_all_its_digits(options: dict[str, Any]) -> None:
    value = {"é": [Decimal(LONG), Decimal("1E+30"), 1.5, "12.5", None], "b": Decimal("-0.10")}
    plain = {"é": ["#0", "#1", 1.5, "12.5", None], "b": "#2"}
    expected = json.dumps(plain, **options)
    for place, digits in enumerate((LONG, "1E+30", "-0.10")):
        expected = expected.replace(f'"#{place}"', digits)

    assert json.dumps(value, cls=ExactEncoder, **options) == expected


def test_what_is_read_is_written_again_digit_by_digit() -> None:
    text = f'[{LONG}, 0.1, 1e-07, 12345678901234567890.5, 5, "{LONG}"]'

    value = json.loads(text, cls=ExactDecoder)

    assert value == [Decimal(LONG), 0.1, 1e-07, Decimal("12345678901234567890.5"), 5, LONG]
    assert json.dumps(value, cls=ExactEncoder) == text


def test_what_is_only_shown_again_keeps_its_zeros_and_its_notation() -> None:
    text = '{"a": [18.70, 0.0000000012, 1e+21, -0.0, 7], "b": "18.70"}'

    value = json.loads(text, cls=VerbatimDecoder)

    assert value["a"][0] == AsWritten("18.70")
    assert json.dumps(value, cls=ExactEncoder) == text


def test_what_json_does_not_have_is_still_refused() -> None:
    with pytest.raises(TypeError, match="not JSON serializable"):
        json.dumps([object()], cls=ExactEncoder)


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**20), max_value=10**20))
def test_a_number_is_exact_or_refused(number: Decimal) -> None:
    text = str(number) if "." in str(number) or "E" in str(number) else f"{number}.0"
    try:
        read = exact_real(text)
    except ScalarError:
        significant = "".join(map(str, number.as_tuple().digits)).strip("0")
        assert len(significant) > MAX_DIGITS or float(number) == 0
    else:
        assert Decimal(repr(read) if isinstance(read, float) else read) == number


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_float_is_read_as_itself(number: float) -> None:
    read = exact_real(repr(number))

    assert type(read) is float
    assert (read, math.copysign(1, read)) == (number, math.copysign(1, number))
