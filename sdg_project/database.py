"""The control database: made ready at first use, refused when it is newer than the code."""

from __future__ import annotations

import fcntl

from django.conf import settings
from django.core.management import call_command
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor

from sdg_project.errors import Conflict, Unavailable


def ready_database() -> None:
    """Bring the control database to this version's form. Two first uses at once do it once.

    Raises Conflict when a newer version has been here, Unavailable when the database cannot be reached.
    """
    try:
        settings.SDG_HOME.mkdir(parents=True, exist_ok=True)
        with (settings.SDG_HOME / "migrate.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            _migrate()
    except OSError as error:
        raise Unavailable(
            "CONTROL_DB_DOWN", f"{settings.SDG_HOME} cannot be used: {error.strerror}", hint="set SDG_HOME"
        ) from error
    except DatabaseError as error:
        raise not_answering(error) from error


def not_answering(error: Exception) -> Unavailable:
    """What is said when the control database has raised an error."""
    reason = " ".join(str(error).split())
    message = f"the control database does not answer: {reason}"
    return Unavailable("CONTROL_DB_DOWN", message, hint="see DATABASE_URL and SDG_HOME")


def _migrate() -> None:
    executor = MigrationExecutor(connection)
    unknown = sorted(set(executor.loader.applied_migrations) - set(executor.loader.disk_migrations))
    if unknown:
        app, name = unknown[-1]
        raise Conflict(
            "SPEC_VERSION",
            f"the control database was made by a newer version of sdg (it has {app} {name})",
            hint="update sdg, or use another SDG_HOME or DATABASE_URL",
        )
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        call_command("migrate", verbosity=0, interactive=False)
