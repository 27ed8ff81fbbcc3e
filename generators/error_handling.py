"""What a definition says of records that cannot be made or written, and of destinations that are away."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pydantic import Field

from engine.issues import Issue
from generators.enums import EscalateTo, OnError
from sdg_project.shapes import Params, Share

if TYPE_CHECKING:
    from generators.definition import DefinitionShape


class ErrorHandlingShape(Params):
    """Thresholds for CONTINUE, and how long an outage is waited for."""

    max_errors: int = Field(default=1000, ge=0, le=10**9, description="CONTINUE: most bad records of a run.")
    max_error_rate: Share | None = Field(
        default=None, description="CONTINUE: most bad records among rateWindow in a row, as a share."
    )
    rate_window: int = Field(default=1000, ge=1, le=10**6, description="CONTINUE: see maxErrorRate.")
    max_consecutive_errors: int | None = Field(
        default=None, ge=1, le=10**6, description="CONTINUE: most bad records one behind the other."
    )
    escalate_to: EscalateTo = Field(default=EscalateTo.PAUSE, description="CONTINUE: what too many bad records do.")
    retry_budget_seconds: int = Field(
        default=900, ge=0, le=86_400, description="How long a destination may be away before the run pauses."
    )


def error_handling_issues(shape: DefinitionShape) -> Iterator[Issue]:
    """An error for each threshold that is given although nothing counts bad records."""
    handling, on_error = shape.error_handling, shape.on_error
    if handling is None or on_error is OnError.CONTINUE:
        return
    for name in sorted(handling.model_fields_set - {"retry_budget_seconds"}):
        alias = ErrorHandlingShape.model_fields[name].alias
        message = f'"{alias}" does not apply when onError is {on_error}: it goes with CONTINUE'
        yield Issue("PROPERTY_NOT_ALLOWED", f"/errorHandling/{alias}", message, f'remove "{alias}"')
