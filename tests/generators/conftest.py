"""A home of its own for each test that stores something, and runs in it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.support.floor import Floor
from tests.support.runs import Workshop


@pytest.fixture
def sdg_home(tmp_path: Path, settings: Any) -> Path:
    """An SDG_HOME of its own for the test."""
    home = tmp_path / "home"
    home.mkdir()
    settings.SDG_HOME = home
    return home


@pytest.fixture
def workshop(sdg_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, db: None) -> Workshop:
    """Starts and carries runs whose files lie in the test's folder; they commit at every frame."""
    monkeypatch.setattr("generators.runs.pacing.COMMIT_SECONDS", 0.0)
    return Workshop(tmp_path)


@pytest.fixture
def floor(sdg_home: Path, settings: Any, monkeypatch: pytest.MonkeyPatch, db: None) -> Floor:
    """Stored generators and workers; every slice is one frame."""
    settings.SDG_OUTPUT_ROOT = sdg_home / "out"
    monkeypatch.setattr("generators.runs.pacing.COMMIT_SECONDS", 0.0)
    monkeypatch.setattr("generators.runs.timing.slice_time", timedelta)
    return Floor.at(sdg_home / "out")
