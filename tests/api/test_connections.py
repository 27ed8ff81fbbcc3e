"""Stored connections over HTTP: who sees what, how secrets are kept, and that they show up nowhere."""

from __future__ import annotations

import base64
import json
import logging
import os
import time
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.apps import apps
from django.db import connection as database
from django.test import Client

from sdg_project.errors import Conflict
from sdg_project.openapi import api_document
from sdg_project.variables import HIDDEN
from sinks import services
from sinks.models import Connection
from sinks.uses import _finders
from tests.support.api import Caller, assert_problem
from tests.support.connections import CANARY, connection

URL = "/connections/refdata"


def test_a_connection_is_stored_shown_changed_and_removed(admin: Caller) -> None:
    response = admin.post("/connections", connection())

    assert response.status_code == 201, response.content
    made = response.json()
    assert made["config"] == connection()["config"]
    assert made["secrets"] == {"password": HIDDEN}
    assert (made["createdBy"], made["usedBy"]) == ("test-admin", [])
    assert admin.get("/connections").json() == [made]
    assert admin.get("/connections/REFDATA").json() == made
    changed = {key: part for key, part in connection(database="other").items() if key != "secrets"}
    assert admin.put(URL, changed).json()["config"]["database"] == "other"
    assert admin.delete(URL).status_code == 200
    assert_problem(admin.get(URL), 404, "NOT_FOUND")


@pytest.mark.parametrize("role", ["viewer", "operator", "editor"])
def test_others_than_admins_see_names_and_types_only(admin: Caller, role: str, request: Any) -> None:
    admin.post("/connections", connection())
    caller: Caller = request.getfixturevalue(role)

    assert caller.get("/connections").json() == [{"name": "refdata", "type": "POSTGRES"}]
    assert caller.get(URL).json() == {"name": "refdata", "type": "POSTGRES"}
    assert_problem(caller.post("/connections", connection("other")), 403)
    assert_problem(caller.put(URL, connection()), 403)
    assert_problem(caller.delete(URL), 403)
    assert_problem(caller.post(f"{URL}/test"), 403)


def test_a_name_is_taken_without_regard_to_case(admin: Caller) -> None:
    admin.post("/connections", connection())

    assert_problem(admin.post("/connections", connection("REFDATA")), 409, "NAME_TAKEN")


def test_an_answer_can_be_sent_back_and_keeps_the_secret(admin: Caller) -> None:
    made = admin.post("/connections", connection()).json()

    again = admin.put(URL, made)

    assert again.status_code == 200, again.content
    assert services.open_connection("refdata").secrets == {"password": CANARY}


def test_a_secret_that_is_left_out_is_deleted(admin: Caller) -> None:
    admin.post("/connections", connection())

    assert admin.put(URL, connection(password=None)).json()["secrets"] == {}
    assert services.open_connection("refdata").secrets == {}


@pytest.mark.parametrize(
    "change", [{"host": "192.0.2.8"}, {"port": 5433}, {"user": "root"}, {"tls": "DISABLE"}], ids=str
)
def test_s7_a_kept_secret_is_told_to_nobody_else(admin: Caller, change: dict[str, Any]) -> None:
    made = admin.post("/connections", connection()).json()

    problem = assert_problem(admin.put(URL, {**made, "config": {**made["config"], **change}}), 400, "SECRET_REQUIRED")

    assert [issue["path"] for issue in problem["errors"]] == ["/secrets/password"]
    assert next(iter(change)) in problem["detail"]
    assert admin.get(URL).json() == made
    sent = {**made, "config": {**made["config"], **change}, "secrets": {"password": "new"}}
    assert admin.put(URL, sent).status_code == 200


def test_s7_what_is_the_default_is_no_change(admin: Caller) -> None:
    made = admin.post("/connections", connection()).json()

    told = {**made["config"], "port": 5432, "tls": "PREFER", "database": "another"}

    assert admin.put(URL, {**made, "config": told}).status_code == 200


def test_there_must_be_a_secret_to_keep(admin: Caller) -> None:
    assert_problem(admin.post("/connections", connection(password=HIDDEN)), 400, "SECRET_REQUIRED")
    admin.post("/connections", connection(password=None))
    assert_problem(admin.put(URL, connection(password=HIDDEN)), 400, "SECRET_REQUIRED")


@pytest.mark.parametrize(
    ("config", "path"),
    [
        ({"host": "/run/x"}, "host"),
        ({"host": "a,b"}, "host"),
        ({"host": "2130706433"}, "host"),
        ({"host": "db.example.org:5432"}, "host"),
        ({"hostaddr": "127.0.0.1"}, "hostaddr"),
        ({"service": "x"}, "service"),
        ({"passfile": "/etc/passwd"}, "passfile"),
        ({"options": "-c log_statement=all"}, "options"),
        ({"sslkey": "/etc/ssl/private/x.key"}, "sslkey"),
        ({"password": "x"}, "password"),
        ({"database": "a\0b"}, "database"),
        ({"user": "x" * 64}, "user"),
        ({"user": "é" * 32}, "user"),
        ({"port": 0}, "port"),
        ({"tls": "ALLOW"}, "tls"),
        ({"caCertificate": "/etc/passwd"}, "caCertificate"),
        ({"caCertificate": "-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----\n"}, "caCertificate"),
    ],
    ids=str,
)
def test_s9_a_config_has_its_own_properties_and_nothing_else(admin: Caller, config: dict[str, Any], path: str) -> None:
    body = connection()

    response = admin.post("/connections", {**body, "config": {**body["config"], **config}})

    problem = json.loads(response.content)
    assert response.status_code == 400
    assert [issue["path"] for issue in problem["errors"]] == [f"/config/{path}"]
    assert not Connection.objects.exists()


def test_all_that_is_wrong_is_told_at_once_and_no_secret_is_repeated(admin: Caller) -> None:
    body = {
        "name": "a b",
        "type": "POSTGRES",
        "config": {"port": "x"},
        "secrets": {"password": 5, "pin": CANARY},
        "x": 1,
    }

    response = admin.post("/connections", body)

    assert {issue["path"] for issue in assert_problem(response, 400)["errors"]} == {
        *("/name", "/x", "/secrets/password", "/secrets/pin"),
        *("/config/host", "/config/port", "/config/database", "/config/user"),
    }
    assert CANARY not in response.content.decode()


def test_an_unknown_type_is_refused_with_those_there_are(admin: Caller) -> None:
    problem = assert_problem(admin.post("/connections", {**connection(), "type": "POSTGRE"}), 400, "INVALID_VALUE")

    assert problem["errors"][0]["hint"] == 'did you mean "POSTGRES"?'


def test_what_the_service_sets_cannot_be_set(admin: Caller) -> None:
    assert_problem(admin.post("/connections", {**connection(), "createdBy": "me"}), 400, "READ_ONLY")


def test_a_connection_in_use_is_not_removed(admin: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    admin.post("/connections", connection())
    monkeypatch.setattr("sinks.uses._finders", [*_finders, lambda name: [{"kind": "pool", "name": f"of {name}"}]])

    problem = assert_problem(admin.delete(URL), 409, "IN_USE")

    assert problem["usedBy"] == [{"kind": "pool", "name": "of refdata"}]
    assert Connection.objects.exists()


def test_a_test_answers_within_three_seconds_whatever_the_host_does(admin: Caller) -> None:
    admin.post("/connections", connection())  # an address that is kept free for documents, where nobody answers

    started = time.monotonic()
    answer = admin.post(f"{URL}/test").json()

    assert time.monotonic() - started < 3
    assert answer["ok"] is False
    assert answer["outcome"] in {"TIMEOUT", "REFUSED"}


def test_s10_in_production_a_host_inside_is_refused_unless_it_is_listed(
    admin: Caller, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    admin.post("/connections", connection(host="127.0.0.1", port=1))
    monkeypatch.setenv("SDG_ENV", "production")

    assert admin.post(f"{URL}/test").json()["outcome"] == "HOST_NOT_ALLOWED"

    monkeypatch.setenv("SDG_ALLOWED_NETS", "127.0.0.0/8")
    from sdg_project import env

    settings.SDG_ALLOWED_NETS = env.allowed_networks()
    assert admin.post(f"{URL}/test").json()["outcome"] == "REFUSED"


# Secrets at rest.


def test_keys_can_be_changed_while_the_old_one_is_still_listed(admin: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    old, new = Fernet.generate_key().decode(), Fernet.generate_key().decode()
    monkeypatch.setenv("SDG_FIELD_KEYS", old)
    made = admin.post("/connections", connection()).json()

    monkeypatch.setenv("SDG_FIELD_KEYS", f"{new},{old}")
    assert admin.put(URL, made).status_code == 200  # which encrypts it with the first
    monkeypatch.setenv("SDG_FIELD_KEYS", new)

    assert services.open_connection("refdata").secrets == {"password": CANARY}


def test_all_secrets_can_be_encrypted_by_the_new_key_at_once(admin: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    old, new = Fernet.generate_key().decode(), Fernet.generate_key().decode()
    monkeypatch.setenv("SDG_FIELD_KEYS", old)
    for name in ("refdata", "other"):
        admin.post("/connections", connection(name))
    admin.post("/connections", connection("open", password=None))

    monkeypatch.setenv("SDG_FIELD_KEYS", f"{new},{old}")
    changed, again = services.reencrypt_secrets(), services.reencrypt_secrets()
    monkeypatch.setenv("SDG_FIELD_KEYS", new)

    assert (changed, again) == (['connection "other"', 'connection "refdata"'], [])
    assert services.open_connection("other").secrets == {"password": CANARY}
    assert services.open_connection("open").secrets == {}


def test_without_all_of_their_keys_no_secret_is_encrypted_anew(admin: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = [Fernet.generate_key().decode() for _ in range(3)]
    for name, key in (("refdata", keys[0]), ("other", keys[1])):
        monkeypatch.setenv("SDG_FIELD_KEYS", key)
        admin.post("/connections", connection(name))

    monkeypatch.setenv("SDG_FIELD_KEYS", f"{keys[2]},{keys[1]}")
    with pytest.raises(Conflict, match="refdata"):
        services.reencrypt_secrets()
    monkeypatch.setenv("SDG_FIELD_KEYS", keys[1])

    assert services.open_connection("other").secrets == {"password": CANARY}


def test_without_its_key_a_secret_must_be_sent_again(admin: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    made = admin.post("/connections", connection()).json()
    monkeypatch.setenv("SDG_FIELD_KEYS", Fernet.generate_key().decode())

    assert_problem(admin.post(f"{URL}/test"), 409, "SECRET_REQUIRED")
    assert_problem(admin.put(URL, made), 409, "SECRET_REQUIRED")
    assert admin.put(URL, connection()).status_code == 200


def test_in_development_the_key_is_made_with_the_first_secret_and_only_ours_to_read(admin: Caller, home: Path) -> None:
    admin.post("/connections", connection("open", password=None))
    assert not (home / "field.key").exists()

    admin.post("/connections", connection())

    assert (home / "field.key").stat().st_mode & 0o777 == 0o600
    assert len(base64.urlsafe_b64decode((home / "field.key").read_text())) == 32


def test_s6_a_secret_shows_up_nowhere(admin: Caller, home: Path, caplog: pytest.LogCaptureFixture) -> None:
    from sdg_project.links import admin_link

    caplog.set_level(logging.DEBUG)
    key = "0" * 16
    seen = [
        admin.post("/connections", connection(host="127.0.0.1", port=1), idempotency_key=key),
        admin.post("/connections", connection(host="127.0.0.1", port=1), idempotency_key=key),
        admin.post("/connections", connection(CANARY[:6], port=0)),
        admin.post("/connections", {**connection("x"), "secrets": {"password": CANARY + "\0"}}),
        admin.post("/connections", {**connection("x"), "secrets": CANARY}),
        admin.post("/connections", {**connection("x"), "secrets": [CANARY]}),
        admin.post("/connections", {**connection("x"), "secrets": {"password": [CANARY]}}),
        admin.post("/connections", {**connection("x"), "secrets": {"token": CANARY}}),
        admin.post("/connections", connection()),
        admin.get("/connections"),
        admin.get(URL),
        admin.put(URL, connection(host="127.0.0.1", port=2)),
        admin.post(f"{URL}/test"),
    ]
    visitor = Client()
    visitor.get(admin_link())
    page = f"/admin/sinks/connection/{Connection.objects.get().pk}/change/"
    seen += [visitor.get("/admin/sinks/connection/"), visitor.get(page), visitor.get("/metrics")]

    assert seen[0].status_code == 201
    assert b"refdata" in seen[-2].content
    texts = [response.content.decode() for response in seen]
    texts += [caplog.text, json.dumps(api_document()), Path(f"/proc/{os.getpid()}/cmdline").read_text()]
    texts += _all_rows()
    texts += [path.read_bytes().decode("latin-1") for path in home.rglob("*") if path.is_file()]
    assert [text for text in texts if CANARY in text] == []
    assert services.open_connection("refdata").secrets == {"password": CANARY}


def _all_rows() -> list[str]:
    """Every value of every row in the control database."""
    rows = []
    with database.cursor() as cursor:
        for model in apps.get_models():
            cursor.execute(f'SELECT * FROM "{model._meta.db_table}"')
            rows += [str(row) for row in cursor.fetchall()]
    return rows
