"""From random words to simple draws: bounded integers, shares, yes or no. No rejection: one word, one draw."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_LOW32 = np.uint64(0xFFFFFFFF)
_32 = np.uint64(32)


def bounded(words: NDArray[np.uint64], n: int) -> NDArray[np.uint64]:
    """Scale random words to the integers ``0 .. n - 1``.

    Computes ``floor(word * n / 2**64)``, the high half of the 128-bit product.

    Parameters
    ----------
    words : ndarray of uint64, any shape
        Independent and uniform over ``[0, 2**64)``.
    n : int
        Number of distinct results, ``1 <= n <= 2**64``.

    Returns
    -------
    ndarray of uint64, shape of `words`

    Notes
    -----
    Each result has probability ``1/n`` to within ``2**-64``. There is no rejection step, so that a record always uses
    exactly one word.
    """
    if not 1 <= n <= 2**64:
        raise ValueError(f"bounded draws need 1 <= n <= 2**64, not {n}")
    if n == 2**64:
        return words.copy()
    if n <= 2**32:
        high, low = words >> _32, words & _LOW32
        low *= np.uint64(n)
        low >>= _32
        high *= np.uint64(n)
        high += low
        high >>= _32
        return high
    return bounded_each(words, np.uint64(n))


def bounded_each(words: NDArray[np.uint64], sizes: NDArray[np.uint64] | np.uint64) -> NDArray[np.uint64]:
    """As `bounded`, where each word has its own ``1 <= n < 2**64``: shape of `words`."""
    high, low = words >> _32, words & _LOW32
    n_high, n_low = sizes >> _32, sizes & _LOW32
    middle = high * n_low + (low * n_low >> _32)
    carry = ((middle & _LOW32) + low * n_high) >> _32
    results: NDArray[np.uint64] = high * n_high + (middle >> _32) + carry
    return results


def unit(words: NDArray[np.uint64]) -> NDArray[np.float64]:
    """Uniform numbers strictly between 0 and 1: the middles of ``2**53`` equal cells, from the upper 53 bits.

    Above 1/2, where float64 is as coarse as the cells, each is rounded to an edge of its cell, and none to 1.
    """
    numbers: NDArray[np.float64] = ((words >> np.uint64(11)).astype(np.float64) + 0.5) * 2.0**-53
    return np.minimum(numbers, 1.0 - 2.0**-53, out=numbers)


def threshold(probability: float) -> int:
    """The number of words, of ``2**64``, that mean yes for a probability in ``[0, 1]``; to within ``2**-53``."""
    if not 0.0 <= probability <= 1.0:
        raise ValueError(f"a probability is in [0, 1], not {probability}")
    return int(probability * 2.0**64)


def happens(words: NDArray[np.uint64], probability: float) -> NDArray[np.bool_]:
    """Whether an event of this probability takes place, for each word."""
    limit = threshold(probability)
    if limit >= 2**64:
        return np.ones(words.shape, np.bool_)
    return words < np.uint64(limit)
