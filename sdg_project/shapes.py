"""Shapes: what every declaration of parameters is made of, and what is said when a value does not fit one."""

from __future__ import annotations

import math
import re
from decimal import Decimal
from functools import partial
from typing import Annotated, Any, ClassVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    model_validator,
)
from pydantic.alias_generators import to_camel
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from engine.issues import Issue
from sdg_project.scalars import MAX_DIGITS
from sdg_project.shape_issues import Faults, aliases, issues_of
from sdg_project.text import clean_name, shown

__all__ = ["Faults", "FieldName", "Int64", "Name", "Number", "Params", "Share", "clean_name", "issues_of", "or_null"]

MAX_SAFE_INTEGER = 2**53 - 1
"""The largest integer up to which JavaScript holds every one."""

_BOUNDS = {"ge": "minimum", "gt": "exclusiveMinimum", "le": "maximum", "lt": "exclusiveMaximum"}
_SAID = frozenset({"title", "description", "default", "examples", "deprecated"})
_NULL = {"type": "null"}
_INTEGER_TEXT = re.compile(r"-?[1-9][0-9]{0,39}")
_NUMBER_TEXT = re.compile(r"-?(?:0|[1-9][0-9]{0,39})(?:\.[0-9]{1,40})?")


def _make_strict(schema: Any) -> None:
    """Let numbers and Booleans be nothing else.

    The model's own ``strict=True`` would also refuse what only Python tells apart: the value of an enum for its member,
    a list for a tuple.
    """
    if isinstance(schema, dict):
        kind = schema.get("type")
        if isinstance(kind, str) and kind in {"int", "float", "bool"}:
            schema["strict"] = True
        for name, part in schema.items():
            if name not in {"default", "metadata", "serialization", "config"}:
                _make_strict(part)
    elif isinstance(schema, (list, tuple)):
        for part in schema:
            _make_strict(part)


def _name_bounds(schema: Any) -> None:
    """Give bounds their names in JSON Schema; pydantic leaves them as ``ge`` behind a validator."""
    if isinstance(schema, dict):
        for name, keyword in _BOUNDS.items():
            if name in schema and not isinstance(schema[name], dict):
                schema[keyword] = schema.pop(name)
        for name, part in schema.items():
            if name not in {"default", "examples", "const", "enum"}:
                _name_bounds(part)
    elif isinstance(schema, list):
        for part in schema:
            _name_bounds(part)


def or_null(schema: JsonSchemaValue) -> JsonSchemaValue:
    """The JSON Schema of what may be left out, and so be null."""
    kept, forms = _parted(schema)
    if not forms or "null" in forms.get("type", ()):
        return schema
    variants = forms["anyOf"] if set(forms) == {"anyOf"} else [forms]
    return {"anyOf": [*(one for one in variants if one != _NULL), _NULL], **kept}


def _without_null(schema: JsonSchemaValue) -> JsonSchemaValue:
    """The JSON Schema of what must be there: where anything is a value, null is none."""
    return schema if _parted(schema)[1] else {**schema, "not": _NULL}


def _parted(schema: JsonSchemaValue) -> tuple[JsonSchemaValue, JsonSchemaValue]:
    """What a JSON Schema says for people, and what it demands."""
    kept = {name: part for name, part in schema.items() if name in _SAID}
    return kept, {name: part for name, part in schema.items() if name not in _SAID}


class Params(BaseModel):
    """The base of every declaration: camelCase in documents, closed, frozen, and no value is taken for another type.

    ``1.0`` and ``"1"`` are no integers and ``1`` is no Boolean; an enum is given by its value. null counts as absent,
    but for the properties in `null_is_value`. A validator that finds several problems raises `Faults`.
    """

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        alias_generator=to_camel,
        validate_by_alias=True,
        validate_by_name=False,
        allow_inf_nan=False,
    )

    null_is_value: ClassVar[frozenset[str]] = frozenset()
    """Properties, by their names in documents, for which null is a value of its own."""

    @model_validator(mode="before")
    @classmethod
    def _without_nulls(cls, given: Any) -> Any:
        if not isinstance(given, dict):
            return given
        optional = aliases(cls) - cls.null_is_value
        # A null under an unknown name stays, so that the name is refused.
        return {name: value for name, value in given.items() if value is not None or name not in optional}

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        schema = handler(source)
        _make_strict(schema)
        return schema

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        document = handler(schema)
        own = handler.resolve_ref_schema(document)
        _name_bounds(own)
        for name, part in own.get("properties", {}).items():
            if name not in cls.null_is_value:
                own["properties"][name] = _without_null(part) if name in own.get("required", ()) else or_null(part)
        return document


def _integer(given: Any) -> Any:
    """The integer, also of a text that is too large to be sent as a number; what is no integer stays as it is."""
    if isinstance(given, str) and _INTEGER_TEXT.fullmatch(given) and abs(int(given)) > MAX_SAFE_INTEGER:
        given = int(given)
    if isinstance(given, int) and not -(2**63) <= given < 2**63:
        message = f"must be from {-(2**63):,} to {2**63 - 1:,}, not {shown(given)}"
        raise Faults(Issue("INVALID_VALUE", "", message))
    return given


def _share(given: float) -> float:
    if not 0 <= given <= 1:
        raise Faults(Issue("INVALID_VALUE", "", f"must be from 0 to 1, not {shown(given)}"))
    return given


def _also_as_text(schema: dict[str, Any]) -> None:
    bounds = {name: schema.pop(name) for name in ("type", *_BOUNDS.values()) if name in schema}
    schema["anyOf"] = [
        {"minimum": -(2**63), "maximum": 2**63 - 1} | bounds,
        {"type": "string", "pattern": "^-?[1-9][0-9]{15,18}$"},
    ]


def _from_0_to_1(schema: dict[str, Any]) -> None:
    schema.setdefault("minimum", 0)
    schema.setdefault("maximum", 1)


def _number(given: Any) -> int | Decimal:
    if isinstance(given, str) and _NUMBER_TEXT.fullmatch(given):
        exact = Decimal(given)
        # As with integers, text is for what a JavaScript client could not send as a number.
        if abs(exact) > MAX_SAFE_INTEGER or Decimal(repr(float(given))) != exact:
            return exact if "." in given else int(given)
    if isinstance(given, bool) or not isinstance(given, (int, float, Decimal)):
        raise Faults(Issue("TYPE_MISMATCH", "", f"must be a number, not {shown(given)}"))
    if not isinstance(given, int) and not math.isfinite(given):
        raise Faults(Issue("NON_FINITE", "", f"must be a finite number, not {shown(given)}"))
    if isinstance(given, int):
        # Compared by size: Python refuses to write out integers of thousands of digits.
        if abs(given) >= 10**MAX_DIGITS:
            message = f"must have at most {MAX_DIGITS} digits, not {shown(given)}"
            raise Faults(Issue("INVALID_VALUE", "", message))
        return given
    return given if isinstance(given, Decimal) else Decimal(repr(given or 0.0))


# These check their bounds themselves: pydantic would let bounds in here replace those that a declaration adds with
# Field(ge=…), and would apply those before a PlainValidator, that is, not at all.
Int64 = Annotated[int, BeforeValidator(_integer), Field(json_schema_extra=_also_as_text)]
"""A 64-bit integer; beyond 2^53 - 1 also as a text of digits."""

Number = Annotated[int | Decimal, BeforeValidator(_number)]
"""An exact number: integers stay integers, 0.1 is the decimal 0.1; a text of digits where no float holds the number."""

Share = Annotated[float, AfterValidator(_share), Field(json_schema_extra=_from_0_to_1)]
"""A part of a whole, from 0 to 1."""

Name = Annotated[str, AfterValidator(clean_name), Field(json_schema_extra={"minLength": 1, "maxLength": 200})]
"""What people call something: in NFC, visible, at most 200 characters."""

FieldName = Annotated[
    str,
    AfterValidator(partial(clean_name, max_length=256)),
    Field(json_schema_extra={"minLength": 1, "maxLength": 256}),
]
"""The name of a field, or a reference to one: in NFC, so that two spellings of one name are one name."""
