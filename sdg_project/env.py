"""Every deployment value comes from the environment, and is read and checked here; `variables` lists them."""

from __future__ import annotations

import base64
import importlib
import ipaddress
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from sdg_project.text import quoted

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

PRODUCTION = "production"
DEVELOPMENT = "development"
MIN_SECRET_LENGTH = 50


LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
LOG_FORMATS = ("line", "json")
_HOST = re.compile(r"\*?\.?[A-Za-z0-9.-]+|\*|\[[0-9A-Fa-f:.]+\]")
_ORIGIN = re.compile(r"\*|https?://[^/?#\s]+")
_NUMBER = re.compile(r"[0-9]{1,19}")
_NEW_KEY = "head -c 32 /dev/urandom | base64 | tr +/ -_"


def home() -> Path:
    """``SDG_HOME``: where SDG keeps its own files, by default ./sdg-data; not made by this call."""
    return Path(os.environ.get("SDG_HOME") or "sdg-data").resolve()


def output_root() -> Path:
    """``SDG_OUTPUT_ROOT``: below which folder FILE destinations lie, by default out in `home`; not made here."""
    configured = os.environ.get("SDG_OUTPUT_ROOT")
    return Path(configured).resolve() if configured else home() / "out"


def database() -> dict[str, Any]:
    """The control database as Django wants it: SQLite in `home` unless ``DATABASE_URL`` names another one.

    Raises ValueError with a sentence, which does not repeat the URL: there may be a password in it.
    """
    url = os.environ.get("DATABASE_URL")
    if not url:
        return {"ENGINE": "django.db.backends.sqlite3", "NAME": str(home() / "sdg.sqlite3")}
    scheme = url.partition(":")[0]
    if scheme not in {"sqlite", "postgres", "postgresql"}:
        raise ValueError("DATABASE_URL must be postgres://USER:PASSWORD@HOST:5432/NAME or sqlite:////PATH")
    import environ

    if scheme != "sqlite":
        _check_postgres(url)
    found: dict[str, Any] = environ.Env.db_url_config(url)
    if not found["NAME"]:
        raise ValueError("DATABASE_URL must name a database behind the host: postgres://HOST/NAME")
    return found


def _check_postgres(url: str) -> None:
    """Raise ValueError if libpq does not understand a URL."""
    import psycopg

    form = "DATABASE_URL must be postgres://USER:PASSWORD@HOST:5432/NAME, with special characters as %XX"
    try:
        psycopg.conninfo.conninfo_to_dict(url)
        _ = urlsplit(url).port
    except (psycopg.ProgrammingError, ValueError) as error:
        option = str(error).strip() if "URI query parameter" in str(error) else ""  # other reasons repeat parts of it
        raise ValueError(f"{form}: {option}" if option else form) from error


def log_level() -> str:
    """``SDG_LOG_LEVEL``: the least severe level that is logged."""
    return (os.environ.get("SDG_LOG_LEVEL") or "WARNING").upper()


def log_format() -> str:
    """``SDG_LOG_FORMAT``, how a line of the log looks: ``line``, or ``json``, the default in production."""
    return os.environ.get("SDG_LOG_FORMAT") or ("json" if is_production() else "line")


def is_production() -> bool:
    """``SDG_ENV``: whether strangers may reach the service: then nothing is made up that should have been set."""
    return os.environ.get("SDG_ENV") == PRODUCTION


def secret_key() -> str:
    """``SDG_SECRET_KEY``: the key that signs sessions, as it was set; empty when it was not."""
    return os.environ.get("SDG_SECRET_KEY", "")


def allowed_hosts() -> list[str]:
    """``SDG_ALLOWED_HOSTS``: the names that the service answers to."""
    return _listed("SDG_ALLOWED_HOSTS") or ([] if is_production() else ["127.0.0.1", "localhost", "[::1]"])


def cors_origins() -> list[str]:
    """``SDG_CORS_ORIGINS``: the origins whose pages may call the API."""
    return _listed("SDG_CORS_ORIGINS")


def trusted_proxies() -> list[Network]:
    """``SDG_TRUSTED_PROXIES``: proxies whose word about the client is taken; raises ValueError for no network."""
    return [ipaddress.ip_network(text, strict=False) for text in _listed("SDG_TRUSTED_PROXIES")]


def allowed_networks() -> list[Network]:
    """``SDG_ALLOWED_NETS``: networks, beside the public ones, to whose hosts may be connected; ValueError for none."""
    return [ipaddress.ip_network(text, strict=False) for text in _listed("SDG_ALLOWED_NETS")]


def field_keys() -> list[str]:
    """``SDG_FIELD_KEYS``: the keys of stored secrets; the first encrypts, all decrypt."""
    return _listed("SDG_FIELD_KEYS")


def upload_max_bytes() -> int:
    """``SDG_UPLOAD_MAX_BYTES``: most bytes of one upload of pool content, by default 1 GiB."""
    return int(os.environ.get("SDG_UPLOAD_MAX_BYTES") or 2**30)


def workers() -> int:
    """``SDG_WORKERS``: how many processes `sdg up` lets work on runs, by default 2."""
    return int(os.environ.get("SDG_WORKERS") or 2)


def lease_seconds() -> float:
    """``SDG_LEASE_SECONDS``: how long a silent worker keeps a shard, by default 60; other waits scale with it."""
    return float(os.environ.get("SDG_LEASE_SECONDS") or 60)


def max_live_runs() -> int:
    """``SDG_MAX_LIVE_RUNS``: most runs that one token may have running or paused, by default 50."""
    return int(os.environ.get("SDG_MAX_LIVE_RUNS") or 50)


def retention_days() -> int:
    """``SDG_RETENTION_DAYS``: after how many days runs are removed with all that is theirs, by default 30."""
    return int(os.environ.get("SDG_RETENTION_DAYS") or 30)


def faults() -> Iterator[str]:
    """Why the service must not start with these variables, one sentence each."""
    mode = os.environ.get("SDG_ENV") or DEVELOPMENT
    if mode not in {PRODUCTION, DEVELOPMENT}:
        yield f'SDG_ENV must be {DEVELOPMENT} or {PRODUCTION}, not "{mode}"'
    try:
        database()
    except ValueError as error:
        yield str(error)
    try:
        trusted_proxies()
    except ValueError as error:
        yield f"SDG_TRUSTED_PROXIES must be a list of networks such as 10.0.0.0/8: {error}"
    try:
        allowed_networks()
    except ValueError as error:
        yield f"SDG_ALLOWED_NETS must be a list of networks such as 10.0.0.0/8: {error}"
    if not all(map(_is_field_key, field_keys())):
        yield f"SDG_FIELD_KEYS must be a list of keys of 32 bytes in URL-safe base64, such as {_NEW_KEY} prints"
    for name, pattern, example in (
        ("SDG_ALLOWED_HOSTS", _HOST, "hosts without scheme and port, such as sdg.example.org"),
        ("SDG_CORS_ORIGINS", _ORIGIN, "origins such as https://shop.example.org"),
    ):
        for text in _listed(name):
            if not pattern.fullmatch(text):
                yield f"{name} must be a list of {example}, not {quoted(text)}"
    yield from _number_faults()
    if log_level() not in LOG_LEVELS:
        yield f"SDG_LOG_LEVEL must be one of {', '.join(LOG_LEVELS)}, not {quoted(log_level())}"
    if log_format() not in LOG_FORMATS:
        yield f"SDG_LOG_FORMAT must be line or json, not {quoted(log_format())}"
    try:
        importlib.import_module("sdg_project.failpoints")  # which reads SDG_FAILPOINTS
    except ValueError as error:
        yield str(error)
    if not is_production():
        return
    if len(secret_key()) < MIN_SECRET_LENGTH:
        yield f"SDG_SECRET_KEY must be set to at least {MIN_SECRET_LENGTH} random characters"
    if not field_keys():
        yield "SDG_FIELD_KEYS must be set: stored secrets are encrypted with it"
    if not _listed("SDG_ALLOWED_HOSTS"):
        yield "SDG_ALLOWED_HOSTS must name the hosts that the service answers to"
    if any(host.startswith("*") for host in allowed_hosts()):
        yield "SDG_ALLOWED_HOSTS must name hosts, * would let anybody choose the name"
    if "*" in cors_origins():
        yield "SDG_CORS_ORIGINS must name origins, * would let any page call the API"


def _is_field_key(text: str) -> bool:
    try:
        return len(base64.urlsafe_b64decode(text)) == 32
    except ValueError:
        return False


def _number_faults() -> Iterator[str]:
    for name, (least, most) in _BOUNDS.items():
        given = os.environ.get(name)
        if given and not (_NUMBER.fullmatch(given) and least <= int(given) <= most):
            yield f"{name} must be a whole number from {least} to {most}, not {quoted(given)}"


_BOUNDS = {
    "SDG_WORKERS": (1, 512),
    "SDG_LEASE_SECONDS": (2, 3_600),
    "SDG_MAX_LIVE_RUNS": (1, 10**6),
    "SDG_RETENTION_DAYS": (1, 36_500),
    "SDG_UPLOAD_MAX_BYTES": (1, 2**60),
}


def _listed(name: str) -> list[str]:
    return [part.strip() for part in os.environ.get(name, "").split(",") if part.strip()]
