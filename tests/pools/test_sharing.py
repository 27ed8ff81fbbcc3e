"""A pool and its index are one copy in memory, however many workers use them."""

from __future__ import annotations

from pathlib import Path

from tests.support.pool_sharing import memory_of_workers


def test_four_workers_take_less_memory_for_a_pool_than_two_copies_of_it(tmp_path: Path) -> None:
    grown, size = memory_of_workers(4, 3_000_000, tmp_path)

    assert 0 < sum(grown) < 2 * size, f"{grown} for {size:,} bytes"
