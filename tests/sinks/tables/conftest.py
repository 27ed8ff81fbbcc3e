"""A server with an empty database for each test, and processes that tests may kill."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.sinks.destinations.conftest import nursery
from tests.support.postgres import OwnServer
from tests.support.table_runs import COLUMNS, TableRun, execute

__all__ = ["nursery"]


@pytest.fixture(scope="session")
def own_server() -> Iterator[OwnServer]:
    with OwnServer() as server:
        yield server


@pytest.fixture
def url(own_server: OwnServer) -> str:
    """A database in which there is a table t without a key, and nothing else."""
    execute(own_server.url, "DROP SCHEMA public CASCADE", "CREATE SCHEMA public", f"CREATE TABLE t ({COLUMNS})")
    return own_server.url


@pytest.fixture
def run(url: str) -> TableRun:
    return TableRun(url)
