"""Every deployment value comes from the environment: each variable with its default and meaning, read in one place."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

PRODUCTION = "production"
DEVELOPMENT = "development"
MIN_SECRET_LENGTH = 50


@dataclass(frozen=True, slots=True)
class Variable:
    name: str
    meaning: str
    secret: bool = False


VARIABLES = (
    Variable("SDG_ENV", "development or production; default development"),
    Variable("SDG_HOME", "folder of the control database, pools and output; default ./sdg-data"),
    Variable("SDG_OUTPUT_ROOT", "folder below which FILE destinations lie; default $SDG_HOME/out"),
    Variable("DATABASE_URL", "control database; default SQLite in SDG_HOME", secret=True),
    Variable("SDG_SECRET_KEY", "signs sessions; made in SDG_HOME in development, required in production", secret=True),
    Variable("SDG_FIELD_KEYS", "comma list of keys that encrypt stored secrets, the first one new ones", secret=True),
    Variable("SDG_ALLOWED_HOSTS", "comma list of host names that the service answers to; required in production"),
    Variable("SDG_CORS_ORIGINS", "comma list of origins whose pages may call the API; default none"),
    Variable("SDG_TRUSTED_PROXIES", "comma list of networks whose X-Forwarded-For and -Proto are believed"),
    Variable("SDG_WORKERS", "processes that sdg up lets work on runs; default 2"),
    Variable("SDG_LEASE_SECONDS", "how long a silent worker keeps a shard; other waits scale with it; default 60"),
    Variable("SDG_RETENTION_DAYS", "days after which the service removes runs that have ended; default 30"),
    Variable("SDG_MAX_LIVE_RUNS", "most runs that one token may have running or paused; default 50"),
    Variable("SDG_UPLOAD_MAX_BYTES", "most bytes of one upload of pool content; default 1 GiB"),
    Variable("SDG_LOG_LEVEL", "DEBUG, INFO, WARNING or ERROR; default WARNING on the command line"),
    Variable("SDG_LOG_FORMAT", "line or json; default line in development, json in production"),
)


def home() -> Path:
    """Where SDG keeps its own files; not made by this call."""
    return Path(os.environ.get("SDG_HOME") or "sdg-data").resolve()


def output_root() -> Path:
    """Below which folder FILE destinations lie; not made by this call."""
    configured = os.environ.get("SDG_OUTPUT_ROOT")
    return Path(configured).resolve() if configured else home() / "out"


def database_url() -> str:
    """The control database as a URL."""
    return os.environ.get("DATABASE_URL") or f"sqlite:///{home() / 'sdg.sqlite3'}"


def log_level() -> str:
    """The least severe level that is logged."""
    return (os.environ.get("SDG_LOG_LEVEL") or "WARNING").upper()


def log_format() -> str:
    """How a line of the log looks: ``line`` or ``json``."""
    return os.environ.get("SDG_LOG_FORMAT") or ("json" if is_production() else "line")


def is_production() -> bool:
    """Whether strangers may reach the service: then nothing is made up that should have been set."""
    return os.environ.get("SDG_ENV") == PRODUCTION


def secret_key() -> str:
    """The key that signs sessions, as it was set; empty when it was not."""
    return os.environ.get("SDG_SECRET_KEY", "")


def allowed_hosts() -> list[str]:
    """The names that the service answers to."""
    return _listed("SDG_ALLOWED_HOSTS") or ([] if is_production() else ["127.0.0.1", "localhost", "[::1]"])


def cors_origins() -> list[str]:
    """The origins whose pages may call the API."""
    return _listed("SDG_CORS_ORIGINS")


def trusted_proxies() -> list[Network]:
    """The networks of proxies whose word about the client is taken; raises ValueError for what is no network."""
    return [ipaddress.ip_network(text, strict=False) for text in _listed("SDG_TRUSTED_PROXIES")]


def upload_max_bytes() -> int:
    """Most bytes of one upload of pool content."""
    return int(os.environ.get("SDG_UPLOAD_MAX_BYTES") or 2**30)


def workers() -> int:
    """How many processes `sdg up` lets work on runs."""
    return int(os.environ.get("SDG_WORKERS") or 2)


def lease_seconds() -> float:
    """How long a silent worker keeps a shard."""
    return float(os.environ.get("SDG_LEASE_SECONDS") or 60)


def max_live_runs() -> int:
    """Most runs that one token may have running or paused."""
    return int(os.environ.get("SDG_MAX_LIVE_RUNS") or 50)


def retention_days() -> int:
    """After how many days runs, with their dead letters and hidden parts, are removed."""
    return int(os.environ.get("SDG_RETENTION_DAYS") or 30)


def faults() -> Iterator[str]:
    """Why the service must not start with these variables, one sentence each."""
    mode = os.environ.get("SDG_ENV") or DEVELOPMENT
    if mode not in {PRODUCTION, DEVELOPMENT}:
        yield f'SDG_ENV must be {DEVELOPMENT} or {PRODUCTION}, not "{mode}"'
    try:
        trusted_proxies()
    except ValueError as error:
        yield f"SDG_TRUSTED_PROXIES must be a list of networks such as 10.0.0.0/8: {error}"
    if not (os.environ.get("SDG_UPLOAD_MAX_BYTES") or "1").isdecimal():
        yield "SDG_UPLOAD_MAX_BYTES must be a number of bytes"
    yield from _number_faults()
    if log_format() not in {"line", "json"}:
        yield f'SDG_LOG_FORMAT must be line or json, not "{log_format()}"'
    if not is_production():
        return
    if len(secret_key()) < MIN_SECRET_LENGTH:
        yield f"SDG_SECRET_KEY must be set to at least {MIN_SECRET_LENGTH} random characters"
    if not _listed("SDG_FIELD_KEYS"):
        yield "SDG_FIELD_KEYS must be set: stored secrets are encrypted with it"
    if not _listed("SDG_ALLOWED_HOSTS"):
        yield "SDG_ALLOWED_HOSTS must name the hosts that the service answers to"
    if any(host.startswith("*") for host in allowed_hosts()):
        yield "SDG_ALLOWED_HOSTS must name hosts, * would let anybody choose the name"
    if "*" in cors_origins():
        yield "SDG_CORS_ORIGINS must name origins, * would let any page call the API"


def _number_faults() -> Iterator[str]:
    for name, (least, most) in _BOUNDS.items():
        given = os.environ.get(name)
        if given and not (given.isdecimal() and least <= int(given) <= most):
            yield f'{name} must be a whole number from {least} to {most}, not "{given}"'


_BOUNDS = {
    "SDG_WORKERS": (1, 512),
    "SDG_LEASE_SECONDS": (2, 3_600),
    "SDG_MAX_LIVE_RUNS": (1, 10**6),
    "SDG_RETENTION_DAYS": (1, 36_500),
}


def _listed(name: str) -> list[str]:
    return [part.strip() for part in os.environ.get(name, "").split(",") if part.strip()]
