"""Records that take any row of a pool since there is none for their key: counted once each, whoever died meanwhile."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from engine.span import Span
from generators.metrics_answer import metrics_answer
from generators.models import Run
from generators.planning import plan_of_run
from generators.runs import leases
from generators.runs.passed_over import moved
from generators.runs.slices import SliceWorker
from generators.services.lifecycle import stop_generator
from generators.services.metrics import metrics_of
from pools import services as pool_services
from tests.support.floor import Died, Floor
from tests.support.runs import FRAME

pytestmark = pytest.mark.django_db

COUNT = 3 * FRAME + 10
FIELDS: list[dict[str, Any]] = [
    {"fieldName": "n", "type": "SEQUENCE"},
    {"fieldName": "town", "type": "ENUM_RANDOM", "params": {"values": ["Bonn", "Ulm", "Nowhere"]}, "nullRate": 0.1},
    {
        "fieldName": "street",
        "type": "POOL_REFERENCE",
        "params": {
            "pool": "Streets",
            "column": "street",
            "keyField": "town",
            "keyColumn": "town",
            "onMissing": "ANY",
        },
    },
]


@pytest.fixture(autouse=True)
def streets(sdg_home: Path, tmp_path: Path, db: None) -> None:
    (tmp_path / "streets.csv").write_text("town,street\nBonn,A\nBonn,B\nUlm,C\n", "utf-8")
    pool_services.add_pool({"name": "Streets", "source": {"type": "FILE", "path": "streets.csv"}}, base=tmp_path)


def start(floor: Floor, **changes: Any) -> Run:
    return floor.start(recordCount=COUNT, fieldMappings=FIELDS, **changes)


def shown(run: Run) -> int:
    """What the metrics say."""
    assert run.generator_id is not None
    [pool] = metrics_answer(metrics_of(run.generator_id))["pools"]
    assert (pool["pool"], pool["version"]) == ("Streets", 1)
    return int(pool["onMissing"])


def oracle(floor: Floor) -> int:
    """What the written records say."""
    towns = [json.loads(line)["town"] for line in floor.content().splitlines()]
    assert None in towns
    return towns.count("Nowhere")


@pytest.mark.parametrize("shards", [1, 3])
def test_every_one_is_counted(floor: Floor, shards: int) -> None:
    run = floor.finish(start(floor, shards=shards))

    assert run.status == "COMPLETED"
    assert shown(run) == oracle(floor) > COUNT / 4


@pytest.mark.parametrize("step", ["slice.made", "slice.before_commit", "slice.committed", "slice.progress"])
def test_deaths_at_any_step_count_none_twice_and_forget_none(floor: Floor, step: str) -> None:
    run = start(floor)

    assert floor.deaths_at(step, run, most=3, workers=20) == 3
    assert floor.finish(run).status == "COMPLETED"
    assert shown(run) == oracle(floor)


def test_a_run_that_is_stopped_counts_what_it_has_written(floor: Floor) -> None:
    run = start(floor)
    with pytest.MonkeyPatch.context() as patch:

        def failpoint(name: str) -> None:
            if name == "slice.committed":
                raise Died

        patch.setattr("generators.runs.runner.failpoint", failpoint)
        worker = SliceWorker("w1")
        with pytest.raises(Died):
            floor.turn(worker, run)
        worker.let_go()
    leases.release_dead(["w1"])
    assert shown(run) == 0  # nobody has said yet what was written

    stop_generator(run.generator_id)  # type: ignore[arg-type]
    floor.finish(run)

    assert len(floor.content().splitlines()) == FRAME
    assert shown(run) == oracle(floor)


def test_a_count_goes_back_with_its_position(floor: Floor) -> None:
    plan = plan_of_run(start(floor))

    whole = moved(plan, {}, 0, COUNT)

    assert whole == dict(plan.passed_over(Span(0, COUNT)))
    assert moved(plan, whole, COUNT, 1_000) == moved(plan, {}, 0, 1_000)
    assert moved(plan, whole, COUNT, 0) == {"Streets": 0}


def test_what_says_it_is_made_without_the_other_fields(floor: Floor) -> None:
    plan = plan_of_run(start(floor))

    names = [step.name for step in plan._leading_to({"town"})]

    assert names == ["town"]
