"""Rows of pools: every way of choosing against plain arithmetic and the chi-square test, and what follows the last row.

A chi-square test here fails for one seed in a million if all is well; the seeds are fixed: it passes always or never.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray
from scipy.stats import chi2

from engine.errors import RecordInvalid
from engine.span import MAX_RECORDS, Span
from engine.stream import Source
from generators.picks.pool_rows import OnExhausted, PoolRows, PoolSelection, RowChoice, row_weights
from pools.snapshot import Snapshot, snapshot_of

FALSE_ALARM = 1e-6
DRAWN = [PoolSelection.RANDOM, PoolSelection.WEIGHTED, PoolSelection.ZIPF, PoolSelection.SHUFFLE]
RECORDS = 100_000


def pool(weights: Any) -> Snapshot:
    return snapshot_of(pl.DataFrame({"weight": weights}), pool="things", version=1, weight_column="weight")


def rows(
    count: int,
    selection: PoolSelection = PoolSelection.RANDOM,
    *,
    candidates: list[int] | None = None,
    unique: bool = False,
    on_exhausted: OnExhausted = OnExhausted.ERROR,
    exponent: float = 1.1,
    seed: int = 7,
    weights: Any = None,
) -> PoolRows:
    choice = RowChoice(
        candidates=None if candidates is None else np.array(candidates, np.int64),
        selection=selection,
        exponent=exponent,
        weight_column="weight",
        distinct="sku" if unique else None,
        on_exhausted=on_exhausted,
    )
    snapshot = pool(np.arange(1.0, count + 1) if weights is None else weights)
    column = PoolRows("thing#row", snapshot=snapshot, source=Source(seed, "orders", "thing"), choice=choice)
    column.bind(column.tables())
    return column


def picks(column: PoolRows, start: int = 0, count: int = RECORDS) -> NDArray[np.int64]:
    return column.values(Span(start, count), {}).to_numpy()


def assert_drawn(found: NDArray[np.int64], shares: NDArray[np.float64]) -> None:
    """That the counts of rows are as likely as they should be."""
    counts, expected = np.bincount(found, minlength=len(shares)), shares / shares.sum() * len(found)
    assert len(counts) == len(shares)
    assert not counts[expected == 0].any()
    likely = expected > 0
    distance = float((np.square(counts - expected)[likely] / expected[likely]).sum())
    assert distance < chi2.isf(FALSE_ALARM, int(likely.sum()) - 1)


def test_random_rows_are_words_scaled_to_the_number_of_rows() -> None:
    stream = Source(7, "orders", "thing").stream("value")

    expected = [stream.word(number) * 1_000 >> 64 for number in range(MAX_RECORDS - 50, MAX_RECORDS)]

    assert picks(rows(1_000), MAX_RECORDS - 50, 50).tolist() == expected


@pytest.mark.parametrize("start", [0, 2**32 - 5, MAX_RECORDS - 50])
def test_sequential_rows_are_record_numbers_modulo_the_rows(start: int) -> None:
    column = rows(7, PoolSelection.SEQUENTIAL, candidates=[1, 4, 6])

    assert picks(column, start, 50).tolist() == [(1, 4, 6)[number % 3] for number in range(start, start + 50)]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_random_rows_are_equally_likely(seed: int) -> None:
    assert_drawn(picks(rows(200, seed=seed)), np.ones(200))


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("count", [5, 16, 17, 300])
def test_weighted_rows_are_as_likely_as_their_weights(count: int, seed: int) -> None:
    weights = np.arange(float(count))  # the first is never drawn

    assert_drawn(picks(rows(count, PoolSelection.WEIGHTED, seed=seed, weights=weights)), weights)


def test_weights_are_those_of_the_candidates_and_a_row_without_one_is_never_taken() -> None:
    weights = [9, None, 0, 3, 1]
    column = rows(5, PoolSelection.WEIGHTED, candidates=[1, 2, 3, 4], weights=weights)

    assert_drawn(picks(column), np.array([0, 0, 0, 3, 1.0]))
    assert row_weights(pool(weights), "weight", None).tolist() == [9, 0, 0, 3, 1]


@pytest.mark.parametrize(("count", "exponent"), [(10, 1.1), (200, 1.1), (500, 0.5), (1_000, 3)])
def test_zipf_prefers_the_first_rows_by_a_power_of_their_rank(count: int, exponent: float) -> None:
    shares = np.arange(1, count + 1) ** -float(exponent)
    enough = shares / shares.sum() * RECORDS > 5  # the test wants some of each; the rest is one cell
    cells = np.append(shares[enough], shares[~enough].sum() or 1e-300)

    found = np.minimum(picks(rows(count, PoolSelection.ZIPF, exponent=exponent)), int(enough.sum()))

    assert_drawn(found, cells if not enough.all() else shares)


def test_zipf_ranks_the_candidates() -> None:
    found = Counter(picks(rows(9, PoolSelection.ZIPF, candidates=[8, 2, 5])).tolist())

    assert [row for row, _ in found.most_common()] == [8, 2, 5]


@pytest.mark.parametrize("selection", DRAWN)
def test_rows_do_not_tell_the_next_ones(selection: PoolSelection) -> None:
    count = 6
    found = picks(rows(count, selection, weights=np.ones(count), exponent=1e-9), 0, 2 * RECORDS // count * count)
    ends = found.reshape(-1, count)[:, -1]  # a cycle's own rows exclude each other, those of two cycles do not

    pairs = ends[:-1] * count + ends[1:]

    assert_drawn(pairs, np.ones(count**2))


@pytest.mark.parametrize("count", [1, 2, 3, 5, 64, 1_009])
def test_a_shuffle_takes_every_row_once_per_cycle_in_another_order_each_time(count: int) -> None:
    column = rows(count, PoolSelection.SHUFFLE)
    start = MAX_RECORDS // count * count - 10 * count

    cycles = np.concatenate([picks(column, at, 10 * count).reshape(10, count) for at in (0, start)])

    assert (np.sort(cycles, axis=1) == np.arange(count)).all()
    if count > 50:
        assert len({tuple(cycle) for cycle in cycles.tolist()}) == 20


@pytest.mark.parametrize("first", [0, 1, 10**9])
def test_in_every_cycle_of_a_shuffle_every_row_is_equally_likely_at_every_place(first: int) -> None:
    """Over 2,000 seeds for one cycle: the first, the next, a far one."""
    count = 6
    orders = np.array([picks(rows(count, PoolSelection.SHUFFLE, seed=s), first * count, count) for s in range(2_000)])

    for place in range(count):
        assert_drawn(orders[:, place], np.ones(count))


def test_over_the_cycles_of_one_seed_every_row_is_equally_likely_at_every_place() -> None:
    orders = picks(rows(6, PoolSelection.SHUFFLE), 0, 6 * 20_000).reshape(-1, 6)

    for place in range(6):
        assert_drawn(orders[:, place], np.ones(6))


@pytest.mark.parametrize("selection", list(PoolSelection))
def test_any_cut_order_and_batch_gives_the_same_rows(selection: PoolSelection) -> None:
    column = rows(100, selection)
    start = MAX_RECORDS - 1_000
    whole = picks(column, start, 1_000)

    for size in (1, 7, 99, 100, 101, 640):
        starts = list(range(start, MAX_RECORDS, size))
        parts = {at: picks(column, at, min(size, MAX_RECORDS - at)) for at in starts[::-1]}
        assert np.concatenate([parts[at] for at in starts]).tolist() == whole.tolist()
    assert len(picks(column, start, 0)) == 0


@pytest.mark.parametrize("selection", list(PoolSelection))
def test_one_row_is_taken_always(selection: PoolSelection) -> None:
    for start in (0, MAX_RECORDS - 10):
        assert picks(rows(1, selection), start, 10).tolist() == [0] * 10
        assert picks(rows(9, selection, candidates=[4]), start, 10).tolist() == [4] * 10


@pytest.mark.parametrize("selection", [PoolSelection.RANDOM, PoolSelection.SHUFFLE, PoolSelection.SEQUENTIAL])
def test_distinct_rows_are_each_taken_once(selection: PoolSelection) -> None:
    column = rows(1_009, selection, unique=True, candidates=list(range(3, 1_000)))

    assert sorted(picks(column, 0, 997).tolist()) == list(range(3, 1_000))
    assert column.count == 997


def test_distinct_rows_in_random_order_are_the_first_cycle_of_a_shuffle() -> None:
    assert picks(rows(50, unique=True), 0, 50).tolist() == picks(rows(50, PoolSelection.SHUFFLE), 0, 50).tolist()


@pytest.mark.parametrize("on_exhausted", [OnExhausted.ERROR, OnExhausted.STOP])
@pytest.mark.parametrize("span", [Span(0, 11), Span(4, 100), Span(10, 1), Span(25, 3)])
def test_the_first_record_without_a_row_is_named(on_exhausted: OnExhausted, span: Span) -> None:
    column = rows(10, unique=True, on_exhausted=on_exhausted)

    with pytest.raises(RecordInvalid, match=r'pool "things" has only 10 distinct values') as caught:
        column.values(span, {})

    assert (caught.value.code, caught.value.field) == ("UNIQUE_EXHAUSTED", "sku")
    assert caught.value.record_number == max(10, span.start)
    assert column.values(Span(10, 0), {}).to_list() == []


@pytest.mark.parametrize("selection", [PoolSelection.RANDOM, PoolSelection.SEQUENTIAL])
def test_null_follows_the_last_row(selection: PoolSelection) -> None:
    column = rows(10, selection, unique=True, on_exhausted=OnExhausted.NULL)

    found = column.values(Span(0, 15), {})

    assert sorted(found[:10].to_list()) == list(range(10))
    assert found[10:].to_list() == [None] * 5
    assert column.values(Span(8, 5), {}).to_list() == found[8:13].to_list()
    assert column.values(Span(20, 2), {}).to_list() == [None, None]


def test_wrapping_takes_every_row_once_more() -> None:
    shuffled = rows(10, unique=True, on_exhausted=OnExhausted.WRAP)
    in_order = rows(10, PoolSelection.SEQUENTIAL, unique=True, on_exhausted=OnExhausted.WRAP)

    cycles = picks(shuffled, 0, 100).reshape(10, 10)

    assert (np.sort(cycles, axis=1) == np.arange(10)).all()
    assert len({tuple(cycle) for cycle in cycles.tolist()}) > 5
    assert picks(in_order, 8, 4).tolist() == [8, 9, 0, 1]


def test_tables_are_made_only_where_weights_are() -> None:
    made = {selection: bool(rows(40, selection).tables()) for selection in PoolSelection}

    assert [selection for selection, has in made.items() if has] == [PoolSelection.WEIGHTED, PoolSelection.ZIPF]
