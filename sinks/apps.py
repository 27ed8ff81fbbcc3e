"""The app of destinations and connections."""

from __future__ import annotations

from typing import Any

from django.apps import AppConfig


class SinksConfig(AppConfig):
    name = "sinks"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from sinks.connections.directory import register_finder

        register_finder(_stored)


def _stored(name: str) -> Any:
    from sinks.services import open_connection  # when it is asked: commands that ask nobody load less

    return open_connection(name)
