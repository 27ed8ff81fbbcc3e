"""What the API reads: strict JSON bodies and strict query parameters."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterable, Mapping
from typing import IO, Any

from rest_framework.parsers import BaseParser
from rest_framework.request import Request

from engine.issues import Issue, did_you_mean
from sdg_project.errors import Invalid, TooLarge
from sdg_project.json_guard import parse_json
from sdg_project.text import UNSTORABLE, quoted

MAX_BODY_BYTES = 1_000_000
_MAX_TEXT = 1_000


class StrictJson(BaseParser):
    """JSON within the guard's limits. Leaves the hash of the body at the request, for `idempotency`."""

    media_type = "application/json"

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        body = stream.read(MAX_BODY_BYTES + 1)
        if len(body) > MAX_BODY_BYTES:
            raise TooLarge(f"the body has more than {MAX_BODY_BYTES:,} bytes")
        if parser_context is not None:
            parser_context["request"].body_digest = hashlib.sha256(body).hexdigest()
        return parse_json(body, max_bytes=MAX_BODY_BYTES)


class Query:
    """The query parameters of a request: known ones, each once and of its type; `finish` tells all that is wrong."""

    def __init__(self, request: Request, *known: str) -> None:
        self._given = {name: values for name, values in request.query_params.lists() if name != "_"}
        self._issues: list[Issue] = []
        for name, values in self._given.items():
            if name not in known:
                hint = did_you_mean(name, known) or (f"accepted are {', '.join(known)}" if known else "there are none")
                self._refuse("UNKNOWN_PROPERTY", name, f"unknown query parameter {quoted(name)}", hint)
            elif any(UNSTORABLE.search(value) or len(value) > _MAX_TEXT for value in values):
                self._refuse("INVALID_VALUE", name, f"query parameter {name} holds what no name can hold")

    def integer(self, name: str, default: int, *, least: int, most: int) -> int:
        """A whole number in digits."""
        text = self._single(name)
        if text is None:
            return default
        digits = text[1:] if text.startswith("-") else text
        if not (digits.isascii() and digits.isdigit() and len(digits) <= 20):
            self._refuse("TYPE_MISMATCH", name, f"{name} must be a whole number, not {quoted(text)}")
            return default
        if not least <= int(text) <= most:
            self._refuse("INVALID_VALUE", name, f"{name} must be from {least:,} to {most:,}, not {quoted(text)}")
            return default
        return int(text)

    def flag(self, name: str) -> bool:
        """``true`` or ``false``; false when it is not given."""
        return self.word(name, ("true", "false")) == "true"

    def word(self, name: str, accepted: Iterable[str]) -> str | None:
        """One of some words."""
        text, words = self._single(name), list(accepted)
        if text is None or text in words:
            return text
        self._refuse("INVALID_VALUE", name, f"{name} must be one of {', '.join(words)}, not {quoted(text)}")
        return None

    def uuid(self, name: str) -> uuid.UUID | None:
        """An id."""
        text = self._single(name)
        try:
            return uuid.UUID(text) if text is not None else None
        except ValueError:
            self._refuse("TYPE_MISMATCH", name, f"{name} must be a UUID, not {quoted(str(text))}")
            return None

    def text(self, name: str, *, most: int) -> str | None:
        """Any text of at most so many characters."""
        text = self._single(name)
        if text is not None and len(text) > most:
            self._refuse("INVALID_VALUE", name, f"{name} must have at most {most} characters, not {len(text):,}")
        return text

    def texts(self, name: str) -> list[str]:
        """Texts: the parameter may be repeated, and each may hold several with commas between them."""
        return [part.strip() for text in self._given.get(name, []) for part in text.split(",") if part.strip()]

    def finish(self) -> None:
        """Raise Invalid if anything was wrong."""
        if self._issues:
            raise Invalid(self._issues)

    def _single(self, name: str) -> str | None:
        values = self._given.get(name, [])
        if len(values) > 1:
            self._refuse("DUPLICATE_KEY", name, f"query parameter {name} is given {len(values)} times")
        return values[0] if values else None

    def _refuse(self, code: str, name: str, message: str, hint: str | None = None) -> None:
        self._issues.append(Issue(code, "", message, hint, UNSTORABLE.sub("\ufffd", name)[:100]))
