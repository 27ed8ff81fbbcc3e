"""The app of pools."""

from django.apps import AppConfig


class PoolsConfig(AppConfig):
    name = "pools"
    label = "pools"
    default_auto_field = "django.db.models.BigAutoField"
