"""Pools in the admin: to look at; they are changed where their tables are loaded."""

from __future__ import annotations

from django.contrib import admin

from pools.models import Pool, PoolVersion
from sdg_project.admin import ReadOnlyAdmin


@admin.register(Pool)
class PoolAdmin(ReadOnlyAdmin):
    list_display = ("name", "status", "version", "row_count", "loaded_at")
    search_fields = ("name",)


@admin.register(PoolVersion)
class PoolVersionAdmin(ReadOnlyAdmin):
    list_display = ("pool", "version", "row_count", "created_at")
