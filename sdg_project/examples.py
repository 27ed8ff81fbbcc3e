"""Examples of requests and answers, made from those that stand at the declarations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

INSTANT = "2026-01-05T10:00:00Z"
IDENTIFIER = "0b6f6a0e-5c1d-4e0f-9a3b-2f6d1c7e8a90"
_BY_FORMAT = {"date-time": INSTANT, "uuid": IDENTIFIER}
_PLAIN: Mapping[str, Any] = {"string": "", "boolean": False, "object": {}}


def example_of(schema: Mapping[str, Any], components: Mapping[str, Any], *, whole: bool) -> Any:
    """A value that an OpenAPI schema allows; with all properties of its objects, or only with those that are required.

    What may be null is, unless the declaration has an example of its own.
    """
    if "example" in schema:
        return schema["example"]
    if "$ref" in schema:
        return example_of(components[schema["$ref"].rpartition("/")[2]], components, whole=whole)
    if schema.get("nullable") and whole:
        return None
    for several in ("allOf", "oneOf", "anyOf"):
        if several in schema:
            return example_of(schema[several][0], components, whole=whole)
    if "enum" in schema:
        return schema["enum"][0]
    if "default" in schema:
        return schema["default"]
    if "properties" in schema:
        required = schema.get("required", ())
        return {
            name: example_of(part, components, whole=whole)
            for name, part in schema["properties"].items()
            if whole or name in required
        }
    if schema.get("type") == "array":
        return [example_of(schema["items"], components, whole=whole)] if schema.get("items") else []
    if schema.get("type") in {"integer", "number"}:
        return schema.get("minimum", 0)
    return _BY_FORMAT.get(schema.get("format", ""), _PLAIN.get(schema.get("type", ""), {}))
