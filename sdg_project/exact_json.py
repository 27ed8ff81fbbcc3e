"""JSON whose numbers keep their digits on the way to a store, to a client, and back."""

from __future__ import annotations

import json
import re
import secrets
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sdg_project.scalars import exact_real


@dataclass(frozen=True, slots=True)
class AsWritten:
    """A number that is written as it stands: with its trailing zeros, in its own notation."""

    text: str


class ExactEncoder(json.JSONEncoder):
    """Writes a Decimal as the number with exactly its digits, and what is `AsWritten` as it stands."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._mark = secrets.token_hex(16)  # which no text holds, whoever wrote it

    def default(self, o: Any) -> Any:
        if isinstance(o, Decimal):
            return f"{self._mark}{o}"
        if isinstance(o, AsWritten):
            return f"{self._mark}{o.text}"
        return super().default(o)

    def encode(self, o: Any) -> str:
        # The standard library has no place for a number of other digits than a float's: texts stand in for them.
        return re.sub(rf'"{self._mark}([^"]*)"', r"\1", super().encode(o))


class ExactDecoder(json.JSONDecoder):
    """Reads a number with a point or an exponent as a float, or as a Decimal where no float holds it."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options, parse_float=exact_real)


class VerbatimDecoder(json.JSONDecoder):
    """Reads numbers with a point or an exponent as they stand, for what is only shown again."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options, parse_float=AsWritten)
