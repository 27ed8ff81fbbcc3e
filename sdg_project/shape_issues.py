"""Translates what pydantic finds wrong with a value into issues that a person can act on."""

from __future__ import annotations

import types
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt, MaxLen, MinLen
from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from engine.issues import Issue, Severity, did_you_mean, pointer
from sdg_project.text import quoted, shown

_NOUNS = {
    "int": "a whole number",
    "float": "a number",
    "decimal": "a number",
    "string": "text",
    "bool": "true or false",
    "dict": "an object",
    "mapping": "an object",
    "model": "an object",
    "model_attributes": "an object",
    "dataclass": "an object",
    "list": "a list",
    "tuple": "a list",
    "set": "a list",
    "frozen_set": "a list",
    "iterable": "a list",
    "date": "a date such as 2026-01-31",
    "time": "a time such as 12:30:00",
    "datetime": "an instant such as 2026-01-31T12:30:00Z",
    "uuid": "a UUID",
}
_MANY = 12
"""More accepted words than this are not listed when one of them is close."""


class Faults(ValueError):
    """What a validator of a shape found: issues whose paths begin at the value that it validates.

    A message that begins with "must" or "is" is a predicate: the name of the property is put in front of it.
    """

    def __init__(self, *issues: Issue) -> None:
        super().__init__("; ".join(issue.message for issue in issues))
        self.issues = issues


def aliases(model: type[BaseModel]) -> frozenset[str]:
    """The names that a model's properties have in documents."""
    return frozenset(info.alias or name for name, info in model.model_fields.items())


def null_issues(model: type[BaseModel], given: Mapping[str, Any], *, at: str) -> Iterable[Issue]:
    """A warning for each null that leaves out a property one of whose words is NULL: YAML takes NULL for null."""
    for name, info in model.model_fields.items():
        alias = info.alias or name
        if given.get(alias, ...) is None and "NULL" in _accepted(_variants(info.annotation, info.metadata)):
            default = "" if info.is_required() or info.default is None else f", so that it is {info.default}"
            message = f"{alias} is null, which counts as left out{default}"
            hint = 'write "NULL" in quotes if the word is meant'
            yield Issue("NULL_IGNORED", at + pointer(alias), message, hint, severity=Severity.WARNING)


def models_in(annotation: Any) -> list[type[BaseModel]]:
    """The models among the types that an annotation stands for."""
    return [kind.annotation for kind in _variants(annotation) if kind.is_model]


def issues_of(
    error: ValidationError, *, at: str = "", model: type[BaseModel] | None = None, field: str | None = None
) -> list[Issue]:
    """Every problem of a value that does not have the shape of `model`.

    `at` is the JSON Pointer of the value; `field` is the field that it belongs to. Without a model, unknown properties
    have no suggestion and ranges only the end that was passed.
    """
    found = [_locate(detail, model) for detail in error.errors(include_url=False)]
    meant = sorted(_meant(list(enumerate(found)), 0))
    above = tuple(part.replace("~1", "/").replace("~0", "~") for part in at.split("/")[1:])
    issues = [issue for _, fault in meant for issue in fault.issues()]
    misspelt = misspellings(issues)
    return [
        replace(issue, path=at + issue.path, message=_sentence(issue, above), field=issue.field or field)
        for issue in issues
        if not is_misspelt(issue, misspelt)
    ]


def misspellings(issues: Iterable[Issue]) -> set[tuple[str, str | None]]:
    """Where issues are about unknown properties, each object's path with what may have been meant."""
    return {(issue.path.rpartition("/")[0], issue.hint) for issue in issues if issue.code == "UNKNOWN_PROPERTY"}


def is_misspelt(issue: Issue, misspelt: Container[tuple[str, str | None]]) -> bool:
    """Whether what is missing by an issue is there, but for its spelling, so that one issue says it all."""
    inside, _, step = issue.path.rpartition("/")
    name = step.replace("~1", "/").replace("~0", "~")
    return issue.code == "MISSING_PARAM" and (inside, did_you_mean(name, [name])) in misspelt


@dataclass(frozen=True, slots=True, order=True)
class _Step:
    """A step from a value to a part of it, or to one of the variants (`label`) that it may have."""

    key: str | int
    is_label: bool = field(default=False)


@dataclass(frozen=True, slots=True, eq=False)
class _Fault:
    detail: ErrorDetails
    steps: tuple[_Step, ...]
    types: tuple[_Type, ...]
    """What could stand here."""
    nouns: tuple[str, ...] = ()
    """What the variants expect, when none of them was meant more than the others."""

    @property
    def keys(self) -> tuple[str | int, ...]:
        return tuple(step.key for step in self.steps if not step.is_label)

    def issues(self) -> list[Issue]:
        """The problem, its path from the value that was validated; messages may be predicates."""
        kind, given, context = self.detail["type"], self.detail["input"], self.detail.get("ctx", {})
        path = pointer(*self.keys)
        if self.nouns:
            return [Issue("TYPE_MISMATCH", path, f"must be {_listed(self.nouns, 'or')}, not {shown(given)}")]
        if kind in {"value_error", "assertion_error"}:
            error = context.get("error")
            if isinstance(error, Faults):
                return [replace(issue, path=path + issue.path) for issue in error.issues]
            return [Issue("INVALID_VALUE", path, str(error) or "is not accepted")]
        if kind == "extra_forbidden":
            return [self._unknown(path)]
        if kind in {"missing", "union_tag_not_found"}:
            if kind == "union_tag_not_found":
                path += pointer(_unquoted(context["discriminator"]))
            name = path.rpartition("/")[2].replace("~1", "/").replace("~0", "~")
            return [Issue("MISSING_PARAM", path, f"required property {quoted(name)} is missing")]
        if kind == "union_tag_invalid":
            accepted = [_unquoted(tag) for tag in str(context["expected_tags"]).split(", ")]
            path += pointer(_unquoted(context["discriminator"]))
            return [_not_one_of(path, accepted, context["tag"])]
        if kind in {"literal_error", "enum"}:
            accepted = list(_accepted(self.types)) or [_unquoted(str(context.get("expected", "")))]
            return [_not_one_of(path, accepted, given)]
        if kind == "finite_number":
            return [Issue("NON_FINITE", path, f"must be a finite number, not {shown(given)}")]
        if phrase := self._rule(kind, context, given):
            return [Issue("INVALID_VALUE", path, phrase)]
        if noun := _NOUNS.get(kind.removesuffix("_type").removesuffix("_parsing").removesuffix("_from_float")):
            return [Issue("TYPE_MISMATCH", path, f"must be {noun}, not {shown(given)}")]
        code = "TYPE_MISMATCH" if kind.endswith("_type") else "INVALID_VALUE"
        return [Issue(code, path, f"is not accepted: {shown(given)}")]

    def _unknown(self, path: str) -> Issue:
        name = str(self.keys[-1])
        known = sorted({alias for kind in self.types if kind.is_model for alias in aliases(kind.annotation)})
        hint = did_you_mean(name, known) or (f"accepted are {', '.join(known)}" if known else "remove it")
        return Issue("UNKNOWN_PROPERTY", path, f"unknown property {quoted(name)}", hint)

    def _rule(self, kind: str, context: Mapping[str, Any], given: Any) -> str | None:
        if kind in {"greater_than", "greater_than_equal", "less_than", "less_than_equal"}:
            return f"must be {_range(self.types, context)}, not {shown(given)}"
        if kind in {"string_too_short", "too_short", "string_too_long", "too_long"}:
            what = "characters" if kind.startswith("string") else "elements"
            if (exactly := _length(self.types)) is not None:
                return f"must have exactly {exactly:,} {what}, not {len(given):,}"
            if "max_length" in context:
                return f"must have at most {context['max_length']:,} {what}, not {len(given):,}"
            least = context["min_length"]
            return "must not be empty" if least == 1 else f"must have at least {least:,} {what}, not {len(given):,}"
        if kind == "string_pattern_mismatch":
            return f"must match the pattern {context['pattern']}, which {shown(given)} does not"
        if kind == "multiple_of":
            return f"must be a multiple of {context['multiple_of']}, not {shown(given)}"
        return None


@dataclass(frozen=True, slots=True, eq=False)
class _Type:
    """One type that a value may have, with the constraints that its declaration puts on it."""

    annotation: Any
    rules: tuple[Any, ...] = ()

    @property
    def is_model(self) -> bool:
        return isinstance(self.annotation, type) and issubclass(self.annotation, BaseModel)


def _locate(detail: ErrorDetails, model: type[BaseModel] | None) -> _Fault:
    """Follow the location through the declarations: it also names variants, which are no parts of the value."""
    types = _variants(model) if model is not None else ()
    steps: list[_Step] = []
    for place, part in enumerate(detail["loc"]):
        below = tuple(kind for each in types for kind in _below(each, part))
        last = place == len(detail["loc"]) - 1
        if detail["type"] == "extra_forbidden" and last:
            steps.append(_Step(part))
        elif below:
            steps.append(_Step(part))
            types = below
        elif types or "[" in str(part):
            steps.append(_Step(part, is_label=True))
            types = tuple(each for each in types if part in _labels(each)) or types
        else:
            steps.append(_Step(part))
    return _Fault(detail, tuple(steps), types)


def _variants(annotation: Any, rules: Sequence[Any] = ()) -> tuple[_Type, ...]:
    """The types that an annotation stands for."""
    origin = get_origin(annotation)
    if origin is Annotated:
        inner, *more = get_args(annotation)
        nested = [rule for entry in more for rule in (entry.metadata if isinstance(entry, FieldInfo) else [entry])]
        return _variants(inner, (*nested, *rules))
    if origin in (Union, types.UnionType):
        return tuple(kind for each in get_args(annotation) for kind in _variants(each, rules))
    return () if annotation in (None, type(None)) else (_Type(annotation, tuple(rules)),)


def _below(kind: _Type, part: str | int) -> tuple[_Type, ...]:
    """The types that a part may have; none when the type has no such part."""
    if kind.is_model:
        for name, info in kind.annotation.model_fields.items():
            if part == (info.alias or name):
                return _variants(info.annotation, info.metadata)
        return ()
    if kind.annotation is Any:
        return (kind,)
    base, arguments = get_origin(kind.annotation) or kind.annotation, get_args(kind.annotation)
    if not isinstance(base, type):
        return ()
    if isinstance(part, str):
        return _variants(arguments[1] if arguments else Any) if issubclass(base, Mapping) and part != "[key]" else ()
    if issubclass(base, (str, Mapping)) or not issubclass(base, Iterable):
        return ()
    if base is tuple and Ellipsis not in arguments:
        return _variants(arguments[part] if part < len(arguments) else Any)
    return _variants(arguments[0] if arguments else Any)


def _labels(kind: _Type) -> frozenset[str | int]:
    """The names under which pydantic may speak of a variant: its class or the value of its discriminator."""
    if kind.is_model:
        literals = (info.annotation for info in kind.annotation.model_fields.values())
        tags = [tag for each in literals if get_origin(each) is Literal for tag in get_args(each)]
        return frozenset({kind.annotation.__name__, *tags})
    return frozenset({getattr(kind.annotation, "__name__", "")})


def _meant(faults: list[tuple[int, _Fault]], depth: int) -> list[tuple[int, _Fault]]:
    """The faults without those of variants that were not meant."""
    result = [each for each in faults if len(each[1].steps) <= depth]
    groups: dict[_Step, list[tuple[int, _Fault]]] = {}
    for each in faults:
        if len(each[1].steps) > depth:
            groups.setdefault(each[1].steps[depth], []).append(each)
    variants = []
    for step, group in groups.items():
        if step.is_label:
            variants.append(_meant(group, depth + 1))
        else:
            result += _meant(group, depth + 1)
    return result + _closest(variants, depth + 1)


def _closest(variants: list[list[tuple[int, _Fault]]], depth: int) -> list[tuple[int, _Fault]]:
    """The variant that a value comes closest to; if it has the form of none, one fault that names all forms."""
    if len(variants) < 2:
        return variants[0] if variants else []
    nouns: dict[str, None] = {}
    formed = []
    for variant in variants:
        wrong = [noun for _, fault in variant if (noun := _form(fault, depth))]
        nouns |= dict.fromkeys(wrong)
        if not wrong:
            formed.append(variant)
    if not formed:
        index, fault = variants[0][0]
        return [(index, replace(fault, nouns=tuple(nouns)))]
    foreign = {"extra_forbidden", "missing", "literal_error"}
    return min(formed, key=lambda each: (sum(fault.detail["type"] in foreign for _, fault in each), len(each)))


def _form(fault: _Fault, depth: int) -> str | None:
    """What form the whole value should have had, if that is the fault."""
    if any(not step.is_label for step in fault.steps[depth:]):
        return None
    if fault.nouns:
        return _listed(fault.nouns, "or")
    issue = fault.issues()[0]
    return issue.message[len("must be ") :].partition(", not ")[0] if issue.code == "TYPE_MISMATCH" else None


def _accepted(kinds: Iterable[_Type]) -> Iterable[str]:
    for kind in kinds:
        if get_origin(kind.annotation) is Literal:
            yield from (_word(value) for value in get_args(kind.annotation))
        elif isinstance(kind.annotation, type) and issubclass(kind.annotation, Enum):
            yield from (_word(member.value) for member in kind.annotation)


def _word(value: Any) -> str:
    return value if isinstance(value, str) else shown(value)


def _not_one_of(path: str, accepted: Sequence[str], given: Any) -> Issue:
    close = did_you_mean(given, accepted) if isinstance(given, str) else None
    words = f"one of the {len(accepted)} accepted words" if close and len(accepted) > _MANY else _listed(accepted, "or")
    code = "INVALID_VALUE" if isinstance(given, str) else "TYPE_MISMATCH"
    return Issue(code, path, f"must be {words}, not {quoted(given) if isinstance(given, str) else shown(given)}", close)


def _range(kinds: Iterable[_Type], context: Mapping[str, Any]) -> str:
    """The interval that a number must lie in."""
    rules = [rule for kind in kinds for rule in kind.rules]
    rules += [
        limit(context[name]) for name, limit in (("ge", Ge), ("gt", Gt), ("le", Le), ("lt", Lt)) if name in context
    ]
    lower = max(
        ((r.ge, False) if isinstance(r, Ge) else (r.gt, True) for r in rules if isinstance(r, (Ge, Gt))), default=None
    )
    upper = min(
        ((r.le, True) if isinstance(r, Le) else (r.lt, False) for r in rules if isinstance(r, (Le, Lt))), default=None
    )
    if lower and upper and not lower[1] and upper[1]:
        return f"from {_figure(lower[0])} to {_figure(upper[0])}"
    parts = []
    if lower:
        parts.append(f"{'above' if lower[1] else 'at least'} {_figure(lower[0])}")
    if upper:
        parts.append(f"{'at most' if upper[1] else 'below'} {_figure(upper[0])}")
    return " and ".join(parts)


def _length(kinds: Iterable[_Type]) -> int | None:
    """The only length that a text or a list may have; None when there are several."""
    rules = [rule for kind in kinds for rule in kind.rules]
    least = {rule.min_length for rule in rules if isinstance(rule, MinLen)}
    most = {rule.max_length for rule in rules if isinstance(rule, MaxLen)}
    return least.pop() if len(least) == 1 and least == most else None


def _figure(number: Any) -> str:
    return f"{number:,}" if isinstance(number, int) else str(number)


def _listed(words: Sequence[str], last: str) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} {last} {words[-1]}"


def _unquoted(text: str) -> str:
    return text.strip("'")


def _sentence(issue: Issue, above: tuple[str, ...]) -> str:
    """The message with its subject, when it is a predicate."""
    if not issue.message.startswith(("must ", "is ")):
        return issue.message
    parts = [*above, *(part.replace("~1", "/").replace("~0", "~") for part in issue.path.split("/")[1:])]
    numbers = ""
    while parts and parts[-1].isdigit():
        numbers = f"[{parts.pop()}]{numbers}"
    name = parts[-1] if parts else "the value"
    return f"{name if name.replace('_', '').replace(' ', '').isalnum() else quoted(name)}{numbers} {issue.message}"
