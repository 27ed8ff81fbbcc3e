"""Servers that all processes of a test session share: the first one starts it, and it ends with the session.

A keeper, which is this module run as a program, holds the server and ends it when the session is over, however that
came about.
"""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tests.support.maven import locked

ROOT = Path(__file__).resolve().parents[2]
_START_SECONDS = 180


def shared(name: str, module: str) -> Mapping[str, Any]:
    """What the server of a name says of itself; it is started by `serve` of a module if it is not there yet."""
    session = os.environ.get("PYTEST_XDIST_TESTRUNUID") or f"alone-{os.getpid()}"
    folder = Path(tempfile.gettempdir()) / f"sdg-tests-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    told = folder / f"{session}-{name}.json"
    with locked(folder / f"{session}-{name}.lock"):
        if not told.exists():
            # In xdist the parent of a worker is the process that has started them all, and goes last.
            owner = os.getppid() if "PYTEST_XDIST_WORKER" in os.environ else os.getpid()
            with (folder / f"{session}-{name}.log").open("wb") as log:
                keeper = subprocess.Popen(
                    [sys.executable, "-m", "tests.support.shared_server", module, str(owner), str(told)],
                    cwd=ROOT,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                )
            deadline = time.monotonic() + _START_SECONDS
            while not told.exists():
                if keeper.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"{name} does not start: {Path(log.name).read_text()[-3000:]}")
                time.sleep(0.05)
        said: dict[str, Any] = json.loads(told.read_text())
        return said


def keep(serve: Callable[[], Any], *, owner: int, told: Path) -> None:
    """Hold a server, a context manager whose value has a `said`, until the owner is gone."""
    try:
        watch = os.pidfd_open(owner)
        with serve() as server:
            new = told.with_suffix(".new")
            new.write_text(json.dumps(server.said))
            new.rename(told)
            select.select([watch], [], [])
    finally:
        for path in told.parent.glob(f"{told.stem}.*"):
            path.unlink(missing_ok=True)


if __name__ == "__main__":
    import importlib

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    keep(importlib.import_module(sys.argv[1]).serve, owner=int(sys.argv[2]), told=Path(sys.argv[3]))
