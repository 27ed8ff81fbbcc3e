"""The workers' part of the service's health. Loads what it looks at when it is asked: most commands never ask."""

from __future__ import annotations

from sdg_project.health import Finding, Health


def workers_probe() -> Finding:
    """DEGRADED when nobody is there to work; with how many shards wait."""
    from generators.runs.leases import due_shards
    from generators.runs.worker import count_alive

    alive = count_alive()
    return Finding(Health.UP if alive else Health.DEGRADED, {"alive": alive, "shardsDue": due_shards().count()})


def queue_probe() -> Finding:
    """How many rings nobody has answered yet."""
    from generators.runs.doorbell import count_rings

    return Finding(Health.UP, {"depth": count_rings()})
