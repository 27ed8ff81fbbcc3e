"""`sdg openapi`: the OpenAPI document of the API."""

from __future__ import annotations

import json
from typing import Any

from sdg_project.commands import DONE, SdgCommand


class Command(SdgCommand):
    help = "Print the OpenAPI 3.0.1 document of the API, as the service gives it at /api/v1/schema."
    example = "sdg openapi > Synthetic_Data_GEN_API.json"

    def carry_out(self, options: dict[str, Any]) -> int:
        from sdg_project.openapi import api_document

        self.stdout.write(json.dumps(api_document(), indent=2, ensure_ascii=False))
        return DONE
