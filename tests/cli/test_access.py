"""`sdg token`, `sdg user` and `sdg openapi`."""

from __future__ import annotations

import json

from tests.support.sdg import Sdg


def test_a_token_is_printed_alone_listed_without_itself_and_revoked(sdg: Sdg) -> None:
    created = sdg("token", "create", "--name", "ci", "--role", "operator", "--days", "30")
    listed = sdg("token", "list", "--json")
    revoked = sdg("token", "revoke", "ci")
    after = sdg("token", "list", "--json")

    assert len(created.out.split()) == 1
    assert created.out.startswith("sdg_")
    row = json.loads(listed.out)
    assert (row["name"], row["role"], row["state"]) == ("ci", "operator", "VALID")
    assert created.out.strip() not in listed.out
    assert revoked.err.strip() == "1 revoked"
    assert json.loads(after.out)["state"] == "REVOKED"


def test_an_unknown_token_or_role_is_refused(sdg: Sdg) -> None:
    assert sdg("token", "revoke", "nobody").code == 2
    assert sdg("token", "create", "--name", "ci", "--role", "king").code == 2
    assert sdg("token", "create", "--name", "c i", "--role", "viewer").code == 2


def test_the_openapi_document_needs_no_database(sdg: Sdg) -> None:
    done = sdg("openapi")

    assert json.loads(done.out)["openapi"] == "3.0.1"


def test_a_person_is_created_with_a_password_from_standard_input(sdg: Sdg) -> None:
    weak = sdg("user", "create", "ada", "--role", "editor", stdin="short\n")
    made = sdg("user", "create", "ada", "--role", "editor", stdin="correct horse battery\n")
    again = sdg("user", "create", "ADA", "--role", "viewer", stdin="correct horse battery\n")

    assert (weak.code, made.code, again.code) == (2, 0, 2)
    assert "horse" not in made.out + made.err
