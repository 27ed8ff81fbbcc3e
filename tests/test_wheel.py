"""`pip install` of the wheel gives a working `sdg`: it holds code, data and bundles, and nothing of the tests."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

from tests.support.sdg import ROOT


def test_an_installed_wheel_runs_the_demo(tmp_path: Path) -> None:
    _run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", tmp_path, cwd=ROOT)
    [wheel] = tmp_path.glob("*.whl")
    environment = tmp_path / "venv"
    _run(sys.executable, "-m", "venv", "--without-pip", environment, cwd=tmp_path)
    python = environment / "bin" / "python"
    _run(
        sys.executable,
        "-m",
        "pip",
        "--python",
        python,
        "install",
        "--quiet",
        "--no-deps",
        "--no-index",
        wheel,
        cwd=tmp_path,
    )
    [site] = environment.glob("lib/python*/site-packages")
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib"))  # installed already, and behind our own

    shown = _run(python, "-c", "import generators; print(generators.__file__)", cwd=tmp_path)
    templates = _run(environment / "bin" / "sdg", "templates", cwd=tmp_path)
    demo = _run(environment / "bin" / "sdg", "demo", "--records", "1000", cwd=tmp_path)

    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    assert shown.startswith(str(site))
    assert "1,000 records" in demo
    assert "shop-orders" in templates
    assert not [name for name in names if name.startswith("tests/")]


def _run(*command: object, cwd: Path) -> str:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("SDG_", "DJANGO_", "PYTHONPATH"))}
    done = subprocess.run(list(map(str, command)), cwd=cwd, env=kept, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout
