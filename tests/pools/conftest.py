from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pools import services
from pools.definition import read_pool
from pools.loading import Loaded, load
from pools.models import Pool

Loader = Callable[..., Loaded]
Adder = Callable[..., Pool]


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


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file from which a pool can be made."""
    path = tmp_path / "sizes.csv"
    path.write_text("size,weight\nS,1\nM,2\n")
    return path


@pytest.fixture
def add(sdg_home: Path, file: Path) -> Adder:
    """Add a pool that is read from that file, or whatever its properties say."""

    def adder(name: str = "sizes", **properties: Any) -> Pool:
        document = {"name": name, "source": {"type": "FILE", "path": file.name}, **properties}
        return services.add_pool(document, base=file.parent)

    return adder
