"""What the commands that take a definition file share: how it is read, and how all that is wrong with it is told."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Any

from django.core.management.base import CommandParser

from engine.issues import Issue
from generators.definition_files import Contents, DefinitionFile, read_definitions
from sdg_project.commands import DONE, SdgCommand
from sinks.connections.directory import beside

WHERE_FROM = "a YAML or JSON file, - for standard input, or template:NAME"
"""What the argument may be that names definitions, for ``--help``."""


class DefinitionCommand(SdgCommand):
    """A command about the definitions in a file."""

    def add_set(self, parser: CommandParser) -> None:
        """Declare ``--set``."""
        parser.add_argument(
            "--set", action="append", default=[], metavar="KEY=VALUE", help="override a value by its dotted path"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        with ExitStack() as self._while_it_runs:
            super().handle(*args, **options)

    def read(self, options: dict[str, Any]) -> Contents:
        """What the file of the command line holds; raises Invalid or NotFound when it cannot be read.

        From then on its connections win over the stored ones.
        """
        contents = read_definitions(options["definition"], options["set"])
        self._while_it_runs.enter_context(beside(contents.own_connections))
        return contents

    def refuse_broken(self, contents: Contents, errors_of: Callable[[DefinitionFile], Sequence[Issue]]) -> int:
        """Tell all that is wrong with a file, around its definitions and in each; the exit code, 0 if nothing is."""
        code = self.refuse(contents.issues) if contents.issues else DONE
        for definition in contents.definitions:
            if errors := errors_of(definition):
                code = max(code, self.refuse(errors, definition.where))
        return code
