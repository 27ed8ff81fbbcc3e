"""A run as one process works on it: its plan and its destination, made once from the frozen spec."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from generators.models import Run
from generators.plan import Plan
from generators.planning import destination_of_run, plan_of_run
from generators.run_spec import RunSpec
from sinks.destinations.base import Destination


@dataclass(frozen=True, slots=True)
class Job:
    """What a worker needs to write any shard of a run; `destination` wants to be closed."""

    run: Run
    spec: RunSpec
    plan: Plan
    destination: Destination[Any]

    @classmethod
    def of(cls, run: Run) -> Job:
        """The job of a run; raises Conflict when this process would make other records."""
        plan = plan_of_run(run)
        return cls(run, RunSpec.from_json(run.spec), plan, destination_of_run(run, plan.schema))
