"""Outages: what is raised while the control database cannot be reached, or lets nothing be written."""

from __future__ import annotations

from django.db import InterfaceError, InternalError, OperationalError

AWAY = (OperationalError, InterfaceError, InternalError)
"""Try again later: there is no connection or no room, somebody else was in the way, or, which psycopg counts among the
internal errors, the server takes no writes just now."""
