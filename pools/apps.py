"""The app of pools."""

from __future__ import annotations

from django.apps import AppConfig


class PoolsConfig(AppConfig):
    name = "pools"
    label = "pools"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from pools.probe import pools_probe
        from sdg_project.health import register_probe
        from sinks.uses import register_finder

        register_finder(_uses_of_connection)
        register_probe("pools", pools_probe)


def _uses_of_connection(name: str) -> list[dict[str, str]]:
    from pools.services import uses_of_connection  # when it is asked: commands that ask nobody load less

    return uses_of_connection(name)
