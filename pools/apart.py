"""Loading apart: what anybody may have written or sends is read by a process of its own, which may die of it.

Run as ``python -m pools.apart FOLDER LIMITS``: reads a definition from standard input, writes the table into the folder
and tells on standard output, a JSON object a line, how far it is and what came of it.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from dataclasses import asdict
from ipaddress import ip_network
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Any

from engine.issues import Issue, issue_from_json
from pools.arrow_map import map_table
from pools.definition import PoolDefinition, read_pool
from pools.files.options import Progress, unseen
from pools.loading import Loaded, load
from pools.snapshot import write_snapshot
from sdg_project.errors import Invalid, SdgError, Unavailable
from sdg_project.hosts import ControlDatabase, HostPolicy
from sdg_project.parent import die_with
from sinks.connections.base import ConnectionKind, connection_kinds
from sinks.connections.directory import register_finder

_BASE_BYTES = 2 * 2**30
_BYTES_PER_BYTE = 10
"""What the libraries reserve at their start, and what reading takes for each byte that a pool may hold."""
_TABLE = "table.arrow"
_THREADS = "2"
_children: set[subprocess.Popen[bytes]] = set()
_ending = threading.Event()


def load_apart(definition: PoolDefinition, *, base: Path, progress: Progress = unseen) -> Loaded:
    """As `load`; what is foreign is read by a child with limits of memory, of processor time and of time.

    Raises Invalid also when the child needs more than that, or dies.
    """
    if not definition.source.is_foreign:
        return load(definition, base=base, progress=progress)
    base.mkdir(parents=True, exist_ok=True)
    limits, connection = definition.shape.limits, definition.source.connection()
    memory, seconds = _BASE_BYTES + _BYTES_PER_BYTE * limits.max_bytes, definition.source.most_seconds(limits)
    with TemporaryDirectory(dir=base, prefix="loading-") as folder:
        order = {
            "document": dict(definition.document),
            "base": str(base),
            "memory": memory,
            "seconds": seconds,
            "connection": None if connection is None else _written_out(connection),
        }
        child = subprocess.Popen(  # noqa: S603  # our own module
            [sys.executable, "-m", "pools.apart", folder, str(os.getpid())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "POLARS_MAX_THREADS": _THREADS, "PYTHONPATH": os.pathsep.join(sys.path)},
            cwd=folder,
        )
        _children.add(child)
        watch = threading.Timer(2 * seconds, child.kill)  # it may also wait instead of working
        watch.start()
        try:
            outcome = _converse(child, order, progress)
        finally:
            watch.cancel()
            child.kill()
            child.wait()
            _children.discard(child)
        if _ending.is_set() and not outcome:
            raise SdgError("the source was not read to its end, because this process ends")
        if "issues" in outcome:
            raise Invalid([issue_from_json(issue) for issue in outcome["issues"]])
        if "unavailable" in outcome:
            raise Unavailable(**outcome["unavailable"])
        if "loaded" not in outcome:
            raise Invalid([_death(child.returncode, memory, seconds)])
        return Loaded(map_table(Path(folder) / _TABLE), **outcome["loaded"])


def end_loads() -> None:
    """Kill the children at work, because this process ends: the pools keep what they have."""
    _ending.set()
    for child in list(_children):
        child.kill()


def _converse(child: subprocess.Popen[bytes], order: Mapping[str, Any], progress: Progress) -> dict[str, Any]:
    """What came of it, as the child has said it; nothing when it has died before."""
    assert child.stdin is not None  # noqa: S101  # both are pipes
    assert child.stdout is not None  # noqa: S101
    outcome: dict[str, Any] = {}
    try:
        child.stdin.write(json.dumps(order).encode())
        child.stdin.close()
    except BrokenPipeError:  # it has died already
        return outcome
    for line in child.stdout:
        said = json.loads(line)
        if "progress" in said:
            progress(*said["progress"])
        else:
            outcome = said
    child.wait()
    return outcome


def _written_out(connection: ConnectionKind[Any]) -> dict[str, Any]:
    """A connection with its secrets, for the child, which looks nothing up: it goes through a pipe and nowhere else."""
    policy = connection.policy
    return {
        "type": connection.kind,
        "config": connection.config.model_dump(mode="json", by_alias=True),
        "secrets": dict(connection.secrets),
        "is_production": policy.is_production,
        "networks": [str(network) for network in policy.networks],
        "control": None if policy.control is None else asdict(policy.control),
    }


def _death(code: int, memory: int, seconds: int) -> Issue:
    """Why there is no outcome."""
    if -code in {signal.SIGXCPU, signal.SIGKILL}:
        message = f"reading the source took longer than {seconds} s, or more memory than there is"
    else:
        message = f"reading the source took more than {memory:,} bytes of memory, or the reader failed in it"
    return Issue("POOL_TOO_LARGE", "/source", message, "is it damaged? else take less of it")


# The child.


def main(folder: Path, parent: int, orders: IO[str], answers: IO[str]) -> None:
    """Load the ordered definition within its limits."""
    die_with(parent)
    order = json.load(orders)
    for kind, limit in (
        (resource.RLIMIT_AS, order["memory"]),
        (resource.RLIMIT_CPU, order["seconds"]),
        (resource.RLIMIT_FSIZE, order["memory"]),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(kind, (limit, limit))

    if order["connection"] is not None:
        connection = _read_back(order["connection"])
        register_finder(lambda _: connection)

    def tell(**said: Any) -> None:
        answers.write(json.dumps(said) + "\n")
        answers.flush()

    try:
        loaded = load(
            read_pool(order["document"]),
            base=Path(order["base"]),
            progress=lambda rows, bytes_: tell(progress=[rows, bytes_]),
        )
    except Invalid as error:
        tell(issues=[issue.as_json() for issue in error.issues])
        return
    except Unavailable as error:
        tell(unavailable={"code": error.code, "message": str(error), "hint": error.hint})
        return
    write_snapshot(loaded.records, folder / _TABLE)
    tell(
        loaded={"columns": loaded.columns, "source_row_count": loaded.source_row_count, "notes": loaded.notes},
    )


def _read_back(given: Mapping[str, Any]) -> ConnectionKind[Any]:
    kind = connection_kinds[given["type"]]
    control = None if given["control"] is None else ControlDatabase(**given["control"])
    policy = HostPolicy(given["is_production"], tuple(map(ip_network, given["networks"])), control=control)
    return kind(kind.Config.model_validate(given["config"]), given["secrets"], policy=policy)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), sys.stdin, sys.stdout)
