"""Workers as processes, without a service above them: a run is stored by one process and worked on by `sdg worker`."""

from __future__ import annotations

import contextlib
import json
import signal
import sqlite3
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support import warm
from tests.support.sdg import Sdg

_START = """
import json, sys, django
django.setup()
from django.db.models.functions import Now
from generators.models import Worker
from generators.services.catalog import create_generator
from generators.services.lifecycle import StartOptions, start_generator
from sdg_project.database import ready_database
ready_database()
Worker.objects.create(id="promised", host="elsewhere", pid=1, version="", started_at=Now(), beat_at=Now())
generator = create_generator(json.loads(sys.argv[1]), by="tester")
print(start_generator(generator.pk, StartOptions(), by="tester").last_run_id)
Worker.objects.all().delete()
"""
_WORK = """
import sys, django
django.setup()
broken = sys.argv.pop(1)
if broken:
    from tests.support.broken_destinations import BROKEN
    from sinks.destinations.base import destinations
    destinations["FILE"]
    destinations._kinds["FILE"] = BROKEN[broken]
from sdg_project.cli import main
main()
"""
_DIE = """
import json, sys, django
django.setup()
from tests.support.deadly_records import work_and_die
print(json.dumps(work_and_die(int(sys.argv[1]))))
"""


@dataclass(frozen=True)
class Yard:
    """A home with one run in it."""

    sdg: Sdg

    @classmethod
    def at(cls, folder: Path, **variables: str) -> Yard:
        """A home in which nothing has been made yet; leases are short."""
        given = {"SDG_LEASE_SECONDS": "2", "DJANGO_SETTINGS_MODULE": "sdg_project.settings", **variables}
        return cls(Sdg.at(folder, **given).used())

    def start(self, document: Mapping[str, Any]) -> str:
        """Store a generator and start it; the run's id."""
        return self._run(_START, json.dumps(document))

    def worker(self, *arguments: str, broken: str = "", failpoints: str = "") -> subprocess.Popen[str]:
        """`sdg worker` as a process; the caller waits for it or kills it."""
        return warm.python(
            _WORK,
            broken,
            "worker",
            *arguments,
            cwd=self.sdg.folder,
            env={**self.sdg.environment, "SDG_FAILPOINTS": failpoints},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def finish(self, *, broken: str = "", seconds: float = 60) -> str:
        """Let one worker work until the run has ended; its status."""
        process = self.worker(broken=broken)
        try:
            for _ in range(int(seconds / 0.1)):
                if self.status() != "RUNNING":
                    break
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(0.1)
                    break
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
            process.wait(30)
        return self.status()

    def work_and_die(self, *, record: int) -> list[int]:
        """Let a record kill worker after worker until the run has ended; the signals that ended them."""
        signals: list[int] = json.loads(self._run(_DIE, str(record)).splitlines()[-1])
        return signals

    def error(self) -> dict[str, Any]:
        """Why the run has failed."""
        found: dict[str, Any] = json.loads(self._row("select error from generators_run")[0])
        return found

    def status(self) -> str:
        """Where the run stands."""
        return str(self._row("select status from generators_run")[0])

    def record_count(self) -> int | None:
        """How many records the run makes, if that is known."""
        found: int | None = self._row("select record_count from generators_run")[0]
        return found

    def wait_for_work(self, seconds: float = 20) -> None:
        """Until some worker holds a shard, or the run has ended."""
        deadline = time.monotonic() + seconds
        query = "select count(*) from generators_shard where owner <> ''"
        while time.monotonic() < deadline and self.status() == "RUNNING" and not self._row(query)[0]:
            time.sleep(0.02)

    def _run(self, program: str, *arguments: str) -> str:
        """Run a program to its end; what it has said."""
        process = warm.python(
            program,
            *arguments,
            cwd=self.sdg.folder,
            env=self.sdg.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        out, err = process.communicate(timeout=120)
        assert process.returncode == 0, err
        return out.strip()

    def _row(self, query: str) -> tuple[Any, ...]:
        path = Path(self.sdg.environment["SDG_HOME"]) / "sdg.sqlite3"
        with contextlib.closing(sqlite3.connect(path, timeout=30)) as database:
            found: tuple[Any, ...] = database.execute(query).fetchone()
            return found

    @property
    def out(self) -> Path:
        return Path(self.sdg.environment["SDG_HOME"]) / "out"
