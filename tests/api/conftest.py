"""A service with an empty control database, and a caller of each role."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.core.cache import cache

from sdg_project.roles import Role
from tests.support.api import Caller


@pytest.fixture(autouse=True)
def home(settings: Any, tmp_path: Path) -> Path:
    cache.clear()
    settings.SDG_HOME = tmp_path / "home"
    settings.SDG_OUTPUT_ROOT = tmp_path / "home" / "out"
    settings.SDG_HOME.mkdir()
    return tmp_path / "home"


@pytest.fixture
def stranger(db: None) -> Caller:
    return Caller(None)


@pytest.fixture
def viewer(db: None) -> Caller:
    return Caller.of(Role.VIEWER)


@pytest.fixture
def operator(db: None) -> Caller:
    return Caller.of(Role.OPERATOR)


@pytest.fixture
def editor(db: None) -> Caller:
    return Caller.of(Role.EDITOR)


@pytest.fixture
def admin(db: None) -> Caller:
    return Caller.of(Role.ADMIN)
