"""Error families, sorted by what the caller does next. No Django here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from engine.issues import Issue


class SdgError(Exception):
    """An error with a sentence for the person who caused it or has to mend it."""


class Invalid(SdgError):
    """Mend the request: `issues` says where and how, all of them at once."""

    def __init__(self, issues: Sequence[Issue]) -> None:
        self.issues = tuple(issues)
        super().__init__("; ".join(f"{issue.path or '/'}: {issue.message}" for issue in self.issues))


class TooLarge(SdgError):
    """The request has more bytes than are read."""


class NotFound(SdgError):
    """There is no such thing; `hint` may name a close one."""

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint


class Conflict(SdgError):
    """Not in this state: `code` says which rule of the world stands against it, `details` what a program may need.

    `issues` are all that stands against it, where that is more than one thing.
    """

    def __init__(
        self,
        code: str,
        message: str,
        *,
        hint: str | None = None,
        details: Mapping[str, Any] | None = None,
        issues: Sequence[Issue] = (),
    ) -> None:
        super().__init__(message)
        self.code, self.hint, self.details, self.issues = code, hint, dict(details or {}), tuple(issues)


class Unavailable(SdgError):
    """Try again later: something outside cannot be reached."""

    def __init__(self, code: str, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.code, self.hint = code, hint
