"""Generators, their runs and who works on them in the admin: to look at.

The queue is not there: its pages would let people run any function.
"""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django_q.models import Failure, OrmQ, Schedule, Success

from generators.models import DeadLetter, Generator, Run, Shard, Worker
from generators.planning import place_of_run
from generators.report import run_report
from generators.run_answer import with_progress
from sdg_project.admin import ReadOnlyAdmin, as_yaml


@admin.register(Generator)
class GeneratorAdmin(ReadOnlyAdmin):
    list_display = ("name", "status", "records", "mode", "destination", "created_by", "updated_at")
    list_filter = ("status", "generation_mode", "destination_type")
    search_fields = ("name", "definition__description")
    exclude = ("definition", "name_key", "pool_fields")
    readonly_fields = ("as_definition",)

    @admin.display(description="records")
    def records(self, generator: Generator) -> str:
        count = generator.definition.get("recordCount")
        return f"{count:,}" if isinstance(count, int) else "-"

    @admin.display(description="mode", ordering="generation_mode")
    def mode(self, generator: Generator) -> str:
        return generator.get_generation_mode_display()

    @admin.display(description="to", ordering="destination_type")
    def destination(self, generator: Generator) -> str:
        return generator.destination_type

    @admin.display(description="definition")
    def as_definition(self, generator: Generator) -> str:
        return as_yaml(generator.definition)


@admin.register(Run)
class RunAdmin(ReadOnlyAdmin):
    list_display = (
        "short_id",
        "name",
        "status",
        "written",
        "destination",
        "created_at",
        "took",
    )
    list_filter = ("status", "origin")
    search_fields = ("name", "id")
    exclude = ("spec", "outputs", "error")
    readonly_fields = ("report", "frozen")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return with_progress(super().get_queryset(request))

    @admin.display(description="run", ordering="id")
    def short_id(self, run: Run) -> str:
        return str(run.pk)[:8]

    @admin.display(description="records")
    def written(self, run: Any) -> str:
        done, asked = run.records_done, run.record_count
        return f"{done:,}" if asked in {done, None} else f"{done:,} of {asked:,}"

    @admin.display(description="to")
    def destination(self, run: Run) -> str:
        return f"{run.spec['document']['destination']['type']} {place_of_run(run)}"

    @admin.display(description="active")
    def took(self, run: Run) -> str:
        return f"{run.active_seconds:,.1f} s"

    @admin.display(description="report")
    def report(self, run: Run) -> str:
        return as_yaml(run_report(run))

    @admin.display(description="frozen definition")
    def frozen(self, run: Run) -> str:
        return as_yaml(run.spec["document"])


@admin.register(Shard)
class ShardAdmin(ReadOnlyAdmin):
    list_display = ("number", "run_name", "state", "next", "records", "owner", "lost")
    list_filter = ("state",)
    list_select_related = ("run",)
    search_fields = ("run__name", "run__id", "owner")
    ordering = ("-run__created_at", "number")

    @admin.display(description="run", ordering="run__name")
    def run_name(self, shard: Shard) -> str:
        return f"{shard.run.name} {str(shard.run_id)[:8]}"

    @admin.display(description="next", ordering="next_record")
    def next(self, shard: Shard) -> str:
        return f"{shard.next_record:,}"

    @admin.display(description="of the records", ordering="first_record")
    def records(self, shard: Shard) -> str:
        return f"{shard.first_record:,} to {shard.end_record - 1:,}"

    @admin.display(description="lost", ordering="lost_claims")
    def lost(self, shard: Shard) -> int:
        return shard.lost_claims


@admin.register(DeadLetter)
class DeadLetterAdmin(ReadOnlyAdmin):
    list_display = ("record_number", "run", "error_class", "code", "field", "message", "occurred_at")
    list_filter = ("error_class", "code")
    list_select_related = ("run",)
    search_fields = ("run__name", "run__id", "field", "message")


@admin.register(Worker)
class WorkerAdmin(ReadOnlyAdmin):
    list_display = ("pid", "host", "version", "started_at", "beat_at")
    list_filter = ("host",)


for model in (Schedule, Success, Failure, OrmQ):
    if admin.site.is_registered(model):
        admin.site.unregister(model)
