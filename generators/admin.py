"""Generators, runs and shards in the admin: to look at."""

from __future__ import annotations

from django.contrib import admin

from generators.models import Generator, Run, Shard
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
