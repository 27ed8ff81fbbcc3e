"""Logs: one line an event, with the request and the run that it belongs to; nothing in it upsets a terminal."""

from __future__ import annotations

import json
import logging
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

request_id: ContextVar[str | None] = ContextVar("request_id", default=None)
"""The id of the request that is being answered."""
run_id: ContextVar[str | None] = ContextVar("run_id", default=None)
"""The id of the run that is being worked on."""


class JsonFormatter(logging.Formatter):
    """A JSON object a line; values that a caller gives as ``extra={"fields": …}`` are members of it."""

    def format(self, record: logging.LogRecord) -> str:
        event: dict[str, Any] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "event": record.getMessage(),
            "requestId": request_id.get(),
            "runId": run_id.get(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            event["traceback"] = self.formatException(record.exc_info)
        return json.dumps({name: value for name, value in event.items() if value is not None}, default=str)


class LineFormatter(logging.Formatter):
    """A line for people, and below it a traceback if there is one."""

    def format(self, record: logging.LogRecord) -> str:
        fields = "".join(f" {name}={value}" for name, value in getattr(record, "fields", {}).items())
        where = f" request={request_id.get()}" if request_id.get() else ""
        where += f" run={run_id.get()}" if run_id.get() else ""
        line = _one_line(f"{record.levelname} {record.name}: {record.getMessage()}{fields}{where}")
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


def _one_line(text: str) -> str:
    return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in text)
