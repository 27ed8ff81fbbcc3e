"""Distinctness: whether distinct values are still distinct after they have been cast."""

from __future__ import annotations

from engine.schema import OutputType
from generators.casts import Cast
from sdg_project.text import shown
from sinks.encoding.instants import DAY_MS
from sinks.encoding.texts import value_texts

T = OutputType
_TEXTS = {
    **dict.fromkeys((T.INTEGER, T.LONG, T.DECIMAL, T.DOUBLE), '"1" and "01" are one number'),
    T.BOOLEAN: '"true" and "TRUE" are one truth value',
    T.UUID: "texts that differ in upper and lower case only are one UUID",
    T.TIME: '"12:00:00" and "12:00:00.0" are one time of day',
    T.TIMESTAMP: '"2026-01-31T12:00:00Z" and "2026-01-31T13:00:00+01:00" are one instant',
}


def merging(cast: Cast) -> str | None:
    """How two distinct values can become one; None when they cannot."""
    reason = _of_types(cast)
    if reason is None or cast.possible is None or (after := cast.results()) is None:
        return reason
    before = cast.possible.drop_nulls().unique(maintain_order=True)
    if after.n_unique() == len(before):
        return None
    second = int((~after.is_first_distinct()).arg_true()[0])
    first = int((after == after[second]).arg_true()[0])
    became = value_texts(after.slice(second, 1), cast.after.type)[0]
    return f"{shown(before[first])} and {shown(before[second])} both become {became}"


def _of_types(cast: Cast) -> str | None:
    """The same as far as types and bounds tell."""
    before, after = cast.before, cast.after
    if cast.may_lose_digits:
        return "numbers are rounded"
    match before.type, after.type:
        case T.TIMESTAMP, T.DATE:
            return "the instants of a day have one date"
        case T.TIMESTAMP, T.TIME:
            days = {None if bound is None else bound // DAY_MS for bound in (before.minimum, before.maximum)}
            is_one_day = len(days) == 1 and None not in days
            return None if is_one_day else "instants of several days can have one time of day"
        case T.STRING, _:
            return _TEXTS.get(after.type)
        case _:
            return None
