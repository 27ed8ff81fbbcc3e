"""Examination of a definition: every problem at once, or a plan."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from engine.choice import Tables
from engine.expression.forms import Array
from engine.issues import Issue, Severity, did_you_mean
from engine.schema import Column, OutputType, RecordSchema, array_of
from engine.stream import Source
from generators.arrays import ArrayLengths, array_issues
from generators.casting import CannotCast
from generators.casts import Cast
from generators.definition import Definition, FieldMapping, Reading
from generators.distinctness import merging
from generators.facts import RunFacts
from generators.field_names import name_issues
from generators.fields.base import FieldType, HiddenColumn, Output, Scope
from generators.pace import Pace, pace_of
from generators.plan import Plan, PlannedArray, PlannedField, Step
from generators.record_schema import check_schema, targets_of
from generators.times.clocks import Clock
from pools.snapshot import Snapshot
from sdg_project.errors import Invalid
from sdg_project.partial_shapes import as_far_as_sound, sound, unrefused

_TIGHT = 0.9


@dataclass(frozen=True, slots=True)
class Examination:
    """What was found; `plan` is None when there are errors."""

    issues: tuple[Issue, ...]
    plan: Plan | None
    columns: tuple[Column, ...] = ()
    """What would be written, as far as that is known in spite of errors."""
    untyped: tuple[Column, ...] = ()
    """What would be written, too, although its type is not known because of errors."""

    @property
    def errors(self) -> tuple[Issue, ...]:
        return tuple(issue for issue in self.issues if issue.severity is Severity.ERROR)


def compile_plan(
    reading: Reading, *, facts: RunFacts, pools: Mapping[str, Snapshot], tables: Tables | None = None
) -> Plan:
    """The plan of a definition; raises Invalid with every error. See `examine`."""
    examination = examine(reading, facts=facts, pools=pools, tables=tables)
    if examination.plan is None:
        raise Invalid(examination.errors)
    return examination.plan


def examine(
    reading: Reading, *, facts: RunFacts, pools: Mapping[str, Snapshot], tables: Tables | None = None
) -> Examination:
    """Look at everything that can be looked at, and compile if nothing is wrong.

    `tables` are those that an earlier compilation of the same definition made; without them they are made now.
    """
    issues = list(reading.issues)
    if reading.definition is None:
        return Examination(tuple(issues), None)
    return _Examiner(reading, reading.definition, facts, pools).examine(issues, tables)


class _Examiner:
    """One examination in progress: collects the fields and what each may look at."""

    def __init__(
        self, reading: Reading, definition: Definition, facts: RunFacts, pools: Mapping[str, Snapshot]
    ) -> None:
        self.definition, self.names, self.broken = definition, reading.names, reading.broken_names
        declared = definition.shape.record_schema
        self.keys = {field.name for field in declared.fields if field.primary_key} if declared else set()
        self.refused, self.refusals = reading.refused, reading.issues
        self.facts, self.pools = facts, pools
        self.fields: dict[str, FieldType[Any]] = {}
        self.mappings: dict[str, FieldMapping] = {}
        self.targets = targets_of(definition)
        self.arrays = {array.path: array for array in definition.shape.arrays}

    def examine(self, issues: list[Issue], tables: Tables | None) -> Examination:
        pace, pace_issues = pace_of(self.definition, self.facts, tables)
        issues += pace_issues
        self.facts = replace(self.facts, record_count=pace.record_count)
        issues += name_issues(self.names)
        refused = any(issue.path.startswith("/arrays") for issue in issues)
        issues += array_issues(self.definition.shape.arrays, self.names, refused=refused)
        for mapping in self.definition.mappings:
            self._make(mapping, pace.clock)
        suspicious: set[str] = set()
        for name in self._dependencies_first():
            _ = self.fields[name].known_output  # now what it refers to is known: no chain is followed in depth
        for name, field in self.fields.items():
            found = [*self._references(field), *field.check(), *self._rates(self.mappings[name])]
            if any(issue.severity is Severity.ERROR for issue in found):
                suspicious.add(name)
            issues += found
        for mapping in self.refused:
            issues += self._further(mapping, pace.clock)
        issues += self._cycles()
        outputs: dict[str, Output] = {}
        self._sound = {name for name in self.fields if name not in suspicious and self._is_sound(name, suspicious)}
        for name, field in self.fields.items():
            if name in self._sound:
                issues += self._element_issues(name, field)
            if name not in suspicious:
                issues += self._feasibility(name, field)
                issues += self._determinism(name, field)
                outputs[name] = field.output()
        casts: dict[str, Cast] = {}
        for name, output in outputs.items():
            issues += self._cast(name, output, casts)
        issues += check_schema(self.definition, self.mappings, casts, self.broken)
        if self.mappings and all(mapping.shape.omit for mapping in self.mappings.values()):
            issues.append(
                Issue("INVALID_VALUE", "/fieldMappings", "every field is omitted, so nothing would be written")
            )
        columns = tuple(self._column(name, cast) for name, cast in casts.items() if not self.mappings[name].shape.omit)
        if any(issue.severity is Severity.ERROR for issue in issues):
            return Examination(tuple(issues), None, columns, tuple(self._untyped(casts)))
        return Examination(tuple(issues), self._plan(pace, casts, tables), columns)

    def _make(self, mapping: FieldMapping, clock: Clock) -> None:
        name = mapping.shape.field_name
        if name in self.fields:
            return  # a second one of this name has its issue already
        self.mappings[name] = mapping
        self.fields[name] = mapping.kind(mapping.params, self._scope(mapping, clock))

    def _scope(self, mapping: FieldMapping, clock: Clock) -> Scope:
        shape = mapping.shape  # of which something may have been refused
        name = sound(shape, "field_name", "")
        target = self.targets.get(name)
        return Scope(
            field=name,
            pointer=mapping.pointer,
            unique=sound(shape, "unique", False),
            source=Source(self.facts.seed, sound(shape, "stream_name", None) or self.definition.stream_name, name),
            facts=self._facts_of(name),
            clock=clock,
            generator_name=self.definition.name,
            pools=self.pools,
            fields=self.fields,
            output_type=sound(shape, "output_type", None) or (target.type if target is not None else None),
            output_scale=target.scale if target is not None else None,
            nullable=sound(shape, "null_rate", 0) > 0 or sound(shape, "missing_rate", 0) > 0,
            arrays={path: Array(path, array.min, array.max) for path, array in self.arrays.items()},
        )

    def _facts_of(self, name: str) -> RunFacts:
        """The facts of the run as a field sees them: that of an element counts elements."""
        array, count = self.arrays.get(array_of(name) or ""), self.facts.record_count
        return self.facts if array is None or count is None else replace(self.facts, record_count=count * array.max)

    def _element_issues(self, name: str, field: FieldType[Any]) -> Iterator[Issue]:
        """What a field of an element cannot be, as it counts elements and not records."""
        if array_of(name) is None:
            return
        at = self.mappings[name].pointer
        if self.mappings[name].shape.missing_rate > 0:
            message = "a field of an element can be null, but not missing"
            yield Issue("PROPERTY_NOT_ALLOWED", f"{at}/missingRate", message, "use nullRate", name)
        if counted := {"clock", "earlierRecords"} & field.uses():
            what = "the clock of records" if "clock" in counted else "how many records there were before"
            message = f"the elements of an array have numbers of their own, and the field asks for {what}"
            hint = "make it a field of the record, with omit: true, and let a COMPUTED field of the element name that"
            yield Issue("INVALID_VALUE", at, message, hint, name)
        if field.record_limit() is not None:
            message = "a field of an element cannot end the run"
            yield Issue("INVALID_VALUE", at, message, "let it wrap or fail at its end", name)
        for column in field.hidden():
            for other, theirs in self.fields.items():
                shares = any(column.name == one.name for one in theirs.hidden()) if other in self._sound else False
                if shares and array_of(other) not in {None, array_of(name)}:
                    message = f'"{name}" takes rows with "{other}", which is of another array'
                    yield Issue("INVALID_VALUE", at, message, "use another rowBinding", name)

    def _further(self, mapping: FieldMapping, clock: Clock) -> Iterator[Issue]:
        """What else is wrong with a mapping of which something was refused."""
        field = mapping.kind(mapping.params, self._scope(mapping, clock))
        found = as_far_as_sound(self._references(field), field.check(), self._rates(mapping))
        for issue in unrefused(found, self.refusals):
            yield replace(issue, field=issue.field or None)

    def _references(self, field: FieldType[Any]) -> Iterator[Issue]:
        for at, other in field.depends_on().items():
            if other not in self.fields and other not in self.broken:
                hint = did_you_mean(other, self.fields) or f"fields are {', '.join(list(self.fields)[:10])}"
                where = f"{field.scope.pointer}/params{at.partition('#')[0]}"
                message = f'there is no field "{other}"{field.mention(at)}'
                yield Issue("UNKNOWN_FIELD", where, message, hint, field.scope.field, offset=field.offset(at))
            elif (array := array_of(other)) not in {None, array_of(field.scope.field)} and not field.gathers(at):
                where = f"{field.scope.pointer}/params{at.partition('#')[0]}"
                message = f'"{other}" is of an element of "{array}", which only the same element can look at'
                hint = "a COMPUTED field makes one value of all elements: SUM, COUNT, AVERAGE, MIN, MAX, JOIN"
                yield Issue("INVALID_VALUE", where, f"{message}{field.mention(at)}", hint, field.scope.field)

    def _rates(self, mapping: FieldMapping) -> Iterator[Issue]:
        shape = mapping.shape
        if shape.null_rate + shape.missing_rate > 1:
            message = f"nullRate {shape.null_rate} and missingRate {shape.missing_rate} are together more than 1"
            yield Issue("INVALID_VALUE", f"{mapping.pointer}/missingRate", message, field=shape.field_name)

    def _feasibility(self, name: str, field: FieldType[Any]) -> Iterator[Issue]:
        """Whether there are as many distinct values as records."""
        if not self.mappings[name].shape.unique:
            return
        at, capacity, count = f"{self.mappings[name].pointer}/unique", field.capacity(), field.scope.facts.record_count
        if capacity is None:
            message = f"{field.kind} cannot promise distinct values with these parameters"
            yield Issue("UNIQUE_IMPOSSIBLE", at, message, "remove unique, or choose a type with countable values", name)
        elif count is not None and count > capacity and field.record_limit() is None:
            message = f"{count} records need distinct values, but there are only {capacity}"
            yield Issue(
                "UNIQUE_IMPOSSIBLE", at, message, f"ask for at most {capacity} records or widen the values", name
            )
        elif count is not None and count > capacity:
            message = f"there are only {capacity:,} distinct values, so the run ends before its {count:,} records"
            yield Issue("UNIQUE_TIGHT", at, message, None, name, Severity.WARNING)
        elif count is not None and count > _TIGHT * capacity and count > 1:
            message = f"unique needs {count:,} of {capacity:,} possible values"
            yield Issue("UNIQUE_TIGHT", at, message, None, name, Severity.WARNING)

    def _determinism(self, name: str, field: FieldType[Any]) -> Iterator[Issue]:
        """A warning for a field in which runs with one seed differ although nobody has asked for that."""
        reasons = list(field.reasons())
        if reasons and not field.asks_to_differ():
            message = f"two runs with one seed will differ in {name}: {'; '.join(reasons)}"
            yield Issue("NON_DETERMINISTIC", self.mappings[name].pointer, message, None, name, Severity.WARNING)

    def _is_sound(self, name: str, suspicious: set[str]) -> bool:
        """Whether nothing is wrong with the fields that a field refers to either."""
        others = self.fields[name].depends_on().values()
        return all(other in self.fields and other not in suspicious for other in others)

    def _dependencies_first(self) -> list[str]:
        """The fields, each behind those that it depends on, as far as they do not depend on each other."""
        done: dict[str, None] = {}
        seen: set[str] = set()
        for start in self.fields:
            path = [start]
            while path:
                name = path[-1]
                seen.add(name)
                others = self.fields[name].depends_on().values() if name not in done else ()
                ahead = next((other for other in others if other in self.fields and other not in seen), None)
                if ahead is None:
                    done.setdefault(path.pop())
                else:
                    path.append(ahead)
        return list(done)

    def _cycles(self) -> Iterator[Issue]:
        reported: set[frozenset[str]] = set()
        for start in self.fields:
            cycle = self._cycle_from(start)
            if cycle and frozenset(cycle) not in reported:
                reported.add(frozenset(cycle))
                path = " → ".join([*cycle, cycle[0]])
                yield Issue("DEPENDENCY_CYCLE", self.mappings[cycle[0]].pointer, f"fields depend on each other: {path}")

    def _cycle_from(self, start: str) -> list[str] | None:
        """The shortest way from a field back to itself."""
        came_from: dict[str, str] = {}
        queue = [start]
        for name in queue:
            field = self.fields.get(name)
            for other in dict.fromkeys(field.depends_on().values()) if field else ():
                if other == start:
                    way = [name]
                    while way[-1] != start:
                        way.append(came_from[way[-1]])
                    return way[::-1]
                if other not in came_from and other in self.fields:
                    came_from[other] = name
                    queue.append(other)
        return None

    def _cast(self, name: str, output: Output, casts: dict[str, Cast]) -> Iterator[Issue]:
        """Add the field's cast to the others, unless it is impossible; with what is wrong with it."""
        mapping, target = self.mappings[name], self.targets.get(name)
        wanted, at = mapping.shape.output_type, f"{mapping.pointer}/outputType"
        try:
            scale = target.scale if target else None
            type_ = wanted or (target.type if target else output.type)
            cast = casts[name] = Cast.of(output, type_, scale, self.fields[name].held)
        except CannotCast as error:
            if wanted is None and target is not None:
                at = f"{target.pointer}/{'scale' if error.is_of_scale and target.scale is not None else 'type'}"
            yield Issue("TYPE_MISMATCH", at, str(error), error.hint, name)
            return
        if (loss := cast.loss()) is not None:
            yield Issue("ROUNDED", mapping.pointer, loss, None, name, Severity.WARNING)
        if mapping.shape.unique and (reason := merging(cast)) is not None:
            message = f"distinct values may not be distinct as {cast.after.type}: {reason}"
            hint = f"remove unique, or make values that are {cast.after.type} from the start"
            yield Issue("UNIQUE_IMPOSSIBLE", f"{mapping.pointer}/unique", message, hint, name)

    def _column(self, name: str, cast: Cast) -> Column:
        shape = self.mappings[name].shape
        return Column(
            name,
            cast.after.type,
            cast.after.scale,
            nullable=cast.after.nullable or shape.null_rate > 0 or shape.missing_rate > 0,
            may_be_missing=shape.missing_rate > 0,
            is_key=name in self.keys,
            pointer=self.mappings[name].pointer,
        )

    def _untyped(self, casts: Mapping[str, Cast]) -> Iterator[Column]:
        """The columns of fields with which something is wrong."""
        wrong = [mapping for name, mapping in self.mappings.items() if name not in casts]
        for mapping in (*wrong, *self.refused):
            name, is_missing = sound(mapping.shape, "field_name", ""), sound(mapping.shape, "missing_rate", 0) > 0
            if name and not sound(mapping.shape, "omit", False):
                yield Column(name, OutputType.STRING, may_be_missing=is_missing, pointer=mapping.pointer)

    def _plan(self, pace: Pace, casts: Mapping[str, Cast], tables: Tables | None) -> Plan:
        hidden: dict[str, HiddenColumn] = {}
        planned: dict[str, PlannedField] = {}
        for name, field in self.fields.items():
            for column in field.hidden():
                hidden.setdefault(column.name, column)
            shape = self.mappings[name].shape
            planned[name] = PlannedField(
                field,
                casts[name].before,
                self._column(name, casts[name]),
                shape.null_rate,
                shape.missing_rate,
                shape.omit,
            )
        shapes = self.definition.shape.arrays
        lengths = {
            shape.path: ArrayLengths(shape, Source(self.facts.seed, self.definition.stream_name, f"{shape.path}[]"))
            for shape in shapes
        }
        parts: dict[str, FieldType[Any] | HiddenColumn] = {
            **{column.name: column for column in lengths.values()}, **hidden, **self.fields,
        }  # fmt: skip
        made = dict(tables) if tables is not None else {**pace.tables, **_make_tables(parts)}
        for name, part in parts.items():
            prefix = f"{name}/"
            part.bind({key.removeprefix(prefix): made[key] for key in made if key.rpartition("/")[0] == name})
        written = tuple(planned[name].column for name in self.fields if not planned[name].omit)
        steps = self._steps(hidden, planned, lengths)
        schema = RecordSchema(self.definition.name, written)
        used = {name for mapping in self.mappings.values() for name in mapping.kind.pool_names(mapping.params)}
        pools = {name: self.pools[name] for name in sorted(used)}
        return Plan(self.definition, self.facts, pace, pools, steps, schema, made)

    def _steps(
        self,
        hidden: Mapping[str, HiddenColumn],
        planned: Mapping[str, PlannedField],
        lengths: Mapping[str, ArrayLengths],
    ) -> list[Step]:
        """The steps of the record and of its arrays, in turns until all are there, so that each array has few steps.

        A hidden column stands before the first field that looks at it.
        """
        waiting, left, done, steps = dict(hidden), self._order(), set[str](), list[Step]()
        looked_at = {
            other
            for name, field in self.fields.items()
            for other in field.depends_on().values()
            if array_of(other) != array_of(name)
        }
        listed = frozenset({*looked_at, *(name for name, field in planned.items() if not field.omit)})
        while left:
            for path in (None, *lengths):
                found: list[PlannedField | HiddenColumn] = []
                for name in left:
                    field = self.fields[name]
                    if array_of(name) == path and done.issuperset(field.depends_on().values()):
                        found += [waiting.pop(one.name) for one in field.hidden() if one.name in waiting]
                        found.append(planned[name])
                        done.add(name)
                left = [name for name in left if name not in done]
                if path is None:
                    steps += found
                elif found:
                    steps.append(PlannedArray(lengths[path], found, listed))
        return steps

    def _order(self) -> list[str]:
        """Fields after those that they depend on; where that leaves a choice, by rank and place."""
        waits = {name: set(field.depends_on().values()) for name, field in self.fields.items()}
        places = {name: place for place, name in enumerate(self.fields)}
        ready = [(self.fields[name].rank, places[name], name) for name, others in waits.items() if not others]
        heapq.heapify(ready)
        order: list[str] = []
        while ready:
            _, _, done = heapq.heappop(ready)
            order.append(done)
            for name, others in waits.items():
                if done in others:
                    others.discard(done)
                    if not others:
                        heapq.heappush(ready, (self.fields[name].rank, places[name], name))
        return order


def _make_tables(parts: Mapping[str, FieldType[Any] | HiddenColumn]) -> dict[str, Any]:
    return {f"{name}/{table}": array for name, part in parts.items() for table, array in part.tables().items()}
