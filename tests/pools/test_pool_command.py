"""`sdg pool` as a person uses it: data on standard output, messages on standard error, exit codes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from pools import services
from pools.builtin.base import builtin_pools

ROOT = Path(__file__).parents[2]


class Result:
    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err


def pool(*arguments: str) -> Result:
    out, err = StringIO(), StringIO()
    try:
        call_command("pool", *arguments, stdout=out, stderr=err)
    except SystemExit as end:
        return Result(int(end.code or 0), out.getvalue(), err.getvalue())
    return Result(0, out.getvalue(), err.getvalue())


@pytest.fixture
def folder(sdg_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "zips.csv").write_text("zip,city,people\n00501,Holtsville,10\n99950,Ketchikan,\n")
    return tmp_path


@pytest.mark.django_db
class TestPool:
    def test_a_file_becomes_a_pool(self, folder: Path) -> None:
        result = pool("add", "zips", "--file", "zips.csv", "--column", "people:double", "--weight-column", "people")

        assert (result.code, result.out) == (0, "")
        assert 'pool "zips" is added: version 1, 2 rows' in result.err
        assert 'zip: STRING  (text, because of "00501" (line 2))' in result.err
        snapshot = services.find_snapshot("zips")
        assert snapshot is not None
        assert snapshot.records.rows() == [("00501", "Holtsville", 10.0), ("99950", "Ketchikan", None)]
        assert snapshot.weight_column == "people"

    def test_a_pool_is_not_added_twice(self, folder: Path) -> None:
        pool("add", "zips", "--file", "zips.csv")

        result = pool("add", "ZIPS", "--file", "zips.csv")

        assert result.code == 2
        assert "sdg pool refresh zips" in result.err
        assert "sdg pool remove zips" in result.err

    def test_every_fault_of_a_file_is_printed(self, folder: Path) -> None:
        (folder / "bad.csv").write_text("a,b\n1\n2,3,4\n")

        result = pool("add", "bad", "--file", "bad.csv")

        assert (result.code, result.out) == (2, "")
        assert "INVALID_SYNTAX: bad.csv, line 2: 1 cell," in result.err
        assert "INVALID_SYNTAX: bad.csv, line 3: 3 cells" in result.err
        assert "must be quoted" in result.err
        assert services.list_pools() == []

    def test_limits_and_format_can_be_given(self, folder: Path) -> None:
        (folder / "data.txt").write_text('{"a": 1}\n{"a": 2}\n')

        assert "--max-rows" in pool("add", "x", "--file", "data.txt", "--format", "jsonl", "--max-rows", "1").err
        assert pool("add", "x", "--file", "data.txt", "--format", "JSONL", "--max-rows", "1e1").code == 0
        assert "give format" in pool("add", "y", "--file", "data.txt").err

    @pytest.mark.parametrize(
        "arguments",
        [
            (),
            ("add", "x"),
            ("add", "x", "--file", "zips.csv", "--column", "zip"),
            ("add", "x", "--file", "zips.csv", "--column", "zip:TEXT"),
            ("add", "x", "--file", "zips.csv", "--max-rows", "0"),
            ("add", "x", "--file", "zips.csv", "--format", "xml"),
            ("lisst",),
        ],
    )
    def test_a_wrong_command_line_is_refused(self, folder: Path, arguments: tuple[str, ...]) -> None:
        with pytest.raises(CommandError):
            pool(*arguments)

    def test_pools_are_listed_the_built_in_ones_too(self, folder: Path) -> None:
        pool("add", "zips", "--file", "zips.csv")

        listed = [json.loads(line) for line in pool("list", "--json").out.splitlines()]
        table = pool("list").out

        assert [one["name"] for one in listed] == ["zips", *builtin_pools]
        rows = [(one["version"], one["rowCount"]) for one in listed if one["name"] in {"zips", "people"}]
        assert rows == [(1, 2), (0, 10_000)]
        lines = [line.split() for line in table.splitlines()[1:]]
        assert lines[0][:4] == ["zips", "READY", "1", "2"]
        [people] = [line for line in lines if line[0] == "people"]
        assert people[:4] == ["people", "READY", "10,000", "11"]
        assert builtin_pools["people"].description in table

    def test_a_pool_is_shown_with_its_columns(self, folder: Path) -> None:
        pool("add", "zips", "--file", "zips.csv")

        shown = json.loads(pool("show", "zips", "--json").out)
        text = pool("show", "zips").out

        assert shown["status"] == "READY"
        assert shown["loadStrategy"] == "FULL"
        assert len(shown["contentHash"]) == 32
        assert shown["columns"][2] == {"name": "people", "type": "LONG", "distinct": 1, "nulls": 1}
        assert shown["source"] == {"type": "FILE", "path": str(folder / "zips.csv")}
        assert ["city", "STRING", "2", "0", "Holtsville"] in [line.split() for line in text.splitlines()]

    def test_the_built_in_pool_is_shown(self, folder: Path) -> None:
        shown = json.loads(pool("show", "people", "--json").out)

        assert [column["name"] for column in shown["columns"]][:3] == ["name", "firstName", "lastName"]
        text = pool("show", "people").out
        assert "built in: persons of the United States" in text
        rows = [json.loads(line) for line in text.partition("first rows:\n")[2].splitlines()]
        assert [row["email"] for row in rows][:1] == ["lisa.terry@example.com"]
        assert len(rows) == 3

    def test_a_built_in_pool_has_the_weights_that_it_names(self, folder: Path) -> None:
        assert json.loads(pool("show", "products", "--json").out)["weightColumn"] == "popularity"

    def test_a_pool_that_nobody_knows(self, folder: Path) -> None:
        result = pool("show", "peopel")

        assert (result.code, result.out) == (2, "")
        assert 'did you mean "people"?' in result.err

    def test_a_refresh_says_whether_something_has_changed(self, folder: Path) -> None:
        pool("add", "zips", "--file", "zips.csv")

        assert "nothing has changed: version 1" in pool("refresh", "zips").err
        (folder / "zips.csv").write_text("zip\n00501\n")
        assert "is refreshed: version 2, 1 row" in pool("refresh", "zips").err
        (folder / "zips.csv").unlink()
        assert pool("refresh", "zips").code == 2
        assert "READY, last refresh failed" in pool("list").out
        shown = pool("show", "zips")
        assert "the last refresh failed: INVALID_VALUE: there is no file" in shown.err

    def test_a_pool_is_removed(self, folder: Path) -> None:
        pool("add", "zips", "--file", "zips.csv")

        assert pool("remove", "zips").code == 0
        assert pool("remove", "zips").code == 2

    def test_what_upsets_a_terminal_is_shown_as_escapes(self, folder: Path) -> None:
        (folder / "evil.csv").write_text('"a\x1b[31m",b\nx\x1b[0m,1\n')

        results = [pool("add", "evil", "--file", "evil.csv"), pool("show", "evil"), pool("list")]

        assert not any("\x1b" in result.out + result.err for result in results)
        assert "a\\x1b[31m" in results[1].out


# Real processes.


def started(home: Path, *arguments: str) -> subprocess.Popen[str]:
    program = "import sys; from sdg_project.cli import main; main(sys.argv[1:])"
    return subprocess.Popen(
        [sys.executable, "-c", program, *arguments],
        cwd=ROOT,
        env={key: value for key, value in os.environ.items() if key != "DATABASE_URL"} | {"SDG_HOME": str(home)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finished(processes: list[subprocess.Popen[str]]) -> list[Result]:
    results = []
    for process in processes:
        out, err = process.communicate(timeout=120)
        results.append(Result(process.returncode, out, err))
    return results


def show(home: Path, name: str) -> Any:
    [result] = finished([started(home, "pool", "show", name, "--json")])
    assert result.code == 0, result.err
    return json.loads(result.out)


def test_help_names_the_command_as_it_is_typed_with_an_example(tmp_path: Path) -> None:
    whole, add = finished([started(tmp_path, "pool", "--help"), started(tmp_path, "pool", "add", "--help")])

    assert whole.out.startswith("usage: sdg pool ")
    assert "example:\n  sdg pool add products" in whole.out
    assert add.out.startswith("usage: sdg pool add ")
    assert "example:\n  sdg pool add products" in add.out


def test_of_processes_that_add_one_pool_at_once_one_succeeds_and_the_others_are_told(tmp_path: Path) -> None:
    home, file = tmp_path / "home", tmp_path / "a.csv"
    file.write_text("a\n" + "x\n" * 100_000)

    results = finished([started(home, "pool", "add", "a", "--file", str(file)) for _ in range(3)])

    assert sorted(result.code for result in results) == [0, 2, 2], [result.err for result in results]
    assert sum("there is a pool" in result.err for result in results) == 2
    assert show(home, "a")["rowCount"] == 100_000
    assert len(list((home / "pools").iterdir())) == 1


def test_processes_that_refresh_one_pool_at_once_make_one_new_version(tmp_path: Path) -> None:
    home, file = tmp_path / "home", tmp_path / "a.csv"
    file.write_text("a\n1\n")
    assert finished([started(home, "pool", "add", "a", "--file", str(file))])[0].code == 0
    file.write_text("a\n" + "2\n" * 100_000)

    results = finished([started(home, "pool", "refresh", "a") for _ in range(3)])

    assert [result.code for result in results] == [0, 0, 0], [result.err for result in results]
    shown = show(home, "a")
    assert (shown["version"], shown["rowCount"], shown["status"]) == (2, 100_000, "READY")


def test_processes_that_use_the_built_in_pool_first_all_succeed(tmp_path: Path) -> None:
    home = tmp_path / "home"

    results = finished([started(home, "pool", "show", "people", "--json") for _ in range(3)])

    assert [result.code for result in results] == [0, 0, 0], [result.err for result in results]
    assert len({result.out for result in results}) == 1
    assert [path.suffix for path in (home / "pools" / "builtin").iterdir()] == [".arrow"]


@pytest.mark.django_db
class TestFaker:
    SPEC = '{"rows": 5, "locales": ["de_DE"], "columns": {"name": "person.name"}}'

    def test_json_in_the_argument_makes_a_pool(self, folder: Path) -> None:
        result = pool("add", "staff", "--faker", self.SPEC)

        assert result.code == 0, result.err
        assert 'pool "staff" is added: version 1, 5 rows' in result.err

    def test_a_file_makes_the_same_pool(self, folder: Path) -> None:
        (folder / "staff.yaml").write_text("rows: 5\nlocales: [de_DE]\ncolumns:\n  name: person.name\n")

        pool("add", "staff", "--faker", "staff.yaml")
        pool("add", "others", "--faker", self.SPEC)

        first, second = services.find_snapshot("staff"), services.find_snapshot("others")
        assert first is not None
        assert second is not None
        assert first.content_hash == second.content_hash

    def test_what_is_for_files_is_refused(self, folder: Path) -> None:
        result = pool("add", "staff", "--faker", self.SPEC, "--delimiter", ";")

        assert result.code == 2
        assert "--delimiter does not apply to this source" in result.err

    def test_a_list_is_no_specification(self, folder: Path) -> None:
        (folder / "staff.yaml").write_text("- name\n")

        result = pool("add", "staff", "--faker", "staff.yaml")

        assert result.code == 2
        assert "--faker must be one object with rows, columns" in result.err


@pytest.mark.django_db
class TestForms:
    def test_what_was_found_out_of_a_file_is_told(self, folder: Path) -> None:
        (folder / "german.csv").write_bytes("name;count\nZoë;1\n".encode("cp1252"))

        refused = pool("add", "german", "--file", "german.csv")
        added = pool("add", "german", "--file", "german.csv", "--encoding", "windows-1252")

        assert refused.code == 2
        assert "--encoding" in refused.err
        assert (added.code, added.out) == (0, "")
        assert "  read as WINDOWS-1252, parted by a semicolon, with a header" in added.err
        assert "parted by a semicolon" in pool("show", "german").out

    def test_a_file_without_a_header_is_read_when_that_is_said(self, folder: Path) -> None:
        (folder / "plain.csv").write_text("1,Ana\n2,Bo\n")

        assert "--no-header" in pool("add", "plain", "--file", "plain.csv").err
        assert pool("add", "plain", "--file", "plain.csv", "--no-header", "--delimiter", ",").code == 0
        assert services.snapshots_for(["plain"])["plain"].records.columns == ["column1", "column2"]

    def test_a_sample_is_added(self, folder: Path) -> None:
        (folder / "many.csv").write_text("n\n" + "".join(f"{number}\n" for number in range(500)))

        result = pool("add", "many", "--file", "many.csv", "--strategy", "sampled", "--sample-size", "20")

        assert "version 1, 20 of 500 rows" in result.err
        assert "SAMPLED, sampleSize 20: 500 source rows" in pool("show", "many").out

    def test_an_indexed_pool_that_is_read_anew_by_itself_is_added(self, folder: Path) -> None:
        (folder / "many.csv").write_text("n,k\n1,a\n")

        result = pool(
            *("add", "many", "--file", "many.csv", "--strategy", "INDEXED", "--index-columns", "n,k"),
            *("--refresh-every", "3600"),
        )

        assert result.code == 0, result.err
        shown = json.loads(pool("show", "many", "--json").out)
        assert shown["indexColumns"] == ["n", "k"]
        assert shown["refresh"] == {"mode": "INTERVAL", "intervalSeconds": 3600}

    def test_what_does_not_apply_is_refused(self, folder: Path) -> None:
        result = pool("add", "zips", "--file", "zips.csv", "--sample-size", "20")

        assert result.code == 2
        assert "sampleSize does not apply to FULL" in result.err
