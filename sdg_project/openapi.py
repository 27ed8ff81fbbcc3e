"""The OpenAPI document: operations from the views, components from the declarations that validate."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, TypeVar

from django.utils.module_loading import import_string
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from sdg_project.examples import example_of
from sdg_project.problems import problem
from sdg_project.text import NAME_PATTERN

PARTS = (
    "sdg_project.schema.components",
    "generators.schema.components",
    "pools.schema.components",
    "sinks.schema.components",
)
"""Functions that give components by name, as JSON Schema 2020-12 with references to each other by name."""

REFERENCE = "#/components/schemas/{model}"
_PROBLEM_TYPE = "application/problem+json"
_MEANINGS = {
    400: "The request is invalid: `errors` says where and how, all of it.",
    401: "There is no valid token or session.",
    403: "The role does not allow it.",
    404: "There is no such thing.",
    406: "The answer cannot be given in that form.",
    409: "It does not fit the state of things.",
    413: "The body is too large.",
    415: "The body has a type that is not read here.",
    429: "Too many requests in a minute; `Retry-After` says how long to wait.",
    503: "Something cannot be reached; try again later.",
}
F = TypeVar("F", bound=Callable[..., Any])


def operation(
    name: str,
    summary: str,
    *,
    answer: str | Mapping[str, Any] | None,
    status: int = 200,
    body: str | Mapping[str, Any] | None = None,
    parameters: Sequence[OpenApiParameter] = (),
    errors: Sequence[int] = (),
    further: Mapping[int, str] | None = None,
    repeatable: bool = False,
    tag: str = "service",
    media_type: str = "application/json",
) -> Callable[[F], F]:
    """Describe a view's method: its answer and its body are components by name, or lists of them (``Name[]``)."""
    codes = sorted(
        {400, 401, 403, 406, 429, 503, *errors, *([413, 415] if body else []), *([409] if repeatable else [])}
    )
    headers = [*([_KEY] if repeatable else []), *(_PAGE_HEADERS if PAGE[0] in parameters else [])]
    responses: dict[Any, Any] = {
        (code, _PROBLEM_TYPE): OpenApiResponse(_reference("Problem"), description=_MEANINGS[code]) for code in codes
    }
    shown: Any = _reference(answer) if isinstance(answer, str) else answer
    responses[(status, media_type) if shown else status] = OpenApiResponse(shown, description="Done.")
    for other, component in (further or {}).items():
        responses[(other, "application/json")] = OpenApiResponse(_reference(component), description="Done.")
    request: Any = None
    if isinstance(body, str):
        request = {"application/json": _reference(body)}
    elif body is not None:
        request = dict(body)
    described: Callable[[F], F] = extend_schema(
        operation_id=name,
        summary=summary,
        description=f"{summary}.",
        request=request,
        responses=responses,
        parameters=[*parameters, *headers],
        tags=[tag],
    )
    return described


_KEY = OpenApiParameter(
    "Idempotency-Key",
    {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
    OpenApiParameter.HEADER,
    description="A request that is repeated with its key within 24 hours gets the first answer again.",
)
_PAGE_HEADERS = (
    OpenApiParameter(
        "X-Total-Count", int, OpenApiParameter.HEADER, description="Length of the whole list.", response=[200]
    ),
    OpenApiParameter("Link", str, OpenApiParameter.HEADER, description="The other pages (RFC 8288).", response=[200]),
)


def name_in_path(name: str) -> OpenApiParameter:
    """The parameter of a path that holds the name of a pool or a connection."""
    schema = {"type": "string", "pattern": NAME_PATTERN}
    return OpenApiParameter(name, schema, OpenApiParameter.PATH, description="Without regard to case.")


def query(name: str, schema: Mapping[str, Any], description: str, **further: Any) -> OpenApiParameter:
    """A query parameter."""
    return OpenApiParameter(name, dict(schema), OpenApiParameter.QUERY, description=description, **further)


PAGE = (
    query("limit", {"type": "integer", "minimum": 1, "maximum": 1000, "default": 100}, "How many at most."),
    query("offset", {"type": "integer", "minimum": 0, "default": 0}, "How many to leave out before."),
)
"""The parameters of lists."""


def _reference(name: str) -> dict[str, Any]:
    if name.endswith("[]"):
        return {"type": "array", "items": _reference(name[:-2])}
    return {"$ref": REFERENCE.format(model=name)}


def declared(*models: type[BaseModel], mode: Any = "validation") -> dict[str, Any]:
    """Components of pydantic models and of all that they consist of, under their class names."""
    _, document = models_json_schema([(model, mode) for model in models], ref_template=REFERENCE)
    found: dict[str, Any] = document["$defs"]
    return found


@lru_cache(maxsize=1)
def api_document() -> dict[str, Any]:
    """The document of this version; made once per process."""
    from drf_spectacular.generators import SchemaGenerator

    generator: Any = SchemaGenerator  # which has no types
    document: dict[str, Any] = json.loads(json.dumps(generator().get_schema(request=None, public=True)))
    return document


def complete_document(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """drf-spectacular's hook: put the components in, in the words of OpenAPI 3.0."""
    components: dict[str, Any] = {}
    for part in PARTS:
        components |= import_string(part)()
    schemas = result.setdefault("components", {}).setdefault("schemas", {})
    schemas |= {name: translated(schema) for name, schema in sorted(components.items())}
    for item in result["paths"].values():
        for described in item.values():
            _add_examples(described, schemas)
    return result


def _add_examples(described: dict[str, Any], schemas: Mapping[str, Any]) -> None:
    """Give each body and each answer of an operation an example."""
    for media_type, content in described.get("requestBody", {}).get("content", {}).items():
        if media_type == "application/json":
            content.setdefault("example", example_of(content["schema"], schemas, whole=False))
    for status, response in described["responses"].items():
        for media_type, content in response.get("content", {}).items():
            if media_type == _PROBLEM_TYPE:
                content["example"] = problem(int(status), _MEANINGS[int(status)], code=_CODES.get(int(status)))
            else:
                content["example"] = example_of(content["schema"], schemas, whole=True)


_CODES = {409: "INVALID_TRANSITION", 503: "NO_WORKER"}
"""An example of the code of a problem, where its status has several."""


# JSON Schema 2020-12 → OpenAPI 3.0.

_KEPT = (
    "type", "format", "description", "enum", "pattern", "minLength", "maxLength", "minimum", "maximum", "multipleOf",
    "minItems", "maxItems", "uniqueItems", "minProperties", "maxProperties", "required", "readOnly", "nullable",
)  # fmt: skip


def translated(schema: Any) -> dict[str, Any]:
    """A schema in the words of OpenAPI 3.0. Walks schemas only: a property may be named like a keyword."""
    if not isinstance(schema, Mapping):
        return {}
    if "$ref" in schema:
        reference = {"$ref": schema["$ref"]}
        beside = {name: schema[name] for name in ("description", "readOnly", "nullable") if name in schema}
        return {"allOf": [reference], **beside} if beside else reference
    if isinstance(schema.get("type"), list):
        parts = [{"type": kind} for kind in schema["type"]]
        return translated({**{name: part for name, part in schema.items() if name != "type"}, "anyOf": parts})
    made = {name: schema[name] for name in _KEPT if name in schema}
    if "const" in schema:
        made |= {"type": "string", "enum": [schema["const"]]}
    if schema.get("default") is not None:
        made["default"] = schema["default"]
    if schema.get("examples"):
        made["example"] = schema["examples"][0]
    for exclusive, bound in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
        if exclusive in schema:
            made |= {bound: schema[exclusive], exclusive: True}
    if "properties" in schema:
        required = set(schema.get("required", ()))
        made["properties"] = {
            name: translated(part) if name in required or part.get("readOnly") else _optional(translated(part))
            for name, part in schema["properties"].items()
        }
    if "items" in schema:
        made["items"] = translated(schema["items"])
    elif "prefixItems" in schema:
        made["items"] = {"oneOf": [translated(part) for part in schema["prefixItems"]]}
    elif schema.get("type") == "array":
        made["items"] = {}
    if "additionalProperties" in schema:
        more = schema["additionalProperties"]
        made["additionalProperties"] = more if isinstance(more, bool) else translated(more)
    if "discriminator" in schema:
        made["discriminator"] = schema["discriminator"]
    for several in ("anyOf", "oneOf", "allOf"):
        if several in schema:
            made = _united(made, several, schema[several])
    return made


def _united(made: dict[str, Any], several: str, parts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """A schema with alternatives; null among them becomes ``nullable``, and one that is left alone is taken in."""
    others = [translated(part) for part in parts if part.get("type") != "null"]
    if len(others) < len(parts):
        made["nullable"] = True
    if len(others) > 1 or "discriminator" in made:
        return made | {several: others}
    [only] = others
    return made | {"allOf": [only]} if "$ref" in only else only | made


def _optional(schema: dict[str, Any]) -> dict[str, Any]:
    """What may be left out may also be null."""
    return {"allOf": [schema], "nullable": True} if "$ref" in schema else schema | {"nullable": True}
