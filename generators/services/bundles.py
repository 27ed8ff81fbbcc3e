"""Bundles: stored generators, pools and connections as one document, and back; all of it or nothing."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from django.conf import settings
from django.utils import timezone

from engine.issues import Issue, did_you_mean
from generators.bundled import generators_beside, pools_in_order
from generators.circles import find_generator
from generators.definition import DefinitionShape
from generators.enums import GeneratorStatus
from generators.models import Generator
from generators.services.catalog import create_generator, definition_answer, update_generator
from generators.services.validation import validate_definition
from pools import services as pool_services
from pools.enums import FileFormat
from pools.models import Pool
from pools.snapshot import Snapshot
from pools.staging import StagedPool, stage_pools, store_pools
from pools.store import pool_folder
from sdg_project.differences import differences
from sdg_project.documents import Bundle, Document
from sdg_project.errors import Invalid, NotFound
from sdg_project.text import amount
from sinks.bundled import (
    StagedConnection,
    exported_connection,
    opened_connections,
    stage_connections,
    store_connections,
)
from sinks.connections.directory import beside as beside_stored
from sinks.models import Connection
from sinks.servers import literal_issues, with_values, without_secrets
from sinks.services import list_connections

_ORDER = {info.alias or name: place for place, (name, info) in enumerate(DefinitionShape.model_fields.items())}


class Action(StrEnum):
    """What an import does with a pool or a generator."""

    CREATE = "CREATE"
    CHANGE = "CHANGE"
    LEAVE = "LEAVE"


@dataclass(frozen=True, slots=True)
class Change:
    """What an import does with one thing; `details` says what of it changes."""

    action: Action
    kind: str
    name: str
    details: tuple[str, ...] = ()


# Export.


def export_bundle(names: Sequence[str], *, beside: Path | None) -> dict[str, Any]:
    """The generators and pools of these names, with the pools that these use, and so on; all there are without names.

    `beside` is the file that it goes to: paths of pools are relative to it where they lie below its folder, and what
    was uploaded for a pool is copied there. Raises NotFound for a name, Invalid for uploads when there is no file.
    """
    generators, pools = _chosen(names)
    uploaded = [pool.name for pool in pools if pool.source.get("type") == "UPLOAD"]
    if uploaded and beside is None:
        message = f"what was uploaded for {', '.join(uploaded)} does not fit on standard output"
        raise Invalid([Issue("MISSING_PARAM", "", message, "say --out FILE; the content is written beside it")])
    connections = _connections_of(pools, generators) if names else list_connections()
    bundle = {
        "connections": [exported_connection(connection) for connection in connections],
        "pools": [_exported_pool(pool, beside) for pool in sorted(pools, key=lambda each: each.name.lower())],
        "generators": [
            dict(sorted(generator.definition.items(), key=lambda part: _ORDER[part[0]]))
            for generator in sorted(generators, key=lambda each: each.name_key)
        ],
    }
    return {name: part for name, part in bundle.items() if part}


def _chosen(names: Sequence[str]) -> tuple[list[Generator], list[Pool]]:
    generators = {generator.name_key: generator for generator in Generator.objects.all()}
    pools = {pool.name.lower(): pool for pool in pool_services.list_pools()}
    if not names:
        return list(generators.values()), list(pools.values())
    wanted_generators: dict[str, Generator] = {}
    wanted_pools: dict[str, Pool] = {}

    def want_generator(generator: Generator) -> None:
        if generator.name_key not in wanted_generators:
            wanted_generators[generator.name_key] = generator
            for key in generator.pool_fields:
                if key in pools:
                    want_pool(pools[key])

    def want_pool(pool: Pool) -> None:
        if pool.name.lower() not in wanted_pools:
            wanted_pools[pool.name.lower()] = pool
            made_of = _generator_of(pool)
            if made_of is not None:
                want_generator(made_of)

    for name in names:
        generator, pool = generators.get(name.casefold()), pools.get(name.lower())
        if generator is None and pool is None:
            known = [*(one.name for one in generators.values()), *(one.name for one in pools.values())]
            raise NotFound(f'there is no generator and no stored pool "{name}"', hint=did_you_mean(name, known))
        if generator is not None:
            want_generator(generator)
        if pool is not None:
            want_pool(pool)
    return list(wanted_generators.values()), list(wanted_pools.values())


def _generator_of(pool: Pool) -> Generator | None:
    """The stored generator that a pool is made of."""
    return find_generator(str(pool.source["generator"])) if pool.source["type"] == "GENERATOR" else None


def _connections_of(pools: Sequence[Pool], generators: Sequence[Generator]) -> list[Connection]:
    """The connections that pools are read over and generators write over."""
    used = {str(pool.source.get("connection", "")).lower() for pool in pools}
    used |= {str(generator.definition["destination"].get("connection", "")).lower() for generator in generators}
    return [connection for connection in list_connections() if connection.name.lower() in used]


def _exported_pool(pool: Pool, beside: Path | None) -> dict[str, Any]:
    document = pool_services.pool_document(pool)
    source = dict(document["source"])
    if (made_of := _generator_of(pool)) is not None:
        source["generator"] = made_of.name  # where it is imported it has another id
    elif source["type"] == "UPLOAD":
        source = _copied(pool, source, beside)
    elif beside is not None and "path" in source:
        path = Path(source["path"])
        folder = beside.absolute().parent
        source["path"] = os.path.relpath(path, folder) if path.is_relative_to(folder) else str(path)
    return {name: part for name, part in (document | {"source": source}).items() if part not in (None, [], {})}


def _copied(pool: Pool, source: dict[str, Any], beside: Path | None) -> dict[str, Any]:
    """The source of an uploaded pool as a file beside the bundle."""
    if beside is None:
        raise ValueError("there is no file to copy to")
    suffix = FileFormat(source["format"]).value.lower()
    path = beside.with_name(f"{beside.stem}.pools") / f"{pool.name}.{suffix}"
    path.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(pool_folder(pool.pk) / source["file"], path)
    rest = {name: part for name, part in source.items() if name not in {"type", "file"}}
    return {"type": "FILE", "path": str(path.relative_to(beside.parent)), **rest}


# Import.


def import_bundle(bundle: Bundle, *, base: Path, by: str, dry_run: bool) -> list[Change]:
    """Create or update the pools and generators of a bundle by their names; what was, or would be, done with each.

    Raises Invalid with everything that is wrong with any of them, their places in the messages; nothing is stored then.
    """
    connections, issues = stage_connections(bundle.connections)
    own_connections = opened_connections(connections)
    with beside_stored(own_connections), generators_beside(bundle.generators, updated_at=timezone.now()):
        ordered, circles = pools_in_order(bundle.pools)
        pools, wrong = stage_pools(ordered, base=base)
    issues = [*bundle.issues, *issues, *circles, *wrong]
    own_pools = {pool.name: pool.snapshot for pool in pools}
    changes = [*map(_connection_change, connections), *map(_pool_change, pools)]
    changed = [connection for connection in connections if connection.is_new_or_changed]
    stored: list[Callable[[], object]] = [lambda: store_connections(changed, by=by)]
    names: set[str] = set()
    for written in bundle.generators:
        document, refused = written, literal_issues(written.value)
        try:
            document = replace(written, value=with_values(written.value))
        except Invalid as error:
            refused += error.issues
        with beside_stored(own_connections):
            current, wrong = _examined(document, own_pools, names)
        wrong += document.placed(refused)
        issues += wrong
        if wrong:
            continue
        change = _generator_change(document.value, current)
        changes.append(change)
        if change.action is not Action.LEAVE:
            stored.append(_storing(document.value, current, by))
    if issues:
        raise Invalid(issues)
    if not dry_run:
        store_pools([pool for pool in pools if pool.is_new_or_changed], then=lambda: _all(stored))
    return changes


def _all(steps: Iterable[Callable[[], object]]) -> None:
    for step in steps:
        step()


def _storing(document: Any, current: Generator | None, by: str) -> Callable[[], object]:
    if current is None:
        return lambda: create_generator(document, by=by)
    generator_id = current.pk
    return lambda: update_generator(generator_id, document)


def _examined(
    document: Document, own_pools: dict[str, Snapshot], names: set[str]
) -> tuple[Generator | None, list[Issue]]:
    """The stored generator of a definition's name, if there is one, and what is wrong with the definition."""
    validation = validate_definition(
        document.value,
        own_pools=own_pools,
        updated_at=timezone.now(),
        root=str(settings.SDG_OUTPUT_ROOT),
        preview=0,
        destination_required=True,
    )
    issues = list(validation.errors)
    current = None
    if validation.plan is not None:
        name = validation.plan.definition.name
        key = name.casefold()
        if key in names:
            issues.append(Issue("DUPLICATE_VALUE", "/name", f'there are two generators "{name}"'))
        names.add(key)
        current = Generator.objects.filter(name_key=key).first()
        is_running = current is not None and current.status == GeneratorStatus.RUNNING
        if current is not None and is_running and _generator_change(document.value, current).action is Action.CHANGE:
            message = f'generator "{current.name}" is RUNNING, so it cannot be changed'
            issues.append(Issue("INVALID_TRANSITION", "/name", message, "pause or stop it first"))
    return current, document.placed(issues)


def _connection_change(connection: StagedConnection) -> Change:
    current, definition = connection.current, connection.definition
    if current is None:
        return Change(Action.CREATE, "connection", connection.name)
    if not connection.is_new_or_changed:
        return Change(Action.LEAVE, "connection", connection.name)
    details = list(differences(exported_connection(current), {**connection.document(), "secrets": None}))
    if connection.forgets:
        details.append(f"its secrets are forgotten, because {' and '.join(connection.forgets)} changes")
    if definition.secrets:
        details.append("its secrets are those of the environment")
    return Change(Action.CHANGE, "connection", connection.name, tuple(details))


def _pool_change(pool: StagedPool) -> Change:
    if pool.current is None:
        return Change(Action.CREATE, "pool", pool.name, (amount(pool.loaded.records.height, "row"),))
    if not pool.is_new_or_changed:
        return Change(Action.LEAVE, "pool", pool.name)
    after = Pool(name=pool.name, **pool.definition)
    details = list(differences(pool_services.pool_document(pool.current), pool_services.pool_document(after)))
    if pool.has_other_rows:
        details.append(f"other content: {pool.current.row_count:,} → {amount(pool.loaded.records.height, 'row')}")
    return Change(Action.CHANGE, "pool", pool.name, tuple(details))


def _generator_change(document: dict[str, Any], current: Generator | None) -> Change:
    if current is None:
        return Change(Action.CREATE, "generator", str(document["name"]))
    details = tuple(differences(definition_answer(current.definition), definition_answer(without_secrets(document)[0])))
    return Change(Action.CHANGE if details else Action.LEAVE, "generator", current.name, details)
