"""Quantile tables: a law's inverse distribution function as straight lines, fine in both tails, exact to evaluate."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.choice import Tables
from engine.laws import Floats, Law

_MANTISSA_BITS = 7
_OCTAVES = 53
_LINES = _OCTAVES << _MANTISSA_BITS
"""Lines in each tail."""
_FRACTION_BITS = 52 - _MANTISSA_BITS
_BIAS = 1023 << _MANTISSA_BITS


class QuantileTable:
    """The inverse distribution function of a law, evaluated on random words by look-up, ``*`` and ``+`` only.

    A word means ``u = ((word >> 11) + 1/2) * 2**-53``, and its value never falls as the word rises. The tail
    probability t, which is u below 1/2 and 1 - u above (both exact), chooses a line by its binary exponent and seven
    bits of its mantissa: 53 octaves of 128 lines in each tail, down to ``2**-54``.

    Error
        The knots are right to 32 bits of the standard quantile, or of its distance from the upper end. Between them,
        the error is at most ``2**-17 * t**2 * |Q''(t)|``, the distance of a chord from its curve: 3.4e-6 standard
        deviations for a normal law, 7.7e-6 means for an exponential one, ``x * (1 + 1/alpha) / alpha * 7.7e-6`` for a
        Pareto law (within 1 % more, as t varies along a line). A probability is off by less than a line's own, which
        is t/128, and mostly by less than 1e-5 t.

    Resolution
        u has 53 bits: the probability of any interval is a multiple of ``2**-53``. The points of a lattice of n points
        thus have probabilities with a grain of about ``n * 2**-53`` of their size: 0.1 % for 9e12 points, 3 % for 3e14;
        above 9e15 points some are left out. Sums over neighbouring points are right.
    """

    def __init__(self, tables: Tables) -> None:
        """Use the tables that `quantile_tables` made."""
        self._left = np.ascontiguousarray(tables["left"])
        self._slope = np.ascontiguousarray(tables["slope"])

    def __call__(self, words: NDArray[np.uint64]) -> Floats:
        """The quantile of each word: shape of `words`, not cut to the range."""
        signed = words.view(np.int64)
        side = signed >> 63  # 0 in the lower half, -1 in the upper
        tail = signed ^ side
        tail >>= 10
        tail |= 1  # now t * 2**54, odd and below 2**53
        bits = tail.astype(np.float64).view(np.int64)
        side &= _LINES
        side -= _BIAS
        side += np.right_shift(bits, _FRACTION_BITS, out=tail)
        bits &= (1 << _FRACTION_BITS) - 1
        values = bits.astype(np.float64)
        values *= self._slope.take(side)
        values += self._left.take(side)
        return values


def quantile_tables(law: Law, low: float, high: float, *, clamp: bool) -> dict[str, NDArray[Any]]:
    """The tables of a `QuantileTable` for a law on ``[low, high]``, which has mass there.

    With `clamp`, the law's own quantiles, which the caller cuts at the bounds; else u is mapped onto ``[F(low),
    F(high)]``, and the values are inside already.
    """
    if clamp:
        below, above, margin = np.array([0.0, 1.0]), np.array([1.0, 0.0]), high - low
    else:
        (below, above), margin = law.tails(np.array([low, high])), 0.0
    first, last = low - margin, high + margin  # where clamping cuts, the line must lead on beyond the bound

    octaves = np.ldexp(1.0, np.arange(_OCTAVES) - _OCTAVES - 1)
    mantissas = 1.0 + np.arange(1 << _MANTISSA_BITS) / (1 << _MANTISSA_BITS)
    t = np.append(np.outer(octaves, mantissas).ravel(), 0.5)
    lower, upper = (
        np.clip(law.quantiles(*(side[near] * (1.0 - t) + side[far] * t for side in (below, above))), first, last)
        for near, far in ((0, 1), (1, 0))
    )
    np.maximum.accumulate(lower, out=lower)  # special functions waver in their last digits
    upper = np.maximum(np.minimum.accumulate(upper), lower[-1])
    return {
        "left": np.concatenate([lower[:-1], upper[:-1]]),
        "slope": np.concatenate([np.diff(lower), np.diff(upper)]) * 2.0**-_FRACTION_BITS,
    }
