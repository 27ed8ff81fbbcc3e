"""Pools of the records of generators: the very ones that runs write, and no circles."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from engine.span import Span
from generators.models import Generator
from generators.services.catalog import create_generator, plan_of_generator, update_generator
from generators.services.lifecycle import delete_generator
from pools import services
from pools.models import Pool
from sdg_project.errors import Conflict, Invalid
from tests.support.api import definition

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def home(settings: Any, tmp_path: Path) -> None:
    settings.SDG_HOME = tmp_path / "home"
    settings.SDG_OUTPUT_ROOT = tmp_path / "home" / "out"
    settings.SDG_HOME.mkdir()


def generator(name: str = "customers", **changes: Any) -> Generator:
    return create_generator(definition(name, **{"seed": 42, **changes}), by="test")


def pool(name: str = "keys", **source: Any) -> Pool:
    told = {"type": "GENERATOR", "generator": "customers", "rows": 100, **source}
    return services.add_pool({"name": name, "source": told}, base=Path())


def using(pool_name: str, column: str = "id") -> list[dict[str, Any]]:
    return [
        {"fieldName": "id", "type": "SEQUENCE", "params": {}},
        {"fieldName": "other", "type": "POOL_REFERENCE", "params": {"pool": pool_name, "column": column}},
    ]


def refused(**source: Any) -> list[tuple[str, str, str]]:
    with pytest.raises(Invalid) as caught:
        pool(**source)
    assert not Pool.objects.filter(name=source.get("name", "keys")).exists()
    return [(issue.code, issue.path, issue.message) for issue in caught.value.issues]


def rows(name: str = "keys") -> list[tuple[Any, ...]]:
    snapshot = services.find_snapshot(name)
    assert snapshot is not None
    return snapshot.records.rows()


def test_a_pool_has_the_records_of_the_generator() -> None:
    made = generator()

    pool()

    assert rows() == plan_of_generator(made).batch(Span(0, 100)).records.rows()


def test_records_are_those_of_the_numbers_and_fields_asked_for() -> None:
    made = generator()

    pool(generator=str(made.pk), start=1_000, rows=70_000, columns=["amount", "id"])

    expected = plan_of_generator(made).batch(Span(1_000, 70_000)).records.select("amount", "id")
    assert rows() == expected.rows()


def test_a_generator_is_found_without_regard_to_case() -> None:
    generator()

    assert pool(generator="CUSTOMERS").row_count == 100


def test_loading_it_again_gives_the_same_version_until_the_definition_changes() -> None:
    made = generator()
    pool()
    before = rows()

    assert services.refresh_pool("keys").version == 1
    update_generator(made.pk, definition("customers", seed=43))
    assert rows() == before
    assert services.refresh_pool("keys").version == 2
    assert rows() != before


def test_a_seed_of_the_source_wins() -> None:
    generator()

    pool("first")
    pool("second", seed=42)
    pool("third", seed=7)

    assert rows("first") == rows("second") != rows("third")


def test_without_any_seed_there_is_no_pool() -> None:
    generator(seed=None)

    assert [issue[:2] for issue in refused()] == [("MISSING_PARAM", "/source/seed")]
    assert pool(seed=1).row_count == 100


def test_fields_that_differ_from_run_to_run_are_refused() -> None:
    mappings = [
        {"fieldName": "id", "type": "SEQUENCE", "params": {}},
        {"fieldName": "made", "type": "UUID_GENERATED", "params": {"deterministic": False}},
    ]
    generator(fieldMappings=mappings)

    [(code, path, message)] = refused()

    assert (code, path) == ("NON_DETERMINISTIC", "/source/columns")
    assert '"made"' in message
    assert pool(columns=["id"]).row_count == 100


def test_everything_that_is_wrong_with_columns_is_told() -> None:
    generator()

    assert [issue[:2] for issue in refused(columns=["id", "ammount", "id"])] == [
        ("COLUMN_NOT_FOUND", "/source/columns/1"),
        ("DUPLICATE_VALUE", "/source/columns/2"),
    ]


def test_a_generator_that_there_is_not_is_told_with_a_close_one() -> None:
    generator()

    with pytest.raises(Invalid) as caught:
        pool(generator="costumers")

    assert caught.value.issues[0].hint == 'did you mean "customers"?'


def test_limits_are_kept() -> None:
    generator()
    source = {"type": "GENERATOR", "generator": "customers", "rows": 200_000}

    for limits in ({"maxRows": 10}, {"maxBytes": 100_000}):
        with pytest.raises(Invalid) as caught:
            services.add_pool({"name": "keys", "source": source, "limits": limits}, base=Path())
        assert [issue.code for issue in caught.value.issues] == ["POOL_TOO_LARGE"]


def test_a_generator_has_no_more_records_than_its_fields_allow() -> None:
    sequence = {"fieldName": "id", "type": "SEQUENCE", "params": {"start": 1, "end": 50, "onEnd": "STOP"}}
    generator(fieldMappings=[sequence], recordCount=50)

    [(code, path, message)] = refused()

    assert (code, path) == ("INVALID_VALUE", "/source/rows")
    assert "has 50 records" in message


def test_a_pool_cannot_be_made_of_a_generator_that_uses_it() -> None:
    services.add_pool({"name": "keys", "source": {"type": "INLINE", "rows": [{"id": 1}]}}, base=Path())
    generator(fieldMappings=using("KEYS"))
    source = {"type": "GENERATOR", "generator": "customers", "rows": 10}

    with pytest.raises(Invalid) as caught:
        services.replace_pool("keys", {"name": "keys", "source": source})

    assert [(issue.code, issue.path) for issue in caught.value.issues] == [("DEPENDENCY_CYCLE", "/source/generator")]
    assert rows() == [(1,)]


def test_a_generator_cannot_come_to_use_a_pool_that_is_made_of_it_also_by_way_of_others() -> None:
    made = generator()
    pool("keys")
    generator("orders", fieldMappings=using("keys"))
    pool("orders", generator="orders", columns=["other"])

    for name, column, way in (("keys", "id", "keys → customers"), ("orders", "other", "orders → orders → keys")):
        with pytest.raises(Invalid) as caught:
            update_generator(made.pk, definition("customers", seed=42, fieldMappings=using(name, column)))
        [issue] = caught.value.issues
        assert (issue.code, issue.path) == ("DEPENDENCY_CYCLE", "/fieldMappings/1")
        assert way in issue.message


def test_a_generator_that_is_made_again_cannot_use_what_was_made_of_the_first() -> None:
    made = generator()
    pool()
    made.delete()

    with pytest.raises(Invalid) as caught:
        generator(fieldMappings=using("keys"))

    assert [issue.code for issue in caught.value.issues] == ["DEPENDENCY_CYCLE"]


def test_a_generator_that_pools_are_made_of_is_neither_removed_nor_renamed_from_under_them() -> None:
    made = generator()
    pool(generator="Customers")
    pool("others", generator=str(made.pk).upper())

    with pytest.raises(Conflict) as removed:
        delete_generator(made.pk)
    with pytest.raises(Conflict) as renamed:
        update_generator(made.pk, definition("clients", seed=42))
    services.remove_pool("keys")
    update_generator(made.pk, definition("clients", seed=42))
    services.remove_pool("others")
    delete_generator(made.pk)

    assert removed.value.code == renamed.value.code == "IN_USE"
    assert removed.value.details == {"usedBy": [{"kind": "pool", "name": "keys"}, {"kind": "pool", "name": "others"}]}
    assert renamed.value.details == {"usedBy": [{"kind": "pool", "name": "keys"}]}
    assert not Generator.objects.exists()


def test_a_field_of_another_generator_draws_from_the_keys() -> None:
    generator()
    pool(columns=["id"])
    orders = generator("orders", fieldMappings=using("keys"))

    drawn = plan_of_generator(orders).batch(Span(0, 1_000)).records["other"]

    assert set(drawn) <= {value for (value,) in rows()}
