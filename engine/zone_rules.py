"""The rules of time zones, from the package ``tzdata`` alone: the same on every machine that has the same package."""

from __future__ import annotations

import re
import struct
from functools import cache
from importlib import resources

import numpy as np
from numpy.typing import NDArray

Int64s = NDArray[np.int64]

LAST_YEAR = 9999
_BEGINNING = np.int64(-(2**63))
_NAME = r"(?:[A-Za-z]+|<[A-Za-z0-9+-]+>)"
_TIME = r"[+-]?\d{1,3}(?::\d\d(?::\d\d)?)?"
_DAY = rf"M\d{{1,2}}\.[1-5]\.[0-6](?:/{_TIME})?"
_FOOTER = re.compile(rf"{_NAME}(?P<standard>{_TIME})(?:{_NAME}(?P<summer>{_TIME})?,(?P<start>{_DAY}),(?P<end>{_DAY}))?")


@cache
def zone_names() -> frozenset[str]:
    """The names of all time zones, such as ``Europe/Berlin``."""
    return frozenset(resources.files("tzdata").joinpath("zones").read_text("ascii").split())


def zone_changes(name: str) -> tuple[Int64s, Int64s]:
    """When the offset from UTC changes, and what it is from then on: both of shape ``(n,)``, in milliseconds.

    The first change is the beginning of time, the last ones are in the year 9999. Raises KeyError for an unknown name.
    """
    if name not in zone_names():
        raise KeyError(name)
    content = resources.files("tzdata").joinpath("zoneinfo", *name.split("/")).read_bytes()
    changes, offsets, footer = _parse(content)
    later, later_offsets = _rule_changes(footer, int(changes[-1]))
    changes, offsets = np.append(changes, later), np.append(offsets, later_offsets)
    real = np.append(True, np.diff(offsets) != 0)  # only the name of the offset changes at the others
    changes, offsets = changes[real] * 1000, offsets[real] * 1000
    changes[0] = _BEGINNING
    return changes, offsets


def _parse(content: bytes) -> tuple[Int64s, Int64s, str]:
    """Seconds of the changes, offsets in seconds, and the rule for later years of a TZif file (RFC 9636)."""
    skipped = _block_size(content, 0, time_size=4)
    start = 44 + skipped
    _, _, _, change_count, type_count, _ = struct.unpack_from(">6L", content, start + 20)
    at = start + 44
    changes = np.frombuffer(content, ">i8", change_count, at).astype(np.int64)
    at += 8 * change_count
    types = np.frombuffer(content, np.uint8, change_count, at)
    at += change_count
    type_offsets = np.array([struct.unpack_from(">l", content, at + 6 * i)[0] for i in range(type_count)], np.int64)
    footer = content[start + 44 + _block_size(content, start, time_size=8) :].decode("ascii").strip("\n")
    return np.append(_BEGINNING, changes), np.append(type_offsets[0], type_offsets[types]), footer


def _block_size(content: bytes, header: int, *, time_size: int) -> int:
    utc_flags, standard_flags, leaps, changes, types, letters = struct.unpack_from(">6L", content, header + 20)
    return int(changes * (time_size + 1) + types * 6 + letters + leaps * (time_size + 4) + standard_flags + utc_flags)


def _rule_changes(footer: str, after: int) -> tuple[Int64s, Int64s]:
    """The changes that the rule makes after an instant, to the end of `LAST_YEAR`, and the offsets; in seconds."""
    rule = _FOOTER.fullmatch(footer)
    if rule is None:
        raise ValueError(f"this version of tzdata has a rule that cannot be read: {footer!r}")
    if rule["start"] is None:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    standard = -_seconds(rule["standard"])  # POSIX counts west of Greenwich
    summer = -_seconds(rule["summer"]) if rule["summer"] else standard + 3600
    first = 1970 if after == _BEGINNING else int(np.datetime64(after, "s").astype("datetime64[Y]").astype(int)) + 1970
    years = np.arange(first, LAST_YEAR + 1)
    changes = np.concatenate([_on_day(rule["start"], years) - standard, _on_day(rule["end"], years) - summer])
    offsets = np.repeat([summer, standard], len(years))
    order = np.argsort(changes, kind="stable")
    order = order[changes[order] > after]
    return changes[order], offsets[order].astype(np.int64)


def _on_day(rule: str, years: Int64s) -> Int64s:
    """Local seconds of ``M10.5.0/3``: the last (5th) Sunday (0) of October at 3, in each year."""
    day_rule, _, time = rule.removeprefix("M").partition("/")
    month, week, weekday = (int(part) for part in day_rule.split("."))
    months = (years - 1970) * 12 + month - 1
    days = months.astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)
    next_month = (months + 1).astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)
    days += (weekday - (days + 4)) % 7 + 7 * (week - 1)  # 1970-01-01 was a Thursday (4)
    days -= np.where(days >= next_month, 7, 0)
    return days * 86_400 + (_seconds(time) if time else 7_200)


def _seconds(text: str) -> int:
    hours, minutes, seconds = ([int(part) for part in text.lstrip("+-").split(":")] + [0, 0])[:3]
    return (-1 if text.startswith("-") else 1) * (hours * 3600 + minutes * 60 + seconds)
