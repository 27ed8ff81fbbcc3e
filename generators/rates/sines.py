"""Sines in whole numbers: the same on every machine, which those of a C library are not."""

from __future__ import annotations

SINE_ONE = 2**31
_POINT = 2**96
_TURN = 497805226624462170461043889244
"""2 * pi * 2**96."""


def sines(steps: int) -> list[int]:
    """The sine at so many steps of a whole turn, a multiple of 4 of them, from 0 on, times `SINE_ONE`, rounded."""
    quarter = [_sine(_TURN * step // steps) for step in range(steps // 4 + 1)]
    half = [*quarter, *quarter[-2:0:-1]]
    return [*half, *(-sine for sine in half)]


def _sine(angle: int) -> int:
    """Taylor's series at an angle of at most a quarter of a turn."""
    total = term = angle
    for order in range(2, 32, 2):  # the last term is below 2**-88
        term = -term * angle // _POINT * angle // _POINT // (order * (order + 1))
        total += term
    return (total * SINE_ONE * 2 // _POINT + 1) // 2
