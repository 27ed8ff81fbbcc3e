"""`python -c CODE …` without the second that importing takes: each is forked from a process that has imported all.

What is forked is a process like any other: it has its own number, environment, folder and streams, sets Django up
by itself, and can be killed. Only the seed of its hashes it has in common with its siblings. The server computes
nothing before it forks: a fork of a process in which polars has started its threads would hang.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import json
import os
import select
import selectors
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
_READ_AT_START = ("PYTHON", "LANG", "LC_", "LD_")
"""What the variables are called that the interpreter reads when it starts."""
_MOST_BYTES = 2**17
_MODULES = (
    "django.contrib.admin",
    "django.core.management.commands.migrate",
    "django.db.backends.postgresql.base",
    "django.db.backends.sqlite3.base",
    "generators.definition",
    "generators.examination",
    "generators.plan",
    "generators.runs.runner",
    "pools.snapshot",
    "pools.sources",
    "ruamel.yaml",
    "scipy.special",
    "sdg_project.cli",
    "sdg_project.failpoints",
)
"""What takes long to import and reads neither Django's settings nor, for good, the environment."""


def python(code: str, *arguments: str, cwd: Path, env: Mapping[str, str], **streams: Any) -> subprocess.Popen[str]:
    """Start ``python -c code arguments``: warm, unless a variable differs that the interpreter reads at its start."""
    command = [sys.executable, "-c", code, *arguments]
    is_warm = _read_at_start(env) == _read_at_start(_surroundings())
    return (Forked if is_warm else subprocess.Popen)(command, cwd=cwd, env=env, text=True, **streams)


class Forked(subprocess.Popen[str]):
    """A process that the server has forked; the methods with an underscore stand in for those that start and wait."""

    def _execute_child(self, args: Any, _executable: Any, *rest: Any) -> None:
        _, _, _, cwd, env, _, _, _, p2cread, p2cwrite, c2pread, c2pwrite, errread, errwrite, *_ = rest
        streams = [number if stream == -1 else stream for number, stream in enumerate((p2cread, c2pwrite, errwrite))]
        self._ending, told = socket.socketpair()
        request = json.dumps({"command": args[1:], "folder": str(cwd), "environment": dict(env)}).encode()
        try:
            with told:
                socket.send_fds(_server(), [request], [*streams, told.fileno()])
        finally:
            self._close_pipe_fds(p2cread, p2cwrite, c2pread, c2pwrite, errread, errwrite)  # type: ignore[attr-defined]
        self.pid = int(self._ending.recv(64))
        self._child_created = True

    def _wait(self, timeout: float | None) -> int:
        if self.returncode is None:
            ending = select.poll()  # select() knows no numbers above 1,023
            ending.register(self._ending, select.POLLIN)
            if not ending.poll(None if timeout is None else timeout * 1000):
                raise subprocess.TimeoutExpired(self.args, timeout or 0)
            self.returncode = int(self._ending.recv(64))
            self._ending.close()
        return self.returncode

    def _internal_poll(self, _deadstate: Any = None) -> int | None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._wait(0)
        return self.returncode


def _read_at_start(environment: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if name.startswith(_READ_AT_START)}


def _surroundings() -> dict[str, str]:
    """The environment of the server."""
    return os.environ | {"PYTHONPATH": str(ROOT)}


@cache
def _server() -> socket.socket:
    """What the server listens to; it ends when this is closed, with us."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        command = [sys.executable, "-m", __name__, str(theirs.fileno())]
        kept = {name: value for name, value in _surroundings().items() if not name.startswith(("SDG_", "DJANGO_"))}
        server = subprocess.Popen(command, cwd=ROOT, env=kept, pass_fds=[theirs.fileno()])
    atexit.register(server.wait)
    atexit.register(ours.close)
    return ours


# The server.


def _serve(requests: socket.socket) -> dict[str, Any]:
    """Fork for each request and say how that has ended; returns in the forked process, with what it is to be."""
    with requests, selectors.DefaultSelector() as selector:
        selector.register(requests, selectors.EVENT_READ)
        children: dict[int, tuple[int, int]] = {}  # by what becomes readable when a child ends: it, and whom to tell
        while True:
            for key, _ in selector.select():
                if key.fd in children:
                    selector.unregister(key.fd)
                    pid, told = children.pop(key.fd)
                    _, status = os.waitpid(pid, 0)
                    with contextlib.suppress(BrokenPipeError):  # nobody waits for it
                        os.write(told, str(os.waitstatus_to_exitcode(status)).encode())
                    _close(key.fd, told)
                    continue
                content, files, _, _ = socket.recv_fds(requests, _MOST_BYTES, 4)
                if not content:
                    sys.exit()
                *streams, told = files
                pid = os.fork()
                if pid == 0:
                    for number, stream in enumerate(streams):
                        os.dup2(stream, number)
                    _close(*files, *children, *(to for _, to in children.values()))
                    request: dict[str, Any] = json.loads(content)
                    return request
                _close(*streams)
                os.write(told, str(pid).encode())
                ended = os.pidfd_open(pid)
                children[ended] = pid, told
                selector.register(ended, selectors.EVENT_READ)


def _close(*files: int) -> None:
    for file in files:
        os.close(file)


def _become(command: list[str], folder: str, environment: dict[str, str]) -> None:
    """Be the process of the command ``-c code arguments``."""
    from sdg_project.failpoints import set_failpoints

    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    time.tzset()
    set_failpoints(environment.get("SDG_FAILPOINTS", ""))
    signal.signal(signal.SIGINT, signal.default_int_handler)
    _, code, *arguments = command
    sys.argv[:] = ["-c", *arguments]
    sys.path[0] = ""
    main = sys.modules["__main__"] = ModuleType("__main__")
    try:
        exec(compile(code, "<string>", "exec"), main.__dict__)
    except SystemExit as end:
        if not isinstance(end.code, int | None):
            raise
        # What follows is what the interpreter does in the end, but for taking a hundred thousand objects apart.
        threading._shutdown()  # type: ignore[attr-defined]
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(end.code or 0)


def _import() -> None:
    for name in _MODULES:
        import_module(name)
    from generators.fields.base import field_types
    from pools.builtin.base import builtin_pools
    from sinks.destinations.base import destinations
    from sinks.encoding.base import encoders

    for kinds in (field_types, builtin_pools, destinations, encoders):
        list(kinds)  # imports them
    gc.collect()
    gc.freeze()


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # of the terminal: it ends with the tests, not before
    _import()
    _become(**_serve(socket.socket(fileno=int(sys.argv[1]))))
