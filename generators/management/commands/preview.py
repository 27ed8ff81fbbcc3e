"""`sdg preview`: any records of a definition, without side effects."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.core.management.base import CommandParser

from engine.errors import RecordInvalid
from engine.issues import Issue
from engine.span import MAX_RECORDS, Span
from generators.definition_command import WHERE_FROM, DefinitionCommand
from generators.definition_files import DefinitionFile, choose_definition
from generators.plan import Plan
from generators.services.validation import preview_plan
from generators.tables import show_records
from sdg_project.arguments import whole_number
from sdg_project.commands import DONE, FAILED
from sdg_project.errors import Invalid
from sinks.encoding.base import encoders
from sinks.encoding.compression import Compression

MAX_ROWS = 10_000


class Command(DefinitionCommand):
    help = "Show any records of a definition; nothing is written anywhere. Without a seed, seed 0 is used."
    example = "sdg preview orders.yaml --start 999999999990 --rows 10"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("definition", metavar="DEFINITION", help=WHERE_FROM)
        parser.add_argument("--rows", type=whole_number, default=10, metavar="N", help="how many; default 10")
        parser.add_argument(
            "--start", type=whole_number, default=0, metavar="N", help="the first record's number, from 0"
        )
        parser.add_argument("--seed", type=whole_number, metavar="N", help="in place of the definition's own")
        parser.add_argument(
            "--generator",
            metavar="NAME",
            help="only this one, when the file holds several; with --json one must be named",
        )
        self.add_set(parser)
        parser.add_argument("--json", action="store_true", help="JSON Lines instead of a table")

    def carry_out(self, options: dict[str, Any]) -> int:
        start, rows = options["start"], options["rows"]
        if not 1 <= rows <= MAX_ROWS:
            raise Invalid([Issue("INVALID_VALUE", "", f"--rows must be between 1 and {MAX_ROWS}, not {rows}")])
        if start < 0 or start + rows > MAX_RECORDS:
            raise Invalid([Issue("INVALID_VALUE", "", f"--start plus --rows must be between 0 and {MAX_RECORDS}")])
        contents = self.read(options)
        if contents.issues:
            return self.refuse_broken(contents, _errors_of)
        if options["json"] or options["generator"] is not None or len(contents.definitions) == 1:
            return self._preview(choose_definition(contents, options["generator"]), Span(start, rows), options)
        code = DONE
        for number, file in enumerate(contents.definitions):
            self.stdout.write("\n" * (number > 0) + f"{file.name}:")
            code = max(code, self._preview(file, Span(start, rows), options))
        return code

    def _preview(self, file: DefinitionFile, span: Span, options: dict[str, Any]) -> int:
        try:
            plan = _plan_of(file, seed=options["seed"])
            batch = plan.batch(span)
        except Invalid as error:
            return self.refuse(error.issues, file.where)
        except RecordInvalid as error:
            self.say(f"{error.code}: {error}")
            return FAILED
        if options["json"]:
            kind = encoders["JSONL"]
            payload = kind(plan.schema, kind.Options(), Compression.NONE).frame(batch).payload
            self.stdout.write(payload.decode(), ending="")
        else:
            show_records(plan.schema, batch, self.stdout)
        if options["seed"] is None and plan.definition.shape.seed is None:
            self.say("the definition has no seed: these are the records of seed 0")
        return DONE


def _plan_of(file: DefinitionFile, *, seed: int | None = None) -> Plan:
    return preview_plan(file.value, own_pools=file.own_pools, updated_at=file.updated_at, seed=seed)


def _errors_of(file: DefinitionFile) -> Sequence[Issue]:
    try:
        _plan_of(file)
    except Invalid as error:
        return error.issues
    return ()
