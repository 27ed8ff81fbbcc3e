"""What holds for all tests: the control database is a file, as in use, and nothing is skipped in CI."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile

import pytest
from django.db import connections

from tests.support.skips import pytest_make_collect_report, pytest_runtest_makereport

__all__ = ["pytest_make_collect_report", "pytest_runtest_makereport"]

if os.environ.pop("PYTHONDONTWRITEBYTECODE", ""):
    # The tests start some thousand processes, each of which would compile what it imports: two seconds instead of one.
    # Where bytecode is not wanted beside the sources it therefore goes to a folder of the tests' own.
    os.environ["PYTHONPYCACHEPREFIX"] = tempfile.mkdtemp(prefix="sdg-bytecode-")
    atexit.register(shutil.rmtree, os.environ["PYTHONPYCACHEPREFIX"], ignore_errors=True)


@pytest.fixture(scope="session")
def django_db_modify_db_settings(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Give every process of the tests a database file of its own.

    In memory SQLite's threads share a cache, whose table locks do not wait: "database table is locked".
    """
    database = connections["default"].settings_dict
    if database["ENGINE"].endswith("sqlite3"):
        database["TEST"]["NAME"] = str(tmp_path_factory.mktemp("control") / "sdg.sqlite3")
