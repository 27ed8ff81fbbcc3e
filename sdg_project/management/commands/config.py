"""`sdg config`: the variables of the environment, with the values that count."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import CommandParser

from sdg_project.commands import DONE, SdgCommand
from sdg_project.variables import VARIABLES


class Command(SdgCommand):
    help = "List every variable of the environment that counts: name, value, where that comes from, meaning."
    example = "sdg config --json"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="one JSON object per variable")

    def carry_out(self, options: dict[str, Any]) -> int:
        if options["json"]:
            for variable in VARIABLES:
                row = {"name": variable.name, "value": variable.shown, "source": variable.source}
                self.stdout.write(json.dumps({**row, "meaning": variable.meaning}, ensure_ascii=False))
            return DONE
        width = max(len(variable.name) for variable in VARIABLES)
        values = max(len(variable.shown) for variable in VARIABLES)
        for variable in VARIABLES:
            self.stdout.write(
                f"{variable.name:{width}}  {variable.shown:{values}}  {variable.source:11}  {variable.meaning}"
            )
        return DONE
