"""`sdg functions`: what formulas can do, with an example of each."""

from __future__ import annotations

import json
from itertools import groupby
from typing import Any

from django.core.management.base import CommandParser

from engine.expression.formula import functions
from engine.expression.functions import Function
from engine.issues import did_you_mean
from sdg_project.commands import DONE, SdgCommand
from sdg_project.errors import NotFound


class Command(SdgCommand):
    help = "List the functions and operators of formulas (COMPUTED), each with a sentence and examples."
    example = "sdg functions round"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("word", nargs="?", metavar="WORD", help="only those with this in one of their names")
        parser.add_argument("--json", action="store_true", help="one JSON object a function")

    def carry_out(self, options: dict[str, Any]) -> int:
        word = (options["word"] or "").upper()
        chosen = [function for function in functions() if any(word in name for name in function.names)]
        if not chosen:
            names = [name for function in functions() for name in function.names]
            hint = did_you_mean(word, names) or '"sdg functions" lists all of them'
            raise NotFound(f"no function has {options['word']} in its name", hint=hint)
        if options["json"]:
            for function in chosen:
                self.stdout.write(json.dumps(_answer(function), ensure_ascii=False))
        else:
            for group, members in groupby(sorted(chosen, key=lambda one: one.group), key=lambda one: one.group):
                self.stdout.write(f"{group}\n\n")
                for function in members:
                    self._show(function)
        return DONE

    def _show(self, function: Function) -> None:
        also = f"  (also {', '.join(function.names[1:])})" if function.names[1:] else ""
        self.stdout.write(f"  {function.signature}{also}")
        self.stdout.write(f"    {function.says}")
        for example, result in function.examples.items():
            self.stdout.write(f"    {example}  →  {result or 'the empty text'}")
        self.stdout.write("")


def _answer(function: Function) -> dict[str, Any]:
    return {
        "name": function.name,
        "otherNames": function.names[1:],
        "group": function.group,
        "signature": function.signature,
        "description": function.says,
        "examples": [{"expression": example, "result": result} for example, result in function.examples.items()],
    }
