"""What all `sdg` commands share: a plain parser, clear errors, exit codes."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import Any, ClassVar

from django.core.management.base import BaseCommand, CommandParser

from engine.issues import UNREACHABLE as UNREACHABLE_CODES
from engine.issues import Issue, Severity
from sdg_project.errors import Conflict, Invalid, NotFound, SdgError, Unavailable
from sdg_project.outages import AWAY

DONE, FAILED, WRONG, UNREACHABLE, INTERRUPTED = 0, 1, 2, 3, 130
"""The exit codes: done; finished with rejected records, or failed; wrong input; a destination or database is away."""


class SdgCommand(BaseCommand):
    """A command of `sdg`: `help` and `example` are in its ``--help``, `COMMANDS` of the command line lists it."""

    example: ClassVar[str] = ""
    requires_system_checks: list[str] = []  # noqa: RUF012  # as Django declares it
    suppressed_base_arguments: set[str] = {  # noqa: RUF012
        "--version",
        "--verbosity",
        "--traceback",
        "--settings",
        "--pythonpath",
        "--no-color",
        "--force-color",
        "--skip-checks",
    }

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        return super().create_parser(
            prog_name,
            subcommand,
            epilog=f"example:\n  {self.example}",
            formatter_class=argparse.RawDescriptionHelpFormatter,  # keeps the example as it is typed
            allow_abbrev=False,  # a flag that comes later must not change what a script says
            **kwargs,
        )

    def add_action(self, actions: Any, name: str, summary: str, example: str) -> CommandParser:
        """The parser of one of the command's actions, such as ``list``; `actions` is what argparse gave for them."""
        parser: CommandParser = actions.add_parser(
            name,
            help=summary,
            description=f"{summary[0].upper()}{summary[1:]}.",
            epilog=f"example:\n  {example}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        return parser

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            code = self._carried_out(options)
        except Invalid as error:
            code = self.refuse(error.issues)
        except Unavailable as error:
            self.say(f"{error.code}: {error}", error.hint)
            code = UNREACHABLE
        except Conflict as error:
            code = self.refuse(error.issues) if error.issues else self._wrong(error)
        except NotFound as error:
            code = self._wrong(error)
        except SdgError as error:
            self.say(str(error))
            code = WRONG
        if code:
            sys.exit(code)

    def _wrong(self, error: Conflict | NotFound) -> int:
        self.say(str(error), error.hint)
        return WRONG

    def _carried_out(self, options: dict[str, Any]) -> int:
        try:
            return self.carry_out(options)
        except AWAY as error:
            from sdg_project.database import not_answering

            raise not_answering(error) from error

    def carry_out(self, options: dict[str, Any]) -> int:
        """Do it, and say the exit code."""
        raise NotImplementedError(type(self).__name__)

    def say(self, text: str, hint: str | None = None) -> None:
        """A message for the person: on standard error."""
        self.stderr.write(f"{text}\n  {hint}" if hint else text, lambda plain: plain)

    def refuse(self, issues: Sequence[Issue], where: Any = None) -> int:
        """Show the issues that stand against doing it, and say the exit code."""
        self.show_issues(issues, where)
        return UNREACHABLE if all(issue.code in UNREACHABLE_CODES for issue in issues) else WRONG

    def show_issues(self, issues: Sequence[Issue], where: Any = None) -> None:
        """Every issue on standard error: place, code, message, hint.

        `where` turns a pointer, and an offset into the text there, into a place.
        """
        for issue in issues:
            place = where(issue.path, issue.offset) if where else issue.path
            level = "" if issue.severity is Severity.ERROR else f"{issue.severity.value.lower()}: "
            text = (
                f"{place}: {level}{issue.code}: {issue.message}" if place else f"{level}{issue.code}: {issue.message}"
            )
            self.say(text, issue.hint)
