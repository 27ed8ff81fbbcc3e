"""``--set`` and numbers in flags."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from engine.issues import Issue
from sdg_project.errors import Invalid
from sdg_project.overrides import apply_overrides
from sdg_project.scalars import parse_number

DEFINITION: dict[str, Any] = {
    "recordCount": 5,
    "a.b": 1,
    "shards": None,
    "empty": [],
    "fieldMappings": [{"fieldName": "id", "params": {}}, {"fieldName": "amount", "params": {"max": 1}}],
}


def issue(*assignments: str) -> Issue:
    with pytest.raises(Invalid) as caught:
        apply_overrides(DEFINITION, assignments)
    return caught.value.issues[0]


@pytest.mark.parametrize(
    ("assignment", "key", "expected"),
    [
        ("recordCount=10", "recordCount", 10),
        ("recordCount=1e6", "recordCount", 1_000_000),
        ("recordCount=1_000_000", "recordCount", 1_000_000),
        ("rate=0.5", "rate", 0.5),
        ("max=999999999999.999999", "max", Decimal("999999999999.999999")),
        ("unique=true", "unique", True),
        ("x=yes", "x", "yes"),
        ("shards=", "shards", None),
        ("shards=null", "shards", None),
        ('code="007"', "code", "007"),
        ("code='a=b.c'", "code", "a=b.c"),
        ("path={date}.jsonl", "path", "{date}.jsonl"),
        ("path=a=b", "path", "a=b"),
        ("start=2026-01-01T00:00:00Z", "start", "2026-01-01T00:00:00Z"),
        (r"a\.b=2", "a.b", 2),
        (r"c\\=2", "c\\", 2),
        ("destination.config.path=x", "destination", {"config": {"path": "x"}}),
        ("shards.x=1", "shards", {"x": 1}),
    ],
)
def test_a_value_is_set(assignment: str, key: str, expected: Any) -> None:
    changed = apply_overrides(DEFINITION, [assignment])

    assert changed == DEFINITION | {key: expected}
    assert type(changed[key]) is type(expected)


def test_overrides_apply_in_turn_and_leave_the_original_alone() -> None:
    changed = apply_overrides(
        DEFINITION, ["fieldMappings.1.params.max=9", "fieldMappings.1.params.min=2", "x.y=1", "x.z=2"]
    )

    assert changed["fieldMappings"][1]["params"] == {"max": 9, "min": 2}
    assert changed["x"] == {"y": 1, "z": 2}
    assert DEFINITION["fieldMappings"][1]["params"] == {"max": 1}


@pytest.mark.parametrize(
    ("assignment", "code", "path", "says"),
    [
        ("recordCount.x=1", "INVALID_VALUE", "/recordCount", "recordCount is 5, which has no parts"),
        ("fieldMappings.3.a=1", "INVALID_VALUE", "/fieldMappings", 'no element "3": it has elements 0 to 1'),
        ("empty.0=1", "INVALID_VALUE", "/empty", 'empty has no element "0": it has none'),
        ("fieldMappings.-1.a=1", "INVALID_VALUE", "/fieldMappings", "elements of a list go by their number"),
        ("fieldMappings.amount.a=1", "INVALID_VALUE", "/fieldMappings", '"amount" is element 1'),
        ("recordCount", "INVALID_SYNTAX", "", "this is no path=value"),
        ("=3", "INVALID_SYNTAX", "", "this is no path=value"),
        ("a..b=3", "INVALID_SYNTAX", "", "this is no path=value"),
        ("a\\=3", "INVALID_SYNTAX", "", "this is no path=value"),
        ("x='a", "INVALID_SYNTAX", "", "close the quote"),
        ("x='a': b", "INVALID_SYNTAX", "", "quote the whole value"),
        ("x=007", "INVALID_VALUE", "/x", 'quote it: "007"'),
        ("x=.nan", "NON_FINITE", "/x", "finite"),
    ],
)
def test_what_cannot_be_set_is_explained(assignment: str, code: str, path: str, says: str) -> None:
    found = issue(assignment)

    assert (found.code, found.path) == (code, path)
    assert says in f"{found.message} {found.hint}"
    assert found.message.startswith("--set ")


def test_every_override_that_cannot_be_is_listed() -> None:
    with pytest.raises(Invalid) as caught:
        apply_overrides(DEFINITION, ["x", "recordCount=3", "recordCount.x=1"])

    assert [found.code for found in caught.value.issues] == ["INVALID_SYNTAX", "INVALID_VALUE"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("10", 10),
        ("1e6", 1_000_000),
        ("1_000_000", 1_000_000),
        ("1.5e3", 1_500),
        ("0.25", 0.25),
        ("-3", -3),
        (" 7 ", 7),
    ],
)
def test_a_flag_takes_numbers_as_people_write_them(text: str, expected: float) -> None:
    number = parse_number(text)

    assert number == expected
    assert type(number) is type(expected)


@pytest.mark.parametrize("text", ["", "ten", "007", "1__0", "1e999", ".inf", "nan", "true", "1,000", "-0", "9" * 5_000])
def test_a_flag_takes_nothing_else_for_a_number(text: str) -> None:
    with pytest.raises(ValueError, match=r"^must be a number such as"):
        parse_number(text)
