"""How the pools are, for the service's health."""

from __future__ import annotations

from django.apps import apps
from django.db.models import Count

from pools.enums import PoolStatus
from sdg_project.health import Finding, Health


def pools_probe() -> Finding:
    """DEGRADED when a pool has no usable version because loading it has failed."""
    statuses = apps.get_model("pools", "Pool")._default_manager.values_list("status").annotate(Count("pk"))
    counts = dict(statuses.order_by())
    status = Health.DEGRADED if counts.get(PoolStatus.FAILED) else Health.UP
    return Finding(status, {"counts": counts})
