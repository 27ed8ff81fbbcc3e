"""The web server: waitress, with limits that fit the API."""

from __future__ import annotations

import socket
from typing import Any

from django.conf import settings
from waitress.server import create_server

THREADS = 8
CONNECTIONS = 1_000
IDLE_SECONDS = 60


def listen(host: str, port: int) -> socket.socket:
    """A socket that takes connections; port 0 takes a free one. Raises OSError when the port is in use."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
        listening.listen(CONNECTIONS)
    except BaseException:
        listening.close()
        raise
    return listening


def make_server(application: Any, *, listening: socket.socket) -> Any:
    """A server on a socket of `listen`; ``run()`` serves until ``close()``.

    Requests are read in full before a thread sees them, so that slow clients hold up nobody; a connection on which
    nothing arrives is closed. What is larger than an upload may be is refused while it is read.
    """
    return create_server(
        application,
        sockets=[listening],
        threads=THREADS,
        connection_limit=CONNECTIONS,
        channel_timeout=IDLE_SECONDS,
        cleanup_interval=10,
        max_request_body_size=settings.SDG_UPLOAD_MAX_BYTES,
        ident=None,
        clear_untrusted_proxy_headers=False,  # `TrustedProxies` does that, and knows whom we trust
    )
