"""What holds for all tests: the control database is a file, as in use, and nothing is skipped in CI.

Hypothesis tries the same examples each time, however long the machine takes for one.
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from pathlib import Path

import hypothesis
import pytest
from django.db import connections

from tests.support.skips import pytest_make_collect_report, pytest_runtest_makereport

__all__ = ["pytest_make_collect_report", "pytest_runtest_makereport"]

if os.environ.pop("PYTHONDONTWRITEBYTECODE", ""):
    # The tests start some thousand processes, each of which would compile what it imports: two seconds instead of one.
    # Where bytecode is not wanted beside the sources it therefore goes to a folder of the tests' own.
    os.environ["PYTHONPYCACHEPREFIX"] = tempfile.mkdtemp(prefix="sdg-bytecode-")
    atexit.register(shutil.rmtree, os.environ["PYTHONPYCACHEPREFIX"], ignore_errors=True)


hypothesis.settings.register_profile(
    "sdg", derandomize=True, deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("sdg")

_WAITING = tuple(Path(__file__).parent / name for name in ("service", "cli"))
"""Where tests are that wait for processes."""


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let those that wait begin first: the long ones among them would else be left to one worker in the end."""
    items.sort(key=lambda item: not any(item.path.is_relative_to(folder) for folder in _WAITING))


@pytest.fixture(scope="session")
def django_db_modify_db_settings(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Give every process of the tests a database file of its own.

    In memory SQLite's threads share a cache, whose table locks do not wait: "database table is locked".
    """
    database = connections["default"].settings_dict
    if database["ENGINE"].endswith("sqlite3"):
        database["TEST"]["NAME"] = str(tmp_path_factory.mktemp("control") / "sdg.sqlite3")
