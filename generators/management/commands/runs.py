"""`sdg runs`: what was run, how it stands, and what goes on with it."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from django.core.management.base import CommandParser
from rich.table import Table

from engine.issues import UNREACHABLE as UNREACHABLE_CODES
from engine.issues import Issue
from generators.models import Run
from generators.report import run_report, run_row, summary
from generators.runs.local import end_run
from generators.services.runs import find_own_run, prune_runs
from generators.tables import console_on
from sdg_project.arguments import whole_number
from sdg_project.commands import DONE, FAILED, UNREACHABLE, SdgCommand
from sdg_project.database import ready_database
from sdg_project.errors import Invalid
from sdg_project.text import amount

MAX_DAYS = 36_500


class Command(SdgCommand):
    help = "List the runs, newest first; or end one where it stands, or remove old ones with what only they need."
    example = "sdg runs --json"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="one JSON object per run")
        actions = parser.add_subparsers(dest="action", metavar="[prune]")
        summary = "remove old runs, their tables and abandoned hidden parts"
        prune = self.add_action(actions, "prune", summary, "sdg runs prune --days 7")
        summary = "end an interrupted or failed run where it stands, and show what it has written"
        stop = self.add_action(actions, "stop", summary, "sdg runs stop last")
        stop.add_argument("run", metavar="RUN|last", help="its id, or the beginning of that")
        prune.add_argument("--days", type=whole_number, default=30, metavar="N", help="older than this; default 30")

    def carry_out(self, options: dict[str, Any]) -> int:
        ready_database()
        if options["action"] == "prune":
            if not 0 <= options["days"] <= MAX_DAYS:
                message = f"--days must be between 0 and {MAX_DAYS}, not {options['days']}"
                raise Invalid([Issue("INVALID_VALUE", "", message)])
            pruned = prune_runs(older_than=timedelta(days=options["days"]))
            for run, reason in pruned.kept:
                self.say(f"run {run.pk} is kept: {reason}")
            self.say(f"{amount(len(pruned.runs), 'run')} removed; what completed runs have written is left where it is")
            if pruned.pool_versions:
                self.say(f"{amount(pruned.pool_versions, 'version')} of pools removed, which no run needs any more")
            if pruned.folders:
                self.say(f"{amount(pruned.folders, 'folder')} of runs removed that had not come to be")
            if pruned.workers:
                self.say(f"{amount(pruned.workers, 'worker')} forgotten, of which nothing has been heard for long")
            return DONE
        if options["action"] == "stop":
            return self._stop(find_own_run(options["run"], action="stop"), is_json=options["json"])
        rows = [run_row(run) for run in Run.objects.all()]
        if options["json"]:
            for row in rows:
                self.stdout.write(json.dumps(row))
        elif rows:
            self._show(rows)
        else:
            self.say("there is no run yet; start one with: sdg run DEFINITION")
        return DONE

    def _stop(self, run: Run, *, is_json: bool) -> int:
        failure = end_run(run)
        if failure is not None:
            self.say(f"{failure.code}: {failure.message}", f"then end it with: sdg runs stop {run.pk}")
            return UNREACHABLE if failure.code in UNREACHABLE_CODES else FAILED
        report = run_report(run)
        if is_json:
            self.stdout.write(json.dumps(report))
        elif run.outputs:
            for line in summary(report):
                self.say(line)
        else:
            self.say("it had written nothing, so there is nothing to show")
        return DONE

    def _show(self, rows: list[dict[str, Any]]) -> None:
        table = Table(box=None, pad_edge=False)
        for title in ("run", "definition", "status", "records", "to"):
            table.add_column(title, justify="right" if title == "records" else "left", overflow="fold")
        for row in rows:
            total = row["recordCount"]
            share = "" if total in {None, row["records"]} else f" of {total:,}"
            table.add_row(row["runId"][:8], row["definition"], row["status"], f"{row['records']:,}{share}", row["to"])
        console_on(self.stdout).print(table)
        pending = next((row for row in rows if row["resume"]), None)
        if pending is not None:
            self.say(f"go on with: {pending['resume']}")
            if pending["stop"]:
                self.say(f"or end it there, and see what it has: {pending['stop']}")
