"""Health: one probe for each part; apps register theirs in ``AppConfig.ready``."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from django.conf import settings
from django.db import connection

_log = logging.getLogger("sdg.health")
LOW_BYTES = 2**30
_NO_BYTES = 64 * 2**20


class Health(StrEnum):
    UP = "UP"
    DEGRADED = "DEGRADED"
    DOWN = "DOWN"


@dataclass(frozen=True, slots=True)
class Finding:
    """How a part is, and what a person or a monitor may want to know of it."""

    status: Health
    details: Mapping[str, Any] = field(default_factory=dict)


Probe = Callable[[], Finding]
_probes: dict[str, Probe] = {}


def register_probe(part: str, probe: Probe) -> None:
    """Let `probe` say how a part is. It must be quick; one that raises says DOWN."""
    _probes[part] = probe


def look() -> tuple[Health, dict[str, Finding]]:
    """How the service is as a whole, that is, as its worst part; and how each part is."""
    findings = {part: _ask(part, probe) for part, probe in _probes.items()}
    worst = max((list(Health).index(finding.status) for finding in findings.values()), default=0)
    return list(Health)[worst], findings


def _ask(part: str, probe: Probe) -> Finding:
    try:
        return probe()
    except Exception:
        _log.exception("the probe of %s has failed", part)
        return Finding(Health.DOWN)


def _control_database() -> Finding:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return Finding(Health.UP, {"vendor": connection.vendor})


def free_bytes() -> int:
    """How much room there is where FILE destinations lie."""
    folder = settings.SDG_OUTPUT_ROOT
    while not folder.exists():
        folder = folder.parent
    return shutil.disk_usage(folder).free


def _disk() -> Finding:
    free = free_bytes()
    status = Health.DOWN if free < _NO_BYTES else Health.DEGRADED if free < LOW_BYTES else Health.UP
    return Finding(status, {"freeBytes": free})


register_probe("controlDatabase", _control_database)
register_probe("disk", _disk)
