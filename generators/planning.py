"""From stored things to plans: the pools a definition may use, and the plan and destination of a run."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial as partial_call
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from django.conf import settings
from numpy.typing import NDArray
from pydantic import ValidationError

from engine.batch import Batch
from engine.cuts import Cuts
from engine.issues import Issue, did_you_mean
from engine.schema import Column, RecordSchema
from engine.span import Span
from generators.definition import fields_made_anew, read_definition
from generators.examination import compile_plan
from generators.models import Generator, Run
from generators.pace import pace_of
from generators.plan import Plan, hash_of_tables
from generators.run_spec import PoolPin, RunSpec
from pools import services as pool_services
from pools.snapshot import Snapshot, open_snapshot, sync_folder
from sdg_project.errors import Conflict, Invalid
from sdg_project.partial_shapes import partial
from sdg_project.shapes import issues_of
from sinks.destinations.base import Delivery, Destination, destinations
from sinks.encoding.base import encoders
from sinks.encoding.compression import Compression
from sinks.enums import DeliveryGuarantee
from sinks.errors import SinkError
from sinks.secrets import decrypted
from sinks.servers import open_pinned, own_config, read_server

SAMPLE_RECORDS = 200
_ACCEPTED = "accepted are type, connection and config"


class PoolShelf(Mapping[str, Snapshot]):
    """All pools that a definition may name, opened when they are looked at: its bundle's own before the stored ones."""

    def __init__(self, own: Mapping[str, Snapshot] | None = None) -> None:
        self._own = own or {}
        self._opened: dict[str, Snapshot] = {}

    def __getitem__(self, name: str) -> Snapshot:
        if name in self._own:
            return self._own[name]
        if name not in self._opened:
            snapshot = pool_services.find_snapshot(name)
            if snapshot is None:
                raise KeyError(name)
            self._opened[name] = snapshot
        return self._opened[name]

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys([*self._own, *pool_services.pool_names()]))

    def __len__(self) -> int:
        return len(list(iter(self)))


def destination_kind(document: Any) -> tuple[type[Destination[Any]] | None, Any, list[Issue]]:
    """The kind and the validated config of a definition's ``destination``, with what is wrong with its shape.

    Then the config is what is sound in it, if anything is there.
    """
    if not isinstance(document, Mapping):
        return None, None, [Issue("TYPE_MISMATCH", "/destination", "a destination is an object with type and config")]
    issues = [
        Issue("UNKNOWN_PROPERTY", f"/destination/{name}", f'unknown property "{name}"', _ACCEPTED)
        for name in document
        if name not in {"type", "connection", "config"}
    ]
    name = document.get("type")
    kind = destinations.get(name) if isinstance(name, str) else None
    if kind is None:
        hint = did_you_mean(str(name), destinations) or f"accepted are {', '.join(destinations)}"
        code = "MISSING_PARAM" if name is None else "INVALID_VALUE"
        message = '"type" is required' if name is None else f'there is no destination type "{name}"'
        return None, None, [*issues, Issue(code, "/destination/type", message, hint)]
    config = document.get("config")
    at = "/destination/config"
    issues += read_server(kind, document)[1]
    given = own_config(kind, config) if isinstance(config, Mapping) else config
    try:
        return kind, kind.Config.model_validate({} if given is None else given), issues
    except ValidationError as error:
        issues += issues_of(error, at=at, model=kind.Config)
    if not isinstance(given, Mapping):
        return kind, None, issues
    sound_part, as_a_whole = partial(kind.Config, given, at=at)
    return kind, sound_part, [*issues, *as_a_whole]


def bytes_per_record(plan: Plan, batch: Batch) -> float:
    """The size of the plan's records as JSON Lines: the measure by which frames are cut, whatever the destination."""
    if not batch.span.count:
        return 1.0
    kind = encoders["JSONL"]
    encoder = kind(plan.schema, kind.Options(), Compression.NONE)
    return len(encoder.frame(batch).payload) / batch.span.count


def sample(plan: Plan, count: int | None) -> Batch:
    """The first records, or as many as there will be."""
    return plan.batch(Span(0, sample_size(count)))


def sample_size(count: int | None) -> int:
    """How many records a sample of a run with so many has."""
    return SAMPLE_RECORDS if count is None else min(count, SAMPLE_RECORDS)


def guarantee_of(document: Mapping[str, Any]) -> DeliveryGuarantee:
    """How often each record of an accepted definition is at its destination, at best.

    A record that would be another one if it were made again cannot be there exactly once: after a crash, what a late
    writer has written and what its successor writes differ.
    """
    kind, config, _ = destination_kind(document["destination"])
    if kind is None or config is None or fields_made_anew(document):
        return DeliveryGuarantee.AT_LEAST_ONCE
    return kind.guarantee(config)


def guarantee_of_run(run: Run) -> DeliveryGuarantee:
    """The same of a run, as its destination has been found when it was started."""
    found = run.spec.get("guarantee")
    return DeliveryGuarantee(found) if found else guarantee_of(run.spec["document"])


def leaves_files(run: Run) -> bool:
    """Whether what a run has written are files of this machine."""
    kind = destinations.get(run.spec["document"]["destination"]["type"])
    return kind is not None and kind.leaves_files


def place_of_run(run: Run) -> str:
    """What people call the place that a run writes to: the path of a file, the name of a table."""
    kind, config, _ = destination_kind(run.spec["document"].get("destination"))
    if kind is None or config is None:
        return ""
    return os.path.join(run.spec["root"], kind.target(config)) if kind.leaves_files else kind.target(config)


# Runs.


def runs_folder() -> Path:
    """Where the folders of all runs lie; not made by this call."""
    return Path(settings.SDG_HOME) / "runs"


def run_folder(run: Run) -> Path:
    """Where a run keeps its tables and the pools of its bundle."""
    return runs_folder() / str(run.pk)


def save_tables(run: Run, plan: Plan) -> None:
    """Keep the plan's tables, so that every worker uses the very same ones; there whole or not at all."""
    folder = run_folder(run)
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "tables.new").open("xb") as file:
        np.savez(file, allow_pickle=False, **dict(plan.tables))
        file.flush()
        os.fsync(file.fileno())
    (folder / "tables.new").replace(folder / "tables.npz")
    sync_folder(folder)


def plan_of_run(run: Run) -> Plan:
    """The run's plan, from its frozen spec; raises Conflict when this process would make other records."""
    spec = RunSpec.from_json(run.spec)
    reading = read_definition(spec.document)
    pools = {name: _pinned(run, name, pin) for name, pin in spec.pools.items()}
    tables = _kept_tables(run)
    if tables is not None and hash_of_tables(tables) != run.tables_hash:
        message = f"the tables of run {run.pk} are no longer those that it was started with"
        raise Conflict("SPEC_VERSION", message, hint="start a new run")
    try:
        plan = compile_plan(reading, facts=spec.facts(str(run.pk)), pools=pools, tables=tables)
    except Invalid as error:
        raise Conflict("SPEC_VERSION", f"run {run.pk} cannot be continued by this version: {error}") from error
    if plan.tables_hash != run.tables_hash or plan.spec_hash != run.spec_hash:
        raise Conflict(
            "SPEC_VERSION",
            f"run {run.pk} was started by another version or on another machine, whose values would differ",
            hint="continue it where it was started, or start a new run",
        )
    return plan


def followed_pools(run: Run, plan: Plan) -> frozenset[str]:
    """The stored pools of which a run wants the newest version."""
    names = {
        name
        for mapping in plan.definition.mappings
        if mapping.kind.follows_pools(mapping.params)
        for name in mapping.kind.pool_names(mapping.params)
    }
    return frozenset(name for name in names if not (run_folder(run) / "pools" / f"{name}.arrow").exists())


def plan_with_versions(run: Run, plan: Plan, versions: Mapping[str, int]) -> Plan:
    """The plan of a run with other versions of some pools; raises Conflict when they do not fit it."""
    spec = RunSpec.from_json(run.spec)
    what = " and ".join(f'version {version} of pool "{name}"' for name, version in sorted(versions.items()))
    hint = "give the pool rows of the same columns and types again, or start a new run"
    try:
        found = {name: pool_services.find_snapshot(name, version=version) for name, version in versions.items()}
        newer = {
            name: replace(snapshot, weight_column=spec.pools[name].weight_column)
            for name, snapshot in found.items()
            if snapshot is not None
        }
        following = compile_plan(
            read_definition(spec.document), facts=spec.facts(str(run.pk)), pools={**plan.pools, **newer}
        )
    except Invalid as error:
        raise Conflict("POOL_NOT_READY", f"run {run.pk} cannot follow {what}: {error}", hint=hint) from error
    if not all(map(_fits, following.schema.columns, plan.schema.columns)):
        message = f"run {run.pk} cannot follow {what}: its fields would have other types, or nulls for the first time"
        raise Conflict("POOL_NOT_READY", message, hint=hint)
    return following


def _fits(column: Column, place: Column) -> bool:
    """Whether values of one column can be written where those of another were."""
    return (column.type, column.scale) == (place.type, place.scale) and (place.nullable or not column.nullable)


def _kept_tables(run: Run) -> dict[str, NDArray[Any]] | None:
    """The tables that the run was started with; None when they cannot be read, so that they have to be made anew."""
    try:
        with np.load(run_folder(run) / "tables.npz") as file:
            return {name: file[name] for name in file.files}
    except (OSError, ValueError, EOFError, BadZipFile):
        return None


def _pinned(run: Run, name: str, pin: PoolPin) -> Snapshot:
    """The very version of a pool that the run started with."""
    own = run_folder(run) / "pools" / f"{name}.arrow"
    reason = "is gone"
    snapshot: Snapshot | None = None
    try:
        if own.exists():
            snapshot = open_snapshot(own, pool=name, version=pin.version, content_hash=pin.content_hash)
        else:
            snapshot = pool_services.find_snapshot(name, version=pin.version)
    except (OSError, ValueError, Invalid) as error:
        reason = f"cannot be read ({error})"
    if snapshot is None or snapshot.content_hash != pin.content_hash:
        message = f'version {pin.version} of pool "{name}" {reason}, so run {run.pk} cannot go on'
        raise Conflict("POOL_NOT_READY", message, hint="start a new run")
    return replace(snapshot, weight_column=pin.weight_column)


def _cuts_of_run(run: Run, spec: RunSpec) -> Cuts:
    """Where the run is cut, without the whole of its plan."""
    definition = read_definition(spec.document).definition if spec.paced else None
    if definition is None:
        return spec.cuts(None)
    pace, _ = pace_of(definition, spec.facts(str(run.pk)), _kept_tables(run))
    return spec.cuts(pace.schedule)


def destination_of_run(
    run: Run, schema: RecordSchema, shards: Sequence[Span] | None = None, *, overwrite_hint: str | None = None
) -> Destination[Any]:
    """The run's destination, as every process that works on the run sees it; `shards` are its own unless given.

    `overwrite_hint` says how a person who starts the run can ask for a foreign file to be replaced.
    """
    spec = RunSpec.from_json(run.spec)
    kind, config, issues = destination_kind(spec.document.get("destination"))
    if kind is None or issues:
        raise Conflict("SPEC_VERSION", f"run {run.pk} cannot be continued by this version", hint=str(issues))
    delivery = Delivery(
        run_id=str(run.pk),
        owner=spec.owner,
        generator_name=run.name,
        started_at=run.started_at,
        schema=schema,
        spec_hash=run.spec_hash,
        cuts=_cuts_of_run(run, spec),
        shards=tuple(shards if shards is not None else (shard.span for shard in run.shards.all())),
        root=spec.root,
        overwrite=spec.overwrite,
        overwrite_hint=overwrite_hint,
        account=lambda number: run.shards.values_list("next_record", flat=True).get(number=number),
        connect=None if spec.server is None else partial_call(open_pinned, spec.server, kept=lambda: _secrets_of(run)),
    )
    return kind(config, delivery)


def check_server(run: Run) -> None:
    """Raise Conflict when the server of a run is not the one that it started with, or cannot be opened any more."""
    spec = RunSpec.from_json(run.spec)
    if spec.server is None:
        return
    try:
        open_pinned(spec.server, kept=lambda: _secrets_of(run))
    except SinkError as error:
        raise Conflict(error.code, str(error)) from error


def _secrets_of(run: Run) -> dict[str, str]:
    """The secrets that stand in the definition of a run's generator, as they are now."""
    generator = Generator.objects.filter(pk=run.generator_id).first() if run.generator_id else None
    return {} if generator is None else secrets_of_generator(generator)


def secrets_of_generator(generator: Generator) -> dict[str, str]:
    """The secrets that stand in a stored definition, where it shows none; raises Conflict when no key opens them."""
    return decrypted(generator.encrypted_secrets, of=f'generator "{generator.name}"')
