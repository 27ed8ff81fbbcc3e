"""What a deployment must set, and what is made up in development."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from sdg_project import env
from sdg_project.secret_key import read_or_make

ROOT = Path(__file__).parents[2]
SAFE = {
    "SDG_ENV": "production",
    "SDG_SECRET_KEY": "$HOME" + "k7Zp" * 20,
    "SDG_FIELD_KEYS": "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVowMTIzNDU=",
    "SDG_ALLOWED_HOSTS": "sdg.example.org",
}

NUMBERS = ("SDG_LEASE_SECONDS", "SDG_MAX_LIVE_RUNS", "SDG_RETENTION_DAYS", "SDG_UPLOAD_MAX_BYTES", "SDG_WORKERS")


def _manage(tmp_path: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SDG_")}
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env={**kept, "SDG_HOME": str(tmp_path), "DATABASE_URL": "sqlite://:memory:", **variables},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(autouse=True)
def without_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.startswith("SDG_"):
            monkeypatch.delenv(name)


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("SDG_SECRET_KEY", None, "SDG_SECRET_KEY"),
        ("SDG_SECRET_KEY", "short", "SDG_SECRET_KEY"),
        ("SDG_FIELD_KEYS", None, "SDG_FIELD_KEYS"),
        ("SDG_FIELD_KEYS", "one", "SDG_FIELD_KEYS"),
        ("SDG_ALLOWED_NETS", "10.0.0.0/99", "SDG_ALLOWED_NETS"),
        ("SDG_ALLOWED_HOSTS", None, "SDG_ALLOWED_HOSTS"),
        ("SDG_ALLOWED_HOSTS", "a.example.org,*", "SDG_ALLOWED_HOSTS"),
        ("SDG_CORS_ORIGINS", "*", "SDG_CORS_ORIGINS"),
        ("SDG_TRUSTED_PROXIES", "everybody", "SDG_TRUSTED_PROXIES"),
        ("SDG_ENV", "prod", "SDG_ENV"),
    ],
)
def test_s19_an_unsafe_deployment_is_refused(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str | None, told: str
) -> None:
    for variable, safe in SAFE.items():
        monkeypatch.setenv(variable, safe)
    if value is None:
        monkeypatch.delenv(name)
    else:
        monkeypatch.setenv(name, value)

    assert [told in fault for fault in env.faults()] == [True]


def test_s19_every_command_refuses_in_one_sentence(tmp_path: Path) -> None:
    code = "from sdg_project.cli import main; main(['token', 'list'])"

    done = _manage(tmp_path, "-c", code, SDG_ENV="production")

    assert done.returncode == 2
    assert "SDG_SECRET_KEY" in done.stderr
    assert "SDG_ALLOWED_HOSTS" in done.stderr
    assert "Traceback" not in done.stderr


def test_s19_a_safe_deployment_passes_the_deployment_check(tmp_path: Path) -> None:
    done = _manage(tmp_path, "manage.py", "check", "--deploy", "--fail-level", "WARNING", **SAFE)

    assert done.returncode == 0, done.stderr
    assert not (tmp_path / "secret.key").exists()


def test_s19_a_dollar_in_a_key_is_taken_as_it_is_and_debug_cannot_be_turned_on(tmp_path: Path) -> None:
    code = "from django.conf import settings as s; print(s.SECRET_KEY, s.DEBUG, s.SESSION_COOKIE_SECURE)"

    done = _manage(
        tmp_path, "-c", code, DJANGO_SETTINGS_MODULE="sdg_project.settings", DEBUG="1", SDG_DEBUG="1", **SAFE
    )

    assert done.stdout.split() == [SAFE["SDG_SECRET_KEY"], "False", "True"]


def test_in_development_a_key_is_made_once_for_its_owner_only(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as threads:
        keys = set(threads.map(lambda _: read_or_make(tmp_path / "home"), range(16)))

    assert len(keys) == 1
    assert len(keys.pop()) >= env.MIN_SECRET_LENGTH
    [file] = (tmp_path / "home").iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_looking_at_the_settings_makes_nothing(tmp_path: Path) -> None:
    code = "import django; django.setup()"

    done = _manage(tmp_path / "home", "-c", code, DJANGO_SETTINGS_MODULE="sdg_project.settings")

    assert done.returncode == 0, done.stderr
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_URL", "nonsense"),
        ("DATABASE_URL", "mysql://host/name"),
        ("DATABASE_URL", "postgres://user:pa/ss@host/name"),
        ("DATABASE_URL", "postgres://user:secret@host:port/name"),
        ("DATABASE_URL", "postgres://user:%zz@host/name"),
        ("DATABASE_URL", "postgres://host/name?nonsense=1"),
        ("DATABASE_URL", "postgres://host"),
        ("SDG_ALLOWED_HOSTS", "https://sdg.example.org"),
        ("SDG_CORS_ORIGINS", "sdg.example.org"),
        ("SDG_ENV", "prod"),
        ("SDG_FAILPOINTS", "x=y"),
        ("SDG_LOG_FORMAT", "xml"),
        ("SDG_LOG_LEVEL", "loud"),
        ("SDG_TRUSTED_PROXIES", "everybody"),
        *((name, value) for name in NUMBERS for value in ("0", "-1", "1.5", "many", "٣", "9" * 5_000)),
    ],
)
def test_nonsense_in_a_variable_is_one_short_fault_that_names_it(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.setenv(name, value)
    monkeypatch.delitem(sys.modules, "sdg_project.failpoints")  # which reads its variable when it is imported

    [fault] = env.faults()

    assert fault.startswith(name)
    assert len(fault) < 200


@pytest.mark.parametrize("command", ["runs", "preview"])
def test_faults_end_every_command_with_code_2_and_one_line(tmp_path: Path, command: str) -> None:
    code = f"from sdg_project.cli import main; main(['{command}'])"

    done = _manage(tmp_path, "-c", code, DATABASE_URL="nonsense", SDG_LOG_LEVEL="loud", SDG_FAILPOINTS="x=y")

    assert done.returncode == 2
    assert done.stderr.startswith("sdg: DATABASE_URL")
    assert "SDG_LOG_LEVEL" in done.stderr
    assert "SDG_FAILPOINTS" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("secret", ["geheim", "ge/heim", "ge:heim", "%geheim", "ge heim"])
def test_a_password_in_the_database_url_is_never_repeated(monkeypatch: pytest.MonkeyPatch, secret: str) -> None:
    for rest in ("host:port/name", "[host/name", "host/name?nonsense=1", "host", "127.0.0.1:1/name"):
        monkeypatch.setenv("DATABASE_URL", f"postgres://user:{secret}@{rest}")

        assert "heim" not in " ".join(env.faults())


def test_sqlite_lies_in_the_home_whatever_that_is_called(tmp_path: Path) -> None:
    home = tmp_path / "a#b?c%41 d"

    done = _manage(home, "-c", "from sdg_project.cli import main; main(['runs'])", DATABASE_URL="")

    assert done.returncode == 0, done.stderr
    assert (home / "sdg.sqlite3").exists()


@pytest.mark.parametrize("arguments", [["--host", "0.0.0.0"], ["--host=::"], ["--host", "10.0.0.1"]])
def test_s19_a_host_beyond_this_machine_needs_what_production_needs(tmp_path: Path, arguments: list[str]) -> None:
    code = f"from sdg_project.cli import main; main(['up', '--port', '0', *{arguments!r}])"

    done = _manage(tmp_path, "-c", code)

    assert done.returncode == 2
    for name in ("SDG_SECRET_KEY", "SDG_FIELD_KEYS", "SDG_ALLOWED_HOSTS"):
        assert name in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "sdg.sqlite3").exists()


@pytest.mark.parametrize(("host", "mode"), [("127.0.0.1", "False"), ("localhost", "False"), ("0.0.0.0", "True")])
def test_s19_the_mode_follows_the_host(tmp_path: Path, host: str, mode: str) -> None:
    code = f"""
import sdg_project.cli as cli
class Command:
    def run_from_argv(self, argv):
        from sdg_project import env
        from django.conf import settings
        print(env.is_production(), settings.SESSION_COOKIE_SECURE)
real = cli._load
def load(name):
    real(name)
    return type("Module", (), dict(Command=Command))
cli._load = load
cli.main(["up", "--host", "{host}"])
"""

    done = _manage(tmp_path, "-c", code, **{name: value for name, value in SAFE.items() if name != "SDG_ENV"})

    assert done.stdout.split() == [mode, mode], done.stderr


def test_origins_proxies_and_the_log_level_are_set_by_variables(tmp_path: Path) -> None:
    code = """
import logging, django
django.setup()
from django.conf import settings as s
print(s.CORS_ALLOWED_ORIGINS, s.SDG_TRUSTED_PROXIES, logging.getLevelName(logging.getLogger().level), sep="|")
"""
    variables = {
        "SDG_CORS_ORIGINS": "https://ui.example.org, https://b.example.org",
        "SDG_TRUSTED_PROXIES": "10.0.0.0/8",
        "SDG_LOG_LEVEL": "debug",
    }

    usual, given = (
        _manage(tmp_path, "-c", code, DJANGO_SETTINGS_MODULE="sdg_project.settings", **one) for one in ({}, variables)
    )

    assert usual.stdout.strip() == "[]|[]|WARNING", usual.stderr
    assert given.stdout.strip() == (
        "['https://ui.example.org', 'https://b.example.org']|[IPv4Network('10.0.0.0/8')]|DEBUG"
    ), given.stderr
