"""Connections in the admin: to look at, without their secrets, and for admins only."""

from __future__ import annotations

from django.contrib import admin

from sdg_project.admin import ReadOnlyAdmin, as_yaml
from sinks.models import Connection


@admin.register(Connection)
class ConnectionAdmin(ReadOnlyAdmin):
    list_display = ("name", "type", "created_by", "updated_at")
    list_filter = ("type",)
    search_fields = ("name",)
    fields = ("name", "type", "as_config", "secrets", "created_by", "created_at", "updated_at")
    readonly_fields = fields

    @admin.display(description="config")
    def as_config(self, connection: Connection) -> str:
        return as_yaml(connection.config)

    @admin.display(description="secrets", empty_value="none")
    def secrets(self, connection: Connection) -> str:
        return ", ".join(connection.secret_names)
