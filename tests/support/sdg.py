"""The `sdg` command as its own process, as a user types it, but for the time that importing takes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import IO, Any

from tests.support import warm
from tests.support.warm import ROOT

_MAIN = "from sdg_project.cli import main; main()"
_DATABASE = "sdg.sqlite3"


@dataclass(frozen=True)
class Answer:
    """What a command said and how it ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The last line of standard output as JSON."""
        return json.loads(self.out.splitlines()[-1])


@dataclass(frozen=True)
class Sdg:
    """Runs `sdg` in a folder with a home of its own."""

    folder: Path
    environment: Mapping[str, str]

    @classmethod
    def at(cls, folder: Path, **variables: str) -> Sdg:
        """A new installation's first use: nothing of this process's own settings gets through."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("SDG_")}
        kept.pop("DATABASE_URL", None)
        kept.pop("DJANGO_SETTINGS_MODULE", None)
        home = {"SDG_HOME": str(folder / "home"), "PYTHONPATH": str(ROOT)}
        return cls(folder, kept | home | variables)

    def used(self) -> Sdg:
        """The same one after its first use: its control database is there, which takes a second to make."""
        database = Path(self.environment["SDG_HOME"]) / _DATABASE
        database.parent.mkdir(parents=True)
        database.write_bytes(_empty_database())
        return self

    def __call__(self, *arguments: str | Path, stdin: str | None = None, **variables: str) -> Answer:
        """Run to the end."""
        given = subprocess.DEVNULL if stdin is None else subprocess.PIPE
        with self.started(arguments, variables, stdin=given) as process:
            try:
                out, err = process.communicate(stdin, timeout=240)
            except BaseException:
                process.kill()
                raise
        return Answer(process.returncode, out, err)

    def start(self, *arguments: str | Path, **variables: str) -> subprocess.Popen[str]:
        """Start and go on; the caller ends it."""
        return self.started(arguments, variables)

    def started(
        self,
        arguments: Sequence[str | Path],
        variables: Mapping[str, str],
        *,
        stdin: int = subprocess.DEVNULL,
        stdout: int | IO[bytes] = subprocess.PIPE,
        stderr: int | IO[bytes] = subprocess.PIPE,
    ) -> subprocess.Popen[str]:
        """The same with streams of one's own."""
        return warm.python(
            _MAIN,
            *map(str, arguments),
            cwd=self.folder,
            env={**self.environment, **variables},
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
        )

    def command(self, *arguments: str | Path) -> list[str]:
        """The command line."""
        return [sys.executable, "-c", _MAIN, *map(str, arguments)]

    def definition(self, name: str = "orders.yaml", **changes: Any) -> Path:
        """A small definition that uses every kind of column, written to a file."""
        path = self.folder / name
        path.write_text(json.dumps(ORDERS | changes), encoding="utf-8")
        return path


@cache
def _empty_database() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        sdg = Sdg.at(Path(folder))
        answer = sdg("runs")
        assert answer.code == 0, answer.err
        return (Path(sdg.environment["SDG_HOME"]) / _DATABASE).read_bytes()


def killed_after(process: subprocess.Popen[str], seconds: float) -> bool:
    """SIGKILL a process after a while; False when it had ended by itself."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        time.sleep(0.005)
    alive = process.poll() is None
    if alive:
        process.send_signal(signal.SIGKILL)
    process.communicate()
    return alive


ORDERS: dict[str, Any] = {
    "name": "orders",
    "seed": 42,
    "recordCount": 10_000,
    "fieldMappings": [
        {"fieldName": "orderId", "type": "UUID_GENERATED"},
        {"fieldName": "orderNo", "type": "SEQUENCE", "params": {"start": 1000, "template": "INV-{seq:08d}"}},
        {
            "fieldName": "orderedAt",
            "type": "TIMESTAMP_GENERATED",
            "params": {"mode": "RANGE", "from": "2026-01-01T00:00:00Z", "to": "2026-04-01T00:00:00Z"},
        },
        {
            "fieldName": "status",
            "type": "ENUM_RANDOM",
            "params": {"values": ["NEW", "PAID", "SHIPPED"], "weights": [5, 3, 2]},
        },
        {
            "fieldName": "name",
            "type": "POOL_REFERENCE",
            "params": {"pool": "people", "column": "name", "rowBinding": "customer"},
        },
        {
            "fieldName": "email",
            "type": "POOL_REFERENCE",
            "nullRate": 0.1,
            "params": {"pool": "people", "column": "email", "rowBinding": "customer"},
        },
        {
            "fieldName": "quantity",
            "type": "NUMERIC_RANGE",
            "params": {"min": 1, "max": 20, "distribution": {"type": "POISSON", "lambda": 3}},
        },
        {
            "fieldName": "price",
            "type": "NUMERIC_RANGE",
            "params": {
                "min": 1,
                "max": 500,
                "scale": 2,
                "distribution": {"type": "LOGNORMAL", "median": 40, "sigma": 0.8},
            },
        },
        {"fieldName": "currency", "type": "CONSTANT", "params": {"value": "EUR"}},
    ],
}
"""Every field type once, without a destination."""
