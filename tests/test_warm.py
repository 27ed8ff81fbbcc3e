"""Processes that start warm: what a test may rely on is as of any other process."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path

from tests.support import warm
from tests.support.sdg import Sdg

_TELL = """
import json, os, sys
print(json.dumps([os.getpid(), os.getcwd(), sys.argv, os.environ["SDG_HOME"], sys.stdin.read(), sys.modules.keys() & {
    "sdg_project.settings", "generators.models"} == set()]))
print("ü", file=sys.stderr)
sys.exit(7)
"""


def started(folder: Path, code: str, *arguments: str, **variables: str) -> subprocess.Popen[str]:
    pipe = subprocess.PIPE
    environment = Sdg.at(folder, **variables).environment
    return warm.python(code, *arguments, cwd=folder, env=environment, stdin=pipe, stdout=pipe, stderr=pipe)


def test_a_forked_process_has_what_it_is_given_and_no_settings_of_another(tmp_path: Path) -> None:
    process = started(tmp_path, _TELL, "a b", "-c")
    out, err = process.communicate("said\n", timeout=60)

    told = [process.pid, str(tmp_path), ["-c", "a b", "-c"], str(tmp_path / "home"), "said\n", True]
    assert isinstance(process, warm.Forked)
    assert process.pid != os.getpid()
    assert (json.loads(out), err, process.returncode) == (told, "ü\n", 7)


def test_it_ends_as_others_do(tmp_path: Path) -> None:
    ends = {
        "pass": (0, ""),
        "import sys; sys.exit('why')": (1, "why\n"),
        "import atexit, sys; atexit.register(print, 'last', file=sys.stderr)": (0, "last\n"),
        "import os, signal; os.kill(os.getpid(), signal.SIGKILL)": (-signal.SIGKILL, ""),
    }

    for code, expected in ends.items():
        process = started(tmp_path, code)
        _, err = process.communicate(timeout=60)
        assert (process.returncode, err) == expected

    process = started(tmp_path, "1 / 0")
    assert "ZeroDivisionError" in process.communicate(timeout=60)[1]
    assert process.returncode == 1


def test_several_run_side_by_side_and_are_killed_one_by_one(tmp_path: Path) -> None:
    waiting = [started(tmp_path, "import sys; print(sys.stdin.readline())") for _ in range(3)]

    waiting[1].kill()

    assert waiting[1].wait(60) == -signal.SIGKILL
    assert [one.poll() for one in (waiting[0], waiting[2])] == [None, None]
    assert [one.communicate("on\n", timeout=60)[0] for one in (waiting[0], waiting[2])] == ["on\n\n"] * 2


def test_what_the_interpreter_reads_when_it_starts_is_not_lost(tmp_path: Path) -> None:
    code = "print(hash('a'))"

    found = [started(tmp_path, code, PYTHONHASHSEED=seed).communicate(timeout=60)[0] for seed in ("1", "1", "2")]

    assert found[0] == found[1] != found[2]
