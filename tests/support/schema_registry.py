"""A schema registry for tests: the one in ``SDG_TEST_SCHEMA_REGISTRY``, else an Apicurio that the session shares."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.maven import archive, java
from tests.support.shared_server import shared

VARIABLE = "SDG_TEST_SCHEMA_REGISTRY"
VERSION = "2.6.13.Final"
_START_SECONDS = 120


@dataclass(frozen=True)
class SchemaRegistry:
    """A running registry, at the address of its API."""

    url: str

    @property
    def said(self) -> Mapping[str, Any]:
        return vars(self)


def some_registry() -> SchemaRegistry:
    """The registry that the environment names, else the one that this session shares."""
    if named := os.environ.get(VARIABLE):
        return SchemaRegistry(named)
    return SchemaRegistry(**shared("schema-registry", __name__))


@contextlib.contextmanager
def serve() -> Iterator[SchemaRegistry]:
    """The registry that a session shares, on a free port of 127.0.0.1, its schemas in memory."""
    program = java()
    content = archive("io.apicurio", "apicurio-registry-app", VERSION, form="tar.gz", classifier="all")
    [jar] = content.rglob("apicurio-registry-app-*-runner.jar")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    folder = Path(tempfile.mkdtemp(prefix="sdg-registry-"))
    process = subprocess.Popen(
        [program, "-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-jar", str(jar)],
        cwd=folder,
        env={**os.environ, "QUARKUS_HTTP_HOST": "127.0.0.1", "QUARKUS_HTTP_PORT": str(port)},
        stdin=subprocess.DEVNULL,
    )
    try:
        url = f"http://127.0.0.1:{port}/apis/ccompat/v7"
        deadline = time.monotonic() + _START_SECONDS
        while True:
            with contextlib.suppress(urllib.error.URLError, ConnectionError), urllib.request.urlopen(f"{url}/subjects"):
                break
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("the registry does not start")
            time.sleep(0.1)
        yield SchemaRegistry(url)
    finally:
        process.kill()
        process.wait()
        shutil.rmtree(folder, ignore_errors=True)
