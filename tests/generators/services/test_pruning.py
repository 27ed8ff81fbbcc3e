"""Runs that are found, and that are pruned."""

from __future__ import annotations

import uuid
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from generators.models import Run
from generators.planning import run_folder
from generators.runs.lock import carrying
from generators.services.runs import find_run, prune_runs
from pools.models import PoolVersion
from sdg_project.errors import NotFound
from tests.generators.services.things import FIRST, NUMBER, SECOND, THING, interrupted
from tests.support.runs import Workshop

pytestmark = pytest.mark.django_db


def test_a_run_is_found_by_its_id_its_beginning_or_as_the_last(workshop: Workshop) -> None:
    first, second = workshop.start(NUMBER), workshop.start(NUMBER, path="b.jsonl")

    assert find_run(str(first.pk)) == first
    assert find_run(first.pk.hex) == first
    assert find_run(str(first.pk)[:18].upper()) == first
    assert find_run("last") == second


def test_what_names_no_run_or_several_is_refused_in_a_sentence(workshop: Workshop) -> None:
    with pytest.raises(NotFound, match="no run yet"):
        find_run("last")
    run = workshop.start(NUMBER)
    twin = uuid.UUID(int=run.pk.int ^ 1)
    Run.objects.filter(pk=run.pk).update(name="first")
    run.pk = twin
    run.save(force_insert=True)

    for reference in ("", "-", "zz", str(uuid.uuid4())):
        with pytest.raises(NotFound, match="no run"):
            find_run(reference)
    with pytest.raises(NotFound, match="2 runs have ids that begin with"):
        find_run(twin.hex[:31])
    assert find_run(twin.hex) == run


def test_pruning_removes_old_runs_with_what_only_they_need(workshop: Workshop, sdg_home: Path) -> None:
    pool = workshop.add_pool(FIRST)
    completed = workshop.make(THING, path="done.jsonl")
    abandoned = interrupted(workshop, THING, path="half.jsonl")
    workshop.refresh_pool(SECOND)
    hidden = sorted(workshop.folder.glob(".half*"))

    nothing = prune_runs(older_than=timedelta(days=1))
    pruned = prune_runs(older_than=timedelta(0))

    assert (nothing.runs, nothing.pool_versions, nothing.kept) == ([], 0, [])
    assert hidden
    assert {run.name for run in pruned.runs} == {"orders"}
    assert len(pruned.runs) == 2
    assert not Run.objects.exists()
    assert sorted(workshop.folder.glob(".half*")) == []
    assert not (workshop.folder / "half.jsonl").exists()
    assert workshop.content("done.jsonl")
    assert not run_folder(completed).exists()
    assert not run_folder(abandoned).exists()
    assert pruned.pool_versions == 1
    assert [version.version for version in PoolVersion.objects.filter(pool=pool)] == [2]


def test_pruning_leaves_runs_that_somebody_works_on_and_the_pools_that_they_need(workshop: Workshop) -> None:
    workshop.add_pool(FIRST)
    run = interrupted(workshop, THING)
    workshop.refresh_pool(SECOND)

    with carrying(run):
        pruned = prune_runs(older_than=timedelta(0))

    assert pruned.runs == []
    assert pruned.pool_versions == 0
    [(kept, reason)] = pruned.kept
    assert kept == run
    assert "another process" in reason
    assert workshop.carry(run).status == "COMPLETED"


def test_the_age_of_a_run_counts_from_its_end(workshop: Workshop) -> None:
    run = workshop.make(NUMBER)
    Run.objects.update(created_at=timezone.now() - timedelta(days=40))

    assert prune_runs(older_than=timedelta(days=30)).runs == []
    Run.objects.update(finished_at=timezone.now() - timedelta(days=31))

    assert [one.name for one in prune_runs(older_than=timedelta(days=30)).runs] == [run.name]


def test_a_run_that_cannot_be_cleared_away_is_kept_and_stops_no_other(workshop: Workshop) -> None:
    strange = workshop.start(NUMBER)
    workshop.make(NUMBER, path="b.jsonl")
    spec = strange.spec
    spec["document"]["destination"]["type"] = "NO_LONGER"
    Run.objects.filter(pk=strange.pk).update(spec=spec)

    pruned = prune_runs(older_than=timedelta(0))

    assert len(pruned.runs) == 1
    assert [run.pk for run, _ in pruned.kept] == [strange.pk]
    assert "cannot be continued" in pruned.kept[0][1]
