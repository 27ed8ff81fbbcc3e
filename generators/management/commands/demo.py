"""`sdg demo`: the main job on what is built in."""

from __future__ import annotations

import shutil
import sys
from importlib.resources import files
from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser

from engine.span import Span
from generators.planning import plan_of_run
from generators.progress import Bar
from generators.report import run_report, shown_path
from generators.runs.local import Stop, carry_run, interruptible
from generators.services.runs import RunOrder, progress_of, start_run
from generators.tables import show_records
from sdg_project import env
from sdg_project.arguments import whole_number
from sdg_project.commands import DONE, FAILED, INTERRUPTED, SdgCommand
from sdg_project.database import ready_database
from sdg_project.documents import parse_documents


class Command(SdgCommand):
    help = "Make a million orders of a web shop from what is built in, as JSON Lines, and look at them."
    example = "sdg demo --records 1e5"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--records", type=whole_number, default=1_000_000, metavar="N", help="default 1000000")

    def carry_out(self, options: dict[str, Any]) -> int:
        text = files("generators.bundles").joinpath("orders.yaml").read_text(encoding="utf-8")
        [document] = parse_documents(text, origin="orders.yaml")
        definition = document.value | {
            "recordCount": options["records"],
            "destination": {"type": "FILE", "config": {"path": "orders.jsonl"}},
        }
        ready_database()
        run, _ = start_run(definition, RunOrder(owner="command line:demo", root=str(env.output_root())))
        stop = Stop()
        with interruptible(stop), Bar(run) as bar:
            carry_run(run, workers=1, stop=stop, on_progress=lambda: bar.show(progress_of(run)["records"]))
        report = run_report(run)
        started_as = Path(sys.argv[0])
        is_known = shutil.which("sdg") or started_as.name != "sdg"
        sdg = "sdg" if is_known else shown_path(str(started_as.absolute()))
        if report["status"] != "COMPLETED":
            error = report.get("lastError")
            self.say(error["message"] if error else "interrupted", f"go on with: {sdg} run --resume {run.pk}")
            return FAILED if error else INTERRUPTED
        plan = plan_of_run(run)
        show_records(plan.schema, plan.batch(Span(0, min(3, run.spans[-1].end))), self.stdout)
        path = report["outputs"][0]["path"]
        seconds, rate = report["activeSeconds"], report["averageRate"]
        self.stdout.write(
            f"\n{report['recordsWritten']:,} records in {seconds:.2f} s: {rate:,} records/s\n"
            f"{path} ({report['bytesWritten']:,} bytes)\n\n"
            "Next, file in, file out:\n"
            f"  {sdg} init orders.yaml                   a definition of your own\n"
            f"  {sdg} preview orders.yaml                any of its records\n"
            f"  {sdg} run orders.yaml --to orders.csv    write them\n"
            "Or with a service, its API and its admin:\n"
            f"  {sdg} up                                 serve on http://127.0.0.1:50032\n"
            f"  {sdg} import orders.yaml                 store what has a destination\n"
            f"  {sdg} seed orders --wait                 let its workers make the records\n"
            f"{sdg} --help has everything else"
        )
        return DONE
