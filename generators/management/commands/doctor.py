"""`sdg doctor`: whether this installation is as it should be."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import CommandParser

from engine.issues import Issue
from generators.checkup import PORT, check_all
from sdg_project.arguments import whole_number
from sdg_project.commands import DONE, FAILED, SdgCommand
from sdg_project.errors import Invalid


class Command(SdgCommand):
    help = "Look at home, disk, database, port, workers and leftovers, and say what to do where something is amiss."
    example = "sdg doctor --port 8080"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--port", type=whole_number, metavar="N", help=f"of sdg up; default where it listens, or {PORT}"
        )
        parser.add_argument("--json", action="store_true", help="one JSON object per check")

    def carry_out(self, options: dict[str, Any]) -> int:
        if options["port"] is not None and not 1 <= options["port"] <= 65_535:
            raise Invalid([Issue("INVALID_VALUE", "", f"--port must be from 1 to 65535, not {options['port']}")])
        code = DONE
        for check in check_all(port=options["port"]):
            if options["json"]:
                row = {"part": check.part, "fine": check.is_fine, "found": check.found, "remedy": check.remedy}
                self.stdout.write(json.dumps(row))
            else:
                self.stdout.write(f"{'ok  ' if check.is_fine else 'MEND'}  {check.part:9}  {check.found}")
                if check.remedy:
                    self.stdout.write(f"{'':17}{check.remedy}")
            code = code if check.is_fine else FAILED
        return code
