"""Patterns against strftime, which is the slow definition where it does not depend on the machine."""

from __future__ import annotations

import random
from datetime import datetime, timedelta, timezone

import numpy as np
import pytest

from engine.time_pattern import DIRECTIVES, TimePattern
from engine.zones import MAX_MS, MIN_MS

NAIVE = datetime(1970, 1, 1)  # noqa: DTZ001
CHANCE = random.Random(1)
LOCAL = [MIN_MS, MAX_MS, -1, 0, *(CHANCE.randrange(MIN_MS, MAX_MS) for _ in range(2_000))]
OFFSETS = [CHANCE.choice([0, 3_600, -12_600, 3_208, -1_172, 50_400]) * 1_000 for _ in LOCAL]


def slowly(text: str) -> list[str]:
    """By strftime, but for the year, which C pads as it likes, and milliseconds, which it does not have."""
    texts = []
    for local, offset in zip(LOCAL, OFFSETS, strict=True):
        moment = (NAIVE + timedelta(milliseconds=local)).replace(tzinfo=timezone(timedelta(milliseconds=offset)))
        own = text.replace("%Y", f"{moment.year:04}").replace("%3f", f"{moment.microsecond // 1_000:03}")
        texts.append(moment.strftime(own))
    return texts


@pytest.mark.parametrize("directive", DIRECTIVES)
def test_each_directive_means_what_it_means_in_c(directive: str) -> None:
    texts = TimePattern(directive).texts(np.array(LOCAL), np.array(OFFSETS))

    assert texts.to_list() == slowly(directive)


@pytest.mark.parametrize(
    "text", ["%Y-%m-%dT%H:%M:%S.%f%z", "%A, %d. %B %Y, %I Uhr %M (%p) – größer 100 %%", "%B%A%z", "nothing"]
)
def test_directives_and_texts_stand_one_behind_the_other(text: str) -> None:
    pattern = TimePattern(text)

    texts = pattern.texts(np.array(LOCAL), np.array(OFFSETS))

    assert texts.to_list() == slowly(text)
    assert texts.str.len_chars().max() <= pattern.max_length


@pytest.mark.parametrize(("text", "position"), [("%Q", 1), ("%Y-%", 4), ("a%%b%3x", 5), ("%H:%-M", 4), ("%Y\n%\n", 4)])
def test_an_unknown_directive_is_named_with_its_position(text: str, position: int) -> None:
    with pytest.raises(ValueError, match=rf"at character {position} is not supported; supported are %Y"):
        TimePattern(text)


def test_no_times_make_no_texts() -> None:
    none = np.empty(0, np.int64)

    assert TimePattern("%A %Y%z").texts(none, none).to_list() == []
