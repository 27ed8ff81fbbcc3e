"""The templates: each is right, looks like life, runs as it is, and always comes out the same."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from generators.templates import template_names
from tests.support.sdg import Sdg

NAMES = ["bank", "clicks", "health", "hr", "iot", "logs", "shop", "telecom"]


def written(folder: Path) -> dict[str, bytes]:
    """The content of every file of records below a folder, by its place there."""
    files = [path for path in folder.rglob("*") if path.is_file() and not path.name.endswith(".manifest.json")]
    return {str(path.relative_to(folder)): path.read_bytes() for path in files if not path.name.startswith(".")}


def test_there_are_eight_templates_and_each_has_several_generators_of_ten_fields(sdg: Sdg) -> None:
    answers = [json.loads(line) for line in sdg("templates", "--json").out.splitlines()]

    assert [answer["name"] for answer in answers] == template_names() == NAMES
    for answer in answers:
        assert len(answer["generators"]) >= 2
        for generator in answer["generators"]:
            assert generator["fields"] >= 10
            assert 500 <= generator["recordCount"] <= 50_000
    names = Counter(generator["name"] for answer in answers for generator in answer["generators"])
    assert names.most_common(1)[0][1] == 1


def test_the_list_says_what_each_is_and_how_to_go_on(sdg: Sdg) -> None:
    answer = sdg("templates")

    assert answer.code == 0, answer.err
    assert "shop" in answer.out
    assert "A web shop: its customers, products, and orders with their lines." in answer.out
    assert "shop-products" in answer.out
    assert "sdg run template:NAME" in answer.out


def test_a_printed_template_is_a_definition_that_says_the_same(sdg: Sdg) -> None:
    printed = sdg("templates", "iot")
    (sdg.folder / "own.yaml").write_text(printed.out, encoding="utf-8")

    own = sdg("preview", "own.yaml", "--generator", "iot-alerts", "--json")
    built_in = sdg("preview", "template:iot", "--generator", "iot-alerts", "--json")

    assert printed.out.startswith("# Sensors: ")
    assert own.code == 0, own.err
    assert own.out == built_in.out
    assert len(own.out.splitlines()) == 10


@pytest.mark.parametrize(
    "arguments",
    [
        ("templates", "shpo"),
        ("run", "template:shpo"),
        ("preview", "template:shpo"),
        ("import", "template:shpo"),
    ],
)
def test_an_unknown_template_names_the_closest(sdg: Sdg, arguments: tuple[str, ...]) -> None:
    answer = sdg(*arguments)

    assert answer.code == 2
    assert 'there is no template "shpo"' in answer.err
    assert 'did you mean "shop"?' in answer.err


def test_who_forgets_the_mark_of_a_template_is_told(sdg: Sdg) -> None:
    answer = sdg("run", "shop")

    assert answer.code == 2
    assert '"template:shop"' in answer.err


@pytest.mark.parametrize("name", NAMES)
def test_a_template_is_valid_without_a_warning(sdg: Sdg, name: str) -> None:
    answer = sdg("validate", f"template:{name}", "--strict", "--json")

    assert answer.code == 0, answer.out
    assert answer.json["errors"] == []
    assert answer.json["warnings"] == []
    for generator in answer.json["generators"]:
        assert generator["determinism"]["reasons"] == []


@pytest.mark.parametrize("name", NAMES)
def test_a_template_is_previewed_as_it_is(sdg: Sdg, name: str) -> None:
    answer = sdg("preview", f"template:{name}", "--rows", "3")

    assert answer.code == 0, answer.err
    assert answer.out.count("\n\n") >= 1


@pytest.mark.parametrize("name", NAMES)
def test_a_template_runs_as_it_is_and_comes_out_the_same_twice(tmp_path: Path, name: str) -> None:
    contents = []
    for hash_seed in ({}, {"PYTHONHASHSEED": "1"}):
        place = tmp_path / str(len(contents))
        place.mkdir()
        sdg = Sdg.at(place, **hash_seed).used()
        answer = sdg("run", f"template:{name}", "--count", "1000", "--json")
        assert answer.code == 0, answer.err
        reports = [json.loads(line) for line in answer.out.splitlines()]
        assert {report["recordsWritten"] for report in reports} == {1_000}
        contents.append(written(place / "home" / "out"))

    assert len(contents[0]) == len(reports)
    assert contents[0] == contents[1]
    assert all(contents[0].values())


def test_a_template_runs_again_over_its_own_files(sdg: Sdg) -> None:
    answers = [sdg("run", "template:iot", "--count", "100", "--json") for _ in range(2)]

    assert [answer.code for answer in answers] == [0, 0], answers[1].err


def test_a_template_is_stored_for_the_service(sdg: Sdg) -> None:
    answer = sdg("import", "template:hr")

    assert answer.code == 0, answer.err
    assert 'generator "hr-employees" is created' in answer.out
    assert 'pool "pay-scale" is created' in answer.out
