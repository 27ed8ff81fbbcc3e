"""Who may call the API, and how they say who they are."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.apps import apps
from django.contrib.admin import site
from django.contrib.auth.models import Group, User
from django.db import connections
from django.test import Client
from django.utils import timezone
from django_q.models import Schedule

from sdg_project import access
from sdg_project.errors import Conflict, Invalid, NotFound
from sdg_project.models import ApiToken
from sdg_project.openapi import api_document
from sdg_project.roles import Role, role_of
from tests.support.api import BASE, Caller, assert_problem, definition

PASSWORD = "correct horse battery"
SOME_ID = str(uuid4())
METHODS = ("get", "post", "put", "delete")
OPERATIONS = [
    (method, path) for path, item in sorted(api_document()["paths"].items()) for method in METHODS if method in item
]
NEEDED = {
    ("post", "generators"): Role.EDITOR,
    ("put", "generators/{id}"): Role.EDITOR,
    ("delete", "generators/{id}"): Role.EDITOR,
    ("post", "generators/{id}/start"): Role.OPERATOR,
    ("post", "generators/{id}/pause"): Role.OPERATOR,
    ("post", "generators/{id}/resume"): Role.OPERATOR,
    ("post", "generators/{id}/stop"): Role.OPERATOR,
    ("post", "pools"): Role.EDITOR,
    ("put", "pools/{poolName}"): Role.EDITOR,
    ("delete", "pools/{poolName}"): Role.EDITOR,
    ("put", "pools/{poolName}/content"): Role.EDITOR,
    ("post", "pools/{poolName}/refresh"): Role.OPERATOR,
    ("post", "connections"): Role.ADMIN,
    ("put", "connections/{connectionName}"): Role.ADMIN,
    ("delete", "connections/{connectionName}"): Role.ADMIN,
    ("post", "connections/{connectionName}/test"): Role.ADMIN,
}
"""The role that an operation needs, where that is not viewer."""


def _address(path: str) -> str:
    """The path of an operation as a caller says it."""
    return (
        path.removeprefix(BASE)
        .replace("{id}", SOME_ID)
        .replace("{poolName}", "none")
        .replace("{connectionName}", "none")
    )


@pytest.mark.parametrize(("method", "path"), [one for one in OPERATIONS if one[1] != f"{BASE}/health"])
@pytest.mark.parametrize("kind", ["none", "malformed", "not_utf_8", "foreign", "expired", "revoked", "in_the_address"])
def test_s1_without_a_valid_token_nothing_is_answered(db: None, method: str, path: str, kind: str) -> None:
    token = access.create_token("ci", Role.ADMIN, days=1)
    query, headers = "", {}
    match kind:
        case "malformed":
            headers = {"Authorization": f"Bearer {token} x"}
        case "not_utf_8":
            headers = {"Authorization": "Bearer \xff\xfe"}
        case "foreign":
            headers = {"Authorization": f"Bearer {token[:-1]}{'a' if token[-1] != 'a' else 'b'}"}
        case "expired":
            ApiToken.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
            headers = {"Authorization": f"Bearer {token}"}
        case "revoked":
            access.revoke_tokens("ci")
            headers = {"Authorization": f"Bearer {token}"}
        case "in_the_address":
            query = f"?token={token}&access_token={token}&authorization=Bearer%20{token}"

    response = Caller(None).call(method.upper(), _address(path) + query, **headers)

    assert_problem(response, 401, "NOT_AUTHENTICATED")
    assert response["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
@pytest.mark.parametrize("role", Role)
def test_s2_each_role_may_do_what_the_matrix_says(db: None, role: Role, method: str, path: str) -> None:
    needed = NEEDED.get((method, path.removeprefix(f"{BASE}/")), Role.VIEWER)

    response = Caller.of(role).call(method.upper(), _address(path))

    assert (response.status_code == 403) is not role.includes(needed), response.content
    if response.status_code == 403:
        assert_problem(response, 403, "NOT_PERMITTED")


def test_s2_the_matrix_names_operations_that_exist() -> None:
    assert {(method, f"{BASE}/{path}") for method, path in NEEDED} <= set(OPERATIONS)


def test_s2_somebody_without_a_role_may_do_nothing(db: None) -> None:
    caller = Caller.of(Role.ADMIN)
    User.objects.get(username="test-admin").groups.clear()

    assert_problem(caller.get("/generators"), 403, "NOT_PERMITTED")


@pytest.mark.parametrize("role", Role)
def test_me_says_who_the_token_is(db: None, role: Role) -> None:
    answer = Caller.of(role, "somebody").get("/me").json()

    assert (answer["name"], answer["role"], answer["kind"]) == ("somebody", role, "TOKEN")
    assert answer["expiresAt"].endswith("Z")


# Sessions.


@pytest.fixture
def person(db: None) -> Client:
    access.create_user("ada", Role.EDITOR, password=PASSWORD)
    client = Client(enforce_csrf_checks=True)
    page = client.get("/admin/login/")
    form = {"username": "ada", "password": PASSWORD, "csrfmiddlewaretoken": _csrf(page), "next": "/admin/"}
    assert client.post("/admin/login/", form).status_code == 302
    return client


def _csrf(page: Any) -> str:
    found = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.content.decode())
    assert found is not None
    return found[1]


def test_s3_a_session_may_look_and_with_a_csrf_token_change(person: Client) -> None:
    token = _csrf(person.get("/admin/password_change/"))

    assert person.get(f"{BASE}/me").json()["kind"] == "SESSION"
    bare = person.post(f"{BASE}/generators", definition(), content_type="application/json")
    assert_problem(bare, 403)
    foreign = person.post(
        f"{BASE}/generators",
        definition(),
        content_type="application/json",
        headers={"X-CSRFToken": token, "Origin": "https://evil.example.org"},
    )
    assert_problem(foreign, 403)
    own = person.post(
        f"{BASE}/generators", definition(), content_type="application/json", headers={"X-CSRFToken": token}
    )
    assert own.status_code == 201
    assert own.json()["createdBy"] == "ada"


def test_s3_a_login_without_the_csrf_token_is_refused(db: None) -> None:
    access.create_user("ada", Role.EDITOR, password=PASSWORD)
    client = Client(enforce_csrf_checks=True)

    assert client.post("/admin/login/", {"username": "ada", "password": PASSWORD}).status_code == 403


def test_s3_a_token_needs_no_csrf_token(editor: Caller) -> None:
    client = Client(enforce_csrf_checks=True)
    headers = {"Authorization": f"Bearer {editor.token}"}

    response = client.post(f"{BASE}/generators", definition(), content_type="application/json", headers=headers)

    assert response.status_code == 201


def test_s3_cookies_are_hidden_from_scripts_and_other_sites(person: Client) -> None:
    for name in ("sessionid", "csrftoken"):
        cookie = person.cookies[name]
        assert cookie["httponly"]
        assert cookie["samesite"] == "Lax"


@pytest.mark.parametrize(
    "page",
    [
        "",
        "generators/generator/",
        "generators/run/",
        "generators/shard/",
        "generators/deadletter/",
        "generators/worker/",
        "pools/pool/",
    ],
)
def test_the_admin_shows_the_models_but_changes_nothing(person: Client, editor: Caller, page: str) -> None:
    editor.post("/generators", definition("<img src=x onerror=alert(1)>"))

    response = person.get(f"/admin/{page}")

    assert response.status_code == 200
    assert b"<img src=x" not in response.content
    if page:
        assert person.get(f"/admin/{page}add/").status_code == 403


def test_the_admin_has_every_model_of_ours_and_none_of_the_queue() -> None:
    ours = {
        model for app in ("generators", "pools", "sinks", "ground") for model in apps.get_app_config(app).get_models()
    }

    assert set(site._registry) - {User, Group} == ours


@pytest.mark.parametrize("name", ["schedule", "success", "failure", "ormq"])
def test_s18_the_pages_of_the_queue_are_absent(db: None, name: str) -> None:
    access.create_user("root", Role.ADMIN, password=PASSWORD)
    client = Client()
    client.force_login(User.objects.get(username="root"))

    assert client.get("/admin/").status_code == 200
    for page in ("", "add/", "1/change/"):
        assert client.get(f"/admin/django_q/{name}/{page}").status_code == 404
    form = {"func": "os.system", "args": "'true'", "schedule_type": "O"}
    assert client.post(f"/admin/django_q/{name}/add/", form).status_code == 404
    assert not Schedule.objects.exists()


# Throttles.


def test_s5_a_token_has_600_requests_a_minute(viewer: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(600):
        assert viewer.get("/me").status_code == 200

    response = viewer.get("/me", x_forwarded_for="203.0.113.9")

    assert_problem(response, 429, "THROTTLED")
    assert 1 <= int(response["Retry-After"]) <= 60
    assert Caller.of(Role.VIEWER, "another").get("/me").status_code == 200


@pytest.mark.django_db(transaction=True)
def test_s5_parallel_requests_are_counted_exactly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sdg_project.throttles.TokenThrottle.rate", "20/min")
    viewer = Caller.of(Role.VIEWER)

    def ask(_: int) -> int:
        try:
            return int(viewer.get("/me").status_code)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as threads:
        statuses = list(threads.map(ask, range(60)))

    assert statuses.count(200) == 20
    assert statuses.count(429) == 40


def test_s5_a_login_is_tried_20_times_a_minute_whatever_address_is_claimed(db: None) -> None:
    client = Client()
    form = {"username": "ada", "password": "wrong"}
    for number in range(20):
        response = client.post("/admin/login/", form, headers={"X-Forwarded-For": f"203.0.113.{number}"})
        assert response.status_code == 200

    response = client.post("/admin/login/", form, headers={"X-Forwarded-For": "203.0.113.99"})

    assert_problem(response, 429, "THROTTLED")
    assert int(response["Retry-After"]) >= 1


def test_s5_the_word_of_a_trusted_proxy_is_taken(db: None, settings: Any) -> None:
    import ipaddress

    settings.SDG_TRUSTED_PROXIES = [ipaddress.ip_network("127.0.0.0/8")]
    client = Client()
    for number in range(25):  # the client's own claim stands in front of what our proxy has seen
        forwarded = f"198.51.100.{number}, 203.0.113.5"
        response = client.post("/admin/login/", {"username": "ada"}, headers={"X-Forwarded-For": forwarded})
    other = client.post("/admin/login/", {"username": "ada"}, headers={"X-Forwarded-For": "203.0.113.6"})

    assert (response.status_code, other.status_code) == (429, 200)


# Tokens and users.


def test_a_token_is_kept_as_its_hash_only(db: None) -> None:
    token = access.create_token("ci", Role.VIEWER, days=1)

    [kept] = ApiToken.objects.values()
    assert token not in str(kept)
    assert kept["digest"] == access.digest_of(token)


def test_a_name_has_one_role_as_long_as_it_has_tokens(db: None) -> None:
    access.create_token("ci", Role.ADMIN, days=1)
    access.create_token("ci", Role.ADMIN, days=1)

    with pytest.raises(Conflict):
        access.create_token("ci", Role.VIEWER, days=1)
    assert access.revoke_tokens("ci") == 2
    access.create_token("ci", Role.VIEWER, days=1)
    assert role_of(User.objects.get(username="ci")) is Role.VIEWER


def test_a_service_user_takes_no_name_of_a_person_and_cannot_log_in(db: None) -> None:
    access.create_user("ada", Role.VIEWER, password=PASSWORD)
    access.create_token("ci", Role.ADMIN, days=1)

    with pytest.raises(Conflict):
        access.create_token("ada", Role.ADMIN, days=1)
    user = User.objects.get(username="ci")
    assert (user.is_staff, user.is_superuser, user.has_usable_password()) == (False, False, False)


@pytest.mark.parametrize("days", [0, -1, 3_651])
def test_a_token_ends_some_day(db: None, days: int) -> None:
    with pytest.raises(Invalid):
        access.create_token("ci", Role.VIEWER, days=days)


@pytest.mark.parametrize("password", ["", "short", "password1234", "123456789012", "ada.lovelace"])
def test_s19_a_weak_password_is_refused(db: None, password: str) -> None:
    with pytest.raises(Invalid):
        access.create_user("ada.lovelace", Role.ADMIN, password=password)


def test_revoking_an_unknown_token_says_so(db: None) -> None:
    with pytest.raises(NotFound):
        access.revoke_tokens("nobody")
