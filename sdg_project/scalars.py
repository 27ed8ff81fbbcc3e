"""Scalars that people type without quotes: in YAML files, in flags and behind ``--set``."""

from __future__ import annotations

import math
import re
from decimal import Decimal
from typing import Any

from sdg_project.text import quoted

MAX_DIGITS = 40
"""How many digits a number may have: of an integer all, of another one those without the zeros at its ends."""

_EXPONENT = r"(?:[eE][-+]?[0-9]+)?"
_INTEGER = re.compile(r"[-+]?[0-9]+")
_NUMBER = re.compile(rf"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?){_EXPONENT}")
_OTHER_BASE = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_LEADING_ZERO = re.compile(rf"[-+]?0[0-9_]+(?:\.[0-9_]*)?{_EXPONENT}")
_GROUPED = re.compile(rf"[-+]?[0-9]+(?:_[0-9]+)+(?:\.[0-9]*)?{_EXPONENT}")
_NOT_FINITE = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_WORDS = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}


class ScalarError(ValueError):
    """A scalar that could mean two things, or a number that is none; `code` and `hint` are those of its issue."""

    def __init__(self, code: str, message: str, hint: str) -> None:
        super().__init__(message)
        self.code, self.hint = code, hint


def plain_scalar(text: str, *, grouped: bool = False) -> Any:
    """What a scalar without quotes means: YAML 1.2's core schema, but for what people get wrong.

    - Integral numbers are integers, whatever their form (``1e6``, ``2.0``), up to 40 digits.
    - ``007``, which other readers take for 7 or for text, is refused; so are ``-0`` and what is not finite.
    - ``1_000_000`` is 1000000 where numbers may be `grouped` (flags, ``--set``). Elsewhere it is refused, as it is a
      number in YAML 1.1 and text in 1.2.
    - Dates, times and ``yes``, ``no``, ``on``, ``off`` are text.
    """
    if text in _WORDS:
        return _WORDS[text]
    if text[:1] not in "+-.0123456789":
        return text
    if _LEADING_ZERO.fullmatch(text):
        hint = f'quote it: "{text[:20]}", or write the number without the zero'
        raise ScalarError("INVALID_VALUE", f"{text[:20]} begins with 0, so it may be a number or text", hint)
    if _GROUPED.fullmatch(text):
        if grouped:
            return _number(text.replace("_", ""))
        hint = f'write {text.replace("_", "")[:40]}, or quote it: "{text[:40]}"'
        raise ScalarError("INVALID_VALUE", f"{text[:40]} may be a number or text", hint)
    if _NUMBER.fullmatch(text):
        return _number(text)
    if _OTHER_BASE.fullmatch(text):
        return int(text, 0) if len(text) <= MAX_DIGITS else _refuse_digits(text)
    if _NOT_FINITE.fullmatch(text):
        raise ScalarError("NON_FINITE", f"{text} is not finite", "write a finite number")
    return text


def exact_real(text: str) -> float | Decimal:
    """The number of a text with a point or an exponent, as Python and JSON write them.

    It is the float whose shortest form says the same, or a Decimal with all of the digits where there is none. Raises
    ScalarError when it is larger, smaller or longer than what is kept.
    """
    nearest = float(text)
    if repr(nearest) == text:
        return nearest
    if math.isinf(nearest):
        raise ScalarError("NON_FINITE", f"the number {text[:20]} is too large", "numbers are at most about 1.8e308")
    if nearest == 0:
        if re.search("[1-9]", re.split("[eE]", text)[0]):
            # Looked at before a Decimal is made, for which an exponent of billions would be too small, too.
            hint = "numbers other than 0 are at least about 5e-324"
            raise ScalarError("INVALID_VALUE", f"the number {text[:20]} is too small", hint)
        return 0.0
    exact = Decimal(text)
    if Decimal(repr(nearest)) == exact:
        return nearest
    digits = len("".join(map(str, exact.as_tuple().digits)).rstrip("0"))
    if digits > MAX_DIGITS:
        message = f"the number {text[:20]}… has {digits:,} digits"
        raise ScalarError("INVALID_VALUE", message, f"at most {MAX_DIGITS} are kept: round it, or write it as text")
    return exact


def parse_number(text: str) -> int | float | Decimal:
    """The number of a flag, such as ``10``, ``1e6``, ``1_000_000``, ``0.5``; raises ValueError with a predicate.

    Integral numbers are integers, whatever their form.
    """
    try:
        value = plain_scalar(text.strip(), grouped=True)
    except ScalarError as error:
        raise ValueError(f"must be a number such as 1000000, 1_000_000 or 1e6: {error}") from error
    if isinstance(value, bool) or not isinstance(value, (int, float, Decimal)):
        raise ValueError(f"must be a number such as 1000000, 1_000_000 or 1e6, not {quoted(text)}")
    return value


def _number(text: str) -> int | float | Decimal:
    if _INTEGER.fullmatch(text):
        digits = text.lstrip("+-")
        if len(digits) > MAX_DIGITS:
            _refuse_digits(text)
        if text == "-0":
            raise ScalarError("INVALID_VALUE", "-0 is no integer", "write 0")
        return int(text)
    real = exact_real(text)
    exact = Decimal(text) if real else Decimal(0)
    if exact.adjusted() < MAX_DIGITS and exact == exact.to_integral_value():
        return int(exact)
    return real


def _refuse_digits(text: str) -> int:
    message = f"the number {text[:20]}… has {len(text.lstrip('+-')):,} digits"
    raise ScalarError("INVALID_VALUE", message, f"at most {MAX_DIGITS} are accepted")
