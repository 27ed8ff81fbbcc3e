"""Continuous laws in their standard forms, by both tails. For plan time only: the one module that needs scipy."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any, ClassVar, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]
_KEPT_BITS = 32
_STANDARD_NORMAL = NormalDist()


class Shape(Protocol):
    """A standard form: float64 arrays in, float64 arrays of the same shape out.

    A probability is given by the smaller of ``p = F(x)`` and ``q = 1 - F(x)``, so that neither tail loses digits.
    """

    end: ClassVar[float]
    """The upper end where there is one, else 0: what `isf` counts from."""

    def cdf(self, x: Floats) -> Floats:
        """``P(X <= x)``, in ``[0, 1]`` for every x."""
        ...

    def sf(self, x: Floats) -> Floats:
        """``P(X > x)``, in ``[0, 1]`` for every x."""
        ...

    def ppf(self, p: Floats) -> Floats:
        """The x with ``cdf(x) = p``, p in ``(0, 1/2]``."""
        ...

    def isf(self, q: Floats) -> Floats:
        """``x - end`` for the x with ``sf(x) = q``, q in ``(0, 1/2]``."""
        ...


@dataclass(frozen=True, slots=True)
class Law:
    """A shape moved and stretched: ``location + scale * X``, in the coordinates of a range."""

    shape: Shape
    location: float
    scale: float

    def tails(self, places: Floats) -> tuple[Floats, Floats]:
        """The probabilities to lie at or below, and above, each place."""
        standard = (places - self.location) / self.scale
        return self.shape.cdf(standard), self.shape.sf(standard)

    def mass(self, low: float, high: float) -> float:
        """The probability of ``[low, high]``, without cancellation in either tail."""
        (below_low, below_high), (above_low, above_high) = self.tails(np.array([low, high]))
        return float(below_high - below_low if below_low < above_high else above_low - above_high)

    def quantiles(self, p: Floats, q: Floats) -> Floats:
        """The places with lower tail p and upper tail q, ``p + q = 1``.

        32 bits of the standard quantile, or of its distance from the upper end, are kept (relative error ``2**-33``):
        a last bit that differs between two processors' mathematics libraries then shows in one entry of a million.
        """
        standard = np.empty_like(p)
        lower = p <= q
        standard[lower], standard[~lower] = self.shape.ppf(p[lower]), self.shape.isf(q[~lower])
        anchors = np.where(lower, self.location, self.location + self.scale * self.shape.end)
        with np.errstate(over="ignore"):  # infinity lies outside every range, and is cut there
            return anchors + self.scale * coarse(standard)


class Normal:
    """Mean 0, standard deviation 1; by the standard library, because importing scipy would take longer than its use."""

    end: ClassVar[float] = 0.0

    def cdf(self, x: Floats) -> Floats:
        return _each(_lower_tail, x)

    def sf(self, x: Floats) -> Floats:
        return _each(_lower_tail, -x)

    def ppf(self, p: Floats) -> Floats:
        return _each(_normal_quantile, p)

    def isf(self, q: Floats) -> Floats:
        return -_each(_normal_quantile, q)


class Exponential:
    """From 0, mean 1."""

    end: ClassVar[float] = 0.0

    def cdf(self, x: Floats) -> Floats:
        return -np.expm1(-np.maximum(x, 0.0))

    def sf(self, x: Floats) -> Floats:
        return np.exp(-np.maximum(x, 0.0))

    def ppf(self, p: Floats) -> Floats:
        return -np.log1p(-p)

    def isf(self, q: Floats) -> Floats:
        return -np.log(q)


@dataclass(frozen=True, slots=True)
class ExpM1:
    """``exp(factor * X) - 1``: log-normal of a normal X, Pareto of an exponential one, each less its median or minimum.

    Without the 1, numbers close to the median or the minimum keep their digits. X has no upper end.
    """

    end: ClassVar[float] = 0.0
    of: Shape
    factor: float

    def cdf(self, x: Floats) -> Floats:
        return self.of.cdf(self._inner(x))

    def sf(self, x: Floats) -> Floats:
        return self.of.sf(self._inner(x))

    def ppf(self, p: Floats) -> Floats:
        return self._outer(self.of.ppf(p))

    def isf(self, q: Floats) -> Floats:
        return self._outer(self.of.isf(q))

    def _inner(self, x: Floats) -> Floats:
        with np.errstate(divide="ignore"):  # -1 is 0 of the law: minus infinity
            return np.log1p(np.maximum(x, -1.0)) / self.factor

    def _outer(self, x: Floats) -> Floats:
        with np.errstate(over="ignore"):
            return np.expm1(self.factor * x)


@dataclass(frozen=True, slots=True)
class Triangular:
    """From 0 to 1 with the given mode."""

    end: ClassVar[float] = 1.0
    mode: float

    def cdf(self, x: Floats) -> Floats:
        return self._below(np.clip(x, 0.0, 1.0), self.mode)

    def sf(self, x: Floats) -> Floats:
        return self._below(1.0 - np.clip(x, 0.0, 1.0), 1.0 - self.mode)

    def ppf(self, p: Floats) -> Floats:
        return np.where(p < self.mode, np.sqrt(p * self.mode), 1.0 - np.sqrt((1.0 - p) * (1.0 - self.mode)))

    def isf(self, q: Floats) -> Floats:
        return np.where(q < 1.0 - self.mode, -np.sqrt(q * (1.0 - self.mode)), np.sqrt((1.0 - q) * self.mode) - 1.0)

    @staticmethod
    def _below(x: Floats, mode: float) -> Floats:
        rising = x * x / mode if mode > 0.0 else x
        falling = 1.0 - (1.0 - x) ** 2 / (1.0 - mode) if mode < 1.0 else x
        return np.where(x < mode, rising, falling)


@dataclass(frozen=True, slots=True)
class Beta:
    """From 0 to 1."""

    end: ClassVar[float] = 1.0
    alpha: float
    beta: float

    def cdf(self, x: Floats) -> Floats:
        return _special().betainc(self.alpha, self.beta, np.clip(x, 0.0, 1.0))  # type: ignore[no-any-return]

    def sf(self, x: Floats) -> Floats:
        return _special().betaincc(self.alpha, self.beta, np.clip(x, 0.0, 1.0))  # type: ignore[no-any-return]

    def ppf(self, p: Floats) -> Floats:
        return _special().betaincinv(self.alpha, self.beta, p)  # type: ignore[no-any-return]

    def isf(self, q: Floats) -> Floats:
        return -_special().betaincinv(self.beta, self.alpha, q)  # type: ignore[no-any-return]


@dataclass(frozen=True, slots=True)
class Gamma:
    """From 0, scale 1."""

    end: ClassVar[float] = 0.0
    shape: float

    def cdf(self, x: Floats) -> Floats:
        return _special().gammainc(self.shape, np.maximum(x, 0.0))  # type: ignore[no-any-return]

    def sf(self, x: Floats) -> Floats:
        return _special().gammaincc(self.shape, np.maximum(x, 0.0))  # type: ignore[no-any-return]

    def ppf(self, p: Floats) -> Floats:
        return _special().gammaincinv(self.shape, p)  # type: ignore[no-any-return]

    def isf(self, q: Floats) -> Floats:
        return _special().gammainccinv(self.shape, q)  # type: ignore[no-any-return]


def coarse(numbers: Floats) -> Floats:
    """The numbers to 32 bits, half to even."""
    mantissas, exponents = np.frexp(numbers)
    rounded: Floats = np.ldexp(np.rint(np.ldexp(mantissas, _KEPT_BITS)), exponents - _KEPT_BITS)
    return rounded


def _lower_tail(x: float) -> float:
    return 0.5 * math.erfc(-x / math.sqrt(2.0))


def _normal_quantile(p: float) -> float:
    """M. J. Wichura's algorithm AS 241, relative error about 1e-16; infinite at 0 and 1."""
    if p <= 0.0 or p >= 1.0:
        return -math.inf if p <= 0.0 else math.inf
    return _STANDARD_NORMAL.inv_cdf(p)


def _each(function: Callable[[float], float], numbers: Floats) -> Floats:
    """A function of each number, one after the other: for tables only."""
    return np.array([function(number) for number in numbers.ravel().tolist()]).reshape(numbers.shape)


def _special() -> Any:
    import scipy.special  # takes 0.2 s, and only a process that compiles a plan needs it

    return scipy.special
