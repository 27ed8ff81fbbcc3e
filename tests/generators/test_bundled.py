"""Bundles in which pools are made of generators that stand beside them, in whatever order."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from engine.span import Span
from generators.definition_files import read_definitions
from generators.models import Generator
from generators.services.bundles import export_bundle, import_bundle
from generators.services.catalog import create_generator, plan_of_generator
from pools import services
from sdg_project.documents import read_document, split_bundle
from sdg_project.errors import Invalid
from tests.support.api import definition

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def home(settings: Any, tmp_path: Path) -> None:
    settings.SDG_HOME = tmp_path / "home"
    settings.SDG_OUTPUT_ROOT = tmp_path / "home" / "out"
    settings.SDG_HOME.mkdir()


def made_of(name: str, generator: str) -> dict[str, Any]:
    return {"name": name, "source": {"type": "GENERATOR", "generator": generator, "rows": 50}}


def using(pool: str) -> list[dict[str, Any]]:
    drawn = {"fieldName": "buyer", "type": "POOL_REFERENCE", "params": {"pool": pool, "column": "id"}}
    return [{"fieldName": "id", "type": "UUID_GENERATED"}, drawn]


CUSTOMERS = definition("customers", seed=1, fieldMappings=[{"fieldName": "id", "type": "UUID_GENERATED"}])
ORDERS = definition("orders", seed=2, fieldMappings=using("buyers"))
PARCELS = definition("parcels", seed=3, fieldMappings=using("bought"))
POOLS = [made_of("bought", "orders"), made_of("buyers", "customers")]


def bundle(folder: Path, *generators: dict[str, Any], pools: list[dict[str, Any]]) -> Path:
    path = folder / "bundle.json"
    path.write_text(json.dumps({"pools": pools, "generators": generators}))
    return path


def take_in(path: Path) -> list[str]:
    [*changes] = import_bundle(split_bundle(read_document(path)), base=path.parent, by="test", dry_run=False)
    return [f"{change.action} {change.name}" for change in changes]


def test_pools_are_made_of_generators_of_the_same_bundle_and_of_nothing_stored(tmp_path: Path) -> None:
    create_generator({**CUSTOMERS, "seed": 99}, by="test")

    contents = read_definitions(str(bundle(tmp_path, PARCELS, ORDERS, CUSTOMERS, pools=POOLS)))

    assert contents.issues == ()
    tables = contents.definitions[0].own_pools
    customers, orders = set(tables["buyers"].records["id"]), tables["bought"].records
    assert orders.height == 50
    assert set(orders["buyer"]) <= customers
    assert customers.isdisjoint(plan_of_generator(Generator.objects.get()).batch(Span(0, 50)).records["id"])


def test_a_pool_of_a_bundle_that_is_made_of_itself_is_named_with_the_way(tmp_path: Path) -> None:
    circle = [made_of("bought", "orders"), made_of("buyers", "parcels")]

    contents = read_definitions(str(bundle(tmp_path, PARCELS, ORDERS, pools=circle)))

    [issue] = [issue for issue in contents.issues if issue.code == "DEPENDENCY_CYCLE"]
    assert issue.path == "/pools/1/source/generator"
    assert "bought → orders → buyers → parcels → bought" in issue.message


def test_what_is_wrong_with_such_a_generator_is_said_of_the_pool_too(tmp_path: Path) -> None:
    wrong = {
        **CUSTOMERS,
        "fieldMappings": [{"fieldName": "id", "type": "NUMERIC_RANGE", "params": {"min": 9, "max": 1}}],
    }

    with pytest.raises(Invalid) as caught:
        take_in(bundle(tmp_path, ORDERS, wrong, pools=POOLS))

    found = {(issue.code, issue.path) for issue in caught.value.issues}
    assert ("RANGE_INVERTED", "/generators/1/fieldMappings/0/params/min") in found
    assert ("INVALID_VALUE", "/pools/1/source/generator") in found
    assert not Generator.objects.exists()


def test_an_import_stores_them_all_and_the_same_again_changes_nothing(tmp_path: Path) -> None:
    path = bundle(tmp_path, PARCELS, ORDERS, CUSTOMERS, pools=POOLS)

    first, second = take_in(path), take_in(path)

    assert sorted(first) == sorted(f"CREATE {name}" for name in ("bought", "buyers", "parcels", "orders", "customers"))
    assert {change.partition(" ")[0] for change in second} == {"LEAVE"}
    assert services.refresh_pool("bought").version == 1


def test_what_is_exported_by_name_brings_all_that_it_is_made_of_and_knows_it_by_name(tmp_path: Path) -> None:
    take_in(bundle(tmp_path, PARCELS, ORDERS, CUSTOMERS, pools=POOLS))
    services.replace_pool("buyers", made_of("buyers", str(Generator.objects.get(name="customers").pk)))

    exported = export_bundle(["parcels"], beside=None)

    assert [one["name"] for one in exported["generators"]] == ["customers", "orders", "parcels"]
    assert [(one["name"], one["source"]["generator"]) for one in exported["pools"]] == [
        ("bought", "orders"),
        ("buyers", "customers"),
    ]
