"""What can only be measured beside a service's database: ``python -m tests.bench.inside metrics|list|store TIMES``."""

from __future__ import annotations

import json
import statistics
import sys
import time
from typing import Any


class DatabaseWork:
    """Adds up the time of queries, with the reading of their rows, and how many there were."""

    def __init__(self) -> None:
        self.seconds, self.count = 0.0, 0

    def __call__(self, execute: Any, sql: Any, params: Any, many: Any, context: Any) -> Any:
        began = time.perf_counter()
        try:
            return execute(sql, params, many, context)
        finally:
            self.seconds += time.perf_counter() - began
            self.count += 1


def measure_metrics(times: int) -> dict[str, float]:
    """The database work of one reading of the metrics of a live run; the median."""
    from django.db import connection

    from generators.models import Generator
    from generators.services.metrics import metrics_of

    live = list(Generator.objects.filter(status="RUNNING").values_list("pk", flat=True))
    taken, queries = [], []
    for number in range(times):
        work = DatabaseWork()
        with connection.execute_wrapper(work):
            metrics_of(live[number % len(live)])
        taken.append(work.seconds * 1e3)
        queries.append(work.count)
        time.sleep(0.02)
    return {"ms": statistics.median(taken), "queries": max(queries)}


def count_list_queries(_: int) -> dict[str, float]:
    """How many queries the list of all generators takes."""
    from django.conf import settings
    from django.db import connection
    from django.test import Client

    from sdg_project.access import create_token
    from sdg_project.roles import Role

    settings.ALLOWED_HOSTS = ["*"]
    token = create_token("bench-viewer", Role.VIEWER, days=1)
    work = DatabaseWork()
    with connection.execute_wrapper(work):
        answer = Client().get("/api/v1/generators?limit=1000", headers={"Authorization": f"Bearer {token}"})
    if answer.status_code != 200:
        raise ValueError(answer.content)
    return {"queries": work.count}


def store_more(times: int) -> dict[str, float]:
    """Store so many generators in all, like the one that is there."""
    from django.utils import timezone

    from generators.models import Generator
    from generators.services.catalog import create_generator
    from tests.bench.__main__ import orders_document

    document = {**orders_document(), "recordCount": 1, "destination": {"type": "FILE", "config": {"path": "o.jsonl"}}}
    first = Generator.objects.first() or create_generator({**document, "name": "first"}, by="bench")
    now = timezone.now()
    Generator.objects.bulk_create(
        Generator(
            name=f"stored {number}",
            name_key=f"stored {number}",
            generation_mode=first.generation_mode,
            destination_type=first.destination_type,
            definition={**first.definition, "name": f"stored {number}"},
            pool_fields=first.pool_fields,
            created_by="bench",
            created_at=now,
            updated_at=now,
        )
        for number in range(times - Generator.objects.count())
    )
    return {"stored": float(Generator.objects.count())}


if __name__ == "__main__":
    import django

    django.setup()
    program = {"metrics": measure_metrics, "list": count_list_queries, "store": store_more}[sys.argv[1]]
    print(json.dumps(program(int(sys.argv[2]))))
