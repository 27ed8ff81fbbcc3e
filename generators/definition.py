"""A generator's definition: the document that a file, the API and the admin share, and its shape."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any
from uuid import UUID

from pydantic import AfterValidator, BaseModel, Field, TypeAdapter, ValidationError

from engine.issues import Issue, Severity, did_you_mean, pointer
from engine.schema import MAX_DECIMAL_DIGITS, OutputType
from engine.span import MAX_RECORDS
from generators.arrays import ArrayShape
from generators.enums import ClockType, CountBasis, EndCondition, GenerationMode, OnError
from generators.error_handling import ErrorHandlingShape, error_handling_issues
from generators.fields.base import FieldType, field_types
from generators.pace_rules import pace_issues
from generators.rates.quantities import Length, Rate, Speed
from generators.rates.shape import RateShape
from sdg_project.partial_shapes import as_far_as_sound, partial, unrefused
from sdg_project.shape_issues import null_issues
from sdg_project.shapes import Faults, FieldName, Name, Number, Params, Share, issues_of

MAX_FIELDS = 500
MAX_SEED = 2**53 - 1
_FIELD_NAME: TypeAdapter[str] = TypeAdapter(FieldName)
READ_ONLY = frozenset(
    {
        "id", "status", "createdBy", "createdAt", "updatedAt", "startedAt", "finishedAt", "deliveryGuarantee",
        "effectiveSeed", "runId", "specChanged", "lastError", "endReason", "pauseReason", "metrics",
    }
)  # fmt: skip
"""Properties that the service adds when it shows a definition."""


def _no_universe(universe_id: UUID) -> UUID:
    raise Faults(Issue("UNIVERSE_NOT_FOUND", "", f"there is no universe {universe_id}"))


class MappingShape(Params):
    """The keys that every field mapping has."""

    field_name: FieldName = Field(description="Name; dots make nested objects.", examples=["address.city"])
    type: str = Field(description="One of the field types.")
    params: dict[str, Any] = Field(default_factory=dict, description="The parameters of the type.")
    null_rate: Share = Field(default=0.0, description="Share of records in which the value is null.")
    missing_rate: Share = Field(default=0.0, description="Share of records in which the field is absent.")
    unique: bool = Field(default=False, description="No value occurs twice; nulls are exempt.")
    omit: bool = Field(default=False, description="Computed for other fields, but not written.")
    output_type: OutputType | None = Field(default=None, description="What the value is cast to.")
    stream_name: str | None = Field(
        default=None, min_length=1, max_length=200, description="Draw as if the generator had this stream name."
    )
    description: str = Field(default="", max_length=2_000, description="For people.")


class SchemaField(Params):
    """One field that a record is meant to have."""

    name: FieldName = Field(description="Name, as in the mapping.")
    type: OutputType = Field(description="Type of the value; what the mapping makes is cast to it.")
    required: bool = Field(default=False, description="Neither null nor missing.")
    primary_key: bool = Field(default=False, description="Identifies the record.")
    precision: int | None = Field(default=None, ge=1, le=MAX_DECIMAL_DIGITS, description="Digits of a decimal.")
    scale: int | None = Field(default=None, ge=0, le=MAX_DECIMAL_DIGITS, description="Digits behind the point.")
    max_length: int | None = Field(default=None, ge=1, description="Most characters of a text.")
    enum: list[str | int | Number | bool] | None = Field(default=None, min_length=1, description="The only values.")
    pattern: str | None = Field(default=None, max_length=500, description="Regular expression for the whole text.")
    description: str = Field(default="", max_length=2_000, description="For people.")


class RecordShape(Params):
    """What a record is meant to look like."""

    fields: list[SchemaField] = Field(min_length=1, max_length=MAX_FIELDS, description="The fields of a record.")


class ClockShape(Params):
    """When the records take place."""

    type: ClockType = Field(
        default=ClockType.SYSTEM, description="REALTIME: SYSTEM goes with the present, SIMULATED counts from start."
    )
    start: str | None = Field(
        default=None, description="Instant of the first record.", examples=["2026-01-01T00:00:00Z", "now-30d"]
    )
    step_ms: int = Field(default=1000, ge=0, le=10**12, description="BATCH: milliseconds from one record to the next.")
    speed: Speed = Field(default=1, description="SIMULATED: how many seconds of the clock go by in one.", examples=[60])
    then_live: bool = Field(default=False, description="SIMULATED: go on with the present once it is met.")


class SafetyShape(Params):
    """Limits that end a run, whatever its end condition; the first one that is met counts."""

    max_records: int | None = Field(default=None, ge=1, le=MAX_RECORDS, description="Most records.")
    max_runtime_seconds: Length | None = Field(default=None, description="Longest running time, without pauses.")


class DefinitionShape(Params):
    """The properties of a definition; mappings and the destination's config are validated by their own kinds."""

    name: Name = Field(description="Name of the generator.")
    description: str = Field(default="", max_length=10_000, description="For people.")
    record_schema: RecordShape | None = Field(default=None, alias="schema", description="Derived when left out.")
    field_mappings: list[Any] = Field(min_length=1, description="The fields and how each is made.")
    arrays: list[ArrayShape] = Field(
        default_factory=list, max_length=50, description="The arrays of a record and how many elements they have."
    )
    seed: int | None = Field(default=None, ge=0, le=MAX_SEED, description="Same seed, same records; drawn if left out.")
    stream_name: str | None = Field(
        default=None, min_length=1, max_length=200, description="Names the streams in place of the generator's name."
    )
    generation_mode: GenerationMode = Field(default=GenerationMode.BATCH, description="How fast records are made.")
    end_condition: EndCondition = Field(default=EndCondition.RECORD_COUNT, description="What ends a run.")
    record_count: int | None = Field(default=None, ge=1, le=MAX_RECORDS, description="How many records a run makes.")
    count_basis: CountBasis = Field(
        default=CountBasis.GENERATED,
        description="RECORD_COUNT: what is counted; WRITTEN goes on until so many are, past those that cannot be made.",
    )
    duration_seconds: Length | None = Field(default=None, description="DURATION: how long a run lasts.", examples=[900])
    include_paused: bool = Field(default=False, description="DURATION: whether time goes by in a pause.")
    safety: SafetyShape = Field(default_factory=SafetyShape, description="Limits that end a run in any case.")
    rate: RateShape | None = Field(default=None, description="REALTIME: how many records a second.")
    max_records_per_second: Rate | None = Field(default=None, description="BATCH: make no more than that.")
    max_latency_ms: int = Field(
        default=200, ge=20, le=1000, description="REALTIME: after how long records are committed at the latest."
    )
    clock: ClockShape = Field(default_factory=ClockShape, description="When the records take place.")
    batch_size: int | None = Field(default=None, ge=1, le=100_000, description="Most records in one write.")
    shards: int | None = Field(default=None, ge=1, le=512, description="Into how many ranges a run is cut.")
    on_error: OnError = Field(default=OnError.STOP, description="What a record that cannot be made does.")
    error_handling: ErrorHandlingShape | None = Field(
        default=None, description="Thresholds for CONTINUE, and how long an outage is waited for."
    )
    destination: dict[str, Any] | None = Field(default=None, description="Where the records go.")
    universe_id: Annotated[UUID, AfterValidator(_no_universe)] | None = Field(
        default=None, description="The universe that the generator belongs to."
    )


@dataclass(frozen=True, slots=True)
class FieldMapping:
    """A field mapping; when it was refused, with what is sound in its shape and parameters."""

    index: int
    shape: MappingShape
    kind: type[FieldType[Any]]
    params: BaseModel

    @property
    def pointer(self) -> str:
        return pointer("fieldMappings", self.index)


@dataclass(frozen=True, slots=True)
class Definition:
    """A document whose parts have the right shape; whether they fit together is the plan's concern."""

    document: Mapping[str, Any]
    shape: DefinitionShape
    mappings: tuple[FieldMapping, ...]

    @property
    def name(self) -> str:
        return self.shape.name

    @property
    def stream_name(self) -> str:
        return self.shape.stream_name or self.shape.name


@dataclass(frozen=True, slots=True)
class Reading:
    """What could be read of a document, and every problem of its shape.

    `definition` is None when so much is wrong that there is nothing to look at further; otherwise it holds the mappings
    that were in order, so that the others do not hide what is wrong with these.
    """

    definition: Definition | None
    issues: tuple[Issue, ...]
    names: tuple[tuple[int, str], ...] = ()
    """The name of every mapping that has one, also of a refused one, with the mapping's place."""
    refused: tuple[FieldMapping, ...] = ()
    """The mappings that were refused, as far as they can be looked at."""

    @property
    def broken_names(self) -> frozenset[str]:
        """Names of fields whose own mapping was refused: references to them are no further error."""
        read = {mapping.index for mapping in self.definition.mappings} if self.definition else set()
        return frozenset(name for index, name in self.names if index not in read)


def read_definition(document: Any, *, destination_required: bool = False, count_required: bool = False) -> Reading:
    """Check the shape of a document as it came from JSON or YAML.

    A run needs to know its destination and, with `count_required`, what its end condition counts.
    """
    if not isinstance(document, dict):
        return Reading(None, (Issue("TYPE_MISMATCH", "", "a definition is an object with named properties"),))
    issues = [
        Issue("READ_ONLY", pointer(name), f'"{name}" is set by the service', f'remove "{name}"')
        for name, value in document.items()
        if name in READ_ONLY and value is not None
    ]
    own = {name: value for name, value in document.items() if name not in READ_ONLY}
    shape, shape_issues = _shape(own)
    issues += shape_issues
    mappings, refused, mapping_issues, names = _mappings(own.get("fieldMappings"))
    issues += mapping_issues
    if destination_required and own.get("destination") is None:
        issues.append(Issue("MISSING_PARAM", "/destination", '"destination" is required'))
    if shape is not None:
        issues += _envelope_issues(shape, end_required=count_required)
    else:
        sound, as_a_whole = partial(DefinitionShape, own, at="")
        issues += as_a_whole
        issues += unrefused(_envelope_issues(sound, end_required=count_required), shape_issues)
        shape = _nearest_shape(own, shape_issues)
    definition = None if shape is None else Definition(own, shape, tuple(mappings))
    return Reading(definition, tuple(issues), names, tuple(refused))


def _envelope_issues(shape: DefinitionShape, *, end_required: bool) -> Iterator[Issue]:
    yield from pace_issues(shape, end_required=end_required)
    yield from as_far_as_sound(error_handling_issues(shape))


def fields_made_anew(document: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The fields of a document whose values differ when a record is made again, each with its pointer.

    A record is made again after a crash and for a digest. What such a field has written nobody can make a second time.
    Mappings that are wrong are passed over.
    """
    listed = document.get("fieldMappings")
    found: list[tuple[str, str]] = []
    for index, mapping in enumerate(listed if isinstance(listed, list) else ()):
        if isinstance(mapping, dict) and isinstance(mapping.get("type"), str):
            kind, params = field_types.get(mapping["type"]), mapping.get("params")
            if kind is not None and isinstance(params, dict) and not kind.is_remade_alike(params):
                found.append((str(mapping.get("fieldName")), pointer("fieldMappings", index)))
    return found


def _shape(document: dict[str, Any]) -> tuple[DefinitionShape | None, list[Issue]]:
    try:
        return DefinitionShape.model_validate(document), []
    except ValidationError as error:
        return None, issues_of(error, at="", model=DefinitionShape)


def _nearest_shape(document: dict[str, Any], issues: list[Issue]) -> DefinitionShape | None:
    """The envelope without the properties that were refused, so that the rest can still be looked at."""
    refused = {issue.path.split("/")[1] for issue in issues if issue.path}
    rest = {"name": "unnamed", "fieldMappings": [None]} | {k: v for k, v in document.items() if k not in refused}
    try:
        return DefinitionShape.model_validate(rest)
    except ValidationError:
        return None


def _mappings(raw: Any) -> tuple[list[FieldMapping], list[FieldMapping], list[Issue], tuple[tuple[int, str], ...]]:
    """The mappings that are accepted, and those that are not, with what is wrong with them; and all names."""
    if not isinstance(raw, list):
        return [], [], [], ()  # the envelope has said so
    mappings: list[FieldMapping] = []
    refused: list[FieldMapping] = []
    issues, names = [], []
    if len(raw) > MAX_FIELDS:
        issues.append(
            Issue(
                "INVALID_VALUE", "/fieldMappings", f"{len(raw)} fields are too many, at most {MAX_FIELDS} are accepted"
            )
        )
    for index, entry in enumerate(raw[:MAX_FIELDS]):
        mapping, problems = _mapping(index, entry)
        issues += problems
        if mapping is not None:
            is_refused = any(problem.severity is Severity.ERROR for problem in problems)
            (refused if is_refused else mappings).append(mapping)
        if (name := _name_of(entry)) is not None:
            names.append((index, name))
    return mappings, refused, issues, tuple(names)


def _name_of(entry: Any) -> str | None:
    """The name of a mapping that may have other faults; None when it has no name that a field could have."""
    try:
        return _FIELD_NAME.validate_python(entry.get("fieldName") if isinstance(entry, dict) else None)
    except ValidationError:
        return None


def _mapping(index: int, entry: Any) -> tuple[FieldMapping | None, list[Issue]]:
    """A mapping and what is wrong with it; None when that leaves nothing to look at further."""
    at = pointer("fieldMappings", index)
    if not isinstance(entry, dict):
        return None, [Issue("TYPE_MISMATCH", at, "a field mapping is an object with fieldName, type and params")]
    issues: list[Issue] = []
    try:
        shape = MappingShape.model_validate(entry)
    except ValidationError as error:
        issues += issues_of(error, at=at, model=MappingShape)
        shape, _ = partial(MappingShape, entry, at=at)
    params, kind = None, None
    named, raw_params = entry.get("type"), entry.get("params")
    if isinstance(named, str):
        kind = field_types.get(named)
        if kind is None:
            hint = did_you_mean(named, field_types) or f"accepted are {', '.join(field_types)}"
            issues.append(Issue("INVALID_VALUE", f"{at}/type", f'there is no field type "{named}"', hint))
    if kind is not None and (raw_params is None or isinstance(raw_params, dict)):
        try:
            params = kind.Params.model_validate(raw_params or {})
        except ValidationError as error:
            issues += issues_of(error, at=f"{at}/params", model=kind.Params)
            params, as_a_whole = partial(kind.Params, raw_params or {}, at=f"{at}/params")
            issues += as_a_whole
        issues += null_issues(kind.Params, raw_params or {}, at=f"{at}/params")
    field = entry.get("fieldName") if isinstance(entry.get("fieldName"), str) else None
    issues = [Issue(i.code, i.path, i.message, i.hint, i.field or field, i.severity) for i in issues]
    mapping = None if kind is None or params is None else FieldMapping(index, shape, kind, params)
    return mapping, issues
