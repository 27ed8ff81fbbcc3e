"""Functions of the run and its records, and draws."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC

import numpy as np
import polars as pl

from engine.draws import bounded, unit
from engine.expression.cells import Cells, Work
from engine.expression.faults import Mismatch
from engine.expression.forms import DOUBLE, INSTANT, Form, Kind, number, text
from engine.expression.functions import Application, Function, Node, Parameter, function
from engine.span import MAX_RECORDS

_GROUP = "run"
_RUN_ID_LENGTH = 36


@function(
    "RECORDINDEX",
    says="The number of the record in the run, counted from 0.",
    group=_GROUP,
    examples={"RECORDINDEX()": "0"},
)
class RecordIndex(Function):
    def form(self, arguments: Sequence[Node]) -> Form:
        return number(0, MAX_RECORDS)

    def cells(self, call: Application, work: Work) -> Cells:
        return Cells(pl.Series(work.span.numbers().view(np.int64)))


@function(
    "RUNID",
    says="The id of the run, which is another one each time.",
    group=_GROUP,
    examples={"LEN(RUNID()) > 0": "true"},
)
class RunId(Function):
    facts = frozenset({"runId"})

    def reason(self, call: Application) -> str | None:
        return "RUNID() is another one in every run"

    def form(self, arguments: Sequence[Node]) -> Form:
        return text(_RUN_ID_LENGTH)

    def cells(self, call: Application, work: Work) -> Cells:
        return Cells(pl.Series([work.surroundings.run_id]))


@function(
    "STARTEDAT",
    says="The instant at which the run starts.",
    group=_GROUP,
    examples={"YEAR(STARTEDAT()) > 2000": "true"},
)
class StartedAt(Function):
    facts = frozenset({"startedAt"})

    def reason(self, call: Application) -> str | None:
        return "STARTEDAT() is the instant at which the run starts"

    def form(self, arguments: Sequence[Node]) -> Form:
        return INSTANT

    def cells(self, call: Application, work: Work) -> Cells:
        started_at = work.surroundings.started_at.astimezone(UTC)
        return Cells(pl.Series([started_at], dtype=INSTANT.dtype))


@function(
    "RAND",
    says="A number between 0 and 1, uniform, a double. Each place at which it stands draws for itself, by the seed.",
    group=_GROUP,
    examples={"0 < RAND() < 1": "true"},
)
class Rand(Function):
    draws = True

    def form(self, arguments: Sequence[Node]) -> Form:
        return DOUBLE

    def cells(self, call: Application, work: Work) -> Cells:
        return Cells(pl.Series(unit(work.surroundings.streams(call.site).words(work.span))))


@function(
    "RANDBETWEEN",
    takes=[
        Parameter("low", frozenset({Kind.NUMBER}), literal=True),
        Parameter("high", frozenset({Kind.NUMBER}), literal=True),
    ],
    says="A whole number from low to high, both included, uniform. Each place at which it stands draws for itself.",
    group=_GROUP,
    examples={"RANDBETWEEN(1, 6) < 7": "true", "RANDBETWEEN(3, 3)": "3"},
)
class RandBetween(Function):
    draws = True

    def form(self, arguments: Sequence[Node]) -> Form:
        low, high = (argument.form for argument in arguments)
        if not low.is_whole or not high.is_whole or not low.fits_int64 or not high.fits_int64:
            raise Mismatch("RANDBETWEEN takes whole numbers of 64 bits")
        if low.low > high.high:
            raise Mismatch(f"low ({low.low}) must not be greater than high ({high.high})", hint="swap them")
        return number(low.low, high.high)

    def cells(self, call: Application, work: Work) -> Cells:
        words = work.surroundings.streams(call.site).words(work.span)
        offsets = bounded(words, call.form.high - call.form.low + 1) + np.uint64(call.form.low % 2**64)
        return Cells(pl.Series(offsets.view(np.int64)))
