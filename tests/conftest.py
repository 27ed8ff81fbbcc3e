"""What holds for all tests: the control database is a file, as in use, and nothing is skipped in CI."""

from __future__ import annotations

import pytest
from django.db import connections

from tests.support.skips import pytest_make_collect_report, pytest_runtest_makereport

__all__ = ["pytest_make_collect_report", "pytest_runtest_makereport"]


@pytest.fixture(scope="session")
def django_db_modify_db_settings(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Give every process of the tests a database file of its own.

    In memory SQLite's threads share a cache, whose table locks do not wait: "database table is locked".
    """
    database = connections["default"].settings_dict
    if database["ENGINE"].endswith("sqlite3"):
        database["TEST"]["NAME"] = str(tmp_path_factory.mktemp("control") / "sdg.sqlite3")
