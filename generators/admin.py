"""Generators, their runs and who works on them in the admin: to look at.

The queue is not there: its pages would let people run any function.
"""

from __future__ import annotations

from django.contrib import admin
from django_q.models import Failure, OrmQ, Schedule, Success

from generators.models import DeadLetter, Generator, Run, Shard, Worker
from sdg_project.admin import ReadOnlyAdmin


@admin.register(Generator)
class GeneratorAdmin(ReadOnlyAdmin):
    list_display = ("name", "status", "generation_mode", "destination_type", "created_by", "updated_at")
    list_filter = ("status", "generation_mode", "destination_type")
    search_fields = ("name",)


@admin.register(Run)
class RunAdmin(ReadOnlyAdmin):
    list_display = ("id", "name", "status", "record_count", "created_at", "finished_at")
    list_filter = ("status",)


@admin.register(Shard)
class ShardAdmin(ReadOnlyAdmin):
    list_display = ("run", "number", "state", "next_record", "end_record")


@admin.register(DeadLetter)
class DeadLetterAdmin(ReadOnlyAdmin):
    list_display = ("run", "record_number", "error_class", "code", "occurred_at")
    list_filter = ("error_class", "code")


@admin.register(Worker)
class WorkerAdmin(ReadOnlyAdmin):
    list_display = ("id", "host", "pid", "started_at", "beat_at", "is_leaving")


for model in (Schedule, Success, Failure, OrmQ):
    if admin.site.is_registered(model):
        admin.site.unregister(model)
