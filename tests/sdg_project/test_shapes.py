"""Shapes of parameters, and what is said when a value does not fit."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, ClassVar, Literal, get_args

import pytest
from pydantic import Field, ValidationError, field_validator, model_validator
from pydantic_core import PydanticKnownError, core_schema

from engine.issues import CODES, Issue
from sdg_project.shapes import Faults, FieldName, Int64, Name, Number, Params, Share, issues_of


class Mode(StrEnum):
    BATCH = "BATCH"
    REALTIME = "REALTIME"


class Uniform(Params):
    type: Literal["UNIFORM"]


class Normal(Params):
    type: Literal["NORMAL"]
    mean: Number
    std_dev: Number = Field(gt=0)


class Bin(Params):
    lower: Number
    upper: Number


class Example(Params):
    null_is_value: ClassVar[frozenset[str]] = frozenset({"anything"})

    record_count: int = Field(ge=1, le=10**12)
    name: Name = "x"
    field: FieldName = "y"
    mode: Mode = Mode.BATCH
    size: Literal["S", "M", 3] = "S"
    start: Int64 = Field(default=0, ge=-5)
    step: Number = Field(default=Decimal(1), gt=0, lt=100)
    limit: Number | None = Field(default=None, ge=0)
    share: Share = 0
    tight: Share = Field(default=0, le=0.5, description="A share with a bound of its own.")
    unique: bool = False
    weights: tuple[float, ...] = ()
    values: list[str | int | Number | bool] = Field(default_factory=list)
    labels: dict[str, int] = Field(default_factory=dict)
    bins: list[Bin] = Field(default=[], max_length=2)
    code: str = Field(default="a", min_length=1, max_length=3, pattern="^[a-z]+$")
    distribution: Annotated[Uniform | Normal, Field(discriminator="type")] = Uniform(type="UNIFORM")
    either: Uniform | Bin | None = None
    count: int | Literal["AUTO"] | list[int] = 1
    anything: Any = 1

    @field_validator("labels")
    @classmethod
    def _few(cls, labels: dict[str, int]) -> dict[str, int]:
        if len(labels) > 2:
            raise ValueError("labels are at most 2")
        return labels

    @model_validator(mode="after")
    def _fits(self) -> Example:
        if self.limit is not None and self.step > self.limit:
            message = f"step ({self.step}) must not be greater than limit ({self.limit})"
            raise Faults(
                Issue("RANGE_INVERTED", "/step", message, "swap them"), Issue("INVALID_STEP", "", "is out of step")
            )
        return self


def accept(**given: Any) -> Example:
    return Example.model_validate({"recordCount": 1} | given)


def refuse(**given: Any) -> list[Issue]:
    with pytest.raises(ValidationError) as caught:
        accept(**given)
    return issues_of(caught.value, at="/params", model=Example)


@pytest.mark.parametrize(
    ("given", "code", "path", "message"),
    [
        ({"recordCount": 0}, "INVALID_VALUE", "/recordCount", "recordCount must be from 1 to 1,000,000,000,000, not 0"),
        (
            {"recordCount": 10**30},
            "INVALID_VALUE",
            "/recordCount",
            f"recordCount must be from 1 to 1,000,000,000,000, not {10**30}",
        ),
        (
            {"recordCount": 10**5_000},
            "INVALID_VALUE",
            "/recordCount",
            "recordCount must be from 1 to 1,000,000,000,000, not a number of about 5,001 digits",
        ),
        ({"recordCount": 1.5}, "TYPE_MISMATCH", "/recordCount", "recordCount must be a whole number, not 1.5"),
        ({"recordCount": 1.0}, "TYPE_MISMATCH", "/recordCount", "recordCount must be a whole number, not 1.0"),
        ({"recordCount": "10"}, "TYPE_MISMATCH", "/recordCount", 'recordCount must be a whole number, not text "10"'),
        ({"recordCount": True}, "TYPE_MISMATCH", "/recordCount", "recordCount must be a whole number, not true"),
        ({"recordCount": []}, "TYPE_MISMATCH", "/recordCount", "recordCount must be a whole number, not a list"),
        ({"recordCount": None}, "MISSING_PARAM", "/recordCount", 'required property "recordCount" is missing'),
        (
            {"start": 2**63},
            "INVALID_VALUE",
            "/start",
            "start must be from -9,223,372,036,854,775,808 to 9,223,372,036,854,775,807, not 9223372036854775808",
        ),
        (
            {"start": str(2**63)},
            "INVALID_VALUE",
            "/start",
            "start must be from -9,223,372,036,854,775,808 to 9,223,372,036,854,775,807, not 9223372036854775808",
        ),
        ({"start": -6}, "INVALID_VALUE", "/start", "start must be at least -5, not -6"),
        ({"start": "12"}, "TYPE_MISMATCH", "/start", 'start must be a whole number, not text "12"'),
        ({"step": 0}, "INVALID_VALUE", "/step", "step must be above 0 and below 100, not 0"),
        ({"step": "1.5"}, "TYPE_MISMATCH", "/step", 'step must be a number, not text "1.5"'),
        ({"step": float("inf")}, "NON_FINITE", "/step", "step must be a finite number, not inf"),
        (
            {"step": 10**5_000},
            "INVALID_VALUE",
            "/step",
            "step must have at most 40 digits, not a number of about 5,001 digits",
        ),
        ({"step": True}, "TYPE_MISMATCH", "/step", "step must be a number, not true"),
        ({"tight": 0.6}, "INVALID_VALUE", "/tight", "tight must be at most 0.5, not 0.6"),
        ({"limit": -1}, "INVALID_VALUE", "/limit", "limit must be at least 0, not -1"),
        ({"share": 1.5}, "INVALID_VALUE", "/share", "share must be from 0 to 1, not 1.5"),
        ({"share": float("nan")}, "NON_FINITE", "/share", "share must be a finite number, not nan"),
        ({"share": "0.5"}, "TYPE_MISMATCH", "/share", 'share must be a number, not text "0.5"'),
        ({"share": True}, "TYPE_MISMATCH", "/share", "share must be a number, not true"),
        ({"unique": 1}, "TYPE_MISMATCH", "/unique", "unique must be true or false, not 1"),
        ({"unique": "yes"}, "TYPE_MISMATCH", "/unique", 'unique must be true or false, not text "yes"'),
        ({"weights": [1, "2"]}, "TYPE_MISMATCH", "/weights/1", 'weights[1] must be a number, not text "2"'),
        ({"weights": {}}, "TYPE_MISMATCH", "/weights", "weights must be a list, not an object"),
        (
            {"values": ["a", {}]},
            "TYPE_MISMATCH",
            "/values/1",
            "values[1] must be text, a whole number, a number or true or false, not an object",
        ),
        ({"labels": {"a/b": "c"}}, "TYPE_MISMATCH", "/labels/a~1b", '"a/b" must be a whole number, not text "c"'),
        ({"labels": {"a": 1, "b": 2, "c": 3}}, "INVALID_VALUE", "/labels", "labels are at most 2"),
        ({"bins": [{"lower": 1}]}, "MISSING_PARAM", "/bins/0/upper", 'required property "upper" is missing'),
        ({"bins": [3]}, "TYPE_MISMATCH", "/bins/0", "bins[0] must be an object, not 3"),
        (
            {"bins": [{"lower": 1, "upper": 2}] * 3},
            "INVALID_VALUE",
            "/bins",
            "bins must have at most 2 elements, not 3",
        ),
        ({"code": ""}, "INVALID_VALUE", "/code", "code must not be empty"),
        ({"code": "abcd"}, "INVALID_VALUE", "/code", "code must have at most 3 characters, not 4"),
        ({"code": "A"}, "INVALID_VALUE", "/code", 'code must match the pattern ^[a-z]+$, which text "A" does not'),
        ({"code": 3}, "TYPE_MISMATCH", "/code", "code must be text, not 3"),
        (
            {"name": " "},
            "INVALID_VALUE",
            "/name",
            "name must not be blank: it needs at least one character that can be seen",
        ),
        ({"name": "x" * 201}, "INVALID_VALUE", "/name", "name must have at most 200 characters, not 201"),
        ({"mode": "batches"}, "INVALID_VALUE", "/mode", 'mode must be BATCH or REALTIME, not "batches"'),
        ({"mode": 3}, "TYPE_MISMATCH", "/mode", "mode must be BATCH or REALTIME, not 3"),
        ({"size": "L"}, "INVALID_VALUE", "/size", 'size must be S, M or 3, not "L"'),
        (
            {"distribution": {"type": "NORMAL", "mean": 1}},
            "MISSING_PARAM",
            "/distribution/stdDev",
            'required property "stdDev" is missing',
        ),
        (
            {"distribution": {"type": "NORMAL", "mean": 1, "stdDev": 0}},
            "INVALID_VALUE",
            "/distribution/stdDev",
            "stdDev must be above 0, not 0",
        ),
        (
            {"distribution": {"type": "NORMALE"}},
            "INVALID_VALUE",
            "/distribution/type",
            'type must be UNIFORM or NORMAL, not "NORMALE"',
        ),
        ({"distribution": {}}, "MISSING_PARAM", "/distribution/type", 'required property "type" is missing'),
        (
            {"distribution": "NORMAL"},
            "TYPE_MISMATCH",
            "/distribution",
            'distribution must be an object, not text "NORMAL"',
        ),
        ({"either": {"lower": 1}}, "MISSING_PARAM", "/either/upper", 'required property "upper" is missing'),
        ({"either": 3}, "TYPE_MISMATCH", "/either", "either must be an object, not 3"),
        ({"count": {}}, "TYPE_MISMATCH", "/count", "count must be a whole number, AUTO or a list, not an object"),
        ({"count": "AUT"}, "INVALID_VALUE", "/count", 'count must be AUTO, not "AUT"'),
        ({"count": [1, "a"]}, "TYPE_MISMATCH", "/count/1", 'count[1] must be a whole number, not text "a"'),
        ({"recordcount": 1}, "UNKNOWN_PROPERTY", "/recordcount", 'unknown property "recordcount"'),
        ({"record_count": 1}, "UNKNOWN_PROPERTY", "/record_count", 'unknown property "record_count"'),
        ({"nothing": None}, "UNKNOWN_PROPERTY", "/nothing", 'unknown property "nothing"'),
    ],
)
def test_one_problem_is_one_issue(given: dict[str, Any], code: str, path: str, message: str) -> None:
    (issue,) = refuse(**given)

    assert (issue.code, issue.path, issue.message) == (code, f"/params{path}", message)


@pytest.mark.parametrize(
    ("given", "hint"),
    [
        ({"wieghts": []}, 'did you mean "weights"?'),
        ({"bins": [{"lower": 1, "upper": 2, "uper": 3}]}, 'did you mean "upper"?'),
        ({"bins": [{"lower": 1, "uper": 3}]}, 'did you mean "upper"?'),  # which is not missing besides
        ({"distribution": {"type": "UNIFORM", "mean": 1}}, "accepted are type"),
        ({"distribution": {"type": "NORMALE"}}, 'did you mean "NORMAL"?'),
        ({"mode": "batches"}, 'did you mean "BATCH"?'),
        ({"mode": "x"}, None),
    ],
)
def test_a_hint_names_what_was_meant(given: dict[str, Any], hint: str | None) -> None:
    (issue,) = refuse(**given)

    assert issue.hint == hint


def test_all_problems_are_listed() -> None:
    found = refuse(recordCount="1", share=2, weights=[None, 1, "x"], bins=[{"uper": 1}], foo=1)

    assert [issue.path.removeprefix("/params") for issue in found] == [
        "/recordCount", "/share", "/weights/0", "/weights/2", "/bins/0/lower", "/bins/0/uper", "/foo",
    ]  # fmt: skip


def test_a_validator_may_find_several_problems_in_several_places() -> None:
    assert refuse(step=5, limit=3) == [
        Issue("RANGE_INVERTED", "/params/step", "step (5) must not be greater than limit (3)", "swap them"),
        Issue("INVALID_STEP", "/params", "params is out of step"),
    ]


@pytest.mark.parametrize("given", [None, [], "x", 3])
def test_a_value_that_is_no_object_is_refused(given: Any) -> None:
    with pytest.raises(ValidationError) as caught:
        Example.model_validate(given)

    (issue,) = issues_of(caught.value, model=Example)
    assert (issue.code, issue.path) == ("TYPE_MISMATCH", "")
    assert issue.message.startswith("the value must be an object, not ")


def test_an_issue_names_the_field_it_belongs_to() -> None:
    with pytest.raises(ValidationError) as caught:
        Bin.model_validate({"lower": 1, "upper": "x"})

    (issue,) = issues_of(caught.value, at="/fieldMappings/3/params", field="amount")
    assert (issue.field, issue.path) == ("amount", "/fieldMappings/3/params/upper")


@pytest.mark.parametrize(
    ("given", "name", "expected"),
    [
        ({"start": 2**63 - 1}, "start", 2**63 - 1),
        ({"start": str(2**63 - 1)}, "start", 2**63 - 1),
        ({"start": "9007199254740992"}, "start", 2**53),
        ({"step": 1}, "step", 1),
        ({"step": 0.1}, "step", Decimal("0.1")),
        ({"step": 1.0}, "step", Decimal("1.0")),
        ({"step": "12.3456789012345678901"}, "step", Decimal("12.3456789012345678901")),
        ({"limit": str(2**60)}, "limit", 2**60),
        ({"share": 1}, "share", 1.0),
        ({"weights": [1, 0.5]}, "weights", (1.0, 0.5)),
        ({"mode": "REALTIME"}, "mode", Mode.REALTIME),
        ({"values": ["10", 10, 0.1, True]}, "values", ["10", 10, Decimal("0.1"), True]),
        ({"name": "e\u0301"}, "name", "é"),
        ({"anything": None}, "anything", None),
        ({"share": None, "mode": None, "bins": None}, "share", 0),
    ],
)
def test_what_fits_is_taken_exactly(given: dict[str, Any], name: str, expected: Any) -> None:
    value = getattr(accept(**given), name)

    assert value == expected
    assert repr(value) == repr(expected)


def test_null_counts_as_absent() -> None:
    assert accept(share=None, bins=None, step=None) == accept()
    assert "share" not in accept(share=None).model_fields_set


def test_a_shape_is_frozen() -> None:
    with pytest.raises(ValidationError):
        accept().share = 1


def test_the_json_schema_has_the_bounds_and_both_forms_of_a_large_integer() -> None:
    properties = Example.model_json_schema()["properties"]
    optional = {name: part["anyOf"][:-1] for name, part in properties.items() if "anyOf" in part}

    assert properties["recordCount"] | {"title": ""} == {
        "title": "",
        "type": "integer",
        "minimum": 1,
        "maximum": 10**12,
    }
    assert [(form["minimum"], form["maximum"]) for form in optional["share"]] == [(0, 1)]
    assert [form["maxLength"] for form in optional["name"]] == [200]
    assert [form["type"] for form in optional["start"]] == ["integer", "string"]
    assert optional["start"][0] == {"type": "integer", "minimum": -5, "maximum": 2**63 - 1}
    assert [(form["exclusiveMinimum"], form["exclusiveMaximum"]) for form in optional["step"]] == [(0, 100)]
    assert [form["maximum"] for form in optional["tight"]] == [0.5]


def test_the_json_schema_accepts_null_for_what_may_be_left_out() -> None:
    properties = Example.model_json_schema()["properties"]

    may_be_null = {name for name, part in properties.items() if {"type": "null"} in part.get("anyOf", ())}
    assert set(properties) - may_be_null == {"recordCount", "anything"}
    assert "type" not in properties["anything"]


KNOWN = sorted(set(get_args(core_schema.ErrorType)) - {"value_error", "assertion_error", "extra_forbidden", "missing"})


@pytest.mark.parametrize("kind", KNOWN)
def test_every_error_of_the_library_becomes_a_sentence_of_ours(kind: str) -> None:
    class Failing(Params):
        value: Any

        @field_validator("value")
        @classmethod
        def _fail(cls, value: Any) -> Any:
            raise PydanticKnownError(kind, CONTEXT)

    with pytest.raises((ValidationError, TypeError)) as caught:
        Failing.model_validate({"value": [1]})
    (issue,) = issues_of(caught.value, model=Failing)

    assert issue.code in CODES
    assert issue.path.startswith("/value")
    assert not any(word in issue.message for word in ("Input", "input", "pydantic", "http", "valid ", "_"))
    assert issue.message.startswith(("value ", "required ", "any "))


CONTEXT = {
    "gt": 1, "ge": 1, "lt": 0, "le": 0, "min_length": 2, "max_length": 0, "field_type": "List", "actual_length": 1,
    "pattern": "a", "expected": "'a' or 'b'", "multiple_of": 2, "discriminator": "'any'", "tag": "x",
    "expected_tags": "'a', 'b'", "error": "e", "class": "C", "class_name": "C", "method_name": "m", "attribute": "a",
    "encoding": "utf-8", "encoding_error": "e", "values": "v", "mapping_type": "m", "tz_expected": 0, "tz_actual": 1,
    "expected_schemes": "s", "expected_version": 4, "max_digits": 1, "decimal_places": 1, "whole_digits": 1,
    "loc": "l", "tz_offset": 1, "expected_plural": "s", "type": "t", "method": "m", "dataclass_name": "D",
}  # fmt: skip
