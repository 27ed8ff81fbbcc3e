"""The app of pools."""

from django.apps import AppConfig


class PoolsConfig(AppConfig):
    name = "pools"
    label = "pools"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from pools.probe import pools_probe
        from sdg_project.health import register_probe

        register_probe("pools", pools_probe)
