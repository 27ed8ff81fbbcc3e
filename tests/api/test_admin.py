"""The plain admin: everything can be looked at, nothing there goes around the services."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.contrib import admin
from django.test import Client

from generators.models import DeadLetter, Run, Worker
from pools import services as pool_services
from sdg_project.links import admin_link
from tests.support.runs import Workshop

pytestmark = pytest.mark.django_db


@pytest.fixture
def workshop(home: Path) -> Workshop:
    return Workshop(home.parent)


@pytest.fixture
def visitor() -> Client:
    """Somebody who has followed the one-time link."""
    client = Client()
    client.get(admin_link())
    return client


@pytest.fixture
def run(workshop: Workshop) -> Run:
    """A completed run with a dead letter, beside a pool and a worker."""
    workshop.add_pool("sku,n\n<b>,1\n")
    made = workshop.make(recordCount=1_234)
    when = made.created_at
    DeadLetter.objects.create(run=made, record_number=7, code="X", error_class="DELIVERY", occurred_at=when)
    Worker.objects.create(id="a:1:2", host="a", pid=1, version="1", started_at=when, beat_at=when)
    return made


def test_every_list_and_every_search_can_be_looked_at(visitor: Client, run: Run) -> None:
    for model, shown in admin.site._registry.items():
        address = f"/admin/{model._meta.app_label}/{model._meta.model_name}/"

        assert visitor.get(address).status_code == 200, address
        if shown.search_fields:
            assert visitor.get(address, {"q": "orders"}).status_code == 200, address
        for thing in model._default_manager.all()[:1]:
            assert visitor.get(f"{address}{thing.pk}/change/").status_code == 200, address


def test_the_list_of_runs_says_how_far_they_are_and_when_that_was_in_utc(visitor: Client, run: Run) -> None:
    page = visitor.get("/admin/generators/run/").content.decode()
    details = visitor.get(f"/admin/generators/run/{run.pk}/change/").content.decode()

    assert str(run.pk)[:8] in page
    assert "1,234" in page
    assert f"{run.created_at:%Y-%m-%d %H:%M:%S} UTC" in page
    assert "recordsWritten: 1234" in details
    assert "fieldName: n" in details


def test_what_stands_in_definitions_is_text(visitor: Client, workshop: Workshop) -> None:
    rows = [{"<script>alert(1)</script>": 1}]
    pool_services.add_pool({"name": "odd", "source": {"type": "INLINE", "rows": rows}}, base=workshop.folder)
    [pool] = pool_services.list_pools()

    page = visitor.get(f"/admin/pools/pool/{pool.pk}/change/").content.decode()

    assert "&lt;script&gt;alert(1)" in page
    assert "<script>alert(1)" not in page


@pytest.mark.parametrize("model", ["schedule", "ormq", "success", "failure", "task"])
def test_nobody_can_queue_a_function_of_python(visitor: Client, model: str) -> None:
    paths = [f"/admin/django_q/{model}/", f"/admin/django_q/{model}/add/"]

    assert [visitor.get(path).status_code for path in paths] == [404, 404]


def test_nothing_of_ours_can_be_added_or_removed_there(visitor: Client, run: Run) -> None:
    ours: list[Any] = [
        model for model in admin.site._registry if model._meta.app_label in {"generators", "pools", "ground"}
    ]

    assert len(ours) >= 9
    for model in ours:
        address = f"/admin/{model._meta.app_label}/{model._meta.model_name}/"
        assert visitor.get(f"{address}add/").status_code == 403, address
