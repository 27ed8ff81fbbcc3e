"""Bundles: several generators and pools in one file, as a user runs, validates and previews them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.sdg import Sdg

SIZES = {"name": "sizes", "source": {"type": "INLINE", "rows": [{"size": "S"}, {"size": "M"}]}}
SIZE = {"fieldName": "size", "type": "POOL_REFERENCE", "params": {"pool": "sizes", "column": "size"}}
NUMBER = {"fieldName": "n", "type": "SEQUENCE"}
WRONG = {"fieldName": "n", "type": "NUMERIC_RANGE", "params": {"min": 9, "max": 1}}


def generator(name: str, *mappings: dict[str, Any], **more: Any) -> dict[str, Any]:
    destination = {"type": "FILE", "config": {"path": f"{name}.jsonl"}}
    own = {"name": name, "seed": 1, "recordCount": 20, "fieldMappings": list(mappings), "destination": destination}
    return own | more


def bundle(sdg: Sdg, *generators: dict[str, Any], **more: Any) -> Path:
    path = sdg.folder / "bundle.json"
    path.write_text(json.dumps({"pools": [SIZES], "generators": generators, **more}))
    return path


def test_all_generators_of_a_bundle_are_run(sdg: Sdg) -> None:
    answer = sdg("run", bundle(sdg, generator("a", SIZE), generator("b", NUMBER)), "--json")

    assert answer.code == 0, answer.err
    assert [json.loads(line)["outputs"][0]["path"] for line in answer.out.splitlines()] == [
        "home/out/a.jsonl",
        "home/out/b.jsonl",
    ]


def test_none_is_run_when_one_of_them_is_wrong(sdg: Sdg) -> None:
    answer = sdg("run", bundle(sdg, generator("a", SIZE), generator("b", WRONG), generator("c", destination=None)))

    assert answer.code == 2
    assert "RANGE_INVERTED" in answer.err
    assert "say where with --to PATH" in answer.err
    assert not (sdg.folder / "home" / "out").exists()


def test_validate_answers_for_each_generator(sdg: Sdg) -> None:
    path = bundle(sdg, generator("a", SIZE), generator("b", NUMBER, recordCount=30))

    plain = sdg("validate", path)
    answer = sdg("validate", path, "--json")

    assert plain.code == 0, plain.err
    assert "a: 20 records" in plain.err
    assert "b: 30 records" in plain.err
    assert answer.json["valid"]
    assert [one["name"] for one in answer.json["generators"]] == ["a", "b"]
    assert [one["estimates"]["records"] for one in answer.json["generators"]] == [20, 30]
    assert len(answer.json["generators"][0]["preview"]) == 5


def test_validate_names_the_generator_of_each_issue(sdg: Sdg) -> None:
    in_bundle = bundle(sdg, generator("a", WRONG), generator("b", NUMBER, recordCount=0))
    stream = sdg.folder / "stream.yaml"
    stream.write_text("\n---\n".join(json.dumps(generator(name, WRONG)) for name in ("a", "b")))
    alone = sdg.definition("alone.json", fieldMappings=[WRONG])

    for path, names in ((in_bundle, ["a", "b"]), (stream, ["a", "b"]), (alone, ["orders"])):
        answer = sdg("validate", path, "--json")
        plain = sdg("validate", path)

        assert [error["generator"] for error in answer.json["errors"]] == names
        assert all(error["where"].startswith(f"{path}:") for error in answer.json["errors"])
        assert [f"({name})" in plain.err for name in names] == [len(names) > 1] * len(names)


def test_validate_answers_with_json_also_when_the_control_database_is_away(sdg: Sdg) -> None:
    path = bundle(sdg, generator("a", {**SIZE, "params": {"pool": "people", "column": "name"}}))

    answer = sdg("validate", path, "--json", DATABASE_URL="postgres://nobody:secret@127.0.0.1:9/none")

    assert answer.code == 3
    [error] = answer.json["errors"]
    assert error["code"] == "CONTROL_DB_DOWN"
    assert not answer.json["valid"]
    assert "secret" not in answer.out + answer.err


def test_validate_tells_what_is_wrong_in_all_of_a_bundle(sdg: Sdg) -> None:
    gone = {"name": "gone", "source": {"type": "FILE", "path": "gone.csv"}}
    of_gone = {"fieldName": "g", "type": "POOL_REFERENCE", "params": {"pool": "gone", "column": "x"}}
    path = bundle(sdg, generator("a", of_gone), generator("b", WRONG), 5, pools=[SIZES, gone], pool=[])  # type: ignore[arg-type]

    plain = sdg("validate", path)
    answer = sdg("validate", path, "--json")

    told = [(error["code"], error["path"]) for error in answer.json["errors"]]
    assert (plain.code, answer.code) == (2, 2)
    assert answer.json["valid"] is False
    assert [code for code, _ in told if code == "POOL_NOT_FOUND"] == []
    for expected in (
        ("UNKNOWN_PROPERTY", "/pool"),
        ("TYPE_MISMATCH", "/generators/2"),
        ("POOL_NOT_READY", "/generators/0/fieldMappings/0/params/pool"),
        ("RANGE_INVERTED", "/generators/1/fieldMappings/0/params/min"),
    ):
        assert expected in told
        assert expected[0] in plain.err
    assert any(at == "/pools/1/source/path" for _, at in told)


@pytest.mark.parametrize("command", ["run", "preview"])
def test_a_pool_that_cannot_be_loaded_does_not_hide_what_is_wrong_with_the_fields(sdg: Sdg, command: str) -> None:
    gone = {"name": "gone", "source": {"type": "FILE", "path": "gone.csv"}}

    answer = sdg(command, bundle(sdg, generator("a", WRONG), pools=[gone]))

    assert answer.code == 2
    assert "gone.csv" in answer.err
    assert "RANGE_INVERTED" in answer.err


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("name: [", "INVALID_SYNTAX"),
        ("- name: a\n", "TYPE_MISMATCH"),
        ("pools: []\n", "MISSING_PARAM"),
        ("name: a\nname: b\n", "DUPLICATE_KEY"),
        ("", "INVALID_SYNTAX"),
        (None, "NOT_FOUND"),
    ],
)
def test_validate_always_answers_with_one_json_object(sdg: Sdg, text: str | None, told: str) -> None:
    path = sdg.folder / "odd.yaml"
    if text is not None:
        path.write_text(text)

    answer = sdg("validate", path, "--json")

    assert answer.code == 2
    assert json.loads(answer.out)["valid"] is False
    assert [error["code"] for error in answer.json["errors"]] == [told]
    assert answer.err == ""


def test_an_override_that_cannot_be_is_answered_together_with_the_rest(sdg: Sdg) -> None:
    answer = sdg("validate", sdg.definition(nmae=1), "--set", "nonsense", "--json")

    assert answer.code == 2
    assert [error["code"] for error in answer.json["errors"]] == ["INVALID_SYNTAX", "UNKNOWN_PROPERTY"]


def test_a_warning_of_a_bundle_is_acknowledged_by_its_id(sdg: Sdg) -> None:
    never = {"fieldName": "a", "type": "ENUM_RANDOM", "params": {"values": ["x", "y"], "weights": [1, 0]}}
    path = bundle(sdg, generator("a", never), generator("b", never))

    warnings = sdg("validate", path, "--json").json["warnings"]
    one = sdg("validate", path, "--strict", "--acknowledge", warnings[0]["id"], "--json")
    both = sdg("validate", path, "--strict", *(f"--acknowledge={warning['id']}" for warning in warnings))

    assert len({warning["id"] for warning in warnings}) == 2
    assert (one.code, both.code) == (2, 0)


def test_run_makes_only_the_named_generator_which_may_then_go_elsewhere(sdg: Sdg) -> None:
    path = bundle(sdg, generator("a", SIZE), generator("b", NUMBER))

    answer = sdg("run", path, "--generator", "b", "--to", "n.csv", "--json")
    unknown = sdg("run", path, "--generator", "c")
    unasked = sdg("run", path, "--to", "n.csv")

    assert answer.code == 0, answer.err
    assert (sdg.folder / "n.csv").read_text().splitlines()[:2] == ["n", "1"]
    assert not (sdg.folder / "home" / "out").exists()
    assert (unknown.code, unasked.code) == (2, 2)
    assert '--generator: no generator has the name "c"' in unknown.err
    assert "choose one with --generator NAME" in unasked.err


def test_preview_shows_all_generators_of_a_bundle_each_under_its_name(sdg: Sdg) -> None:
    path = bundle(sdg, generator("a", SIZE), generator("b", NUMBER))

    answer = sdg("preview", path, "--rows", "2")

    assert answer.code == 0, answer.err
    first, second = answer.out.split("b:\n")
    assert first.startswith("a:\n")
    assert "size" in first
    assert second.split() == ["n", "1", "2"]


def test_preview_as_json_asks_which_generator_and_shows_the_named_one(sdg: Sdg) -> None:
    path = bundle(sdg, generator("a", SIZE), generator("b", NUMBER))

    unasked = sdg("preview", path, "--json")
    unknown = sdg("preview", path, "--generator", "c")
    named = sdg("preview", path, "--generator", "b", "--rows", "2", "--json")

    assert (unasked.code, unknown.code) == (2, 2)
    assert "holds 2 generators: a, b" in unasked.err
    assert "--generator NAME" in unasked.err
    assert "holds 2 generators: a, b" in unknown.err or "did you mean" in unknown.err
    assert [json.loads(line) for line in named.out.splitlines()] == [{"n": 1}, {"n": 2}]
