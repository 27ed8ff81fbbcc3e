"""`sdg validate`: everything that is wrong with a definition, and what it would make."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import CommandParser

from engine.issues import Issue, Severity
from generators.definition_files import DefinitionFile, only_definition
from generators.services.validation import Validation, validate_definition
from generators.validation_answer import validation_answer
from sdg_project import env
from sdg_project.commands import DONE, WRONG, SdgCommand
from sdg_project.exact_json import ExactEncoder


class Command(SdgCommand):
    help = "Say everything that is wrong with a definition, whether it is feasible, and how large the result will be."
    example = "sdg validate orders.yaml --json"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("definition", metavar="DEFINITION", help="a YAML or JSON file, or - for standard input")
        parser.add_argument(
            "--set", action="append", default=[], metavar="KEY=VALUE", help="override a value by its dotted path"
        )
        parser.add_argument("--strict", action="store_true", help="warnings count as errors")
        parser.add_argument(
            "--acknowledge", action="append", default=[], metavar="ID", help="accept the issue with this id"
        )
        parser.add_argument("--json", action="store_true", help="the answer of the API as JSON")

    def carry_out(self, options: dict[str, Any]) -> int:
        file = only_definition(options["definition"], options["set"])
        validation = validate_definition(
            file.value, own_pools=file.own_pools, updated_at=file.updated_at, root=str(env.output_root())
        )
        answer = validation_answer(validation, strict=options["strict"], acknowledged=options["acknowledge"])
        if options["json"]:
            self.stdout.write(json.dumps(answer, ensure_ascii=False, cls=ExactEncoder))
        else:
            self._show(file, validation, answer)
        return DONE if answer["valid"] else WRONG

    def _show(self, file: DefinitionFile, validation: Validation, answer: dict[str, Any]) -> None:
        order = {Severity.ERROR: 0, Severity.WARNING: 1, Severity.INFO: 2}
        issues: list[Issue] = sorted(validation.issues, key=lambda issue: order[issue.severity])
        self.show_issues(issues, file.where)
        counts = f"{len(answer['errors'])} errors, {len(answer['warnings'])} warnings"
        if not answer["valid"]:
            self.say(f"not valid: {counts}")
            return
        size = answer["estimates"]
        self.say(f"valid: {counts}")
        each = f"records of about {size['bytesPerRecord']} bytes"
        if size["records"] is None:
            self.say(f"  {each}, as many as there will be")
        else:
            self.say(f"  {size['records']:,} {each}, {size['totalBytes']:,} in all")
        if size["durationSeconds"] is not None:
            self.say(f"  in {size['durationSeconds']:,.1f} s")
        for reason in answer["determinism"]["reasons"]:
            self.say(f"  not the same every time: {reason}")
