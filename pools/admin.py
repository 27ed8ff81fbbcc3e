"""Pools in the admin: to look at; they are changed where their tables are loaded."""

from __future__ import annotations

from django.contrib import admin

from pools.answer import public_source
from pools.models import Pool, PoolVersion
from pools.services import pool_document
from sdg_project.admin import ReadOnlyAdmin, as_yaml


@admin.register(Pool)
class PoolAdmin(ReadOnlyAdmin):
    list_display = ("name", "status", "version", "rows", "source_type", "load_strategy", "loaded_at")
    list_filter = ("status", "load_strategy")
    search_fields = ("name",)
    exclude = ("source", "declared_columns", "limits", "columns", "last_error")
    readonly_fields = ("as_definition", "as_columns", "as_error")

    @admin.display(description="rows", ordering="row_count")
    def rows(self, pool: Pool) -> str:
        return f"{pool.row_count:,}"

    @admin.display(description="source")
    def source_type(self, pool: Pool) -> str:
        return str(pool.source.get("type"))

    @admin.display(description="definition")
    def as_definition(self, pool: Pool) -> str:
        document = pool_document(pool)
        return as_yaml({**document, "source": public_source(pool)})

    @admin.display(description="columns")
    def as_columns(self, pool: Pool) -> str:
        return as_yaml(pool.columns)

    @admin.display(description="last error")
    def as_error(self, pool: Pool) -> str:
        return as_yaml(pool.last_error) if pool.last_error else "-"


@admin.register(PoolVersion)
class PoolVersionAdmin(ReadOnlyAdmin):
    list_display = ("pool", "version", "row_count", "created_at")
