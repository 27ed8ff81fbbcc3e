"""What the README shows is what happens: its commands are run, and what it says that they print is compared."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.sdg import ROOT, Sdg
from tests.support.service import Service

README = (ROOT / "README.md").read_text(encoding="utf-8")
_TIMES = re.compile(r"in [\d.,]+ s \([\d,]+ records/s\)")


def block(title: str) -> list[tuple[str, list[str]]]:
    """The commands of the console under a title, each with the lines that are shown below it."""
    section = README.split(f"## {title}\n", 1)[1].split("\n## ", 1)[0]
    [lines] = [found.splitlines() for found in re.findall(r"```console\n(.*?)```", section, re.DOTALL)]
    steps: list[tuple[str, list[str]]] = []
    for line in lines:
        if line.startswith("$ "):
            steps.append((line[2:], []))
        elif line.startswith("> "):
            steps[-1] = (f"{steps[-1][0]}\n{line[2:]}", [])
        else:
            steps[-1][1].append(line)
    return steps


def said(sdg: Sdg, steps: list[tuple[str, list[str]]]) -> list[str]:
    """What each command prints, all in one shell."""
    marked = "".join(f"{command}\necho; echo '<<<>>>'\n" for command, _ in steps)
    call = f"{sys.executable} -c 'from sdg_project.cli import main; main()'"
    script = f'set -eo pipefail\nsdg() {{ {call} "$@"; }}\n{marked}'
    done = subprocess.run(
        ["bash", "-c", f"exec 2>&1\n{script}"],
        cwd=sdg.folder,
        env={**sdg.environment, "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout.split("<<<>>>\n")[:-1]


def assert_shown(steps: list[tuple[str, list[str]]], outputs: list[str]) -> None:
    for (command, lines), output in zip(steps, outputs, strict=True):
        printed = [_TIMES.sub("", line).rstrip() for line in output.splitlines()]
        for line in lines:
            begin = _TIMES.sub("", line).split("…")[0].rstrip()
            assert any(other.startswith(begin) for other in printed), (command, line, output)


def test_file_in_file_out(sdg: Sdg) -> None:
    steps = block("File in, file out")

    assert len(steps) == 3
    assert_shown(steps, said(sdg, steps))


def test_a_service(tmp_path: Path) -> None:
    with Service.at(tmp_path, SDG_HOME=str(tmp_path / "sdg-data")) as service:
        steps = [
            (command.replace("http://127.0.0.1:50032", service.address), lines) for command, lines in block("A service")
        ]
        outputs = said(service.sdg, steps)

    assert len(steps) > 8
    assert_shown(steps, outputs)


@pytest.mark.parametrize("target", ["demo", "up", "bench"])
def test_make_has_what_it_names(target: str) -> None:
    help_text = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout

    assert f"make {target}" in README
    assert f"make {target} " in help_text


def test_it_is_short() -> None:
    assert len(README.splitlines()) < 150
