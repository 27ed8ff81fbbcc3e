"""Partial shapes: what is sound in a value of which something was refused, so that one mistake does not hide another.

Checks look at properties one by one. They can also be made of a value that has no whole shape, as far as they only look
at properties that were accepted; whoever looks at another one comes no further.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import Annotated, Any, TypeVar, cast

from pydantic import BaseModel, Field, ValidationError, WrapValidator, create_model, model_validator

from engine.issues import Issue, Severity
from sdg_project.shape_issues import aliases, is_misspelt, issues_of, misspellings, models_in

M = TypeVar("M", bound=BaseModel)


class Unsound(Exception):  # it is no error: it says where a check has to end
    """A property was looked at that had been refused."""


class _Refused:
    """Stands in place of a value that was refused, or is not there although it must be."""


_REFUSED = _Refused()


class _Guarded:
    """A model whose refused properties cannot be looked at."""

    def __getattribute__(self, name: str) -> Any:
        value = super().__getattribute__(name)
        if value is _REFUSED:
            raise Unsound(name)
        return value


def partial(model: type[M], given: Mapping[str, Any], *, at: str) -> tuple[M, list[Issue]]:
    """The sound part of a value that is not accepted as a `model`, and what else is wrong with that.

    Unknown properties are passed over. Looking at one that was refused raises `Unsound`. The issues are those that the
    model finds as a whole, which it does not look for where a property is wrong; `at` is the JSON Pointer of the value.
    """
    issues: list[Issue] = []
    try:
        _taken(model, given, as_a_whole=True)
    except ValidationError as error:
        issues = issues_of(error, at=at, model=model)
    return cast(M, _taken(model, given, as_a_whole=False)), issues


def sound(shape: object, name: str, default: Any) -> Any:
    """A property; something else where it was refused."""
    try:
        return getattr(shape, name)
    except Unsound:
        return default


def as_far_as_sound(*checks: Iterable[Issue]) -> Iterator[Issue]:
    """What several checks find, each up to where it would look at a property that was refused."""
    for check in checks:
        found = iter(check)
        while True:
            try:
                issue = next(found)
            except (StopIteration, Unsound):
                break
            yield issue


def unrefused(issues: Iterable[Issue], refused: Sequence[Issue]) -> Iterator[Issue]:
    """The issues that are not about something that was refused already, nor about a part of that.

    What is missing is no further issue where an unknown property was meant to be it.
    """
    refused = [issue for issue in refused if issue.severity is Severity.ERROR]
    places = {issue.path for issue in refused}
    misspelt = misspellings(refused)
    incomplete = {place for place, _ in misspelt if place}
    for issue in issues:
        steps = issue.path.split("/")
        if any("/".join(steps[:length]) in places for length in range(2, len(steps) + 1)):
            continue
        if (issue.code == "MISSING_PARAM" and issue.path in incomplete) or is_misspelt(issue, misspelt):
            continue
        yield issue


def _taken(model: type[BaseModel], given: Mapping[str, Any], *, as_a_whole: bool) -> BaseModel:
    known = {name: value for name, value in given.items() if name in aliases(model)}
    return _lenient(model, as_a_whole=as_a_whole).model_validate(known)


@cache
def _lenient(model: type[BaseModel], *, as_a_whole: bool) -> type[BaseModel]:
    """A model that takes any values for its properties."""
    fields: dict[str, Any] = {}
    for name, info in model.model_fields.items():
        default: dict[str, Any] = {"default_factory": info.default_factory} if info.default_factory else {}
        if not default:
            default = {"default": _REFUSED if info.is_required() else info.default}
        keep = WrapValidator(_keeping(info.annotation, as_a_whole=as_a_whole))
        fields[name] = (cast(Any, Annotated)[info.rebuild_annotation(), keep], Field(alias=info.alias, **default))
    checks = {
        name: model_validator(mode="after")(_up_to_unsound(check.func) if as_a_whole else _accepting)
        for name, check in model.__pydantic_decorators__.model_validators.items()
        if check.info.mode == "after"
    }
    made: type[BaseModel] = cast(Any, create_model)(
        model.__name__, __base__=(_Guarded, model), __validators__=checks, **fields
    )
    return made


def _keeping(annotation: Any, *, as_a_whole: bool) -> Callable[[Any, Callable[[Any], Any]], Any]:
    """A validator that puts something in place of what is refused: of an object what is sound in it."""
    models = models_in(annotation)

    def keep(value: Any, accepted: Callable[[Any], Any]) -> Any:
        try:
            return accepted(value)
        except ValidationError:
            if len(models) == 1 and isinstance(value, dict):
                return _taken(models[0], value, as_a_whole=as_a_whole)
            return _REFUSED

    return keep


def _up_to_unsound(check: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def checked(self: Any) -> Any:
        try:
            return check(self)
        except Unsound:
            return self

    return checked


def _accepting(self: Any) -> Any:
    return self
