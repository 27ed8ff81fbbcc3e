"""`sdg seed`: the records of a stored generator, made by the service's workers."""

from __future__ import annotations

import json
import time
from contextlib import nullcontext
from typing import Any

from django.core.management.base import CommandParser
from django.db import Error, close_old_connections

from engine.issues import did_you_mean
from generators.enums import RunStatus
from generators.models import Generator, Run
from generators.progress import Bar
from generators.report import run_report, summary
from generators.runs.worker import count_alive
from generators.services.lifecycle import read_start_options, start_generator
from generators.services.runs import progress_of
from sdg_project.arguments import whole_number
from sdg_project.commands import DONE, FAILED, INTERRUPTED, UNREACHABLE, SdgCommand
from sdg_project.database import ready_database
from sdg_project.errors import NotFound
from sdg_project.text import amount

_POLL_SECONDS = 0.25
_LONELY_SECONDS = 15.0
"""For so long there may be no worker: those that die at their work are replaced within seconds."""
_OUTSIDE = {"DEST_UNAVAILABLE", "DEST_FULL", "DEST_REGRESSED"}


class Command(SdgCommand):
    help = "Start a stored generator; the workers of `sdg up` or `sdg worker` make its records."
    example = "sdg seed orders --count 1e6 --wait"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", metavar="NAME", help="of a stored generator, without regard to case")
        parser.add_argument("--count", type=whole_number, metavar="N", help="how many records, such as 1e6")
        parser.add_argument("--wait", action="store_true", help="stay until the run has ended, and report")
        parser.add_argument("--json", action="store_true", help="report as one JSON object")

    def carry_out(self, options: dict[str, Any]) -> int:
        ready_database()
        generator = _named(options["name"])
        given = {} if options["count"] is None else {"recordCount": options["count"]}
        started = start_generator(generator.pk, read_start_options(given), by="command line")
        run = started.runs.order_by("-number")[0]
        if not options["wait"]:
            if options["json"]:
                self.stdout.write(json.dumps(run_report(run)))
            self.say(f'run {run.pk} of "{run.name}" is going on', _ways(run))
            return DONE
        try:
            has_workers = self._wait(run, quiet=options["json"])
        except KeyboardInterrupt:
            self.say(f'run {run.pk} of "{run.name}" goes on without this command', _ways(run))
            return INTERRUPTED
        return self._report(run, has_workers=has_workers, as_json=options["json"])

    def _wait(self, run: Run, *, quiet: bool) -> bool:
        """Stay with a run while it is RUNNING and somebody is there to work on it; whether somebody is."""
        seen_at = time.monotonic()
        with nullcontext() if quiet else Bar(run) as bar:
            while True:
                try:
                    run.refresh_from_db()
                    if run.status != RunStatus.RUNNING:
                        return True
                    if count_alive():
                        seen_at = time.monotonic()
                    elif time.monotonic() - seen_at > _LONELY_SECONDS:
                        return False
                    if bar is not None:
                        bar.show(progress_of(run)["records"])
                except Error:  # the control database is away for a moment; what is so for long, its workers tell
                    close_old_connections()
                time.sleep(_POLL_SECONDS)

    def _report(self, run: Run, *, has_workers: bool, as_json: bool) -> int:
        report = run_report(run)
        if as_json:
            self.stdout.write(json.dumps(report))
        written, rejected = report["recordsWritten"], report["recordsFailed"]
        error = run.error or {}
        if run.status == RunStatus.COMPLETED:
            if not as_json:
                for line in summary(report):
                    self.say(line)
            if rejected:
                self.say(
                    f"{amount(rejected, 'record')} could not be written", f"GET /api/v1/runs/{run.pk} has the rest"
                )
            return FAILED if rejected else DONE
        if not has_workers:
            hint = "start one: sdg up, or sdg worker; the run then goes on by itself"
            self.say(f"NO_WORKER: {written:,} records are safe, and there is no worker any more", hint)
            return UNREACHABLE
        reason = f"{error['code']}: {error['message']}" if error else "somebody else did that"
        word = f"the run is {run.status} after {amount(written, 'record')}: {reason}"
        if run.status == RunStatus.STOPPED:
            self.say(word)
            return FAILED
        self.say(word, f"mend the cause, then go on exactly there: {_call(run, 'resume')}")
        return UNREACHABLE if error.get("code") in _OUTSIDE else FAILED


def _named(name: str) -> Generator:
    """The stored generator of a name; raises NotFound with a close name."""
    found = Generator.objects.filter(name_key=name.casefold()).first()
    if found is None:
        names = list(Generator.objects.values_list("name", flat=True))
        hint = did_you_mean(name, names) or "sdg import FILE stores the generators of a file"
        raise NotFound(f'there is no stored generator "{name}"', hint=hint)
    return found


def _call(run: Run, action: str) -> str:
    return f"POST /api/v1/generators/{run.generator_id}/{action}"


def _ways(run: Run) -> str:
    """How to see and to stop a run of the service."""
    return f"sdg runs shows it, {_call(run, 'stop')} stops it"
