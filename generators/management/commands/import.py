"""`sdg import`: pools and generators of a bundle, created or updated by their names; all of them or none."""  # noqa: N999  # the command is named so

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from generators.definition_files import base_of, read_documents
from generators.services.bundles import Action, Change, import_bundle
from sdg_project.commands import DONE, SdgCommand
from sdg_project.database import ready_database
from sdg_project.documents import split_bundle

_WORDS = {
    Action.CREATE: ("created", "would be created"),
    Action.CHANGE: ("changed", "would be changed"),
    Action.LEAVE: ("left as it is", "would be left as it is"),
}


class Command(SdgCommand):
    help = "Store the pools and generators of a file, by their names: all of them, or none when anything is wrong."
    example = "sdg import orders.yaml --dry-run"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", metavar="FILE", help="a YAML or JSON file, - for standard input, or template:NAME")
        parser.add_argument("--dry-run", action="store_true", help="only say what would be done with each")

    def carry_out(self, options: dict[str, Any]) -> int:
        path = options["file"]
        bundle = split_bundle(read_documents(path))
        ready_database()
        changes = import_bundle(bundle, base=base_of(path), by="command line", dry_run=options["dry_run"])
        for change in changes:
            self._tell(change, is_dry=options["dry_run"])
        if not changes:
            self.say("there is no generator and no pool in it")
        return DONE

    def _tell(self, change: Change, *, is_dry: bool) -> None:
        self.stdout.write(f'{change.kind} "{change.name}" {"" if is_dry else "is "}{_WORDS[change.action][is_dry]}')
        for detail in change.details:
            self.stdout.write(f"  {detail}")
