from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pools.definition import read_pool
from pools.loading import Loaded, load

Loader = Callable[..., Loaded]


@pytest.fixture
def load_file(tmp_path: Path) -> Loader:
    """Load a pool from a file with this content."""

    def loader(content: str | bytes, *, name: str = "things.csv", source: Any = None, **properties: Any) -> Loaded:
        data = content.encode() if isinstance(content, str) else content
        (tmp_path / name).write_bytes(data)
        document = {"name": "things", "source": {"type": "FILE", "path": name} | (source or {}), **properties}
        return load(read_pool(document), base=tmp_path)

    return loader


@pytest.fixture
def sdg_home(tmp_path: Path, settings: Any) -> Path:
    """An SDG_HOME of its own for the test."""
    home = tmp_path / "home"
    home.mkdir()
    settings.SDG_HOME = home
    return home
