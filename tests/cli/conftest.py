"""A fresh installation for each test."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.sdg import Sdg


@pytest.fixture
def sdg(tmp_path: Path) -> Sdg:
    return Sdg.at(tmp_path)
