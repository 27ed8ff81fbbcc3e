"""Processes that tests may kill, and folders for them."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.nursery import Nursery
from tests.support.redis import Redis, some_server


@pytest.fixture(scope="session")
def nursery() -> Iterator[Nursery]:
    nursery = Nursery()
    yield nursery
    nursery.close()


@pytest.fixture
def root() -> Iterator[Path]:
    """An output folder in memory where there is such a thing: to wait for a disk takes most of the time elsewhere."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        yield Path(folder)


@pytest.fixture(scope="session")
def redis() -> Iterator[Redis]:
    with some_server() as server:
        yield server
