"""The web process: serves API and admin on a socket that its parent has opened. ``python -m sdg_project.web FD``."""

from __future__ import annotations

import signal
import socket
import sys
from typing import Any


def main() -> None:
    """Serve until SIGTERM."""
    from sdg_project.server import make_server
    from sdg_project.wsgi import application

    server = make_server(application, listening=socket.socket(fileno=int(sys.argv[1])))

    def stop(*_: Any) -> None:
        raise SystemExit(0)

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal sends it to all; the parent says when to end
    server.run()


if __name__ == "__main__":
    main()
