"""Java programs for tests, fetched by Maven once and kept below the user's cache."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

_COPY = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1"
_FETCH_SECONDS = 600
_POM = """<project xmlns="http://maven.apache.org/POM/4.0.0">
<modelVersion>4.0.0</modelVersion><groupId>tests</groupId><artifactId>tests</artifactId><version>1</version>
<dependencies><dependency>
<groupId>{group}</groupId><artifactId>{artifact}</artifactId><version>{version}</version>
</dependency></dependencies></project>
"""


def libraries(group: str, artifact: str, version: str) -> Path:
    """A folder with the library and all that it needs."""

    def fetch(folder: Path) -> None:
        (folder / "pom.xml").write_text(_POM.format(group=group, artifact=artifact, version=version))
        _maven(f"{_COPY}:copy-dependencies", f"-DoutputDirectory={folder / 'lib'}", folder=folder)

    return _kept(f"{artifact}-{version}", fetch) / "lib"


def archive(group: str, artifact: str, version: str, *, form: str, classifier: str) -> Path:
    """A folder with what an archive holds."""

    def fetch(folder: Path) -> None:
        coordinates = f"{group}:{artifact}:{version}:{form}:{classifier}"
        _maven(f"{_COPY}:copy", f"-Dartifact={coordinates}", f"-DoutputDirectory={folder / 'packed'}", folder=folder)
        [packed] = (folder / "packed").iterdir()
        with tarfile.open(packed) as file:
            file.extractall(folder, filter="data")
        shutil.rmtree(folder / "packed")

    return _kept(f"{artifact}-{version}", fetch)


def java() -> str:
    """The path of the Java program; skips the test when there is none, which fails it in CI."""
    return _program("java", "default-jre-headless")


def _kept(name: str, fetch: Callable[[Path], None]) -> Path:
    """The folder of a name in the cache, there whole or not at all, whoever else wants it at the same time."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "sdg-tests"
    cache.mkdir(parents=True, exist_ok=True)
    with locked(cache / f"{name}.lock"):
        if not (cache / name).exists():
            folder = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=cache))
            try:
                fetch(folder)
                folder.rename(cache / name)
            except BaseException:
                shutil.rmtree(folder, ignore_errors=True)
                raise
    return cache / name


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Only one process at a time is within it."""
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _maven(*arguments: str, folder: Path) -> None:
    command = [_program("mvn", "maven"), "--quiet", "--batch-mode", *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=_FETCH_SECONDS, check=False)
    if done.returncode:
        raise RuntimeError(f"Maven fetches nothing: {done.stdout[-2000:]}{done.stderr[-2000:]}")


def _program(name: str, package: str) -> str:
    if found := shutil.which(name):
        return found
    pytest.skip(f"there is no {name}: apt-get install {package}")
