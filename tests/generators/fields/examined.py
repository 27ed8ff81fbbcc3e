"""Definitions of a few fields, examined and made: what the tests of field types share."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import polars as pl

from engine.choice import Tables
from engine.issues import Issue
from engine.span import Span
from generators.definition import read_definition
from generators.examination import Examination, examine
from generators.facts import RunFacts
from generators.plan import Plan

STARTED_AT = datetime(2026, 3, 29, 12, 0, tzinfo=UTC)
NAME = "it"
"""The field that most tests look at."""
FIRST = Span(0, 1_000)


def mapping(kind: str, params: Mapping[str, Any], name: str = NAME, **more: Any) -> dict[str, Any]:
    return {"fieldName": name, "type": kind, "params": dict(params), **more}


def examined(
    *mappings: Mapping[str, Any],
    count: int | None = 1_000,
    seed: int = 1,
    given: bool = True,
    entropy: str = "entropy",
    tables: Tables | None = None,
    **more: Any,
) -> Examination:
    document = {"name": "orders", "fieldMappings": list(mappings), **more}
    facts = RunFacts(seed, STARTED_AT, given, record_count=count, entropy=entropy)
    return examine(read_definition(document), facts=facts, pools={}, tables=tables)


def planned(*mappings: Mapping[str, Any], **more: Any) -> Plan:
    examination = examined(*mappings, **more)
    assert examination.plan is not None, examination.errors
    return examination.plan


def made(*mappings: Mapping[str, Any], span: Span = FIRST, name: str = NAME, **more: Any) -> pl.Series:
    """The values of one field, that of the first mapping unless it is named."""
    return planned(*mappings, **more).batch(span).records[name]


def found(*mappings: Mapping[str, Any], **more: Any) -> set[tuple[str, str]]:
    """Code and path of every issue."""
    return {(issue.code, issue.path) for issue in examined(*mappings, **more).issues}


def issues(*mappings: Mapping[str, Any], **more: Any) -> Iterator[Issue]:
    yield from examined(*mappings, **more).issues
