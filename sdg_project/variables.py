"""The variables of the environment: each with its meaning, its value and where that comes from."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings

from sdg_project import env

HIDDEN = "••••"
GENERATED = "(generated)"


@dataclass(frozen=True, slots=True)
class Variable:
    """One variable; `value` reads it, or says its default. A secret's value is never shown.

    One that `is_generated` is made by sdg itself where nobody has set it, which production does not allow.
    """

    name: str
    meaning: str
    value: Callable[[], Any]
    is_secret: bool = False
    is_generated: bool = False

    @property
    def is_set(self) -> bool:
        return bool(os.environ.get(self.name))

    @property
    def source(self) -> str:
        """Where the value comes from: ``environment``, or ``default``."""
        return "environment" if self.is_set else "default"

    @property
    def shown(self) -> str:
        """The value for people and scripts."""
        if self.is_secret and self.is_set:
            return HIDDEN
        if self.is_generated and not self.is_set:
            return GENERATED
        value = self.value()
        if isinstance(value, str) or not isinstance(value, Sequence):
            return str(value)
        return ",".join(map(str, value))


def _database() -> str:
    """The control database without its password and options."""
    found = settings.DATABASES["default"]
    if found["ENGINE"].endswith("sqlite3"):
        return f"sqlite:///{found['NAME']}"
    password = f":{HIDDEN}" if found.get("PASSWORD") else ""
    user = f"{found['USER']}{password}@" if found.get("USER") else ""
    port = f":{found['PORT']}" if found.get("PORT") else ""
    return f"postgres://{user}{found.get('HOST', '')}{port}/{found['NAME']}"


VARIABLES = (
    Variable(
        "SDG_ENV",
        "development, or production when strangers can reach the service",
        lambda: env.PRODUCTION if env.is_production() else env.DEVELOPMENT,
    ),
    Variable("SDG_HOME", "folder of the control database, pools and output", env.home),
    Variable("SDG_OUTPUT_ROOT", "folder below which FILE destinations lie", env.output_root),
    Variable("DATABASE_URL", "control database", _database),
    Variable(
        "SDG_SECRET_KEY",
        "signs sessions; in development made at its first use and kept in SDG_HOME",
        env.secret_key,
        is_secret=True,
        is_generated=True,
    ),
    Variable("SDG_FIELD_KEYS", "comma list of keys that encrypt stored secrets", lambda: "", is_secret=True),
    Variable("SDG_ALLOWED_HOSTS", "comma list of host names that the service answers to", env.allowed_hosts),
    Variable("SDG_CORS_ORIGINS", "comma list of origins whose pages may call the API", env.cors_origins),
    Variable("SDG_TRUSTED_PROXIES", "networks whose X-Forwarded-For and -Proto are believed", env.trusted_proxies),
    Variable(
        "SDG_ALLOWED_NETS",
        "networks beside the public ones to whose hosts may be connected; in development all",
        env.allowed_networks,
    ),
    Variable("SDG_WORKERS", "processes that sdg up lets work on runs", env.workers),
    Variable("SDG_LEASE_SECONDS", "how long a silent worker keeps a shard; other waits scale", env.lease_seconds),
    Variable("SDG_RETENTION_DAYS", "days after which the service removes ended runs", env.retention_days),
    Variable("SDG_MAX_LIVE_RUNS", "most runs that one token may have running or paused", env.max_live_runs),
    Variable("SDG_UPLOAD_MAX_BYTES", "most bytes of one upload of pool content", env.upload_max_bytes),
    Variable("SDG_LOG_LEVEL", "DEBUG, INFO, WARNING or ERROR; sdg up takes INFO by default", env.log_level),
    Variable("SDG_LOG_FORMAT", "line or json", env.log_format),
)
