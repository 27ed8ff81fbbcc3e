"""Tests that skip themselves fail in CI, and only there."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.sdg import ROOT

SKIPPING = {
    "in the test": "import pytest\ndef test_it():\n    pytest.skip('there is no server')\n",
    "in a fixture": (
        "import pytest\n@pytest.fixture\ndef server():\n    pytest.skip('there is no server')\n"
        "def test_it(server):\n    pass\n"
    ),
    "by a mark": "import pytest\n@pytest.mark.skip(reason='there is no server')\ndef test_it():\n    pass\n",
    "as a module": "import pytest\npytest.skip('there is no server', allow_module_level=True)\n",
}
FINE = "import pytest\ndef test_it():\n    pass\n@pytest.mark.xfail\ndef test_other():\n    assert False\n"


def run(folder: Path, source: str, ci: str) -> tuple[int, str]:
    """The exit code of pytest over one file, and what it says."""
    (folder / "test_one.py").write_text(source, "utf-8")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
    plugins = ("-p", "tests.support.skips", "-p", "no:cacheprovider", "-p", "no:xdist", "-p", "no:django")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-c", os.devnull, *plugins, "--rootdir", folder, folder / "test_one.py"],
        cwd=folder,
        env={**environment, "PYTHONPATH": str(ROOT), "CI": ci},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout


@pytest.mark.parametrize("where", SKIPPING)
def test_a_skipped_test_fails_in_ci_with_its_reason(tmp_path: Path, where: str) -> None:
    code, said = run(tmp_path, SKIPPING[where], "true")

    assert code not in {0, 5}, said
    assert "nothing may be skipped in CI: Skipped: there is no server" in said


@pytest.mark.parametrize("where", SKIPPING)
def test_a_skipped_test_is_none_elsewhere(tmp_path: Path, where: str) -> None:
    code, said = run(tmp_path, SKIPPING[where], "")

    assert code in {0, 5}, said


def test_what_is_not_skipped_stays_as_it_is(tmp_path: Path) -> None:
    assert run(tmp_path, FINE, "true")[0] == 0
