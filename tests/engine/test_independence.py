"""Streams whose addresses differ little, and neighbouring words of one stream, have nothing in common.

18 pairs of 100,000 words, four comparisons each: 72 at `ALPHA`.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.engine.chance import ALPHA, SEEDS, chi_square, normal_p, words

Pair = tuple[NDArray[np.uint64], NDArray[np.uint64]]
COUNT = 100_000


def pairs(seed: int | str) -> dict[str, Pair]:
    base, following = words(COUNT, seed=seed), words(COUNT + 1, seed=seed)[1:]
    next_seed = seed + 1 if isinstance(seed, int) else seed + "a"
    return {
        "neighbouring records": (base, following),
        "every second record": (following[1::2], following[:-1:2]),
        "names that differ in the last letter": (words(COUNT, seed=seed, path="amounu"), base),
        "names of which one continues the other": (words(COUNT, seed=seed, path="amount2"), base),
        "neighbouring seeds": (words(COUNT, seed=next_seed), base),
        "lanes": (words(COUNT, seed=seed, lane=1), base),
    }


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("kind", list(pairs(1)))
def test_pairs_of_words_are_independent(kind: str, seed: int | str) -> None:
    first, second = pairs(seed)[kind]

    correlation = np.corrcoef(first.astype(np.float64), second.astype(np.float64))[0, 1]
    assert normal_p(correlation * math.sqrt(len(first))) > ALPHA
    for shift_first, shift_second in ((60, 60), (0, 0), (60, 0)):
        high, low = (
            (first >> np.uint64(shift_first)) & np.uint64(15),
            (second >> np.uint64(shift_second)) & np.uint64(15),
        )
        joint = np.bincount((high * np.uint64(16) + low).astype(np.int64), minlength=256)
        assert chi_square(joint, np.full(256, 1 / 256)) > ALPHA
