"""Keyed permutations of 0 .. n - 1 without memory: distinct values, shuffles and their inverse."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from engine.stream import Stream

_ROUNDS = 6
_MULTIPLIER = np.uint64(0xBF58476D1CE4E5B9)
_32, _29 = np.uint64(32), np.uint64(29)


class Permutation:
    """A bijection of ``0 .. n - 1`` drawn by a stream, ``1 <= n <= 2**62``; any element costs the same.

    A Feistel network over ``Z_a x Z_b`` with ``a = ceil(sqrt(n))`` and ``b = ceil(n / a)``, six rounds, addition modulo
    a or b; what falls on the few numbers from n to a*b - 1 is sent through again (J. Black and P. Rogaway, "Ciphers
    with arbitrary finite domains", CT-RSA 2002). `tweak`, a random word per element, chooses another bijection for
    each word: a shuffle per cycle takes the cycle's word.

    Not promised: that all ``n!`` permutations can occur. The key has 768 bits, so that for n above about 120 they
    cannot.
    """

    def __init__(self, stream: Stream, n: int) -> None:
        if not 1 <= n <= 2**62:
            raise ValueError(f"a permutation needs 1 <= n <= 2**62, not {n}")
        self.n = n
        self._a = math.isqrt(n - 1) + 1
        self._b = -(-n // self._a)
        self._keys = [(stream.word(2 * turn) | 1, stream.word(2 * turn + 1)) for turn in range(_ROUNDS)]

    def __call__(self, elements: NDArray[np.uint64], tweak: NDArray[np.uint64] | None = None) -> NDArray[np.uint64]:
        """Where each element of ``0 .. n - 1`` goes: shape of `elements`, one-dimensional."""
        return self._walk(elements, tweak, back=False)

    def inverse(self, images: NDArray[np.uint64], tweak: NDArray[np.uint64] | None = None) -> NDArray[np.uint64]:
        """The elements that go to `images`, under the same tweak."""
        return self._walk(images, tweak, back=True)

    def _walk(
        self, elements: NDArray[np.uint64], tweak: NDArray[np.uint64] | None, *, back: bool
    ) -> NDArray[np.uint64]:
        images = self._network(elements, tweak, back=back)
        while len(outside := np.flatnonzero(images >= np.uint64(self.n))):
            images[outside] = self._network(images[outside], None if tweak is None else tweak[outside], back=back)
        return images

    def _network(
        self, elements: NDArray[np.uint64], tweak: NDArray[np.uint64] | None, *, back: bool
    ) -> NDArray[np.uint64]:
        left = elements // np.uint64(self._b)
        right = elements - left * np.uint64(self._b)
        for turn in range(_ROUNDS)[:: -1 if back else 1]:
            source, target, size = (right, left, self._a) if turn % 2 == 0 else (left, right, self._b)
            multiplier, offset = self._keys[turn]
            mixed = source + np.uint64(offset) if tweak is None else source + (tweak + np.uint64(offset))
            mixed *= np.uint64(multiplier)
            mixed ^= mixed >> _29
            mixed *= _MULTIPLIER
            mixed >>= _32
            mixed *= np.uint64(size)
            mixed >>= _32
            if back:
                target -= mixed
                np.minimum(target, target + np.uint64(size), out=target)  # a negative one has wrapped to a huge one
            else:
                target += mixed
                np.minimum(target, target - np.uint64(size), out=target)
        return left * np.uint64(self._b) + right
