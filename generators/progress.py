"""A progress bar on a terminal; nothing elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from types import TracebackType
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from generators.models import Run


class Bar:
    """Shows how many records of a run are durably written, how fast, and how long it will take."""

    def __init__(self, run: Run) -> None:
        console = Console(file=sys.stderr)
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TaskProgressColumn(),
            TextColumn("{task.completed:,}{task.fields[share]}"),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(),
            console=console,
            disable=not console.is_terminal,
            transient=True,
        )
        share = "" if run.record_count is None else f" of {run.record_count:,}"
        self._asked = _asked_rate(run.spec["document"])
        self._task = self._progress.add_task(run.name, total=run.record_count, rate=self._asked, share=share)

    def show(self, records: int) -> None:
        """Move the bar to this many records."""
        speed = self._progress.tasks[0].speed
        self._progress.update(self._task, completed=records, rate=f"{speed:,.0f}/s{self._asked}" if speed else "")

    def __enter__(self) -> Bar:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._progress.stop()


def _asked_rate(document: Mapping[str, Any]) -> str:
    """How fast a run is meant to be, in words that go behind how fast it is."""
    rate = document.get("rate") or {}
    limit = document.get("maxRecordsPerSecond")
    if limit is not None:
        return f" of at most {limit}/s"
    pattern = (rate.get("pattern") or {}).get("type", "CONSTANT")
    if pattern != "CONSTANT":
        return f", {pattern}"
    return f" of {rate['recordsPerSecond']}/s" if rate else ""
