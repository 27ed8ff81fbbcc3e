"""Definition files in YAML and JSON."""

from __future__ import annotations

import io
import json
import time
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.issues import Issue
from sdg_project.documents import parse_documents, read_document, split_bundle
from sdg_project.errors import Invalid, NotFound


def value(text: str, origin: str = "file.yaml") -> Any:
    (document,) = parse_documents(text, origin=origin)
    return document.value


def issues(text: str | bytes, origin: str = "file.yaml") -> tuple[Issue, ...]:
    with pytest.raises(Invalid) as caught:
        parse_documents(text, origin=origin)
    return caught.value.issues


@pytest.mark.parametrize(
    ("scalar", "expected"),
    [
        ("1e6", 1_000_000),
        ("1.5e3", 1_500),
        ("2.0", 2),
        ("-0.0", 0),
        ("+5", 5),
        ("1e39", 10**39),
        ("1e40", 1e40),
        ("0.5", 0.5),
        (".5", 0.5),
        ("1e-3", 0.001),
        ("123456789012.345678", Decimal("123456789012.345678")),
        ("1.2345678901234567890e10", Decimal("12345678901.234567890")),
        ("12345678901234567890.00", 12_345_678_901_234_567_890),
        ("0", 0),
        ("0.0", 0),
        ("0x1F", 31),
        ("0o17", 15),
        ("9223372036854775807", 2**63 - 1),
        ("true", True),
        ("False", False),
        ("~", None),
        ("", None),
        ("null", None),
        ("yes", "yes"),
        ("NO", "NO"),
        ("on", "on"),
        ("off", "off"),
        ("2026-01-31", "2026-01-31"),
        ("2026-01-31T12:00:00Z", "2026-01-31T12:00:00Z"),
        ("12:30:45", "12:30:45"),
        ("1.2.3", "1.2.3"),
        ("0b1", "0b1"),
        ("nan", "nan"),
        ('"007"', "007"),
        ("'1'", "1"),
        ('"\\ud83d\\ude00"', "😀"),
    ],
)
def test_a_scalar_means_what_yaml_1_2_says(scalar: str, expected: Any) -> None:
    read = value(f"a: {scalar}")["a"]

    assert read == expected
    assert type(read) is type(expected)


@pytest.mark.parametrize(
    ("scalar", "code", "hint"),
    [
        ("007", "INVALID_VALUE", 'quote it: "007"'),
        ("-007", "INVALID_VALUE", 'quote it: "-007"'),
        ("007.5", "INVALID_VALUE", 'quote it: "007.5"'),
        ("0_1", "INVALID_VALUE", 'quote it: "0_1"'),
        ("00", "INVALID_VALUE", 'quote it: "00"'),
        ("1_000_000", "INVALID_VALUE", "write 1000000, or quote it"),
        ("-0", "INVALID_VALUE", "write 0"),
        (".inf", "NON_FINITE", "finite"),
        ("-.INF", "NON_FINITE", "finite"),
        (".nan", "NON_FINITE", "finite"),
        ("1e999", "NON_FINITE", "1.8e308"),
        ("1e400", "NON_FINITE", "1.8e308"),
        ("1e-999999999999999999999", "INVALID_VALUE", "5e-324"),
        ("0." + "3" * 41, "INVALID_VALUE", "at most 40"),
        ("9" * 5_000, "INVALID_VALUE", "at most 40"),
        ('"\\0"', "INVALID_VALUE", "remove it"),
        ('"\\ud800"', "INVALID_VALUE", "remove it"),
        ("!!str 1", "INVALID_SYNTAX", "remove it"),
        ("!x [1]", "INVALID_SYNTAX", "remove it"),
    ],
)
def test_a_scalar_that_people_get_wrong_is_refused_with_what_to_do(scalar: str, code: str, hint: str) -> None:
    (issue,) = issues(f"b: 1\na: {scalar}")

    assert issue.code == code
    assert issue.path == "/a"
    assert issue.message.startswith("file.yaml:2:4: ")
    assert hint in (issue.hint or "")


@pytest.mark.parametrize(
    ("text", "where", "what"),
    [
        ("a: 1\nb:\n  c: 1\n  c: 2", "4:3", '"c" stands twice'),
        ("1: a", "1:1", "the name 1 is not a text"),
        ("true: a", "1:1", "the name true is not a text"),
        ("007: a", "1:1", "the name 007 is not a text"),
        (": a", "1:1", "a name is missing"),
        ("? [a]\n: 1", "1:3", "the name of a property is a text"),
        ("<<: {a: 1}", "1:1", "merge keys"),
        ("a: *b", "1:4", "no value before this alias has the anchor &b"),
        ("a: &a [*a]", "1:8", "no value before this alias has the anchor &a"),
        ("a: &a x\n*a : 1", "2:1", "cannot be the name of a property"),
        ("a: b: c", "1:5", "mapping values are not allowed here"),
        ("a:\n\tb: 1", "2:1", "cannot start any token"),
        ("a: [1, 2", "1:9", "expected ',' or ']'"),
        ("a: @b", "1:4", "cannot start any token"),
        ("a: \x01", "1:4", "U+0001 is not allowed"),
        ("%YAML 1.1\n---\na: 1", "2:1", "this is YAML 1.1"),
    ],
)
def test_a_problem_is_shown_with_file_line_and_column(text: str, where: str, what: str) -> None:
    message = issues(text)[-1].message

    assert message.startswith(f"file.yaml:{where}: ")
    assert what in message


def test_problems_of_all_documents_are_listed() -> None:
    assert [issue.path for issue in issues("a: 007\nb: [.nan]\n---\nc: 1\nc: 2\n---\nd: {")] == ["/a", "/b/0", "/c", ""]


def test_merge_keys_in_quotes_are_names() -> None:
    assert value('"<<": 1') == {"<<": 1}


def test_an_alias_repeats_a_value_that_is_changed_alone() -> None:
    read = value("a: &x {n: [1]}\nb: *x")

    read["a"]["n"].append(2)

    assert read["b"] == {"n": [1]}


LAUGHS = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 10)}]\n"
    for before, name in zip("abcdefghi", "bcdefghij", strict=True)
)
LADDER = "a0: &a0 [x]\n" + "".join(f"a{n + 1}: &a{n + 1} [*a{n}]\n" for n in range(40))


@pytest.mark.parametrize(
    ("text", "code"),
    [
        *((text, "JSON_TOO_DEEP") for text in (LAUGHS, LADDER, f"a: &a {'x' * 300_000}\nb: [*a, *a, *a, *a]")),
        *((text, "JSON_TOO_DEEP") for text in ("[" * 5_000, "- " * 5_000)),
        ("x" * 1_000_001, "TOO_LARGE"),
    ],
    ids=["billion laughs", "ladder", "large text", "flow lists", "block lists", "too long"],
)
def test_a_bomb_is_refused_soon(text: str, code: str) -> None:
    start = time.process_time()
    found = issues(text)

    assert found[-1].code == code
    # The scanner takes up to half a second for a megabyte; unbounded, the laughs alone would take hours.
    assert time.process_time() - start < 3


def test_several_documents_are_read_and_empty_ones_left_out() -> None:
    documents = parse_documents("---\na: 1\n---\n# nothing\n---\nb: 2\n---\n", origin="file.yaml")

    assert [document.value for document in documents] == [{"a": 1}, {"b": 2}]
    assert [document.where("/b") for document in documents] == ["file.yaml:2:1", "file.yaml:6:4"]


@pytest.mark.parametrize("text", ["", "\n", "# a\n", "---\n---\n"])
def test_a_file_with_nothing_in_it_is_refused(text: str) -> None:
    assert issues(text)[0].message == "file.yaml: there is nothing in it"


def test_a_value_has_a_place() -> None:
    text = "name: x\nfieldMappings:\n  - fieldName: a\n    params: {min: 1, max: 2}\n  - a/b~: [true]\n"
    (document,) = parse_documents(text, origin="file.yaml")

    assert document.where("/fieldMappings/0/params/max") == "file.yaml:4:27"
    assert document.where("/fieldMappings/1/a~1b~0/0") == "file.yaml:5:12"
    assert document.where("/fieldMappings/0/params/missing") == "file.yaml:4:13"
    assert document.where("/destination") == "file.yaml:1:1"


def test_a_value_in_json_has_a_place() -> None:
    (document,) = parse_documents('{\n  "a": {"1": [0, 1]}\n}', origin="file.json")

    assert document.where("/a/1/1") == "file.json:2:18"


@pytest.mark.parametrize(
    ("written", "where"),
    [
        ("a + bc", "2:10"),
        ('"a + bc"', "2:11"),
        ("'a + bc'", "2:11"),
        ('"a\\u0020+ bc"', "2:6"),
        (">-\n    a +\n    bc", "2:6"),
        ("|-\n    a + bc", "2:6"),
    ],
)
def test_a_character_of_a_text_is_placed_where_the_text_stands_as_it_is(written: str, where: str) -> None:
    [document] = parse_documents(f"x: 1\nit:  {written}\n", origin="file.yaml")

    assert document.where("/it", 4) == f"file.yaml:{where}"
    assert document.where("/x", 4) == "file.yaml:1:4"
    assert document.where("/other", 4) == "file.yaml:1:1"


@pytest.mark.parametrize(
    ("text", "origin", "expected"),
    [
        ('{"a": 1e6}', "x.json", 1e6),
        ('{"a": 1e6}', "-", 1e6),
        ('{"a": 1e6}', "x.yaml", 1_000_000),
        ("{a: 1e6}", "-", 1_000_000),
        ("a: 1e6", "x.txt", 1_000_000),
        ('\ufeff{"a": 1e6}', "x.json", 1e6),
        ("\ufeffa: 1e6", "x.yml", 1_000_000),
    ],
)
def test_the_suffix_or_the_look_says_what_a_text_is(text: str, origin: str, expected: float) -> None:
    read = value(text, origin)["a"]

    assert read == expected
    assert type(read) is type(expected)


def test_a_problem_in_a_json_file_has_its_place() -> None:
    assert issues('{"a": 1,\n "a": NaN}', "x.json")[0].message == 'x.json:2:2: "a" stands twice in one object'
    assert issues("{,}", "x.json")[0].message.startswith("x.json:1:2: expected a name")


def test_a_file_is_read(tmp_path: Path) -> None:
    file = tmp_path / "orders.yaml"
    file.write_text("a: é", encoding="utf-8")

    (document,) = read_document(file)

    assert document.value == {"a": "é"}
    assert document.where() == f"{file}:1:1"


def test_a_dash_is_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"a: 1")))

    (document,) = read_document("-")

    assert document.value == {"a": 1}
    assert document.origin == "-"


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="no file"):
        read_document(tmp_path / "none.yaml")
    with pytest.raises(Invalid, match="cannot be read"):
        read_document(tmp_path)


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="this system has no endless file")
def test_an_endless_file_is_not_read_to_its_end() -> None:
    with pytest.raises(Invalid, match="67,108,865 bytes or more"):
        read_document("/dev/zero")


def definition_of(size: int) -> str:
    return f"name: a\ndescription: {'x' * size}\nfieldMappings: []\n"


@pytest.mark.parametrize("form", ["stream", "bundle"])
def test_a_file_of_several_definitions_may_be_larger_than_one_of_them(form: str) -> None:
    one = definition_of(600_000)
    text = "---\n".join([one] * 3)
    if form == "bundle":
        text = "generators:\n" + "".join("  - " + one.replace("\n", "\n    ").rstrip() + "\n" for _ in range(3))

    bundle = split_bundle(parse_documents(text, origin="b.yaml"))

    assert bundle.issues == ()
    assert [len(part.value["description"]) for part in bundle.generators] == [600_000] * 3


@pytest.mark.parametrize(
    ("large", "code"),
    [
        ({"description": "x" * 1_000_001}, "TOO_LARGE"),
        ({"x": [0] * 50_001}, "JSON_TOO_DEEP"),
    ],
    ids=["bytes", "values"],
)
def test_each_definition_of_a_file_keeps_the_limits_of_one(large: dict[str, Any], code: str) -> None:
    fine = {"fieldMappings": [], "x": json.loads("[" * 31 + "]" * 31)}
    text = json.dumps({"generators": [fine, {"fieldMappings": [], **large}]})

    (issue,) = split_bundle(parse_documents(text, origin="b.json")).issues

    assert (issue.code, issue.path) == (code, "/generators/1")
    assert issue.message.startswith("b.json:1:")


def test_a_definition_is_nested_no_deeper_in_a_stream_than_alone() -> None:
    texts = [f'{{"fieldMappings": [], "x": {"[" * levels + "]" * levels}}}' for levels in (31, 32)]

    (issue,) = split_bundle(parse_documents("\n---\n".join(texts), origin="b.yaml")).issues

    assert issue.code == "JSON_TOO_DEEP"
    assert issue.message == "b.yaml:3:1: the definition has 33 levels of lists and objects"


def test_a_file_in_utf_16_is_recognised() -> None:
    (issue,) = issues("a: 1".encode("utf-16"))

    assert issue.hint == "it looks like UTF-16: save it as UTF-8"


def test_a_bundle_is_split() -> None:
    text = "pools: [{name: p}]\ngenerators:\n  - name: a\n  - name: b\n---\nname: c\nfieldMappings: []\n"
    bundle = split_bundle(parse_documents(text, origin="b.yaml"))

    assert [generator.value["name"] for generator in bundle.generators] == ["a", "b", "c"]
    assert [pool.value for pool in bundle.pools] == [{"name": "p"}]
    assert [generator.at for generator in bundle.generators] == ["/generators/0", "/generators/1", ""]
    assert bundle.generators[1].where("/name") == "b.yaml:4:11"


def test_everything_wrong_with_a_bundle_is_listed() -> None:
    text = "pools: 3\ngenerators: [{}, x]\nconnections: {}\nuniverse: {}\ngenerator: []\n---\n- 1\n"

    bundle = split_bundle(parse_documents(text, origin="b.yaml"))

    assert [generator.at for generator in bundle.generators] == ["/generators/0"]
    assert [(issue.code, issue.path) for issue in bundle.issues] == [
        ("UNKNOWN_PROPERTY", "/universe"),
        ("UNKNOWN_PROPERTY", "/generator"),
        ("TYPE_MISMATCH", "/generators/1"),
        ("TYPE_MISMATCH", "/pools"),
        ("TYPE_MISMATCH", "/connections"),
        ("TYPE_MISMATCH", ""),
    ]
    assert bundle.issues[1].hint == 'did you mean "generators"?'
    assert bundle.issues[-1].message.startswith("b.yaml:7:1: ")


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("name: a\nfieldMappings: []\n", True),
        ("name: a\n", True),
        ("- 1\n", True),
        ("pools: []\nfieldMappings: []\n", True),
        ("pools: []\n", False),
        ("generators: [{name: a}]\n", False),
        ("name: a\n---\nname: b\n", False),
    ],
)
def test_one_definition_is_told_from_a_bundle(text: str, is_one: bool) -> None:
    assert split_bundle(parse_documents(text, origin="b.yaml")).is_one_definition is is_one


PIECES = st.sampled_from(
    [
        "a",
        ": ",
        "\n",
        "- ",
        "  ",
        "[",
        "]",
        "{",
        "}",
        ",",
        "&a ",
        "*a",
        "!",
        "|",
        ">",
        '"',
        "'",
        "\\",
        "#",
        "%",
        "---",
        "?",
    ]
)


@given(st.lists(PIECES, max_size=20).map("".join) | st.text(max_size=50))
def test_no_text_does_anything_but_be_read_or_refused(text: str) -> None:
    with suppress(Invalid):
        documents = parse_documents(text, origin="x.yaml")
        assert all(document.where().startswith("x.yaml:") for document in documents)
