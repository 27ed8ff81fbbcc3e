"""An installation for each test."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.sdg import Sdg


@pytest.fixture
def sdg(tmp_path: Path) -> Sdg:
    """One that has been used before, so that not each test waits until its control database is made."""
    return Sdg.at(tmp_path).used()


@pytest.fixture
def new_sdg(tmp_path: Path) -> Sdg:
    """One that has not been used yet."""
    return Sdg.at(tmp_path)
