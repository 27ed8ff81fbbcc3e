"""The ground as a Django app: tokens, answers that are repeated, and the commands around them."""

from __future__ import annotations

from django.apps import AppConfig


class GroundConfig(AppConfig):
    name = "sdg_project"
    label = "ground"
    verbose_name = "Access"
    default_auto_field = "django.db.models.BigAutoField"
