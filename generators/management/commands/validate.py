"""`sdg validate`: everything that is wrong with a definition, and what it would make."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from django.core.management.base import CommandParser

from engine.issues import Issue, Severity
from generators.definition_command import WHERE_FROM, DefinitionCommand
from generators.definition_files import Contents, DefinitionFile
from generators.services.validation import Validation, validate_definition
from generators.validation_answer import judgement, prospect
from sdg_project import env
from sdg_project.commands import DONE, WRONG
from sdg_project.errors import Invalid, NotFound
from sdg_project.exact_json import ExactEncoder
from sdg_project.text import amount

_NOTHING = Validation((), None, None, None, None, None)
_SEVERITIES = list(Severity)


class Command(DefinitionCommand):
    help = "Say everything that is wrong with a definition, whether it is feasible, and how large the result will be."
    example = "sdg validate orders.yaml --json"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("definition", metavar="DEFINITION", help=WHERE_FROM)
        self.add_set(parser)
        parser.add_argument("--strict", action="store_true", help="warnings count as errors")
        parser.add_argument(
            "--acknowledge", action="append", default=[], metavar="ID", help="accept the issue with this id"
        )
        parser.add_argument(
            "--json", action="store_true", help="the answer of the API as JSON; of a bundle, one for all its generators"
        )

    def carry_out(self, options: dict[str, Any]) -> int:
        try:
            contents = self.read(options)
        except (Invalid, NotFound) as error:
            if not options["json"]:
                raise
            issues = error.issues if isinstance(error, Invalid) else [Issue("NOT_FOUND", "", str(error))]
            contents = Contents(options["definition"], (), tuple(issues), is_bundle=False)
        found = [(file, _validation_of(file)) for file in contents.definitions]
        judged = judgement(
            [*contents.issues, *(_in_the_file(issue, file) for file, one in found for issue in one.issues)],
            strict=options["strict"],
            acknowledged=options["acknowledge"],
        )
        if options["json"]:
            answer = _answer(contents, found, judged)
            self.stdout.write(json.dumps(answer, ensure_ascii=False, cls=ExactEncoder))
        else:
            self._show(contents, found, judged)
        return DONE if judged["valid"] else WRONG

    def _show(
        self, contents: Contents, found: Sequence[tuple[DefinitionFile, Validation]], judged: Mapping[str, Any]
    ) -> None:
        self.show_issues(contents.issues)
        for file, validation in found:
            issues = sorted(validation.issues, key=lambda issue: _SEVERITIES.index(issue.severity))
            self.show_issues(issues, file.where)
        counts = ", ".join(amount(len(judged[f"{noun}s"]), noun) for noun in ("error", "warning"))
        self.say(f"{'valid' if judged['valid'] else 'not valid'}: {counts}")
        for file, validation in found if judged["valid"] else ():
            answer = prospect(validation)
            size = answer["estimates"]
            name = f"{file.name}: " if contents.is_bundle else ""
            each = f"records of about {size['bytesPerRecord']} bytes"
            if size["records"] is None:
                self.say(f"  {name}{each}, as many as there will be{_time(size['durationSeconds'])}")
            else:
                in_all = f"{size['totalBytes']:,} in all{_time(size['durationSeconds'])}"
                self.say(f"  {name}{size['records']:,} {each}, {in_all}")
            for reason in answer["determinism"]["reasons"]:
                self.say(f"  not the same every time: {reason}")


def _time(seconds: float | None) -> str:
    return "" if seconds is None else f", about {seconds:,.0f} s" if seconds >= 1 else ", less than a second"


def _validation_of(file: DefinitionFile) -> Validation:
    return validate_definition(
        file.value, own_pools=file.own_pools, updated_at=file.updated_at, root=str(env.output_root())
    )


def _in_the_file(issue: Issue, file: DefinitionFile) -> Issue:
    """An issue with its path in the file, where other generators may be, too."""
    return replace(issue, path=file.document.at + issue.path)


def _answer(
    contents: Contents, found: Sequence[tuple[DefinitionFile, Validation]], judged: Mapping[str, Any]
) -> dict[str, Any]:
    """The API's answer about a definition; about a bundle, what is wrong in all of it and what each generator makes."""
    if contents.is_bundle:
        return {**judged, "generators": [{"name": file.name, **prospect(one)} for file, one in found]}
    return {**judged, **prospect(found[0][1] if found else _NOTHING)}
