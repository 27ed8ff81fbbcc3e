"""`sdg validate`: everything that is wrong with a definition, and what it would make."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from django.core.management.base import CommandParser

from engine.issues import UNREACHABLE as UNREACHABLE_CODES
from engine.issues import Issue, Severity, told_apart
from generators.definition_command import WHERE_FROM, DefinitionCommand
from generators.definition_files import Contents, DefinitionFile
from generators.services.validation import Validation, validate_definition, with_connections
from generators.validation_answer import judgement, prospect
from sdg_project import env
from sdg_project.commands import DONE, UNREACHABLE, WRONG
from sdg_project.database import not_answering
from sdg_project.errors import Conflict, Invalid, NotFound, Unavailable
from sdg_project.exact_json import ExactEncoder
from sdg_project.outages import AWAY
from sdg_project.text import amount

_NOTHING = Validation((), None, None, None, None, None)
_SEVERITIES = list(Severity)


class Command(DefinitionCommand):
    help = "Say everything that is wrong with a definition, whether it is feasible, and how large the result will be."
    example = "sdg validate orders.yaml --json"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("definition", metavar="DEFINITION", help=WHERE_FROM)
        self.add_set(parser)
        parser.add_argument("--check-connections", action="store_true", help="ask the destination's server, too")
        parser.add_argument("--strict", action="store_true", help="warnings count as errors")
        parser.add_argument(
            "--acknowledge", action="append", default=[], metavar="ID", help="accept the issue with this id"
        )
        parser.add_argument(
            "--json", action="store_true", help="the API's answer as JSON, with generator and place of each issue"
        )

    def carry_out(self, options: dict[str, Any]) -> int:
        try:
            contents = self.read(options)
            found = [
                (file, _validation_of(file, check_connections=options["check_connections"]))
                for file in contents.definitions
            ]
        except (Invalid, NotFound, Unavailable, Conflict, *AWAY) as error:
            if not options["json"]:
                raise
            contents, found = Contents(options["definition"], (), _issues_of(error), is_bundle=False), []
        issues = list(contents.issues)
        places: list[dict[str, str | None]] = [{"generator": None, "where": None} for _ in issues]
        for file, validation in found:
            for issue in validation.issues:
                issues.append(replace(issue, path=file.document.at + issue.path))
                places.append({"generator": file.name or None, "where": file.where(issue.path, issue.offset)})
        issues = told_apart(issues)
        place_of = dict(zip((issue.id for issue in issues), places, strict=True))
        judged = judgement(
            issues,
            strict=options["strict"],
            acknowledged=options["acknowledge"],
            shown=lambda issue: issue.as_json() | place_of[issue.id],
        )
        if options["json"]:
            answer = _answer(contents, found, judged)
            self.stdout.write(json.dumps(answer, ensure_ascii=False, cls=ExactEncoder))
        else:
            self._show(contents, found, judged)
        if judged["valid"]:
            return DONE
        codes = {error["code"] for error in judged["errors"]}
        return UNREACHABLE if codes and codes <= UNREACHABLE_CODES else WRONG

    def _show(
        self, contents: Contents, found: Sequence[tuple[DefinitionFile, Validation]], judged: Mapping[str, Any]
    ) -> None:
        self.show_issues(contents.issues)
        for file, validation in found:
            issues = sorted(validation.issues, key=lambda issue: _SEVERITIES.index(issue.severity))
            self.show_issues(issues, partial(_place, file) if contents.is_bundle else file.where)
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


def _validation_of(file: DefinitionFile, *, check_connections: bool) -> Validation:
    root = str(env.output_root())
    validation = validate_definition(file.value, own_pools=file.own_pools, updated_at=file.updated_at, root=root)
    if not check_connections:
        return validation
    return with_connections(validation, root=root, owner=file.owner(""), kept={})


def _place(file: DefinitionFile, path: str, offset: int | None = None) -> str:
    """Where something stands in a file with several generators, and in which of them."""
    return f"{file.where(path, offset)} ({file.name or 'without a name'})"


def _issues_of(error: Exception) -> tuple[Issue, ...]:
    """Why there is nothing to validate, or nothing to do it with."""
    if isinstance(error, AWAY):
        error = not_answering(error)
    if isinstance(error, Invalid):
        return error.issues
    if isinstance(error, (Unavailable, Conflict)):
        return (Issue(error.code, "", str(error), error.hint),)
    return (Issue("NOT_FOUND", "", str(error)),)


def _answer(
    contents: Contents, found: Sequence[tuple[DefinitionFile, Validation]], judged: Mapping[str, Any]
) -> dict[str, Any]:
    """The API's answer about a definition; about a bundle, what is wrong in all of it and what each generator makes."""
    if contents.is_bundle:
        return {**judged, "generators": [{"name": file.name, **prospect(one)} for file, one in found]}
    return {**judged, **prospect(found[0][1] if found else _NOTHING)}
