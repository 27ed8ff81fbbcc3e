"""Runs that find something at their place, and what they say of it."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from engine.issues import Issue
from tests.support.file_runs import FileRun, carry, destination_of, tree

SECOND = "22222222-bbbb"
OTHER = "command line:somebody else"


def single(root: Path, **changes: Any) -> FileRun:
    return FileRun(str(root)).but(**changes)


def parts(root: Path, before_run: str = "REPLACE", **changes: Any) -> FileRun:
    config = {"format": "JSONL", "rollRecords": 100, "beforeRun": before_run}
    return FileRun(str(root), path="out", config=config).but(**changes)


def preflight(run: FileRun, estimated_bytes: int = 1000) -> Sequence[Issue]:
    return destination_of(run).preflight(estimated_bytes=estimated_bytes)


def only_issue(run: FileRun, estimated_bytes: int = 1000) -> Issue:
    [issue] = preflight(run, estimated_bytes)
    assert issue.path == "/destination/config/path"
    return issue


def expected(run: FileRun) -> dict[str, bytes]:
    carry(run)
    files = tree(run.root)
    shutil.rmtree(run.root)
    return files
