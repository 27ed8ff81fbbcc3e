"""How long things may take in the service: one setting, the lease, and all else in proportion to it."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings


def lease() -> timedelta:
    """How long a worker that is silent keeps a shard."""
    return timedelta(seconds=settings.SDG_LEASE_SECONDS)


def slice_time() -> timedelta:
    """How long a worker stays with a shard before others have a turn: 15 s with the default lease."""
    return lease() / 4


def beat_time() -> timedelta:
    """How often a worker says that it is alive: every 10 s with the default lease."""
    return lease() / 6


def ring_time() -> timedelta:
    """After how long an unanswered ring is repeated: 5 s with the default lease."""
    return lease() / 12


def stuck_time() -> timedelta:
    """How long a shard may wait for a free worker before the workers are taken for stuck: 10 s with the default."""
    return lease() / 6


def ending_time() -> timedelta:
    """How long bringing the shards of a run together may take: an hour with the default lease."""
    return lease() * 60
