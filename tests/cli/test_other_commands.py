"""`sdg` itself, init, validate, schema, runs and demo as a user types them."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest
from ruamel.yaml import YAML

from sdg_project.cli import COMMANDS
from tests.support.sdg import ORDERS, ROOT, Sdg

_WHAT_HELP_LOADS = """
import atexit, sys
atexit.register(lambda: print(*{"django", "numpy", "polars", "pydantic"} & set(sys.modules), file=sys.stderr))
from sdg_project.cli import main
main()
"""


def test_help_lists_the_commands_without_loading_any(sdg: Sdg) -> None:
    command = [sys.executable, "-c", _WHAT_HELP_LOADS, "--help"]
    done = subprocess.run(
        command, cwd=sdg.folder, env=dict(sdg.environment), capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stderr) == (0, "\n")
    assert all(name in done.stdout for name in COMMANDS)


def test_every_command_has_a_help_with_an_example(sdg: Sdg) -> None:
    for name in COMMANDS:
        answer = sdg(name, "--help")

        assert answer.code == 0, answer.err
        assert f"usage: sdg {name}" in answer.out
        assert f"sdg {name}" in answer.out.partition("example:\n")[2]
        assert "--settings" not in answer.out


ACTIONS = [
    ("runs", "prune"),
    *(("pool", name) for name in ("add", "list", "show", "refresh", "remove")),
    *(("token", name) for name in ("create", "list", "revoke")),
    ("user", "create"),
]


@pytest.mark.parametrize(("name", "action"), ACTIONS)
def test_every_action_has_a_help_with_an_example(sdg: Sdg, name: str, action: str) -> None:
    answer = sdg(name, action, "--help")

    assert answer.code == 0, answer.err
    assert f"usage: sdg {name} {action}" in answer.out
    assert f"example:\n  sdg {name} {action}" in answer.out


def test_what_can_be_left_out_is_in_brackets(sdg: Sdg) -> None:
    assert "[prune] ..." in sdg("runs", "--help").out.splitlines()[0]


@pytest.mark.parametrize(
    "arguments",
    [["run", "o.yaml", "--coun", "5"], ["runs", "--js"], ["pool", "list", "--js"], ["runs", "prune", "--day", "3"]],
)
def test_abbreviated_flags_are_refused(sdg: Sdg, arguments: list[str]) -> None:
    answer = sdg(*arguments)

    assert answer.code == 2
    assert "unrecognized arguments" in answer.err


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["schema"],
        ["preview", "orders.yaml", "--json", "--rows", "10000"],
        ["validate", "orders.yaml", "--json"],
    ],
)
def test_a_reader_that_has_gone_ends_every_command_with_0_and_quietly(sdg: Sdg, arguments: list[str]) -> None:
    sdg.definition()
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as gone:
        done = subprocess.run(
            sdg.command(*arguments),
            cwd=sdg.folder,
            env=dict(sdg.environment),
            stdout=gone,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )

    assert (done.returncode, done.stderr) == (0, "")


def test_output_that_finds_no_room_is_a_sentence(sdg: Sdg) -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            sdg.command("--help"),
            env=dict(sdg.environment),
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )

    assert done.returncode == 3
    assert "the output cannot be written" in done.stderr
    assert "Traceback" not in done.stderr


def test_every_command_module_is_listed() -> None:
    found = {path.stem for path in ROOT.glob("*/management/commands/*.py") if not path.stem.startswith("_")}

    assert found == set(COMMANDS)
    for name, (app, _) in COMMANDS.items():
        importlib.import_module(f"{app}.management.commands.{name}")


def test_version_is_the_distribution_s(sdg: Sdg) -> None:
    answer = sdg("--version")

    assert answer.code == 0
    assert answer.out.startswith("sdg 0.")


def test_an_unknown_command_names_the_closest(sdg: Sdg) -> None:
    answer = sdg("prewiew")

    assert answer.code == 2
    assert '"preview"' in answer.err


def test_init_writes_a_definition_that_runs_as_it_is(new_sdg: Sdg) -> None:
    written = new_sdg("init", "mine.yaml")
    ran = new_sdg("run", "mine.yaml", "--to", "mine.csv", "--json")
    again = new_sdg("init", "mine.yaml")

    assert written.code == 0
    assert ran.code == 0, ran.err
    assert ran.json["recordsWritten"] == 1000
    assert again.code == 2
    assert "exists" in again.err


def test_validate_names_every_mistake_at_its_place(sdg: Sdg) -> None:
    path = sdg.folder / "wrong.json"
    mappings = [
        {"fieldName": "a", "type": "NUMERIC_RANGE", "params": {"min": 9, "max": 1}},
        {"fieldName": "b", "type": "ENUM_RANDOM", "params": {"values": []}},
        {"fieldName": "c", "type": "SEQUENCE", "params": {"step": 0}},
        {"fieldName": "d", "type": "NO_SUCH"},
        {"fieldName": "e", "type": "POOL_REFERENCE", "params": {"pool": "peple", "column": "name"}},
        {"fieldName": "f", "type": "CONSTANT", "params": {"value": 1}, "nulRate": 0.5},
    ]
    path.write_text(json.dumps({"name": "w", "recordcount": 5, "fieldMappings": mappings}))

    answer = sdg("validate", path, "--json")

    errors = answer.json["errors"]
    paths = {error["path"] for error in errors}
    assert answer.code == 2
    assert not answer.json["valid"]
    for expected in (
        "/fieldMappings/0/params/min",
        "/fieldMappings/1/params/values",
        "/fieldMappings/2/params/step",
        "/fieldMappings/3/type",
        "/fieldMappings/4/params/pool",
        "/fieldMappings/5/nulRate",
        "/recordcount",
    ):
        assert expected in paths, (expected, errors)
    hints = " ".join(error["hint"] or "" for error in errors)
    assert 'did you mean "people"?' in hints
    assert 'did you mean "nullRate"?' in hints
    assert 'did you mean "recordCount"?' in hints


def test_validate_estimates_the_size_within_a_tenth(sdg: Sdg) -> None:
    path = sdg.definition(destination={"type": "FILE", "config": {"path": "orders.jsonl"}})

    answer = sdg("validate", path, "--json")
    ran = sdg("run", path, "--json")

    estimate = answer.json["estimates"]["totalBytes"]
    assert answer.code == 0, answer.err
    assert abs(estimate - ran.json["bytesWritten"]) < 0.1 * ran.json["bytesWritten"]
    assert answer.json["determinism"] == {"deterministic": True, "randomAccess": True, "reasons": []}
    assert len(answer.json["preview"]) == 5


@pytest.mark.parametrize("name", ["numbers.yaml", "numbers.json"])
def test_numbers_are_written_with_the_digits_that_were_typed(sdg: Sdg, name: str) -> None:
    digits = "999999999999.999999"
    amount = f'"type": "NUMERIC_RANGE", "params": {{"min": 0, "max": {digits}, "scale": 6}}'
    path = sdg.folder / name
    path.write_text(
        f"""{{"name": "n", "seed": 1, "recordCount": 5, "fieldMappings": [
            {{"fieldName": "typed", "type": "CONSTANT", "params": {{"value": {digits}}}}},
            {{"fieldName": "set", "type": "CONSTANT", "params": {{"value": 0}}}},
            {{"fieldName": "amount", {amount}}}
        ], "destination": {{"type": "FILE", "config": {{"path": "x.jsonl"}}}}}}"""
    )
    change = f"fieldMappings.1.params.value=-{digits}"

    validated = sdg("validate", path, "--set", change, "--json")
    run = sdg("run", path, "--set", change, "--to", "n.jsonl", "--workers", "2", "--quiet")

    assert (validated.code, run.code) == (0, 0), validated.err + run.err
    lines = (sdg.folder / "n.jsonl").read_text().splitlines()
    assert all(line.startswith(f'{{"typed":{digits},"set":-{digits},"amount":') for line in lines)
    assert f'"preview": [{", ".join(lines)}]'.replace(" ", "") in validated.out.replace(" ", "")


def test_validate_counts_the_records_up_to_where_a_sequence_stops(sdg: Sdg) -> None:
    field = {"fieldName": "n", "type": "SEQUENCE", "params": {"start": 1, "end": 10, "onEnd": "STOP"}}
    destination = {"type": "FILE", "config": {"path": "n.csv"}}
    path = sdg.definition(fieldMappings=[field], recordCount=1_000, destination=destination)

    answer = sdg("validate", path, "--json")
    plain = sdg("validate", path)

    assert answer.json["estimates"]["records"] == 10
    assert answer.json["estimates"]["totalBytes"] == 21
    assert 0 <= answer.json["estimates"]["durationSeconds"] < 1
    assert "10 records of about 2 bytes, 21 in all, less than a second" in plain.err


def test_strict_counts_warnings_and_acknowledge_accepts_them(sdg: Sdg) -> None:
    fields = [{"fieldName": "a", "type": "ENUM_RANDOM", "params": {"values": ["x", "y"], "weights": [1, 0]}}]
    path = sdg.definition(fieldMappings=fields)

    plain = sdg("validate", path, "--json")
    strict = sdg("validate", path, "--json", "--strict")
    warning = plain.json["warnings"][0]
    accepted = sdg("validate", path, "--json", "--strict", "--acknowledge", warning["id"])

    assert (plain.code, strict.code, accepted.code) == (0, 2, 0)
    assert warning["code"] == "NEVER_EMITTED"


def test_the_json_schema_accepts_what_runs_and_refuses_misspellings(sdg: Sdg) -> None:
    answer = sdg("schema")
    schema = json.loads(answer.out)
    validator = jsonschema.Draft202012Validator(schema)
    jsonschema.Draft202012Validator.check_schema(schema)
    bundles = (ROOT / "generators" / "bundles").rglob("*.yaml")
    definitions = [ORDERS, *(YAML(typ="safe", pure=True).load(bundle.read_text()) for bundle in bundles)]

    for definition in definitions:
        assert [error.message for error in validator.iter_errors(definition)] == []
    for wrong in (ORDERS | {"recordcount": 1}, ORDERS | {"fieldMappings": [{"fieldName": "a", "type": "NO_SUCH"}]}):
        assert list(validator.iter_errors(wrong))


def test_the_json_schema_describes_bundles_too(sdg: Sdg) -> None:
    validator = jsonschema.Draft202012Validator(json.loads(sdg("schema").out))
    rows = {"name": "sizes", "source": {"type": "INLINE", "rows": [{"size": "S"}]}}
    file = {"name": "p", "source": {"type": "FILE", "path": "p.csv"}, "columns": [{"name": "a", "type": "STRING"}]}

    assert [error.message for error in validator.iter_errors({"pools": [rows, file], "generators": [ORDERS]})] == []
    for wrong in (
        {"generators": [ORDERS | {"recordcount": 1}]},
        {"pools": [file | {"source": {"type": "FIEL", "path": "p.csv"}}], "generators": []},
        {"pools": [rows], "generator": []},
        {"generators": ORDERS},
        [ORDERS],
    ):
        assert list(validator.iter_errors(wrong)), wrong


def test_runs_lists_what_was_run_newest_first_and_prune_removes_it(sdg: Sdg) -> None:
    nothing = sdg("runs")
    path = sdg.definition()
    sdg("run", path, "--to", "a.jsonl", "--quiet")
    sdg("run", path, "--to", "b.jsonl", "--quiet")

    listed = [json.loads(line) for line in sdg("runs", "--json").out.splitlines()]
    table = sdg("runs")
    pruned = sdg("runs", "prune", "--days", "0")

    assert "no run yet" in nothing.err
    assert [row["to"] for row in listed] == ["b.jsonl", "a.jsonl"]
    assert {row["status"] for row in listed} == {"COMPLETED"}
    assert "b.jsonl" in table.out
    assert "2 runs removed" in pruned.err
    assert sdg("runs", "--json").out == ""
    assert (sdg.folder / "a.jsonl").exists()


@pytest.mark.parametrize("records", ["10", "1e5"])
def test_demo_prints_records_rate_place_and_what_comes_next_and_runs_again(sdg: Sdg, records: str) -> None:
    answers = [sdg("demo", "--records", records) for _ in range(2)]

    file = sdg.folder / "home" / "out" / "orders.jsonl"
    lines = file.read_text().splitlines()
    for answer in answers:
        assert answer.code == 0, answer.err
        assert "records/s" in answer.out
        assert "orders.jsonl" in answer.out
        for command in ("sdg run", "sdg up", "sdg import", "sdg seed"):
            assert command in answer.out
    assert len(lines) == int(float(records))
    assert len(json.loads(lines[0])) == 12


def test_demo_leaves_a_foreign_file_alone_and_says_what_can_be_done(sdg: Sdg) -> None:
    file = sdg.folder / "home" / "out" / "orders.jsonl"
    file.parent.mkdir(parents=True)
    file.write_text("precious\n")

    answer = sdg("demo", "--records", "10")

    assert answer.code == 2
    assert file.read_text() == "precious\n"
    assert "choose another path, or move it away" in answer.err
    assert "--overwrite" not in answer.err


def test_a_database_of_a_newer_version_is_refused_in_a_sentence(sdg: Sdg) -> None:
    import sqlite3

    path = sdg.definition()
    sdg("run", path, "--to", "a.jsonl", "--quiet")
    with sqlite3.connect(sdg.folder / "home" / "sdg.sqlite3") as database:
        database.execute(
            "insert into django_migrations (app, name, applied) values ('generators', '9999_later', '2030-01-01')"
        )

    answer = sdg("runs")

    assert answer.code == 2
    assert "newer version" in answer.err
    assert "Traceback" not in answer.err


def test_a_home_that_cannot_be_used_is_code_3(sdg: Sdg, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    answer = sdg("runs", SDG_HOME=str(tmp_path / "file" / "home"))

    assert answer.code == 3
    assert "SDG_HOME" in answer.err
    assert "Traceback" not in answer.err
