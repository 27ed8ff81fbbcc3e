"""How long things may take in the service: one setting, the lease, and what depends on it in proportion to it."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings


def lease() -> timedelta:
    """How long a worker that is silent keeps a shard."""
    return timedelta(seconds=settings.SDG_LEASE_SECONDS)


def slice_time() -> timedelta:
    """How long a worker stays with a shard before others have a turn: 15 s with the default lease."""
    return lease() / 4


def company_time() -> timedelta:
    """How long a shard waits for a worker of its own before one that has others takes it in, too."""
    return timedelta(seconds=1)


def crowding(workers: int) -> float:
    """How many times longer slices and commits take when many workers share one control database: 1 up to 50 of them.

    At most 4, so that people's wishes are followed within 5 s, and nothing comes near the length of a lease.
    """
    return max(1.0, min(workers / 50, 4.0, lease() / timedelta(seconds=15)))


def beat_time() -> timedelta:
    """How often a worker says that it is alive: every 10 s with the default lease."""
    return lease() / 6


def ring_time() -> timedelta:
    """After how long an unanswered ring is repeated: 5 s with the default lease."""
    return lease() / 12


def alive_time() -> timedelta:
    """How long a worker that does not beat is taken to be alive: a lease, or as long as a busy machine may need."""
    return max(lease(), timedelta(seconds=10))


def stuck_time() -> timedelta:
    """How long a shard may wait for a free worker before the workers are taken for stuck."""
    return timedelta(seconds=10)


def ending_time() -> timedelta:
    """How long bringing the shards of a run together may take: an hour with the default lease."""
    return lease() * 60
