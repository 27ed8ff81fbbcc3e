"""JSON from strangers."""

from __future__ import annotations

import json
import math
import time
from contextlib import suppress
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdg_project.errors import Invalid
from sdg_project.json_guard import parse_json


def problems(text: str | bytes, **limits: int) -> list[tuple[str, str]]:
    with pytest.raises(Invalid) as caught:
        parse_json(text, **limits)
    return [(issue.code, issue.path) for issue in caught.value.issues]


def message(text: str | bytes) -> str:
    with pytest.raises(Invalid) as caught:
        parse_json(text)
    return caught.value.issues[0].message


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"a": NaN}', [("NON_FINITE", "/a")]),
        ('{"a": [Infinity, -Infinity, 1e999, -1e400]}', [("NON_FINITE", f"/a/{index}") for index in range(4)]),
        ('{"a": -0}', [("INVALID_VALUE", "/a")]),
        ('{"a": [1e-400, -1e-999999999999999999999]}', [("INVALID_VALUE", "/a/0"), ("INVALID_VALUE", "/a/1")]),
        ('{"a": 0.' + "3" * 41 + "}", [("INVALID_VALUE", "/a")]),
        ('{"a": ' + "9" * 5_000 + "}", [("INVALID_VALUE", "/a")]),
        ('{"a": -' + "9" * 41 + "}", [("INVALID_VALUE", "/a")]),
        ('{"a": 1, "b": {"c": 1, "c": 2}, "a": 3}', [("DUPLICATE_KEY", "/b/c"), ("DUPLICATE_KEY", "/a")]),
        ('{"a": 1, "\\u0061": 2}', [("DUPLICATE_KEY", "/a")]),
        ('{"name": "x\\u0000"}', [("INVALID_VALUE", "/name")]),
        ('{"name": "\\ud800"}', [("INVALID_VALUE", "/name")]),
        ('{"config": {"deep": ["\\udfff\\ud800"]}}', [("INVALID_VALUE", "/config/deep/0")]),
        ('{"x\\u0000": 1}', [("INVALID_VALUE", "/x�")]),
        ('{"\\ud800": 1}', [("INVALID_VALUE", "/�")]),
        ('["\ud800"]', [("INVALID_VALUE", "/0")]),
        ('{"a/b~": NaN}', [("NON_FINITE", "/a~1b~0")]),
        (
            '[NaN, {"a": 1e999}, "\\u0000", 1 2]',
            [("NON_FINITE", "/0"), ("NON_FINITE", "/1/a"), ("INVALID_VALUE", "/2"), ("INVALID_SYNTAX", "")],
        ),
    ],
)
def test_everything_that_is_wrong_is_listed_with_its_path(text: str, expected: list[tuple[str, str]]) -> None:
    assert problems(text) == expected


@pytest.mark.parametrize(
    ("text", "where", "what"),
    [
        ("", "line 1, column 1", "is empty"),
        (" \n ", "line 2, column 2", "is empty"),
        ("{", "line 1, column 2", "ends here"),
        ('{"a": 1,\n "b" 2}', "line 2, column 6", 'expected ":"'),
        ("[1, ]", "line 1, column 5", 'found "]"'),
        ('{"a": 1, }', "line 1, column 10", "a name in double quotes"),
        ("{'a': 1}", "line 1, column 2", "a name in double quotes"),
        ("[1 2]", "line 1, column 4", 'expected "," or "]"'),
        ('{"a": 1]', "line 1, column 8", 'expected "," or "}"'),
        ("[1]]", "line 1, column 4", "the end of the document"),
        ("1 2", "line 1, column 3", "the end of the document"),
        ("truth", "line 1, column 1", "expected a value"),
        ("[01]", "line 1, column 2", "expected a value"),
        ("[1.]", "line 1, column 2", "expected a value"),
        ('["a\nb"]', "line 1, column 4", "control character"),
        ('["a\x00b"]', "line 1, column 4", "control character"),
        ('\n["a', "line 2, column 2", "no closing quote"),
        ('["\\x"]', "line 1, column 3", "escape"),
        ("\xa01", "line 1, column 1", "expected a value"),
    ],
)
def test_broken_syntax_is_shown_with_line_and_column(text: str, where: str, what: str) -> None:
    assert problems(text) == [("INVALID_SYNTAX", "")]
    assert message(text).startswith(where)
    assert what in message(text)


@pytest.mark.parametrize(
    "data", [b'"\xff"', b'"\xed\xa0\x80"', '{"a": 1}'.encode("utf-16"), b"\xef\xbb\xbf1", "\ufeff1"]
)
def test_what_is_not_plain_utf_8_is_refused(data: bytes | str) -> None:
    assert problems(data) == [("INVALID_SYNTAX", "")]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("9223372036854775807", 2**63 - 1),
        ("9223372036854775808", 2**63),
        ("9" * 40, 10**40 - 1),
        ("-12", -12),
        ('"\\ud83d\\ude00"', "😀"),
        ('"e\u0301"', "e\u0301"),
        ("null", None),
        (" [ ] ", []),
        ('{"":{}}', {"": {}}),
        ("0.1", 0.1),
        ("0.10", 0.1),
        ("123456789012.345678", Decimal("123456789012.345678")),
        ("-1.00000000000000000001e300", Decimal("-1.00000000000000000001e300")),
        (f"0.{'3' * 40}", Decimal(f"0.{'3' * 40}")),
    ],
)
def test_a_value_is_kept_as_it_is(text: str, value: Any) -> None:
    parsed = parse_json(text)

    assert parsed == value
    assert type(parsed) is type(value)


@pytest.mark.parametrize("text", ["1e6", "1.0", "10E0"])
def test_an_integral_float_is_no_integer(text: str) -> None:
    assert type(parse_json(text)) is float


def test_there_is_only_one_zero() -> None:
    assert math.copysign(1, parse_json("-0.0")) == 1


def test_the_deepest_accepted_document_has_32_levels() -> None:
    assert parse_json("[" * 32 + "]" * 32)
    assert problems("[" * 33 + "]" * 33) == [("JSON_TOO_DEEP", "/0" * 32)]


def test_the_largest_accepted_document_has_50_000_values() -> None:
    assert len(parse_json(f"[{','.join(['0'] * 49_999)}]")) == 49_999
    assert problems(f"[{','.join(['0'] * 50_000)}]") == [("JSON_TOO_DEEP", "/49999")]


def test_the_longest_accepted_document_has_a_million_bytes() -> None:
    assert len(parse_json(f'"{"é" * 499_999}"'.encode())) == 499_999
    assert problems(f'"{"é" * 500_000}"') == [("TOO_LARGE", "")]
    assert problems(f'"{"é" * 500_000}"'.encode()) == [("TOO_LARGE", "")]


def test_a_key_of_more_than_1_000_characters_is_refused() -> None:
    assert parse_json(json.dumps({"k" * 1_000: 1}))
    assert problems(json.dumps({"k" * 999_000: 1})) == [("JSON_TOO_DEEP", "")]


def test_a_flood_of_problems_is_cut_and_says_so() -> None:
    found = problems(f"[{','.join(['NaN'] * 40_000)}]")

    assert len(found) == 101
    assert found[-1] == ("INVALID_VALUE", "")


BOMBS = {
    "900 levels": "[" * 900,
    "5,000 levels": '{"a":' * 5_000,
    "100,000 levels": "[" * 100_000,
    "a megabyte of [": "[" * 1_000_000,
    "a million keys": "{" + ",".join(f'"{index}":0' for index in range(1_000_000)) + "}",
    "50,001 keys": "{" + ",".join(f'"{index}":0' for index in range(50_001)) + "}",
    "one name 49,000 times": "{" + ",".join(['"a":0'] * 49_000) + "}",
    "a megabyte of digits": "9" * 999_999,
    "a megabyte of name": '{"' + "k" * 999_000 + '":1}',
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_refused_at_once(name: str) -> None:
    start = time.process_time()
    problems(BOMBS[name])

    # At most 50,000 values at some 2 microseconds: 0.1 s on a slow core. Four times as much for a machine under load.
    assert time.process_time() - start < 0.4


def reference(text: str) -> Any:
    """What the standard library reads, with what only the guard refuses as ValueError."""

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len({name for name, _ in pairs}) < len(pairs) or any(len(name) > 1_000 for name, _ in pairs):
            raise ValueError
        return dict(pairs)

    def finite(number: str) -> float:
        if math.isinf(float(number)):
            raise ValueError
        return float(number)

    def exact(number: str) -> int:
        if number == "-0" or len(number.lstrip("-")) > 40:
            raise ValueError
        return int(number)

    def refuse(_: str) -> None:
        raise ValueError

    value = json.loads(text, object_pairs_hook=unique, parse_float=finite, parse_int=exact, parse_constant=refuse)
    written = json.dumps(value, ensure_ascii=False)
    written.encode()  # UnicodeEncodeError, a ValueError, at half a surrogate pair
    if "\\u0000" in written.replace("\\\\", ""):
        raise ValueError
    return value


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**42), 10**42) | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=4),
    max_leaves=15,
)


@given(VALUES, st.booleans(), st.sampled_from([None, 1, "\t"]))
def test_it_reads_what_the_standard_library_reads(value: Any, escape: bool, indent: int | str | None) -> None:
    text = json.dumps(value, ensure_ascii=escape, indent=indent)

    assert same(text)


TOKENS = st.sampled_from(
    [
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        '"a"',
        '"b"',
        '"',
        "\\",
        "\\u0000",
        "1",
        "-",
        "0",
        ".",
        "e",
        "+",
        "null",
        "true",
        " ",
    ]
)


@given(st.lists(TOKENS, max_size=14).map("".join) | st.text(max_size=20))
def test_it_accepts_what_the_standard_library_accepts(text: str) -> None:
    assert same(text)


def same(text: str) -> bool:
    try:
        expected = reference(text)
    except ValueError:
        problems(text)
        return True
    parsed = parse_json(text)
    return repr(parsed).replace("-0.0", "0.0") == repr(expected).replace("-0.0", "0.0")


@given(st.binary(max_size=200))
def test_no_bytes_do_anything_but_be_read_or_refused(data: bytes) -> None:
    with suppress(Invalid):
        parse_json(data)
