"""The one settings module. Every deployment value comes from `sdg_project.env`."""

from __future__ import annotations

from typing import Any

import environ

from sdg_project import env

SDG_HOME = env.home()
SDG_OUTPUT_ROOT = env.output_root()

INSTALLED_APPS = [
    "pools.apps.PoolsConfig",
    "generators.apps.GeneratorsConfig",
]

DATABASES: dict[str, Any] = {"default": environ.Env.db_url_config(env.database_url())}
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    # Readers do not wait for the writer, writers wait for each other, and a transaction takes the write lock when it
    # begins: a later upgrade of a read lock could not wait.
    DATABASES["default"]["OPTIONS"] = {
        "timeout": 30,
        "transaction_mode": "IMMEDIATE",
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
    }
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

USE_TZ = True
TIME_ZONE = "UTC"
USE_I18N = False

LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{levelname} {name}: {message}", "style": "{"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": env.log_level()},
}
