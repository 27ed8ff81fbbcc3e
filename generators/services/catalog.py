"""The catalog: stored generators, and what can be done with them without a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Prefetch, Q, QuerySet
from django.utils import timezone

from engine.errors import RecordInvalid
from engine.issues import Issue, Severity
from engine.span import Span
from generators.bundled import used_pools
from generators.circles import pools_made_of, way_to_generator
from generators.definition import READ_ONLY, DefinitionShape
from generators.digest import run_digest
from generators.enums import GeneratorStatus
from generators.issue_params import with_params
from generators.models import Generator, Run
from generators.plan import Plan
from generators.planning import plan_of_run, secrets_of_generator
from generators.runs.lifecycle import impossible
from generators.runs.rejects import skipped_records
from generators.services.drafts import imagined_destination
from generators.services.validation import Validation, preview_plan, validate_definition, with_connections
from sdg_project.errors import Conflict, Invalid, NotFound
from sdg_project.problems import shown_message
from sdg_project.text import amount, clean_name, quoted
from sinks.encoding.base import encoders
from sinks.encoding.compression import Compression
from sinks.secrets import encrypted
from sinks.servers import kept_issues, secret_names_in, variable_issues, without_secrets

MAX_DIGEST_RECORDS = 10_000_000
"""A digest is computed while the client waits: of more records it would take too long."""

_DEFAULTS = {
    info.alias or name: info.get_default(call_default_factory=True)
    for name, info in DefinitionShape.model_fields.items()
}


@dataclass(frozen=True, slots=True)
class GeneratorFilter:
    """Which generators of the catalog are asked for; None means any."""

    status: str | None = None
    generation_mode: str | None = None
    destination_type: str | None = None
    universe_id: UUID | None = None
    search: str | None = None


def create_generator(document: Any, *, by: str) -> Generator:
    """Store a definition; raises Invalid with all that validate finds, Conflict when the name is taken."""
    plan = _accepted(document, before=None)
    columns = _columns(plan)
    _refuse_circle(columns)
    now = timezone.now()
    generator = Generator(**columns, created_by=by, created_at=now, updated_at=now)
    try:
        with transaction.atomic():
            generator.save(force_insert=True)
    except IntegrityError as error:
        raise _name_taken(generator.name_key) from error
    return generator


def update_generator(generator_id: UUID, document: Any) -> Generator:
    """Replace the definition of a generator that is not running.

    What the service adds to a definition when it shows one is left out, so that a shown one can be sent back; only its
    ``id`` must fit.
    """
    generator = get_generator(generator_id)
    given = document
    if isinstance(document, dict):
        _check_id(generator, document.get("id"))
        added = {name: value for name, value in _defaults().items() if name not in generator.definition}
        given = {
            name: value
            for name, value in document.items()
            if name not in READ_ONLY and (name not in added or value != added[name])
        }
    plan = _accepted(given, before=generator.definition)
    columns = _columns(plan, known=generator)
    _refuse_circle(columns)
    if columns["name_key"] != generator.name_key:
        refuse_loss_of(generator, pools_made_of(generator, by_name_only=True))
    if _complete(columns["definition"]) != _complete(generator.definition) or columns["encrypted_secrets"]:
        columns["updated_at"] = timezone.now()
    try:
        with transaction.atomic():
            changed = (
                Generator.objects.filter(pk=generator.pk).exclude(status=GeneratorStatus.RUNNING).update(**columns)
            )
    except IntegrityError as error:
        raise _name_taken(columns["name_key"]) from error
    if not changed:
        raise impossible(get_generator(generator_id), "update")  # NotFound when it has been deleted meanwhile
    return get_generator(generator_id)


def refuse_loss_of(generator: Generator, pools: Sequence[str]) -> None:
    """Raise Conflict when there are pools that would not find the generator any more."""
    used_by = [{"kind": "pool", "name": name} for name in pools]
    if used_by:
        names = ", ".join(quoted(use["name"]) for use in used_by)
        message = f"{amount(len(used_by), 'pool')} made of the records of generator {quoted(generator.name)}: {names}"
        raise Conflict("IN_USE", message, hint="remove these first", details={"usedBy": used_by})


def get_generator(generator_id: UUID) -> Generator:
    """A generator with its last run; raises NotFound."""
    generator = _with_last_run(Generator.objects.filter(pk=generator_id)).first()
    if generator is None:
        raise NotFound(f"there is no generator {generator_id}")
    return generator


def owner_of(generator_id: UUID | None) -> str:
    """Whose what a generator's runs write is; one that is not stored yet owns nothing."""
    return f"generator:{generator_id or ''}"


def find_generators(wanted: GeneratorFilter) -> QuerySet[Generator]:
    """The generators that are asked for, oldest first, with their last runs."""
    found = _with_last_run(Generator.objects.all())
    if wanted.universe_id is not None:
        return found.none()  # read_definition accepts no universe, so that nothing belongs to one
    if wanted.status is not None:
        found = found.filter(status=wanted.status)
    if wanted.generation_mode is not None:
        found = found.filter(generation_mode=wanted.generation_mode)
    if wanted.destination_type is not None:
        found = found.filter(destination_type=wanted.destination_type)
    if wanted.search:
        in_name = Q(name_key__contains=wanted.search.casefold())
        found = found.filter(in_name | Q(definition__description__icontains=wanted.search))
    return found


def validate_request(document: Any, *, preview: int, check_connections: bool = False) -> Validation:
    """What validate says of the body of a create request, and of a start's refusal as things are now.

    With `check_connections` the destination's server is asked, too. Secrets that the definition keeps are those of the
    stored generator of its name, where they may be told to this server.
    """
    validation = _validated(document, preview=preview)
    if validation.errors or validation.plan is None:
        return validation
    validation = replace(validation, issues=(*validation.issues, *_collisions(validation.plan)))
    if not check_connections:
        return validation
    known = Generator.objects.filter(name_key=clean_name(document["name"]).casefold()).first()
    before = None if known is None else known.definition["destination"]
    if wrong := kept_issues(before, document["destination"]):
        return replace(validation, issues=(*validation.issues, *with_params(wrong, document)))
    kept = {} if known is None else secrets_of_generator(known)
    owner = owner_of(None if known is None else known.pk)
    return with_connections(validation, root=str(settings.SDG_OUTPUT_ROOT), owner=owner, kept=kept)


def uses_of_connection(name: str) -> list[dict[str, str]]:
    """The generators that write over a connection."""
    key = name.lower()
    named = Generator.objects.exclude(destination_type="FILE").values_list(
        "name", "definition__destination__connection"
    )
    return [{"kind": "generator", "name": user} for user, used in named if str(used or "").lower() == key]


def uses_of_pool(name: str) -> list[dict[str, Any]]:
    """The generators that use a pool, with the fields and with the version that a run of theirs holds."""
    key = name.lower()
    users = _with_last_run(Generator.objects.filter(pool_fields__has_key=key), with_spec=True)
    return [
        {
            "generatorId": str(user.pk),
            "fieldNames": user.pool_fields[key],
            "pinnedVersion": _pinned_version(user, key),
        }
        for user in users
    ]


def pins_of_pool(name: str) -> set[int]:
    """The versions of a pool that runs have, live ones and those of which records may still be asked for."""
    key = name.lower()
    pools = Run.objects.values_list("spec__pools", flat=True)
    return {pin["version"] for pins in pools for pool, pin in (pins or {}).items() if pool.lower() == key}


# Records.


def plan_of_generator(generator: Generator) -> Plan:
    """A plan to look at any records of a stored generator; raises Invalid when it does not compile any more."""
    return preview_plan(generator.definition, updated_at=generator.updated_at)


def run_of_generator(generator: Generator, run_id: UUID) -> Run:
    """A run of a generator; raises NotFound."""
    run = generator.runs.filter(pk=run_id).first()
    if run is None:
        raise NotFound(f'generator "{generator.name}" has no run {run_id}')
    return run


def records_json(plan: Plan, span: Span) -> bytes:
    """Records as a JSON array of objects; raises Conflict for the first one that cannot be made."""
    if not span.count:
        return b"[]"
    kind = encoders["JSONL"]
    try:
        lines = kind(plan.schema, kind.Options(), Compression.NONE).frame(plan.batch(span)).payload
    except RecordInvalid as error:
        details = {"recordIndex": error.record_number, "field": error.field}
        raise Conflict("RECORD_INVALID", str(error), details=details) from error
    return b"[" + lines.rstrip(b"\n").replace(b"\n", b",\n") + b"]"


def get_run(run_id: UUID) -> Run:
    """A run of any origin; raises NotFound."""
    run = Run.objects.filter(pk=run_id).first()
    if run is None:
        raise NotFound(f"there is no run {run_id}")
    return run


def digest_of_run(run: Run) -> str:
    """The digest of a run, from its definition; raises Conflict when it has too many records to wait for."""
    spans = run.spans
    count = sum(span.count for span in spans)
    if count > MAX_DIGEST_RECORDS:
        message = f"the run has {count:,} records, and at most {MAX_DIGEST_RECORDS:,} are computed here"
        raise Conflict("QUOTA", message, hint="sdg run --digest computes it beside the run")
    return run_digest(plan_of_run(run), spans, skipped=skipped_records(run))


def _validated(document: Any, *, preview: int) -> Validation:
    validation = validate_definition(
        document,
        updated_at=timezone.now(),
        root=str(settings.SDG_OUTPUT_ROOT),
        preview=preview,
        destination_required=True,
    )
    return replace(validation, issues=(*validation.issues, *with_params(variable_issues(document), document)))


def _collisions(plan: Plan) -> list[Issue]:
    """What lies at the destination and would refuse a start; warnings, for until then it may be gone."""
    shape = plan.definition.shape
    stored = Generator.objects.filter(name_key=shape.name.casefold()).values_list("pk", flat=True).first()
    destination = imagined_destination(
        shape.destination, plan.schema, root=str(settings.SDG_OUTPUT_ROOT), owner=owner_of(stored)
    )
    found = destination.collisions() if destination is not None else ()
    warnings = [replace(one, message=shown_message(one.message), severity=Severity.WARNING) for one in found]
    return with_params(warnings, plan.definition.document)


def _accepted(document: Any, *, before: Mapping[str, Any] | None) -> Plan:
    """The plan of a definition that may be stored, in place of the one `before`; raises Invalid."""
    validation = _validated(document, preview=0)
    if validation.errors or validation.plan is None:
        raise Invalid(validation.errors)
    if wrong := kept_issues((before or {}).get("destination"), document["destination"]):
        raise Invalid(wrong)
    return validation.plan


def _columns(plan: Plan, known: Generator | None = None) -> dict[str, Any]:
    """What is stored of a definition, in place of a known one."""
    shape = plan.definition.shape
    document = {name: value for name, value in plan.definition.document.items() if value is not None}
    document, secrets = without_secrets(document)
    if known is not None and (kept := set(secret_names_in(document)) - set(secrets)):
        secrets |= {name: value for name, value in secrets_of_generator(known).items() if name in kept}
    return {
        "name": shape.name,
        "name_key": shape.name.casefold(),
        "generation_mode": shape.generation_mode,
        "destination_type": document["destination"]["type"],
        "definition": {**document, "name": shape.name},
        "encrypted_secrets": encrypted(secrets),
        "pool_fields": used_pools(plan.definition),
    }


def _refuse_circle(columns: Mapping[str, Any]) -> None:
    """Raise Invalid when one of the generator's pools is made of its own records, also by way of others."""
    pools = columns["pool_fields"]
    way = way_to_generator(columns["name_key"], pools)
    if way is not None:
        mappings = columns["definition"]["fieldMappings"]
        index = next(i for i, mapping in enumerate(mappings) if mapping["fieldName"] in pools[way[0]])
        message = f'pool "{way[0]}" is made of the records of this generator: {" → ".join(way)}'
        raise Invalid([Issue("DEPENDENCY_CYCLE", f"/fieldMappings/{index}", message)])


def _complete(document: Mapping[str, Any]) -> dict[str, Any]:
    """A document in which what was left out has its default."""
    return {**_defaults(), **document}


def _defaults() -> dict[str, Any]:
    return {
        name: value.model_dump(by_alias=True) if hasattr(value, "model_dump") else value
        for name, value in _DEFAULTS.items()
    }


def definition_answer(document: Mapping[str, Any]) -> dict[str, Any]:
    """A stored definition with every property that a definition can have."""
    return _complete({name: value for name, value in document.items() if value is not None})


def _check_id(generator: Generator, given: Any) -> None:
    if given is not None and given != str(generator.pk):
        message = f"the id is that of the address, {generator.pk}; it cannot be changed"
        raise Invalid([Issue("INVALID_VALUE", "/id", message, 'remove "id"')])


def _name_taken(key: str) -> Conflict:
    """Names the generator that has the name, as it is written there."""
    name = Generator.objects.filter(name_key=key).values_list("name", flat=True).first() or key
    return Conflict("NAME_TAKEN", f'there is a generator "{name}" already', hint="names do not differ by case alone")


def _with_last_run(generators: QuerySet[Generator], *, with_spec: bool = False) -> QuerySet[Generator]:
    runs = Run.objects.all() if with_spec else Run.objects.defer("spec", "outputs")
    return generators.prefetch_related(Prefetch("last_run", runs))


def _pinned_version(user: Generator, key: str) -> int | None:
    if user.last_run is None or user.status not in {GeneratorStatus.RUNNING, GeneratorStatus.PAUSED}:
        return None
    pins = {name.lower(): pin["version"] for name, pin in user.last_run.spec["pools"].items()}
    return pins.get(key)
