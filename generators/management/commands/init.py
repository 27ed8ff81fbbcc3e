"""`sdg init`: a small commented definition to start from."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser

from sdg_project.commands import DONE, SdgCommand
from sdg_project.errors import Conflict, Unavailable


class Command(SdgCommand):
    help = "Write a small commented definition to start from."
    example = "sdg init orders.yaml"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", nargs="?", default="orders.yaml", metavar="FILE", help="default: %(default)s")

    def carry_out(self, options: dict[str, Any]) -> int:
        path = Path(options["file"])
        text = files("generators.bundles").joinpath("starter.yaml").read_text(encoding="utf-8")
        if options["file"] == "-":
            self.stdout.write(text, ending="")
            return DONE
        try:
            with path.open("x", encoding="utf-8") as file:
                file.write(text)
        except FileExistsError as error:
            raise Conflict(
                "NAME_TAKEN", f"{path} exists, and it is left as it is", hint="choose another name"
            ) from error
        except OSError as error:
            raise Unavailable("DEST_UNAVAILABLE", f"{path} cannot be written: {error.strerror}") from error
        self.say(f"{path} is written. Next:\n  sdg preview {path}\n  sdg run {path} --to orders.jsonl")
        return DONE
