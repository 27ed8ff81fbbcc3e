"""References from one field to another: what is known about the values that it refers to."""

from __future__ import annotations

from engine.schema import OutputType
from generators.fields.base import Output, Scope
from generators.times.envelope import Envelope


def output_of(name: str, scope: Scope) -> Output | None:
    """What is known about another field's own values, before they are cast.

    None while that cannot be said: the field does not exist, has errors of its own, or depends on the asking field.
    """
    if name not in scope.fields or leads_back(name, scope):
        return None
    return scope.fields[name].known_output


def type_of(name: str, scope: Scope) -> OutputType | None:
    """The type of another field's values, as those who refer to it see them; None as in `output_of`."""
    output = output_of(name, scope)
    return None if output is None else scope.fields[name].scope.output_type or output.type


def may_be_null(name: str, scope: Scope) -> bool:
    """Whether another field can be null, as far as that can be said."""
    output = output_of(name, scope)
    return name in scope.fields and (scope.fields[name].scope.nullable or (output is not None and output.nullable))


def envelope_of(name: str, scope: Scope) -> Envelope | None:
    """Between which instants those of another field lie; None when that is not known."""
    if name not in scope.fields or leads_back(name, scope):
        return None
    return scope.fields[name].envelope()


def leads_back(name: str, scope: Scope) -> bool:
    """Whether a field depends, directly or not, on the field of the scope."""
    reached, queue = {name}, [name]
    for current in queue:
        field = scope.fields.get(current)
        for other in field.depends_on().values() if field else ():
            if other not in reached:
                reached.add(other)
                queue.append(other)
    return scope.field in reached
