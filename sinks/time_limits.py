"""How long a call of a server may take: less than a lease, and in proportion to it."""

from __future__ import annotations

from dataclasses import dataclass

from sdg_project import env

PREFLIGHT_SECONDS = 3.0
"""A destination has answered within that, or does not answer."""


@dataclass(frozen=True, slots=True)
class TimeLimits:
    """The seconds of one process's calls; those of the default lease of 60 s in brackets."""

    connect: float
    """Until there is a connection (5)."""
    call: float
    """Of one call, such as a commit (25)."""
    lock: float
    """Of waiting for somebody else's lock (5)."""
    idle: float
    """After which a server gives up a client that says nothing in the middle of a transaction (20)."""


def time_limits() -> TimeLimits:
    """The limits of this installation."""
    lease = env.lease_seconds()
    return TimeLimits(connect=max(1.0, lease / 12), call=lease * 25 / 60, lock=max(0.5, lease / 12), idle=lease / 3)
