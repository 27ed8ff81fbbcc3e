"""Processes that do a share of a run and can be killed; forked from one that has imported all, so that they start fast.

The server forks before it computes anything: a fork of a process in which polars has started its threads would hang.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import signal
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from generators.fields.base import field_types
from pools.builtin.base import builtin_pools
from sinks.destinations.base import destinations
from sinks.encoding.base import encoders
from sinks.messages.base import value_formats
from tests.support import dragonfly_runs, file_runs, kafka_runs, table_runs
from tests.support.dragonfly_runs import DragonflyRun
from tests.support.file_runs import FileRun
from tests.support.kafka_runs import KafkaRun
from tests.support.table_runs import TableRun

ROOT = Path(__file__).resolve().parents[2]
Run = FileRun | TableRun | DragonflyRun | KafkaRun
_CARRIERS = {
    "FileRun": file_runs.carry_as_json,
    "TableRun": table_runs.carry_as_json,
    "DragonflyRun": dragonfly_runs.carry_as_json,
    "KafkaRun": kafka_runs.carry_as_json,
}


@dataclass(frozen=True)
class Outcome:
    """How a process has ended: its signal, or what it said."""

    signal: int
    said: dict[str, Any]

    @property
    def killed(self) -> bool:
        return self.signal == signal.SIGKILL

    @property
    def done(self) -> bool:
        return "files" in self.said

    @property
    def code(self) -> str | None:
        """The code of the error, if there was one."""
        return self.said.get("code")


class Nursery:
    """Starts one process after the other."""

    def __init__(self) -> None:
        self._server = subprocess.Popen(
            [sys.executable, "-m", "tests.support.nursery"],
            cwd=ROOT,
            env={**os.environ, "POLARS_MAX_THREADS": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def start(self, run: Run) -> int:
        """Let a process do a share of a run; its number."""
        assert self._server.stdin is not None
        self._server.stdin.write(json.dumps([type(run).__name__, run.as_json()]) + "\n")
        self._server.stdin.flush()
        return int(self._line()["pid"])

    def wait(self) -> Outcome:
        """How the process that was started last has ended."""
        said: dict[str, Any] = {}
        while "signal" not in (line := self._line()):
            said = line
        if not line["signal"] and not said:
            raise AssertionError("the process has failed; its traceback is on standard error")
        return Outcome(line["signal"], said)

    def run(self, run: Run, *, kill_after: float | None = None) -> Outcome:
        """Start a process and wait for it; kill it if it has not ended after some seconds."""
        pid = self.start(run)
        if kill_after is not None:
            timer = threading.Timer(kill_after, kill, [pid])
            timer.start()
            try:
                return self.wait()
            finally:
                timer.cancel()
        return self.wait()

    def close(self) -> None:
        """End the server; the process that it has started is over by then."""
        assert self._server.stdin is not None
        self._server.stdin.close()
        self._server.wait(timeout=30)

    def _line(self) -> dict[str, Any]:
        assert self._server.stdout is not None
        line: dict[str, Any] = json.loads(self._server.stdout.readline())
        return line


def kill(pid: int) -> None:
    """Kill a process that may be over already, but whose number the server has not given back yet."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def _say(line: dict[str, Any]) -> None:
    os.write(1, json.dumps(line).encode() + b"\n")


def _serve() -> None:
    for kinds in (field_types, builtin_pools, destinations, encoders, value_formats):
        list(kinds)  # imports them
    gc.collect()
    gc.freeze()  # or each fork would copy what the collector looks at
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            _say({"pid": os.getpid()})
            kind, document = json.loads(line)
            _say(_CARRIERS[kind](document))
            os._exit(0)
        _, status = os.waitpid(pid, 0)
        _say({"signal": os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0})


if __name__ == "__main__":
    _serve()
