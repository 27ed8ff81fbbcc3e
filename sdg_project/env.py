"""Every deployment value comes from the environment: each variable with its default and meaning, read in one place."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Variable:
    name: str
    meaning: str


VARIABLES = (
    Variable("SDG_HOME", "folder of the control database, pools and output; default ./sdg-data"),
    Variable("SDG_OUTPUT_ROOT", "folder below which FILE destinations lie; default $SDG_HOME/out"),
    Variable("DATABASE_URL", "control database; default SQLite in SDG_HOME"),
    Variable("SDG_LOG_LEVEL", "DEBUG, INFO, WARNING or ERROR; default WARNING on the command line"),
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
