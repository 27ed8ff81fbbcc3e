"""`sdg`: the command line. Lists the commands at once and loads only the one that is asked for."""

from __future__ import annotations

import errno
import gc
import itertools
import os
import sys
from collections.abc import Sequence
from difflib import get_close_matches
from importlib import import_module
from typing import Any, NoReturn

COMMANDS: dict[str, tuple[str, str]] = {
    "demo": ("generators", "make a million orders with what is built in, and look at them"),
    "up": ("generators", "serve the API and the admin, with workers that make the records"),
    "worker": ("generators", "work on the runs of a service, from this machine or another one"),
    "init": ("generators", "write a small commented definition to start from"),
    "templates": ("generators", "list the definitions that come with SDG, and print one to start from"),
    "run": ("generators", "make a definition's records, or go on with a run that was interrupted"),
    "runs": ("generators", "list the runs, or remove old ones"),
    "seed": ("generators", "let the service's workers make the records of a stored generator"),
    "preview": ("generators", "show any records of a definition without writing them anywhere"),
    "validate": ("generators", "say everything that is wrong with a definition"),
    "functions": ("generators", "list what formulas can do, with an example of each"),
    "schema": ("generators", "print the JSON Schema of a definition, for editors"),
    "pool": ("pools", "add, list, show, refresh and remove pools of values"),
    "connection": ("sinks", "add, test, list and remove stored connections"),
    "sandbox": ("sinks", "start a server to write to, on this machine and in memory"),
    "export": ("generators", "write stored generators and pools as a bundle"),
    "import": ("generators", "store the generators and pools of a bundle"),
    "token": ("sdg_project", "create, list and revoke tokens that open the API"),
    "user": ("sdg_project", "create people who log in to the admin"),
    "openapi": ("sdg_project", "print the OpenAPI document of the API"),
    "config": ("sdg_project", "list the variables of the environment that count, with their values"),
    "doctor": ("generators", "look whether everything is as it should be, and say what to do where it is not"),
}
"""Name → the app whose management command it is, and a summary."""


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run one command and exit with its code; 130 when Ctrl-C ended it, 0 when who reads its output has seen enough."""
    code: Any = 0
    try:
        _run(arguments)
    except SystemExit as end:
        code = end.code
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)  # noqa: T201
        code = 130
    except BrokenPipeError:
        pass
    except OSError as error:
        code = _no_room(error)
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError as error:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())  # or the interpreter would try again, and fail
            if not isinstance(error, BrokenPipeError):
                code = _no_room(error)
    sys.exit(code)


def _no_room(error: OSError) -> int:
    """Say that what is written finds no room, and give the exit code; another error is raised again."""
    if error.errno not in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}:
        raise error
    print(f"sdg: the output cannot be written: {error.strerror}", file=sys.stderr)  # noqa: T201
    return 3


def _run(arguments: Sequence[str] | None) -> None:
    given = list(sys.argv[1:] if arguments is None else arguments)
    name = given[0] if given else "--help"
    if name in {"-h", "--help", "help"}:
        print(_help())  # noqa: T201
    elif name == "--version":
        from importlib.metadata import version

        print(f"sdg {version('sdg')}")  # noqa: T201
    elif name in COMMANDS:
        if name == "up" and not _is_local(given):
            os.environ["SDG_ENV"] = "production"  # before the settings are read: strangers can reach it
        _load(name).Command().run_from_argv(["sdg", *given])
    else:
        close = get_close_matches(name, COMMANDS, n=1)
        hint = f', did you mean "{close[0]}"?' if close else ""
        print(f"sdg: there is no command {name!r}{hint}\n  sdg --help lists them", file=sys.stderr)  # noqa: T201
        sys.exit(2)


def _is_local(given: Sequence[str]) -> bool:
    """Whether ``--host`` lets only this machine in."""
    hosts = [following for flag, following in itertools.pairwise(given) if flag == "--host"]
    hosts += [word.partition("=")[2] for word in given if word.startswith("--host=")]
    return all(host in {"localhost", "::1"} or host.startswith("127.") for host in hosts)


def _load(name: str) -> Any:
    """The module of a command, with Django ready around it."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "sdg_project.settings")
    gc.disable()  # importing makes a hundred thousand objects that stay: a tenth of the start is looking through them
    import django
    from django.core.exceptions import ImproperlyConfigured

    try:
        django.setup()
    except ImproperlyConfigured as error:
        print(f"sdg: {error}", file=sys.stderr)  # noqa: T201
        sys.exit(2)
    app, _ = COMMANDS[name]
    module = import_module(f"{app}.management.commands.{name}")
    gc.freeze()
    gc.enable()
    return module


def _help() -> str:
    width = max(map(len, COMMANDS))
    commands = "\n".join(f"  {name:{width}}  {summary}" for name, (_, summary) in COMMANDS.items())
    return (
        "usage: sdg COMMAND [options]\n\n"
        "Makes realistic, related, reproducible records from a definition of their fields.\n\n"
        f"commands:\n{commands}\n\n"
        "options:\n  --help     this text; sdg COMMAND --help for a command's own, with an example\n"
        "  --version  the version\n\n"
        "example:\n  sdg init orders.yaml && sdg run orders.yaml --to orders.jsonl"
    )
