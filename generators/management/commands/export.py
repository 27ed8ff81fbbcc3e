"""`sdg export`: stored generators and pools as a bundle, for a repository or another installation."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser

from generators.services.bundles import export_bundle
from sdg_project.commands import DONE, SdgCommand
from sdg_project.database import ready_database
from sdg_project.documents import STANDARD_INPUT as DASH
from sdg_project.errors import Invalid, Unavailable
from sdg_project.text import amount
from sdg_project.yaml_writer import unwritable, write_yaml


class Command(SdgCommand):
    help = "Write stored generators, with the pools that they use, as a bundle that run, import and the API take."
    example = "sdg export orders --out orders.yaml"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("names", nargs="*", metavar="NAME", help="generators and pools; default all")
        parser.add_argument("--out", default=DASH, metavar="FILE", help="YAML, or JSON by its suffix; default -")

    def carry_out(self, options: dict[str, Any]) -> int:
        ready_database()
        out = None if options["out"] == DASH else Path(options["out"])
        try:
            bundle = export_bundle(options["names"], beside=out)
            if not bundle:
                self.say("there is no generator and no pool yet, so there is nothing in the bundle")
            text = _as_text(bundle, as_json=out is not None and out.suffix.lower() == ".json")
            if out is None:
                self.stdout.write(text, ending="")
            else:
                _replace(out, text)
                counts = [amount(len(bundle.get(f"{noun}s", ())), noun) for noun in ("generator", "pool")]
                self.say(f"{' and '.join(counts)} written to {out}")
                if connections := [one["name"] for one in bundle.get("connections", ())]:
                    self.say(f"and connections, without their secrets: {', '.join(connections)}")
        except OSError as error:
            message = f"{error.filename or out} cannot be written or read: {error.strerror}"
            raise Unavailable("DEST_UNAVAILABLE", message) from error
        return DONE


def _as_text(bundle: dict[str, Any], *, as_json: bool) -> str:
    if as_json:
        return json.dumps(bundle, ensure_ascii=False, indent=2) + "\n"
    if issues := list(unwritable(bundle)):
        raise Invalid(issues)
    return write_yaml(bundle or {"pools": [], "generators": []})


def _replace(path: Path, text: str) -> None:
    """Write a file so that it is there whole or not at all."""
    new = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        new.write_text(text, encoding="utf-8")
        new.replace(path)
    finally:
        new.unlink(missing_ok=True)
