"""The admin's plain pages: what only services may change is there to look at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.html import format_html

from sdg_project.models import ApiToken, KeptAnswer
from sdg_project.yaml_writer import write_yaml

if TYPE_CHECKING:
    ModelAdmin = admin.ModelAdmin[Any]
else:  # which at run time takes no type
    ModelAdmin = admin.ModelAdmin


class ReadOnlyAdmin(ModelAdmin):
    """Shows a model; a form would go around the rules of its services."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


def as_yaml(value: Any) -> str:
    """A value of JSON as people read it; everything in it is text."""
    return format_html("<pre>{}</pre>", write_yaml(value))


@admin.register(ApiToken)
class ApiTokenAdmin(ReadOnlyAdmin):
    list_display = ("id", "user", "created_at", "expires_at", "revoked_at")
    exclude = ("digest",)


@admin.register(KeptAnswer)
class KeptAnswerAdmin(ReadOnlyAdmin):
    list_display = ("key", "user", "status", "created_at")
    exclude = ("body",)
