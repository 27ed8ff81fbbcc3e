"""The web server: waitress, with limits that fit the API."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from waitress.server import create_server

THREADS = 8
CONNECTIONS = 1_000
IDLE_SECONDS = 60


def make_server(application: Any, *, host: str, port: int) -> Any:
    """A server that listens; ``run()`` serves until ``close()``. Port 0 takes a free one, see ``effective_port``.

    Requests are read in full before a thread sees them, so that slow clients hold up nobody; a connection on which
    nothing arrives is closed. What is larger than an upload may be is refused while it is read.
    """
    return create_server(
        application,
        host=host,
        port=port,
        threads=THREADS,
        connection_limit=CONNECTIONS,
        channel_timeout=IDLE_SECONDS,
        cleanup_interval=10,
        max_request_body_size=settings.SDG_UPLOAD_MAX_BYTES,
        ident=None,
        clear_untrusted_proxy_headers=False,  # `TrustedProxies` does that, and knows whom we trust
    )
