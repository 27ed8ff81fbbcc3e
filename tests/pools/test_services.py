"""Pools in the control database and the store: versions, refreshes, names, what is built in."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pools import services
from pools.builtin.base import builtin_pools
from pools.builtin.people import People
from pools.enums import PoolStatus
from pools.models import Pool, PoolVersion
from pools.snapshot import content_hash
from sdg_project.errors import Conflict, Invalid, NotFound

pytestmark = pytest.mark.django_db

Adder = Callable[..., Pool]


def files_of(pool: Pool, home: Path) -> list[str]:
    return sorted(path.name for path in (home / "pools" / str(pool.pk)).glob("*.arrow*"))


def test_an_added_pool_is_ready_in_its_first_version(add: Adder, sdg_home: Path) -> None:
    pool = add(weightColumn="weight")

    pool.refresh_from_db()
    assert (pool.status, pool.version, pool.row_count, pool.last_error) == ("READY", 1, 2, None)
    assert pool.columns[0] == {"name": "size", "type": "STRING", "distinct": 2, "nulls": 0}
    assert pool.loaded_at is not None
    snapshot = services.find_snapshot("sizes")
    assert snapshot is not None
    assert snapshot.records.rows() == [("S", 1), ("M", 2)]
    assert (snapshot.pool, snapshot.version, snapshot.weight_column) == ("sizes", 1, "weight")
    assert snapshot.content_hash == content_hash(snapshot.records) == pool.versions.get().content_hash
    assert files_of(pool, sdg_home) == ["1.arrow"]


def test_the_path_of_the_file_does_not_depend_on_where_the_next_refresh_is_started(
    add: Adder, file: Path, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    pool = add()
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))

    assert services.refresh_pool("sizes").source["path"] == str(file) == pool.source["path"]


def test_a_refresh_makes_a_new_version_and_leaves_the_old_one_to_those_who_pin_it(add: Adder, file: Path) -> None:
    add()
    before = services.find_snapshot("sizes")
    file.write_text("size\nL\n")

    pool = services.refresh_pool("sizes")

    after, pinned = services.find_snapshot("sizes"), services.find_snapshot("sizes", version=1)
    assert before is not None
    assert after is not None
    assert pinned is not None
    assert pool.version == 2
    assert after.records.rows() == [("L",)]
    assert before.records.rows() == pinned.records.rows() == [("S", 1), ("M", 2)]
    assert services.find_snapshot("sizes", version=3) is None


def test_equal_content_keeps_the_version(add: Adder, file: Path, sdg_home: Path) -> None:
    pool = add()
    file.write_text('"size","weight"\r\n"S","1"\r\n"M","2"\r\n')

    assert services.refresh_pool("sizes").version == 1
    assert files_of(pool, sdg_home) == ["1.arrow"]


def test_a_failed_refresh_keeps_the_old_version_and_says_what_was_wrong(add: Adder, file: Path) -> None:
    add()
    file.write_text("size,weight\nS\n")

    with pytest.raises(Invalid, match="line 2"):
        services.refresh_pool("sizes")

    pool = services.get_pool("sizes")
    assert (pool.status, pool.version) == ("READY", 1)
    assert "line 2" in pool.last_error[0]["message"]
    snapshot = services.find_snapshot("sizes")
    assert snapshot is not None
    assert snapshot.records.height == 2

    file.write_text("size,weight\nS,1\nM,2\n")

    assert services.refresh_pool("sizes").last_error is None


def test_a_version_that_was_damaged_is_not_used_and_a_refresh_mends_it(add: Adder, sdg_home: Path) -> None:
    pool = add()
    path = sdg_home / "pools" / str(pool.pk) / "1.arrow"
    path.write_bytes(path.read_bytes()[:200])

    with pytest.raises(Invalid) as error:
        services.find_snapshot("sizes")
    assert error.value.issues[0].code == "POOL_NOT_READY"
    assert error.value.issues[0].hint == "sdg pool refresh sizes"

    assert services.refresh_pool("sizes").version == 2
    assert services.find_snapshot("sizes") is not None


def test_nothing_is_left_of_a_pool_that_cannot_be_loaded(add: Adder, file: Path, sdg_home: Path) -> None:
    file.write_text("size,size\n1,2\n")

    with pytest.raises(Invalid):
        add()

    assert not Pool.objects.exists()
    assert not list((sdg_home / "pools").iterdir())


def test_a_name_is_taken_without_regard_to_case(add: Adder) -> None:
    add("Sizes")

    with pytest.raises(Conflict) as error:
        add("sIZES")

    assert error.value.code == "NAME_TAKEN"
    assert "refresh" in str(error.value.hint)
    assert services.get_pool("SIZES").name == "Sizes"


def test_a_pool_that_is_removed_while_a_refresh_waits_for_it_does_not_come_back(
    add: Adder, sdg_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool = add()
    monkeypatch.setattr(services, "get_pool", lambda name: pool)
    Pool.objects.filter(pk=pool.pk).delete()

    with pytest.raises(NotFound):
        services.refresh_pool("sizes")

    assert not (sdg_home / "pools" / str(pool.pk)).exists()


@pytest.mark.parametrize("name", ["", "a b", "ä", "a/b", "x" * 101, "a\n"])
def test_names_are_plain(add: Adder, name: str) -> None:
    with pytest.raises(Invalid) as error:
        add(name)

    assert [issue.path for issue in error.value.issues] == ["/name"]


def test_everything_that_is_wrong_with_a_definition_is_told_at_once(sdg_home: Path) -> None:
    document = {
        "name": "a b",
        "source": {"type": "FILE", "pfad": "x.csv"},
        "loadStrategy": "SOME",
        "columns": [{"name": "a", "type": "UUID"}],
        "limits": {"maxRows": 0},
        "weigthColumn": "w",
    }

    with pytest.raises(Invalid) as error:
        services.add_pool(document, base=Path())

    assert {issue.path for issue in error.value.issues} == {
        "/name",
        "/source/pfad",
        "/source/path",
        "/loadStrategy",
        "/columns/0/type",
        "/limits/maxRows",
        "/weigthColumn",
    }


@pytest.mark.parametrize(
    ("source", "path"),
    [
        ({}, "/source/type"),
        ({"type": "FIEL"}, "/source/type"),
        ({"type": "FILE", "path": "gone.csv"}, "/source/path"),
        ({"type": "FILE", "path": "."}, "/source/format"),
        ({"type": "FILE", "path": ".", "format": "CSV"}, "/source/path"),
        ({"type": "FILE", "path": "/dev/zero", "format": "CSV"}, "/source/path"),
        ({"type": "FILE", "path": "sizes.csv", "delimiter": ";;"}, "/source/delimiter"),
        ({"type": "FILE", "path": "x.parquet", "delimiter": ";"}, "/source/delimiter"),
        ({"type": "BUILTIN", "pool": "peple"}, "/source/pool"),
        ({"type": "INLINE", "rows": [1]}, "/source/rows/0"),
    ],
)
def test_faults_of_a_source_are_told_where_they_are(add: Adder, source: dict[str, Any], path: str) -> None:
    with pytest.raises(Invalid) as error:
        add(source=source)

    assert [issue.path for issue in error.value.issues] == [path]


def test_a_delimiter_is_refused_with_those_accepted(add: Adder) -> None:
    for delimiter in ("a", ";;", '"', "\n"):
        with pytest.raises(Invalid, match="such as a comma, semicolon, pipe, blank or tab"):
            add(source={"type": "FILE", "path": "sizes.csv", "delimiter": delimiter})


def test_a_pipe_nobody_writes_to_does_not_hold_anybody_up(add: Adder, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.csv")

    with pytest.raises(Invalid, match="no regular file"):
        add(source={"type": "FILE", "path": "pipe.csv"})


def test_an_unknown_pool_is_not_found_and_a_close_name_is_told(add: Adder) -> None:
    add()

    with pytest.raises(NotFound) as error:
        services.get_pool("size")

    assert error.value.hint == 'did you mean "sizes"?'


def test_a_removed_pool_leaves_no_file_but_goes_on_for_those_who_have_it_open(add: Adder, sdg_home: Path) -> None:
    pool = add()
    snapshot = services.find_snapshot("sizes")
    assert snapshot is not None

    services.remove_pool("sizes")

    assert services.find_snapshot("sizes") is None
    assert not PoolVersion.objects.exists()
    assert not (sdg_home / "pools" / str(pool.pk)).exists()
    assert snapshot.records.rows() == [("S", 1), ("M", 2)]


def test_pruning_keeps_what_is_in_use_and_what_is_pinned(add: Adder, file: Path, sdg_home: Path) -> None:
    pool = add()
    for size in ("L", "XL", "XXL"):
        file.write_text(f"size\n{size}\n")
        services.refresh_pool("sizes")

    removed = services.prune_versions({(pool.pk, 2)})

    assert removed == 2
    assert files_of(pool, sdg_home) == ["2.arrow", "4.arrow"]
    assert [version.version for version in pool.versions.all()] == [2, 4]
    assert services.prune_versions(set()) == 1


# What is built in.


def test_a_built_in_pool_can_be_used_at_once_and_is_made_once(sdg_home: Path) -> None:
    first = services.find_snapshot("people")
    [path] = (sdg_home / "pools" / "builtin").iterdir()
    written = path.stat().st_mtime_ns
    second = services.find_snapshot("people", version=0)

    assert first is not None
    assert second is not None
    assert first.records.height == 10_000
    assert first.content_hash == second.content_hash == content_hash(second.records) == People.content_hash
    assert path.name == f"people-{People.content_hash}.arrow"
    assert path.stat().st_mtime_ns == written


def test_a_damaged_file_of_a_built_in_pool_is_made_anew(sdg_home: Path) -> None:
    services.find_snapshot("people")
    [path] = (sdg_home / "pools" / "builtin").iterdir()
    path.write_bytes(b"ARROW1")

    snapshot = services.find_snapshot("people")

    assert snapshot is not None
    assert content_hash(snapshot.records) == People.content_hash


def test_looking_at_a_built_in_pool_makes_no_sdg_home(sdg_home: Path) -> None:
    sdg_home.rmdir()

    snapshot = services.find_snapshot("people")

    assert snapshot is not None
    assert snapshot.records.height == 10_000
    assert not sdg_home.exists()


def test_a_stored_pool_wins_over_the_built_in_one_but_not_for_runs_that_began_before(add: Adder) -> None:
    add("People")

    stored, pinned = services.find_snapshot("people"), services.find_snapshot("people", version=0)

    assert stored is not None
    assert pinned is not None
    assert stored.records.height == 2
    assert pinned.content_hash == People.content_hash
    assert services.pool_names() == ["People", *(name for name in builtin_pools if name != "people")]


def test_a_built_in_pool_cannot_be_changed(sdg_home: Path) -> None:
    with pytest.raises(NotFound) as error:
        services.refresh_pool("people")

    assert "built in" in str(error.value.hint)


def test_a_built_in_pool_can_be_stored_under_another_name(add: Adder) -> None:
    pool = add("persons", source={"type": "BUILTIN", "pool": "people"})

    assert pool.versions.get().content_hash == People.content_hash
    assert next(column for column in pool.columns if column["name"] == "birthDate")["type"] == "DATE"


def test_every_missing_pool_is_told_at_once(add: Adder) -> None:
    add()
    Pool.objects.create(name="waiting", source={"type": "INLINE", "rows": []})

    assert list(services.snapshots_for(["sizes", "people"])) == ["sizes", "people"]
    with pytest.raises(Invalid) as error:
        services.snapshots_for(["sizes", "peeple", "waiting"])
    assert [(issue.code, issue.hint) for issue in error.value.issues] == [
        ("POOL_NOT_FOUND", 'did you mean "people"?'),
        ("POOL_NOT_READY", "sdg pool refresh waiting"),
    ]


def test_a_pool_is_empty_as_long_as_it_has_no_rows(add: Adder, tmp_path: Path) -> None:
    file = tmp_path / "sizes.csv"
    file.write_text("size\n")
    pool = add()
    assert (pool.status, pool.version, pool.row_count) == (PoolStatus.EMPTY, 1, 0)

    file.unlink()
    with pytest.raises(Invalid):
        services.refresh_pool(pool.name)
    assert services.get_pool(pool.name).status == PoolStatus.EMPTY

    file.write_text("size\nS\n")
    assert services.refresh_pool(pool.name).status == PoolStatus.READY
    file.write_text("size\n")
    assert services.refresh_pool(pool.name).status == PoolStatus.EMPTY
