"""`sdg templates`: the definitions that come with SDG."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from django.core.management.base import CommandParser
from rich.console import Console
from rich.table import Table

from generators.templates import template_description, template_names, template_text
from sdg_project.commands import DONE, SdgCommand
from sdg_project.documents import parse_documents, split_bundle


class Command(SdgCommand):
    help = (
        "List the definitions that come with SDG, or print one to start your own from. sdg run, preview, validate and"
        " import take them as template:NAME."
    )
    example = "sdg templates shop > shop.yaml"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", nargs="?", metavar="NAME", help="print this one, as YAML")
        parser.add_argument("--json", action="store_true", help="what they hold, as one JSON object per template")

    def carry_out(self, options: dict[str, Any]) -> int:
        name = options["name"]
        if name is not None and not options["json"]:
            self.stdout.write(template_text(name), ending="")
            return DONE
        answers = [_answer(one) for one in (template_names() if name is None else [name])]
        if options["json"]:
            for answer in answers:
                self.stdout.write(json.dumps(answer, ensure_ascii=False))
        else:
            self._list(answers)
        return DONE

    def _list(self, answers: Sequence[dict[str, Any]]) -> None:
        table = Table(box=None, pad_edge=False)
        for title in ("template", "what", "generator", "fields", "records"):
            table.add_column(title, justify="right" if title in {"fields", "records"} else "left", overflow="fold")
        for answer in answers:
            shown = (answer["name"], answer["description"])
            for generator in answer["generators"]:
                fields, records = f"{generator['fields']:,}", f"{generator['recordCount']:,}"
                table.add_row(*shown, generator["name"], fields, records)
                shown = ("", "")
        console = Console(highlight=False, width=None if self.stdout.isatty() else 200)
        with console.capture() as capture:
            console.print(table)
        self.stdout.write(capture.get(), ending="")
        self.stdout.write("\nsdg run template:NAME makes one as it is, sdg templates NAME prints it")


def _answer(name: str) -> dict[str, Any]:
    bundle = split_bundle(parse_documents(template_text(name), origin=f"{name}.yaml"))
    return {
        "name": name,
        "description": template_description(name),
        "generators": [
            {
                "name": generator.value["name"],
                "fields": len(generator.value["fieldMappings"]),
                "recordCount": generator.value["recordCount"],
            }
            for generator in bundle.generators
        ],
        "pools": [pool.value["name"] for pool in bundle.pools],
    }
