"""`pip install .` gives a working `sdg`: the wheel holds code, data and bundles, and nothing of the tests."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

from tests.support.sdg import ROOT


def test_an_installed_wheel_runs_the_demo(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    [wheel] = tmp_path.glob("*.whl")
    site = tmp_path / "site"
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        archive.extractall(site)
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("SDG_", "DJANGO_"))}
    environment |= {"PYTHONPATH": str(site), "SDG_HOME": str(tmp_path / "home")}

    program = "import generators; print(generators.__file__); from sdg_project.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", program, "demo", "--records", "1000"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[0].startswith(str(site))
    assert "1,000 records" in done.stdout
    assert not [name for name in names if name.startswith("tests/")]
