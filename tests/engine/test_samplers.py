"""Samplers against scipy.stats at n = 100,000 with three seeds.

Per seed 10 + 14 + 36 comparisons of continuous, 10 of counting, 6 of other distributions, and one more: 229 at `ALPHA`.
"""

from __future__ import annotations

import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from engine.declared import OutOfBounds
from engine.ranges import Continuum, Lattice, Range
from engine.samplers import Mirrored, build_tables, sampler
from tests.engine.chance import ALPHA, SEEDS, chi_square, words
from tests.engine.oracles import BINS, CONTINUOUS, COUNTING, UNBOUNDED, Case, declare, lattice_probabilities

COUNT = 100_000
ALL: list[tuple[dict[str, Any], Range]] = [
    *((case.declared, over) for case in CONTINUOUS for over in (case.continuum, case.lattice(101))),
    *((case.declared, case.lattice(int(case.high - case.low) + 1)) for case in COUNTING),
    ({"type": "ZIPF"}, Lattice(Decimal(5), Decimal("0.5"), 1_000)),
    ({"type": "HISTOGRAM", "bins": BINS}, Lattice(Decimal(1), Decimal("0.5"), 199)),
    ({"type": "HISTOGRAM", "bins": BINS}, Continuum(1.0, 100.0)),
]
EACH = pytest.mark.parametrize(("declared", "over"), ALL, ids=lambda part: str(part)[:70])


def draw(
    distribution: Any, over: Range, bounds: OutOfBounds = OutOfBounds.TRUNCATE, seed: int | str = 1, count: int = COUNT
) -> NDArray[Any]:
    made = sampler(distribution, over, build_tables(distribution, over, bounds))
    return made.draw([words(count, seed=seed, lane=lane) for lane in range(made.lanes)])


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("case", CONTINUOUS, ids=lambda case: case.name)
def test_truncated_numbers_have_their_distribution(case: Case, seed: int | str) -> None:
    numbers = draw(case.distribution, case.continuum, seed=seed)

    assert stats.kstest(numbers, case.cdf(OutOfBounds.TRUNCATE)).pvalue > ALPHA


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("case", UNBOUNDED, ids=lambda case: case.name)
def test_clamped_numbers_have_spikes_at_the_bounds_and_their_distribution_between(case: Case, seed: int | str) -> None:
    numbers = draw(case.distribution, case.continuum, OutOfBounds.CLAMP, seed)
    below, above = float(case.oracle.cdf(case.low)), float(case.oracle.sf(case.high))

    at_ends = [(numbers == case.low).sum(), (numbers == case.high).sum()]
    between = numbers[(numbers > case.low) & (numbers < case.high)]

    assert chi_square([at_ends[0], len(between), at_ends[1]], [below, 1 - below - above, above]) > ALPHA
    assert stats.kstest(between, case.cdf(OutOfBounds.TRUNCATE)).pvalue > ALPHA


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("points", [9, 5_001])
@pytest.mark.parametrize("bounds", list(OutOfBounds))
@pytest.mark.parametrize("case", [case for case in CONTINUOUS if case.name != "uniform"], ids=lambda case: case.name)
def test_offsets_have_the_distribution_of_rounded_numbers(
    case: Case, bounds: OutOfBounds, points: int, seed: int | str
) -> None:
    lattice = case.lattice(points)

    offsets = draw(case.distribution, lattice, bounds, seed)

    assert chi_square(np.bincount(offsets, minlength=points), case.probabilities(lattice, bounds)) > ALPHA


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("bounds", list(OutOfBounds))
@pytest.mark.parametrize("case", COUNTING, ids=lambda case: case.name)
def test_counts_have_their_distribution(case: Case, bounds: OutOfBounds, seed: int | str) -> None:
    lattice = case.lattice(int(case.high - case.low) + 1)
    numbers = np.arange(case.low, case.high + 1)
    shares = case.oracle.pmf(numbers)
    if bounds is OutOfBounds.CLAMP:
        shares[0], shares[-1] = case.oracle.cdf(case.low), case.oracle.sf(case.high - 1)

    offsets = draw(case.distribution, lattice, bounds, seed)

    assert chi_square(np.bincount(offsets, minlength=lattice.points), shares / shares.sum()) > ALPHA


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("exponent", [0.8, 1.1, 2.5])
def test_ranks_have_the_distribution_of_zipf(exponent: float, seed: int | str) -> None:
    offsets = draw(declare(type="ZIPF", exponent=exponent), Lattice(Decimal(0), Decimal(1), 5_000), seed=seed)

    assert (
        chi_square(np.bincount(offsets, minlength=5_000), stats.zipfian(exponent, 5_000).pmf(range(1, 5_001))) > ALPHA
    )


@pytest.mark.parametrize("seed", SEEDS)
def test_histograms_have_their_distribution(seed: int | str) -> None:
    lattice, distribution = Lattice(Decimal(1), Decimal("0.5"), 199), declare(type="HISTOGRAM", bins=BINS)

    offsets = draw(distribution, lattice, seed=seed)
    numbers = draw(distribution, Continuum(1.0, 100.0), seed=seed)

    shares = np.zeros(199)
    shares[2 : 2 + 16], shares[38 : 38 + 141] = 0.75 / 16, 0.25 / 141
    assert chi_square(np.bincount(offsets, minlength=199), shares) > ALPHA
    expected = stats.rv_histogram((np.array([3.0, 0.0, 1.0]), np.array([2.0, 10.0, 20.0, 90.0])), density=False)
    assert stats.kstest(numbers, expected.cdf).pvalue > ALPHA


@pytest.mark.parametrize("seed", SEEDS)
def test_points_are_drawn_alike(seed: int | str) -> None:
    offsets = draw(declare(type="UNIFORM"), Lattice(Decimal(0), Decimal(1), 1_000), seed=seed)

    assert chi_square(np.bincount(offsets, minlength=1_000), np.full(1_000, 1e-3)) > ALPHA


@EACH
@pytest.mark.parametrize("bounds", list(OutOfBounds))
def test_cutting_the_words_changes_nothing(declared: dict[str, Any], over: Range, bounds: OutOfBounds) -> None:
    distribution = declare(**declared)
    made = sampler(distribution, over, build_tables(distribution, over, bounds))
    lanes = [words(1_000, lane=lane) for lane in range(made.lanes)]
    untouched = [lane.copy() for lane in lanes]

    whole = made.draw(lanes)
    parts = [made.draw([lane[a:b] for lane in lanes]) for a, b in ((0, 1), (1, 8), (8, 8), (8, 400), (400, 1_000))]

    assert np.array_equal(np.concatenate(parts), whole)
    assert all(np.array_equal(lane, copy) for lane, copy in zip(lanes, untouched, strict=True))
    assert whole.dtype == (np.int64 if isinstance(over, Lattice) else np.float64)


@EACH
def test_draws_lie_in_the_range_whatever_the_words(declared: dict[str, Any], over: Range) -> None:
    distribution = declare(**declared)
    extremes = np.array([0, 1, 2**63 - 1, 2**63, 2**64 - 1], np.uint64)
    pairs = [np.repeat(extremes, 5), np.tile(extremes, 5)]

    for bounds in OutOfBounds:
        made = sampler(distribution, over, build_tables(distribution, over, bounds))
        values = made.draw(pairs[: made.lanes])
        assert values.min() >= over.low
        assert values.max() <= over.high


@pytest.mark.parametrize("declared", [declared for declared, _ in ALL], ids=str)
def test_a_range_of_one_value_always_gives_it(declared: dict[str, Any]) -> None:
    distribution = declare(**declared)
    point, number = Lattice(Decimal(7), Decimal(1), 1), Continuum(7.0, 7.0)

    assert sampler(distribution, point, build_tables(distribution, point)).draw([words(100)]).tolist() == [0] * 100
    assert sampler(distribution, number, build_tables(distribution, number)).draw([words(100)]).tolist() == [7.0] * 100


def test_uniform_offsets_reach_both_ends_of_int64() -> None:
    over = Lattice(-Decimal(2**63), Decimal(1), 2**64)
    ends = np.array([0, 2**64 - 1], np.uint64)

    offsets = sampler(declare(type="UNIFORM"), over, {}).draw([ends])

    assert (offsets.view(np.uint64) + np.uint64(2**63)).view(np.int64).tolist() == [-(2**63), 2**63 - 1]


@pytest.mark.parametrize("points", [2**52, 2**52 + 1, 2**53 + 1, 2**63])
def test_continuous_distributions_reach_both_ends_of_large_lattices(points: int) -> None:
    over = Lattice(Decimal(0), Decimal(1), points)
    ends = np.array([0, 2**63, 2**64 - 1], np.uint64)

    first, middle, last = draw_words(declare(type="NORMAL"), over, ends, OutOfBounds.CLAMP)

    assert first == 0
    assert middle == pytest.approx(points / 2, rel=1e-9)
    assert points - 1 - last <= points * 2.0**-52


def draw_words(distribution: Any, over: Lattice, given: NDArray[np.uint64], bounds: OutOfBounds) -> list[int]:
    offsets: list[int] = sampler(distribution, over, build_tables(distribution, over, bounds)).draw([given]).tolist()
    return offsets


def test_rounding_is_the_same_below_and_above_2_to_the_52_points() -> None:
    """The two ways to round, on a distribution that stays below a million on either lattice."""
    small, large = (Lattice(Decimal(0), Decimal(1), points) for points in (2**52 - 1, 2**52 + 1_000_001))
    distribution = declare(type="EXPONENTIAL", mean=100_000)

    assert np.array_equal(draw(distribution, small, OutOfBounds.CLAMP), draw(distribution, large, OutOfBounds.CLAMP))


def test_a_mirrored_sampler_is_dense_at_the_end() -> None:
    over, distribution = Lattice(Decimal(0), Decimal(1), 1_000), declare(type="EXPONENTIAL", mean=100)
    made = sampler(distribution, over, build_tables(distribution, over))

    offsets = Mirrored(made, over).draw([words(COUNT)])

    assert np.array_equal(offsets, 999 - made.draw([words(COUNT)]))
    assert chi_square(np.bincount(offsets, minlength=1_000), lattice_probabilities(distribution, over)[::-1]) > ALPHA


def test_bins_of_lattices_of_all_int64_have_exact_ends() -> None:
    over = Lattice(-Decimal(2**63), Decimal(1), 2**64)
    distribution = declare(type="HISTOGRAM", bins=[{"from": 2**62 + 1, "to": 2**63 - 1, "weight": 1}])
    made = sampler(distribution, over, build_tables(distribution, over))

    ends = made.draw([np.zeros(2, np.uint64), np.array([0, 2**64 - 1], np.uint64)])

    assert (ends.view(np.uint64) + np.uint64(2**63)).view(np.int64).tolist() == [2**62 + 1, 2**63 - 1]


RUN_TIME = """
import sys
import numpy as np
from pydantic import TypeAdapter
from engine.distributions import Distribution
from engine.ranges import Continuum
from engine.samplers import sampler
from engine.span import Span
from engine.stream import Source

over, distribution = Continuum(1.0, 30.0), TypeAdapter(Distribution).validate_json(sys.argv[2])
made = sampler(distribution, over, dict(np.load(sys.argv[1])))
values = made.draw([Source(1, "orders", "amount").stream("value").words(Span(0, 1_000))])
assert not [name for name in sys.modules if name.split(".")[0] == "scipy"], "scipy was imported"
sys.stdout.write(values.tobytes().hex())
"""
PLAN_TIME = """
import sys
from pydantic import TypeAdapter
from engine.distributions import Distribution
from engine.ranges import Continuum
from engine.samplers import build_tables

over, distribution = Continuum(1.0, 30.0), TypeAdapter(Distribution).validate_json(sys.argv[1])
assert not list(distribution.issues(over))
build_tables(distribution, over)
assert "scipy.special" in sys.modules
assert "scipy.stats" not in sys.modules, "scipy.stats takes 0.8 s to import"
"""
ROOT = Path(__file__).parents[2]
GAMMA = '{"type": "GAMMA", "shape": 2, "scaleParam": 3}'


def test_a_run_draws_from_stored_tables_without_scipy(tmp_path: Path) -> None:
    over, distribution = Continuum(1.0, 30.0), declare(type="GAMMA", shape=2, scaleParam=3)
    tables = build_tables(distribution, over)
    np.savez(tmp_path / "tables.npz", left=tables["left"], slope=tables["slope"])

    command = [sys.executable, "-c", RUN_TIME, str(tmp_path / "tables.npz"), GAMMA]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)

    values = sampler(distribution, over, tables).draw([words(1_000)])
    assert done.stdout == values.tobytes().hex()


def test_a_plan_does_without_scipy_stats() -> None:
    subprocess.run([sys.executable, "-c", PLAN_TIME, GAMMA], cwd=ROOT, check=True)
