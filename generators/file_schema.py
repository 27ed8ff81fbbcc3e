"""The JSON Schema of a definition file: of a generator, or of a bundle of generators, pools and connections."""

from __future__ import annotations

from typing import Any

from generators.json_schema import REFERENCE, definition_schema
from pools.schema import pool_parts
from sdg_project.documents import BUNDLE_MARKS
from sinks.schema import connection_parts


def file_schema() -> dict[str, Any]:
    """The schema. A bundle is told as when a file is read, so that an editor shows what is wrong with what is meant."""
    generator = definition_schema()
    dialect, parts = generator.pop("$schema"), generator.pop("$defs")
    more, pool = pool_parts(REFERENCE, ["BUILTIN", "FAKER", "FILE", "GENERATOR", "INLINE", "POSTGRES"])
    connections = connection_parts(REFERENCE, in_file=True)
    connection = connections.pop("ConnectionRequest")
    bundle = {
        "title": "Bundle",
        "type": "object",
        "properties": {
            "generators": {"type": "array", "items": {"$ref": REFERENCE.format(model="Generator")}},
            "connections": {"type": "array", "items": {"$ref": REFERENCE.format(model="Connection")}},
            "pools": {"type": "array", "items": {"$ref": REFERENCE.format(model="Pool")}},
        },
        "additionalProperties": False,
    }
    marks: list[dict[str, Any]] = [{"required": [name]} for name in sorted(BUNDLE_MARKS)]
    return {
        "$schema": dialect,
        "title": "SDG definition file",
        "type": "object",
        "if": {"anyOf": marks, "not": {"required": ["fieldMappings"]}},
        "then": {"$ref": REFERENCE.format(model="Bundle")},
        "else": {"$ref": REFERENCE.format(model="Generator")},
        "$defs": {
            **parts,
            **more,
            **connections,
            "Connection": connection,
            "Generator": generator,
            "Pool": pool,
            "Bundle": bundle,
        },
    }
