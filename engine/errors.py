"""What the engine raises while it makes records."""

from __future__ import annotations


class RecordInvalid(Exception):
    """A record cannot be made; `record_number` is the first such one of the span that was asked for."""

    def __init__(self, code: str, message: str, *, field: str, record_number: int) -> None:
        super().__init__(f"{field}, record {record_number}: {message}")
        self.code, self.message, self.field, self.record_number = code, message, field, record_number
