"""`sdg schema`: the JSON Schema of a definition file, for editors."""

from __future__ import annotations

import json
from typing import Any

from generators.file_schema import file_schema
from sdg_project.commands import DONE, SdgCommand


class Command(SdgCommand):
    help = "Print the JSON Schema of a definition file, bundles too: editors complete and check such files with it."
    example = "sdg schema > definition.schema.json"

    def carry_out(self, options: dict[str, Any]) -> int:
        self.stdout.write(json.dumps(file_schema(), indent=2, ensure_ascii=False))
        return DONE
