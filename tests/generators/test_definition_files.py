"""Definitions in files: several in one, pools of a bundle, overrides, and who owns what they write."""

from __future__ import annotations

import argparse
import io
import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from generators.definition_files import (
    DefinitionFile,
    choose_definition,
    instant,
    read_definitions,
)
from sdg_project.arguments import whole_number
from sdg_project.errors import Invalid, NotFound

FIELDS = "fieldMappings: [{fieldName: n, type: SEQUENCE}]"


def write(folder: Path, text: str, name: str = "orders.yaml") -> str:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
    return str(path)


def definitions(path: str, *assignments: str) -> tuple[DefinitionFile, ...]:
    contents = read_definitions(path, assignments)
    assert contents.issues == ()
    return contents.definitions


def test_a_file_is_as_old_as_its_last_change(tmp_path: Path) -> None:
    path = write(tmp_path, f"name: a\n{FIELDS}\n")
    os.utime(path, (1_700_000_000.9, 1_700_000_000.9))

    assert definitions(path)[0].updated_at == datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)


def test_documents_and_lists_of_generators_are_all_read(tmp_path: Path) -> None:
    path = write(tmp_path, f"name: a\n{FIELDS}\n---\ngenerators:\n- name: b\n  {FIELDS}\n- name: c\n  {FIELDS}\n")

    files = definitions(path)

    assert [file.name for file in files] == ["a", "b", "c"]
    assert [file.where("/name") for file in files] == [f"{path}:{line}" for line in ("1:7", "5:9", "7:9")]


def test_one_of_several_is_chosen_by_its_name(tmp_path: Path) -> None:
    contents = read_definitions(write(tmp_path, f"name: a\n{FIELDS}\n---\nname: orders\n{FIELDS}\n"))

    assert choose_definition(contents, "orders") is contents.definitions[1]
    with pytest.raises(Invalid, match="holds 2 generators: a, orders") as several:
        choose_definition(contents)
    assert several.value.issues[0].hint == "choose one with --generator NAME"
    with pytest.raises(Invalid, match='no generator has the name "order"') as unknown:
        choose_definition(contents, "order")
    assert unknown.value.issues[0].hint == 'did you mean "orders"?'


def test_overrides_hold_for_every_generator_and_leave_the_places(tmp_path: Path) -> None:
    path = write(tmp_path, f"name: a\n{FIELDS}\n---\nname: b\nrecordCount: 5\n{FIELDS}\n")

    files = definitions(path, "recordCount=1e3", "fieldMappings.0.params.start=7", "destination.type=FILE")

    assert [file.value["recordCount"] for file in files] == [1_000, 1_000]
    assert files[1].value["fieldMappings"][0]["params"] == {"start": 7}
    assert files[1].value["destination"] == {"type": "FILE"}
    assert files[1].where("/fieldMappings/0/type") == f"{path}:6:38"
    assert definitions(path)[1].value["recordCount"] == 5


def test_what_a_flag_has_set_stands_there_and_not_in_the_file(tmp_path: Path) -> None:
    path = write(tmp_path, f"name: a\nrecordCount: 5\n{FIELDS}\n")

    [file] = definitions(path, "recordCount=0", "destination.config.path=x", "fieldMappings.0.params.start=7")

    assert file.where("/recordCount") == "--set recordCount=0"
    assert file.where("/destination/config/path/0") == "--set destination.config.path=x"
    assert file.where("/destination/config/format") == f"{path}:1:1"
    assert file.where("/destination") == "--set destination.config.path=x"  # which has made it
    assert file.where("/fieldMappings/0") == f"{path}:3:17"
    assert file.where("/name") == f"{path}:1:7"


def test_overrides_that_cannot_be_are_told_together_and_once(tmp_path: Path) -> None:
    path = write(tmp_path, f"name: a\n{FIELDS}\n---\nname: b\n{FIELDS}\n")

    contents = read_definitions(path, ["nonsense", "fieldMappings.9.params.start=7"])

    assert [issue.path for issue in contents.issues] == ["", "/fieldMappings"]
    assert [file.name for file in contents.definitions] == ["a", "b"]


def test_pools_of_a_bundle_name_files_beside_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, "size\nS\nM\n", "shop/data/sizes.csv")
    pools = "pools:\n- name: sizes\n  source: {type: FILE, path: data/sizes.csv}\n"
    path = write(tmp_path, f"{pools}generators:\n- name: a\n  {FIELDS}\n- name: b\n  {FIELDS}\n", "shop/bundle.yaml")
    monkeypatch.chdir(tmp_path / "shop" / "data")

    first, second = definitions(path)
    beside = definitions("../bundle.yaml")[0]

    assert first.own_pools["sizes"].records["size"].to_list() == ["S", "M"]
    assert second.own_pools is first.own_pools
    assert beside.own_pools["sizes"].content_hash == first.own_pools["sizes"].content_hash


def test_a_pool_that_cannot_be_loaded_is_told_at_its_place(tmp_path: Path) -> None:
    pools = "pools:\n- name: sizes\n  source: {type: FILE, path: gone.csv}\n- name: colors\n  source: {type: FIEL}\n"
    path = write(tmp_path, f"{pools}generators:\n- name: a\n  {FIELDS}\n")

    contents = read_definitions(path)

    told = [(issue.path, issue.message.partition(": ")[0]) for issue in contents.issues]
    assert [file.name for file in contents.definitions] == ["a"]
    assert told == [("/pools/0/source/path", f"{path}:3:30"), ("/pools/1/source/type", f"{path}:5:18")]


def test_a_file_without_a_generator_or_no_file_is_refused(tmp_path: Path) -> None:
    [issue] = read_definitions(write(tmp_path, "pools: []\n")).issues

    assert "there is no generator in it" in issue.message
    with pytest.raises(NotFound, match="there is no file"):
        read_definitions(str(tmp_path / "gone.yaml"))


def test_standard_input_is_as_old_as_now(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = json.dumps({"name": "a", "fieldMappings": []})
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text.encode())))

    [file] = definitions("-")

    assert file.value == {"name": "a", "fieldMappings": []}
    assert abs(datetime.now(UTC) - file.updated_at) < timedelta(minutes=1)


def test_an_owner_is_a_definition_of_a_file_and_a_target(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path, f"name: a\n{FIELDS}\n---\nname: b\n{FIELDS}\n")
    copy = write(tmp_path, f"name: a\n{FIELDS}\n", "copy.yaml")
    a, b = definitions(path)
    monkeypatch.chdir(tmp_path)

    owners = [a.owner("x"), a.owner("y"), b.owner("x"), definitions(copy)[0].owner("x")]

    assert len(set(owners)) == 4
    assert definitions("orders.yaml")[0].owner("x") == a.owner("x")
    assert a.with_value({**a.value, "seed": 1}, {"/seed": "--seed 1"}).owner("x") == a.owner("x")
    assert len(owners[0]) <= 200


@pytest.mark.parametrize(("text", "number"), [("1000", 1000), ("1e6", 10**6), ("1_000_000", 10**6), ("-5", -5)])
def test_whole_numbers_take_exponents_and_groups(text: str, number: int) -> None:
    assert whole_number(text) == number


@pytest.mark.parametrize("text", ["1.5", "1e-3", "ten", "", "1__0", "nan"])
def test_what_is_no_whole_number_is_refused(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError):
        whole_number(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-01-31T12:00:00Z", datetime(2026, 1, 31, 12, tzinfo=UTC)),
        ("2026-01-31T12:00:00+02:00", datetime(2026, 1, 31, 10, tzinfo=UTC)),
        ("2026-01-31T12:00:00.25", datetime(2026, 1, 31, 12, 0, 0, 250_000, tzinfo=UTC)),
        ("2026-01-31", datetime(2026, 1, 31, tzinfo=UTC)),
    ],
)
def test_instants_are_in_utc_unless_they_name_a_zone(text: str, expected: datetime) -> None:
    assert instant(text) == expected
    assert instant(text).utcoffset() == timedelta(0)


def test_now_is_an_instant_too() -> None:
    before = datetime.now(UTC)

    yesterday = instant("now-1d")

    assert before <= yesterday + timedelta(days=1) <= datetime.now(UTC)


@pytest.mark.parametrize("text", ["yesterday", "2026-02-30", "now-1y"])
def test_what_is_no_instant_is_refused_with_what_is(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="accepted are ISO 8601"):
        instant(text)
