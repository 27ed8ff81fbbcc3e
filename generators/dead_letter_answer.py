"""A dead letter as the API shows it."""

from __future__ import annotations

from typing import Any

from generators.generator_answer import shown_instant
from sdg_project.problems import shown_message


def dead_letter_answer(letter: Any) -> dict[str, Any]:
    """A dead letter of `dead_letters_of`. A bad record is tried once: what may pass by itself makes no dead letter."""
    return {
        "runId": str(letter.run_id),
        "recordIndex": letter.record_number,
        "destination": letter.destination,
        "errorClass": letter.error_class,
        "code": letter.code,
        "message": shown_message(letter.message),
        "field": letter.field or None,
        "attempt": 1,
        "occurredAt": shown_instant(letter.occurred_at),
        "record": letter.record,
    }
