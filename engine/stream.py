"""Streams of random words that have an address: word i of a stream is a pure function of the stream's name and i."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.span import Span

RECIPE_VERSION = "1"
MASK64 = 2**64 - 1
_MULTIPLIER_1, _MULTIPLIER_2 = 0xBF58476D1CE4E5B9, 0x94D049BB133111EB


@dataclass(frozen=True, slots=True)
class Stream:
    """An endless sequence of independent 64-bit words, any of which costs the same.

    Word i is ``mix64(key + (i + 1) * increment)``. The odd increment of its own keeps two streams from ever running
    through the same states one behind the other, which a common increment allows with probability of about
    ``fields**2 * records / 2**64``.
    """

    key: int
    increment: int

    def words(self, span: Span) -> NDArray[np.uint64]:
        """The words of a span's records: shape ``(span.count,)``, uniform over ``[0, 2**64)``."""
        return self._mixed(span.numbers())

    def words_at(self, numbers: NDArray[np.uint64]) -> NDArray[np.uint64]:
        """The words of any record numbers, in their shape. The argument is left alone."""
        return self._mixed(numbers.copy())

    def word(self, number: int) -> int:
        """One word, by plain integer arithmetic: the slow definition of `words`."""
        state = (self.key + (number + 1) * self.increment) & MASK64
        state = (state ^ (state >> 30)) * _MULTIPLIER_1 & MASK64
        state = (state ^ (state >> 27)) * _MULTIPLIER_2 & MASK64
        return state ^ (state >> 31)

    def _mixed(self, state: NDArray[np.uint64]) -> NDArray[np.uint64]:
        state *= np.uint64(self.increment)
        state += np.uint64((self.key + self.increment) & MASK64)
        return mix64(state)


@dataclass(frozen=True, slots=True)
class Source:
    """Where a field's streams come from: the run's seed, a stream name and the path of the field."""

    seed: int | str
    stream_name: str
    path: str

    def stream(self, purpose: str, lane: int = 0) -> Stream:
        """The stream of one purpose (``value``, ``null``, …) and lane; independent of all others.

        The recipe is pinned by golden values: BLAKE2b with a digest of 16 bytes over the parts, each as its length in
        four little-endian bytes and its UTF-8 text. The first eight bytes are the key, the others, made odd, the
        increment; both little-endian.
        """
        parts = (RECIPE_VERSION, str(self.seed), self.stream_name, self.path, purpose, str(lane))
        encoded = [part.encode() for part in parts]
        text = b"".join(len(part).to_bytes(4, "little") + part for part in encoded)
        digest = hashlib.blake2b(text, digest_size=16).digest()
        return Stream(int.from_bytes(digest[:8], "little"), int.from_bytes(digest[8:], "little") | 1)


def mix64(state: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Scramble words by a bijection whose output bits each depend on all input bits. Works in place.

    The finaliser of SplitMix64: G. Steele, D. Lea, C. Flood, "Fast splittable pseudorandom number generators",
    OOPSLA 2014, with the constants of D. Stafford's variant 13.
    """
    shifted = state >> np.uint64(30)
    state ^= shifted
    state *= np.uint64(_MULTIPLIER_1)
    np.right_shift(state, np.uint64(27), out=shifted)
    state ^= shifted
    state *= np.uint64(_MULTIPLIER_2)
    np.right_shift(state, np.uint64(31), out=shifted)
    state ^= shifted
    return state
