"""`sdg demo`: the main job on what is built in."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

from django.core.management.base import CommandParser

from engine.span import Span
from generators.definition_files import whole_number
from generators.planning import plan_of_run
from generators.progress import Bar
from generators.report import run_report
from generators.runs.local import Stop, carry_run
from generators.services import RunOrder, progress_of, start_run
from generators.tables import show_records
from sdg_project import env
from sdg_project.commands import DONE, FAILED, SdgCommand
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
        with Bar(run) as bar:
            carry_run(run, workers=1, stop=Stop(), on_progress=lambda: bar.show(progress_of(run)["records"]))
        report = run_report(run)
        if report["status"] != "COMPLETED":
            self.say(f"the demo stopped: {report['lastError']['message']}")
            return FAILED
        plan = plan_of_run(run)
        show_records(plan.schema, plan.batch(Span(0, min(3, run.record_count))), self.stdout)
        path = report["outputs"][0]["path"]
        seconds, rate = report["activeSeconds"], report["averageRate"]
        self.stdout.write(
            f"\n{report['recordsWritten']:,} records in {seconds:.2f} s: {rate:,} records/s\n"
            f"{path} ({report['bytesWritten']:,} bytes)\n\n"
            "Next:\n"
            "  sdg init orders.yaml                   a definition of your own\n"
            "  sdg preview orders.yaml                any of its records\n"
            "  sdg run orders.yaml --to orders.csv    write them\n"
            "  sdg --help                             everything else"
        )
        return DONE
