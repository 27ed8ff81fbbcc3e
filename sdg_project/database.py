"""The control database: made ready at first use, refused when it is newer than the code."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings
from django.core.management import call_command
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor

from sdg_project.errors import Conflict, Unavailable

_MIGRATION_LOCK = 0x5D6_0001
"""The advisory lock of PostgreSQL that a migration holds: a number that nobody else is likely to take."""


def ready_database() -> None:
    """Bring the control database to this version's form. First uses at once, also of several machines, do it once.

    Raises Conflict when a newer version has been here, Unavailable when the database cannot be reached.
    """
    try:
        settings.SDG_HOME.mkdir(parents=True, exist_ok=True)
        with (settings.SDG_HOME / "migrate.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if is_behind():
                _migrate()
    except OSError as error:
        raise Unavailable(
            "CONTROL_DB_DOWN", f"{settings.SDG_HOME} cannot be used: {error.strerror}", hint="set SDG_HOME"
        ) from error
    except DatabaseError as error:
        raise not_answering(error) from error


def has_table(name: str) -> bool:
    """Whether the control database has a table; looking does not make a file of it."""
    if connection.vendor == "sqlite":
        path = connection.settings_dict["NAME"]
        if not connection.is_in_memory_db() and not Path(path).exists():  # type: ignore[attr-defined]  # SQLite only
            return False
    return name in connection.introspection.table_names()


def not_answering(error: Exception) -> Unavailable:
    """What is said when the control database has raised an error."""
    reason = " ".join(str(error).split())
    message = f"the control database does not answer: {reason}"
    return Unavailable("CONTROL_DB_DOWN", message, hint="see DATABASE_URL and SDG_HOME")


def is_behind() -> bool:
    """Whether the database lacks something; raises Conflict when it has what this version does not know."""
    executor = MigrationExecutor(connection)
    unknown = sorted(set(executor.loader.applied_migrations) - set(executor.loader.disk_migrations))
    if unknown:
        app, name = unknown[-1]
        raise Conflict(
            "SPEC_VERSION",
            f"the control database was made by a newer version of sdg (it has {app} {name})",
            hint="update sdg, or use another SDG_HOME or DATABASE_URL",
        )
    return bool(executor.migration_plan(executor.loader.graph.leaf_nodes()))


def _migrate() -> None:
    """Migrate, unless another machine has done so in the meantime."""
    with _alone():
        if is_behind():
            call_command("migrate", verbosity=0, interactive=False)


@contextmanager
def _alone() -> Iterator[None]:
    """Keep the machines away that share a PostgreSQL server; those that share SQLite share the lock's file, too."""
    if connection.vendor != "postgresql":
        yield
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [_MIGRATION_LOCK])
        try:
            yield
        finally:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [_MIGRATION_LOCK])
