"""Which properties of a definition go with which mode, end condition and clock."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from pydantic import BaseModel

from engine.issues import Issue, Severity, pointer
from generators.enums import ClockType, CountBasis, EndCondition, GenerationMode, OnError
from sdg_project.partial_shapes import as_far_as_sound

if TYPE_CHECKING:
    from generators.definition import DefinitionShape

_BY_MODE = {
    GenerationMode.BATCH: ("max_records_per_second",),
    GenerationMode.REALTIME: ("rate", "max_latency_ms"),
}
_CLOCK_BY_MODE = {GenerationMode.BATCH: ("step_ms",), GenerationMode.REALTIME: ("speed", "then_live")}
_BY_END = {
    EndCondition.RECORD_COUNT: ("record_count", "count_basis"),
    EndCondition.DURATION: ("duration_seconds", "include_paused"),
    EndCondition.MANUAL: (),
}
_REQUIRED = {EndCondition.RECORD_COUNT: "record_count", EndCondition.DURATION: "duration_seconds"}


def pace_issues(shape: DefinitionShape, *, end_required: bool) -> Iterator[Issue]:
    """What does not fit among mode, end condition, rate, clock, limits and shards."""
    yield from as_far_as_sound(
        _mode_issues(shape),
        _shard_issues(shape),
        _end_issues(shape, end_required=end_required),
        _limit_issues(shape),
        _basis_issues(shape),
        _clock_issues(shape),
        _rate_issues(shape),
        _throttle_issues(shape),
    )


def _rate_issues(shape: DefinitionShape) -> Iterator[Issue]:
    if shape.rate is not None and shape.generation_mode is GenerationMode.REALTIME:
        for issue in shape.rate.issues():
            yield replace(issue, path=f"/rate{issue.path}")


def _throttle_issues(shape: DefinitionShape) -> Iterator[Issue]:
    if shape.max_records_per_second == 0:
        yield Issue("INVALID_VALUE", "/maxRecordsPerSecond", '"maxRecordsPerSecond" must be above 0')


def shards_of(shape: DefinitionShape, *, default: int) -> int:
    """Into how many shards a run may be cut."""
    return 1 if _why_one_shard(shape) else shape.shards or default


def _why_one_shard(shape: DefinitionShape) -> str | None:
    """Why records must be made in their order; None when that is not so."""
    reasons = {
        "in mode REALTIME, whose records are written in order": shape.generation_mode is GenerationMode.REALTIME,
        "with maxRecordsPerSecond": shape.max_records_per_second is not None,
        f"with end condition {shape.end_condition}": shape.end_condition is not EndCondition.RECORD_COUNT,
        "with countBasis WRITTEN": shape.count_basis is CountBasis.WRITTEN,
        "with a limit of its running time": shape.safety.max_runtime_seconds is not None,
    }
    return next((reason for reason, holds in reasons.items() if holds), None)


def _mode_issues(shape: DefinitionShape) -> Iterator[Issue]:
    mode = shape.generation_mode
    for other, names in _BY_MODE.items():
        if other is not mode:
            yield from _not_allowed(shape, names, where=f"to mode {mode}")
    if mode is GenerationMode.REALTIME and shape.rate is None:
        yield Issue("MISSING_PARAM", "/rate", '"rate" is required in mode REALTIME')


def _shard_issues(shape: DefinitionShape) -> Iterator[Issue]:
    why = _why_one_shard(shape)
    if why is not None and (shape.shards or 1) > 1:
        yield Issue("PROPERTY_NOT_ALLOWED", "/shards", f"a run has one shard {why}", 'remove "shards"')


def _end_issues(shape: DefinitionShape, *, end_required: bool) -> Iterator[Issue]:
    end = shape.end_condition
    for other, names in _BY_END.items():
        if other is not end:
            for issue in _not_allowed(shape, names, where=f"to end condition {end}"):
                yield replace(issue, code="END_CONDITION_INCOMPATIBLE")
    needed = _REQUIRED.get(end)
    if end_required and needed is not None and getattr(shape, needed) is None:
        name = _alias(shape, needed)
        yield Issue("MISSING_PARAM", pointer(name), f'"{name}" is required when the end condition is {end}')


def _limit_issues(shape: DefinitionShape) -> Iterator[Issue]:
    if shape.end_condition is not EndCondition.MANUAL or shape.safety.max_records is not None:
        return
    if shape.generation_mode is GenerationMode.BATCH:
        message = "a BATCH run that only a person ends needs a limit"
        yield Issue("END_CONDITION_INCOMPATIBLE", "/endCondition", message, "set safety.maxRecords")
    elif shape.safety.max_runtime_seconds is None:
        message = "nothing ends the run but somebody who stops it"
        hint = "set safety.maxRecords or safety.maxRuntimeSeconds"
        yield Issue("NO_SAFETY_LIMIT", "/endCondition", message, hint, severity=Severity.WARNING)


def _basis_issues(shape: DefinitionShape) -> Iterator[Issue]:
    handling = shape.error_handling
    if shape.count_basis is not CountBasis.WRITTEN:
        return
    if shape.on_error is not OnError.CONTINUE:
        message = "every record that is made is written unless onError is CONTINUE"
        hint = 'set onError to "CONTINUE", or remove "countBasis"'
        yield Issue("PROPERTY_NOT_ALLOWED", "/countBasis", message, hint)
    elif handling is None or "max_errors" not in handling.model_fields_set:
        message = "countBasis WRITTEN goes on for ever when no record can be written, unless there is a limit"
        yield Issue("MISSING_PARAM", "/errorHandling/maxErrors", message, "set errorHandling.maxErrors")


def _clock_issues(shape: DefinitionShape) -> Iterator[Issue]:
    clock, mode = shape.clock, shape.generation_mode
    for other, names in _CLOCK_BY_MODE.items():
        if other is not mode:
            yield from _not_allowed(clock, names, where=f"to mode {mode}", at="/clock")
    if clock.type is ClockType.SIMULATED:
        if clock.start is None:
            yield Issue("MISSING_PARAM", "/clock/start", '"start" is required with clock SIMULATED')
        if clock.then_live and clock.speed <= 1 and mode is GenerationMode.REALTIME:
            message = f"a clock of speed {clock.speed} never meets the present"
            yield Issue("INVALID_VALUE", "/clock/speed", message, "use a speed above 1, or remove thenLive")
    elif mode is GenerationMode.REALTIME:
        for issue in _not_allowed(clock, ("start", "speed", "then_live"), where="to clock SYSTEM", at="/clock"):
            yield replace(issue, hint='set the clock\'s type to "SIMULATED"')


def _not_allowed(shape: BaseModel, names: tuple[str, ...], *, where: str, at: str = "") -> Iterator[Issue]:
    """An error for each of these properties that was given although it means nothing here."""
    for name in names:
        if name in shape.model_fields_set:
            alias = _alias(shape, name)
            message = f'"{alias}" does not apply {where}'
            yield Issue("PROPERTY_NOT_ALLOWED", at + pointer(alias), message, f'remove "{alias}"')


def _alias(shape: BaseModel, name: str) -> str:
    return type(shape).model_fields[name].alias or name
