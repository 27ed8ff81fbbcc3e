"""Following: the plan of a run some of whose fields want the newest version of their pools."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping

from engine.batch import Batch
from engine.cuts import Cuts
from engine.span import Span
from generators.models import Run
from generators.plan import Plan
from generators.planning import followed_pools, plan_with_versions
from generators.runs.salvage import Salvage
from pools import services as pool_services

_LOOK_S = 1.0
"""How often it is looked whether there are new versions."""
_log = logging.getLogger("sdg.workers")


def source_of(run: Run, plan: Plan, cuts: Cuts, salvage: Salvage | None) -> Following | Salvage | Plan:
    """What makes the records of a run, by its plan and with what leaves some of them out."""
    names = followed_pools(run, plan)
    if names:
        return Following(run, plan, names, cuts, salvage=salvage)
    return plan if salvage is None else salvage


class Following:
    """Makes records by the newest versions of the followed pools, looked for at the beginnings of frames.

    A frame is brought together from batches, so it is of one version. What a record holds depends on when it is made,
    which the definition has asked for: such fields are not made alike a second time.
    """

    def __init__(
        self,
        run: Run,
        plan: Plan,
        names: frozenset[str],
        cuts: Cuts,
        *,
        salvage: Salvage | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`salvage` leaves out records of whatever plan it is given."""
        self._run, self._plan, self._names, self._cuts, self._monotonic = run, plan, names, cuts, monotonic
        self._salvage = salvage
        self._looked_at: float | None = None

    def batch(self, span: Span) -> Batch:
        """The records of a span. Raises Conflict when a new version does not fit the run."""
        plan = self._plan_at(span.start)
        if self._salvage is None:
            return plan.batch(span)
        self._salvage.plan = plan
        return self._salvage.batch(span)

    def _plan_at(self, record: int) -> Plan:
        """The plan for what begins with a record."""
        if self._looked_at is not None:
            is_border = self._cuts.frame_end(record - 1) == record if record else True
            if not is_border or self._monotonic() - self._looked_at < _LOOK_S:
                return self._plan
        self._looked_at = self._monotonic()
        versions = pool_services.versions_in_use(self._names)
        if any(self._plan.pools[name].version != version for name, version in versions.items()):
            self._plan = plan_with_versions(self._run, self._plan, versions)
            _log.info("pools have new versions", extra={"fields": {"pools": _shown(versions), "record": record}})
        return self._plan


def _shown(versions: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {version}" for name, version in sorted(versions.items()))
