"""The app of generators and their runs."""

from __future__ import annotations

from typing import Any

from django.apps import AppConfig


class GeneratorsConfig(AppConfig):
    name = "generators"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from generators.probe import queue_probe, workers_probe
        from pools.sources.base import sources
        from pools.uses import register_finder
        from sdg_project.health import register_probe
        from sinks.uses import register_finder as register_connection_finder

        register_finder(_uses_of_pool, _pins_of_pool)
        register_connection_finder(_uses_of_connection)
        sources.add_module("generators.pool_source")
        register_probe("workers", workers_probe)
        register_probe("queue", queue_probe)


def _uses_of_connection(name: str) -> list[dict[str, str]]:
    from generators.services.catalog import uses_of_connection

    return uses_of_connection(name)


def _uses_of_pool(name: str) -> list[dict[str, Any]]:
    from generators.services.catalog import uses_of_pool  # when it is asked: commands that ask nobody load less

    return uses_of_pool(name)


def _pins_of_pool(name: str) -> set[int]:
    from generators.services.catalog import pins_of_pool

    return pins_of_pool(name)
