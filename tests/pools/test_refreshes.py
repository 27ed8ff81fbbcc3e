"""Refreshes: who joins whom, what becomes due, which versions stay, and what is said of a pool meanwhile."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connections
from django.utils import timezone

from pools import apart, services, store
from pools.answer import public_answer_of
from pools.definition import PoolDefinition
from pools.enums import PoolStatus
from pools.files.options import Progress
from pools.loading import Loaded, load
from pools.models import Pool, PoolVersion
from pools.refreshing import keep_fresh
from sdg_project.errors import Invalid, SdgError

Adder = Callable[..., Pool]


def every(seconds: int) -> dict[str, Any]:
    return {"refresh": {"mode": "INTERVAL", "intervalSeconds": seconds}}


class HeldLoader:
    """Loads when it is let."""

    def __init__(self) -> None:
        self.begun, self.let = threading.Event(), threading.Event()
        self.count = 0

    def __call__(self, definition: PoolDefinition, *, base: Path, progress: Progress) -> Loaded:
        self.count += 1
        self.begun.set()
        assert self.let.wait(30)
        return load(definition, base=base, progress=progress)


def in_thread(work: Callable[[], object]) -> threading.Thread:
    def run() -> None:
        try:
            work()
        finally:
            connections.close_all()

    thread = threading.Thread(target=run)
    thread.start()
    return thread


@pytest.mark.django_db(transaction=True)
def test_who_asks_while_a_pool_is_being_read_has_the_outcome_of_that_reading(add: Adder, file: Path) -> None:
    add()
    file.write_text("size\nL\n")
    loader, outcomes = HeldLoader(), []
    first = in_thread(lambda: services.refresh_pool("sizes", loader=loader))
    loader.begun.wait(30)

    others = [in_thread(lambda: outcomes.append(services.refresh_pool("sizes", loader=loader).version)) for _ in "abc"]
    time.sleep(0.3)  # so that they wait for the lock
    loader.let.set()
    for thread in (first, *others):
        thread.join(30)

    assert outcomes == [2, 2, 2]
    assert loader.count == 1


@pytest.mark.django_db(transaction=True)
def test_who_joins_a_reading_that_fails_is_told_its_faults(add: Adder, file: Path) -> None:
    add()
    file.write_text("size,weight\nL\n")
    loader, faults = HeldLoader(), []

    def ask() -> None:
        try:
            services.refresh_pool("sizes", loader=loader)
        except Invalid as error:
            faults.append(str(error))

    threads = [in_thread(ask)]
    loader.begun.wait(30)
    threads.append(in_thread(ask))
    time.sleep(0.3)
    loader.let.set()
    for thread in threads:
        thread.join(30)

    assert len(faults) == 2
    assert faults[0] == faults[1]
    assert loader.count == 1


@pytest.mark.django_db(transaction=True)
def test_a_pool_that_is_being_read_is_loading_and_says_how_far_it_is(add: Adder) -> None:
    add()
    held, told = HeldLoader(), threading.Event()

    def telling(definition: PoolDefinition, *, base: Path, progress: Progress) -> Loaded:
        time.sleep(0.6)  # more often than that is not told
        progress(7, 1_000)
        told.set()
        return held(definition, base=base, progress=progress)

    thread = in_thread(lambda: services.refresh_pool("sizes", loader=telling))
    told.wait(30)
    held.begun.wait(30)

    during = public_answer_of("sizes")
    held.let.set()
    thread.join(30)
    after = public_answer_of("sizes")

    assert (during["status"], during["progress"], during["version"]) == ("LOADING", {"rows": 7, "bytes": 1_000}, 1)
    assert (after["status"], after["progress"]) == ("READY", None)


@pytest.mark.django_db(transaction=True)
def test_a_pool_that_is_older_than_its_interval_is_stale_and_is_read_anew(add: Adder, file: Path) -> None:
    add(**every(60))
    add("other")
    file.write_text("size\nL\n")
    an_hour_ago = timezone.now() - timedelta(hours=1)
    Pool.objects.filter(name="sizes").update(loaded_at=an_hour_ago, refresh_due_at=an_hour_ago)
    before = public_answer_of("sizes")["status"]

    keep_fresh()
    deadline = time.monotonic() + 60
    while public_answer_of("sizes")["version"] == 1 and time.monotonic() < deadline:
        time.sleep(0.1)

    after = public_answer_of("sizes")
    assert before == "STALE"
    assert (after["status"], after["version"], after["rowCount"]) == ("READY", 2, 1)
    assert public_answer_of("other")["version"] == 1
    assert services.get_pool("sizes").refresh_due_at > timezone.now()


@pytest.mark.django_db(transaction=True)
def test_a_process_that_ends_does_not_wait_for_its_readers(
    add: Adder, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(apart, "_ending", threading.Event())
    add(limits={"maxRows": 10**7})
    file.write_text("size\n" + "".join(f"{number}.5\n" for number in range(5_000_000)))
    errors: list[str] = []

    def refresh() -> None:
        try:
            services.refresh_pool("sizes", loader=apart.load_apart)
        except SdgError as error:
            errors.append(str(error))

    thread = in_thread(refresh)
    while not apart._children:
        time.sleep(0.01)
    apart.end_loads()
    thread.join(30)

    pool = services.get_pool("sizes")
    assert "this process ends" in errors[0]
    assert (pool.status, pool.version, pool.last_error) == ("READY", 1, None)


@pytest.mark.django_db
def test_a_stale_pool_can_still_be_used(add: Adder) -> None:
    add(**every(1))
    Pool.objects.update(loaded_at=timezone.now() - timedelta(days=1))

    assert public_answer_of("sizes")["status"] == "STALE"
    assert services.snapshots_for(["sizes"])["sizes"].records.height == 2


@pytest.mark.django_db
def test_a_due_pool_is_given_to_one_process_only(add: Adder) -> None:
    add(**every(60))
    now = timezone.now()

    assert services.claim_due_pools(now) == []
    assert services.claim_due_pools(now + timedelta(seconds=61)) == ["sizes"]
    assert services.claim_due_pools(now + timedelta(seconds=61)) == []
    assert services.claim_due_pools(now + timedelta(seconds=122)) == ["sizes"]


@pytest.mark.django_db
def test_a_pool_whose_reader_has_died_gets_its_status_back(add: Adder) -> None:
    pool = add()
    Pool.objects.update(status=PoolStatus.LOADING)

    with store.loading_lock(pool.pk):
        assert services.mend_interrupted() == []
    assert services.mend_interrupted() == ["sizes"]

    pool.refresh_from_db()
    assert pool.status == "READY"
    assert "interrupted" in pool.last_error[0]["message"]


@pytest.mark.django_db
def test_old_versions_that_nobody_holds_go_when_a_new_one_has_come(
    add: Adder, file: Path, sdg_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool = add(loadStrategy="INDEXED", indexColumns=["size"])
    monkeypatch.setattr("pools.services.pinned_versions", lambda name: {2})
    for size in "ABC":
        file.write_text(f"size\n{size}\n")
        services.refresh_pool("sizes")
    PoolVersion.objects.filter(version__lte=3).update(created_at=timezone.now() - timedelta(hours=2))
    file.write_text("size\nD\n")

    services.refresh_pool("sizes")

    # 3 was in use until a moment ago: a run may be starting with it.
    assert [version.version for version in pool.versions.all()] == [2, 3, 4, 5]
    folder = sdg_home / "pools" / str(pool.pk)
    names = sorted(path.name for path in folder.iterdir() if path.name != "lock")
    assert names == [f"{version}.{kind}" for version in (2, 3, 4, 5) for kind in ("0.index", "arrow")]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "there is no file"),
        ("size,weight\n", "has 0 rows"),
        ("size,weight\nS,heavy\n", "is declared LONG"),
        ("size\nS\n", "has no column"),
        (",".join(f"c{number}" for number in range(2_000)) + "\n", "has 2,000 columns"),
    ],
)
def test_a_source_that_went_wrong_leaves_the_old_version(
    add: Adder, file: Path, content: str | None, message: str
) -> None:
    add(columns=[{"name": "weight", "type": "LONG"}])
    if content is None:
        file.unlink()
    else:
        file.write_text(content)

    if message == "has 0 rows":  # which is no fault: a pool may be empty, and those who start a run are told
        services.refresh_pool("sizes")
        assert public_answer_of("sizes")["status"] == "EMPTY"
        return
    with pytest.raises(Invalid, match=message):
        services.refresh_pool("sizes")

    answer = public_answer_of("sizes")
    snapshot = services.snapshots_for(["sizes"])["sizes"]
    assert (answer["status"], answer["version"], snapshot.records.rows()) == ("READY", 1, [("S", 1), ("M", 2)])
    assert message in answer["lastError"][0]["message"]


# Indexes.


@pytest.mark.django_db
def test_an_indexed_pool_has_the_index_beside_its_table(add: Adder, sdg_home: Path) -> None:
    add(loadStrategy="INDEXED", indexColumns=["size"])

    snapshot = services.snapshots_for(["sizes"])["sizes"]
    index = snapshot.key_index("size")
    assert index is not None
    assert index.rows.take(index.find(snapshot.records["size"])).tolist() == [0, 1]
    assert snapshot.key_index("weight") is None


@pytest.mark.django_db
def test_a_pool_gets_an_index_without_a_new_version(add: Adder) -> None:
    pool = add()
    document = services.pool_document(pool) | {"loadStrategy": "INDEXED", "indexColumns": ["weight"]}

    replaced = services.replace_pool("sizes", document)

    assert replaced.version == 1
    assert services.snapshots_for(["sizes"])["sizes"].key_index("weight") is not None


@pytest.mark.django_db
def test_an_index_that_was_left_over_is_not_taken_for_that_of_a_new_version(
    add: Adder, file: Path, sdg_home: Path
) -> None:
    pool = add(loadStrategy="INDEXED", indexColumns=["size"])
    folder = sdg_home / "pools" / str(pool.pk)
    (folder / "2.0.index").write_bytes((folder / "1.0.index").read_bytes())
    file.write_text("size\nM\nS\nL\n")

    services.refresh_pool("sizes")

    snapshot = services.snapshots_for(["sizes"])["sizes"]
    index = snapshot.key_index("size")
    assert index is not None
    assert index.rows.take(index.find(snapshot.records["size"])).tolist() == [0, 1, 2]
