"""Pools over HTTP."""

from __future__ import annotations

import io
import json
import time
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from generators.models import Generator
from pools import services
from tests.support.api import Caller, assert_problem, definition

SIZES = {
    "name": "sizes",
    "source": {"type": "INLINE", "rows": [{"size": "S", "share": 0.5}, {"size": "M", "share": 1.25}]},
    "weightColumn": "share",
}


def _uses(pool: str, name: str = "orders") -> dict[str, Any]:
    mapping = {"fieldName": "size", "type": "POOL_REFERENCE", "params": {"pool": pool, "column": "size"}}
    return definition(name, fieldMappings=[mapping])


def test_a_pool_is_made_listed_and_shown(editor: Caller) -> None:
    response = editor.post("/pools", SIZES)

    assert response.status_code == 201, response.content
    made = response.json()
    assert (made["name"], made["status"], made["version"], made["rowCount"]) == ("sizes", "READY", 1, 2)
    assert made["loadStrategy"] == "FULL"
    listed = editor.get("/pools")
    assert made in listed.json()
    assert "people" in [pool["name"] for pool in listed.json()]
    assert listed["X-Total-Count"] == str(len(listed.json()))
    assert editor.get("/pools/SIZES").json() == {**made, "usedBy": []}


def test_a_pool_can_be_filled_by_faker(editor: Caller) -> None:
    source = {"type": "FAKER", "rows": 3, "locales": ["de_DE"], "columns": {"name": "person.name", "town": "city"}}

    response = editor.post("/pools", {"name": "staff", "source": source})

    assert response.status_code == 201, response.content
    assert response.json()["source"] == source
    assert [set(row) for row in editor.get("/pools/staff/rows").json()] == [{"name", "town"}] * 3


def test_a_built_in_pool_can_be_looked_at_but_not_changed(editor: Caller) -> None:
    assert editor.get("/pools/people").json()["status"] == "READY"
    assert editor.get("/pools/people/rows?limit=2").status_code == 200
    assert_problem(editor.delete("/pools/people"), 409)
    assert_problem(editor.post("/pools/people/refresh"), 409)


def test_everything_that_is_wrong_with_a_pool_is_told(editor: Caller) -> None:
    body = {"name": "a b", "source": {"type": "INLINE"}, "loadStrategy": "HALF", "x": 1, "status": "READY"}

    problem = assert_problem(editor.post("/pools", body), 400)

    assert {issue["path"] for issue in problem["errors"]} >= {"/status"}
    rest = assert_problem(editor.post("/pools", {k: v for k, v in body.items() if k != "status"}), 400)
    assert {issue["path"] for issue in rest["errors"]} == {"/name", "/source/rows", "/loadStrategy", "/x"}


def test_a_name_in_use_is_refused(editor: Caller) -> None:
    editor.post("/pools", SIZES)

    problem = assert_problem(editor.post("/pools", {**SIZES, "name": "Sizes"}), 409, "NAME_TAKEN")
    assert '"sizes"' in problem["detail"]


@pytest.mark.parametrize("type_", [None, 5, {}, ["FILE"], "NOWHERE"])
def test_a_source_of_no_type_is_refused(editor: Caller, type_: Any) -> None:
    problem = assert_problem(editor.post("/pools", {"name": "p", "source": {"type": type_, "pool": "people"}}), 400)

    assert problem["errors"][0]["path"] == "/source/type"


@pytest.mark.parametrize("source", [{"type": "FILE", "path": "/etc/passwd", "format": "CSV"}, {"type": "UPLOAD"}])
def test_s12_a_request_cannot_name_files_of_the_server(editor: Caller, source: dict[str, str]) -> None:
    problem = assert_problem(editor.post("/pools", {"name": "p", "source": source}), 400, "PROPERTY_NOT_ALLOWED")

    assert problem["errors"][0]["path"] == "/source/type"


@pytest.mark.django_db(transaction=True)
def test_the_folder_of_a_pools_file_is_not_told(editor: Caller, tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_text("a\n1\n")
    services.add_pool({"name": "p", "source": {"type": "FILE", "path": str(tmp_path / "p.csv")}}, base=tmp_path)
    (tmp_path / "p.csv").unlink()

    refreshed = editor.post("/pools/p/refresh?wait=true").json()
    shown = editor.get("/pools/p").content.decode()

    assert refreshed["lastError"]
    assert '"path":"p.csv"' in shown
    assert str(tmp_path) not in shown + json.dumps(refreshed)


def test_what_get_answers_can_be_put_back(editor: Caller, tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_text("a\n1\n")
    services.add_pool({"name": "p", "source": {"type": "FILE", "path": str(tmp_path / "p.csv")}}, base=tmp_path)
    editor.post("/pools", SIZES)

    for name in ("p", "sizes"):
        shown = editor.get(f"/pools/{name}").json()
        response = editor.put(f"/pools/{name}", shown)
        assert response.status_code == 200, response.content
        assert response.json()["version"] == shown["version"]


def test_put_gives_a_pool_other_rows_and_a_broken_put_leaves_it(editor: Caller) -> None:
    editor.post("/pools", SIZES)
    other = {**SIZES, "source": {"type": "INLINE", "rows": [{"size": "L", "share": 1}]}}

    changed = editor.put("/pools/sizes", other).json()
    assert_problem(editor.put("/pools/sizes", {**other, "weightColumn": "none"}), 400)
    assert_problem(editor.put("/pools/sizes", {**other, "name": "renamed"}), 400)

    assert (changed["version"], changed["rowCount"]) == (2, 1)
    assert editor.get("/pools/sizes/rows").json() == [{"size": "L", "share": 1}]


def test_rows_are_paged_and_exact(editor: Caller) -> None:
    rows = [{"a.b": "x\n", "n": 2**53 + number, "d": None} for number in range(5)]
    editor.post("/pools", {"name": "p", "source": {"type": "INLINE", "rows": rows}})

    response = editor.get("/pools/p/rows?limit=2&offset=3")

    assert response.json() == rows[3:]
    assert response["X-Total-Count"] == "5"


def test_a_pool_in_use_is_not_removed_and_says_by_whom(editor: Caller) -> None:
    editor.post("/pools", SIZES)
    generator = editor.post("/generators", _uses("sizes")).json()

    problem = assert_problem(editor.delete("/pools/sizes"), 409, "IN_USE")

    use = {"generatorId": generator["id"], "fieldNames": ["size"], "pinnedVersion": None}
    assert problem["usedBy"] == [use]
    assert editor.get("/pools/sizes").json()["usedBy"] == [use]
    editor.delete(f"/generators/{generator['id']}")
    assert editor.delete("/pools/sizes").status_code == 200
    assert_problem(editor.get("/pools/sizes"), 404)
    assert Generator.objects.count() == 0


def test_an_unknown_pool_is_not_found_and_a_close_name_is_named(editor: Caller) -> None:
    editor.post("/pools", SIZES)

    for method, path in [("GET", ""), ("PUT", ""), ("DELETE", ""), ("POST", "/refresh"), ("GET", "/rows")]:
        body = SIZES if method == "PUT" else None
        problem = assert_problem(editor.call(method, f"/pools/size{path}", body), 404)
        assert problem["hint"] == 'did you mean "sizes"?'


@pytest.mark.django_db(transaction=True)
def test_a_refresh_is_answered_at_once_and_done_in_the_background(admin: Caller, tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_text("a\n1\n")
    services.add_pool({"name": "p", "source": {"type": "FILE", "path": str(tmp_path / "p.csv")}}, base=tmp_path)
    (tmp_path / "p.csv").write_text("a\n1\n2\n")

    response = admin.post("/pools/p/refresh")

    assert response.status_code in {200, 202}
    deadline = time.monotonic() + 20
    while (shown := admin.get("/pools/p").json())["version"] != 2:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert (shown["status"], shown["rowCount"]) == ("READY", 2)


@pytest.mark.django_db(transaction=True)
def test_a_refresh_can_be_waited_for(admin: Caller) -> None:
    admin.post("/pools", SIZES)

    response = admin.post("/pools/sizes/refresh?wait=true")

    assert (response.status_code, response.json()["status"]) == (200, "READY")
    assert_problem(admin.post("/pools/sizes/refresh", {"x": 1}), 400, "UNKNOWN_PROPERTY")


def _parquet() -> bytes:
    buffer = io.BytesIO()
    pl.DataFrame({"sku": ["007", "b"], "n": [1, 2]}).write_parquet(buffer)
    return buffer.getvalue()


CONTENTS = {
    "text/csv": b"sku,n\n007,1\nb,2\n",
    "application/x-ndjson": b'{"sku":"007","n":1}\n{"sku":"b","n":2}\n',
    "application/vnd.apache.parquet": _parquet(),
}


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("media_type", CONTENTS)
def test_uploaded_content_makes_a_pool(editor: Caller, media_type: str) -> None:
    response = editor.put("/pools/products/content", CONTENTS[media_type], content_type=media_type)

    assert response.status_code == 201, response.content
    assert editor.get("/pools/products/rows").json() == [{"sku": "007", "n": 1}, {"sku": "b", "n": 2}]
    refreshed = editor.post("/pools/products/refresh?wait=true")
    assert (refreshed.status_code, refreshed.json()["version"], refreshed.json()["lastError"]) == (200, 1, None)


def test_uploaded_content_replaces_what_was_there_and_broken_content_does_not(editor: Caller, home: Path) -> None:
    editor.post("/pools", SIZES)

    replaced = editor.put("/pools/sizes/content", b"size,share\nXL,1\n", content_type="text/csv")
    broken = editor.put("/pools/sizes/content", b"size,share\nXL\n", content_type="text/csv")

    assert (replaced.status_code, replaced.json()["version"]) == (200, 2)
    assert_problem(broken, 400)
    assert editor.get("/pools/sizes/rows").json() == [{"size": "XL", "share": 1}]
    assert len(list(home.rglob("*.upload"))) == 1


def test_a_broken_first_upload_leaves_no_pool(editor: Caller, home: Path) -> None:
    assert_problem(editor.put("/pools/p/content", b'a\n"', content_type="text/csv"), 400)
    assert_problem(editor.put("/pools/p/content", b"", content_type="text/csv"), 400)
    assert_problem(editor.put("/pools/a b/content", b"a\n1\n", content_type="text/csv"), 400)

    assert_problem(editor.get("/pools/p"), 404)
    assert list(home.rglob("*.upload")) == []


def test_content_beyond_the_limit_or_of_another_type_is_refused(editor: Caller, settings: Any) -> None:
    settings.SDG_UPLOAD_MAX_BYTES = 10

    assert_problem(editor.put("/pools/p/content", b"a\n" + b"1\n" * 20, content_type="text/csv"), 413, "TOO_LARGE")
    for type_ in ("application/json", "application/zip", "text/plain", "multipart/form-data; boundary=x"):
        assert_problem(editor.put("/pools/p/content", b"{}", content_type=type_), 415)


def test_the_query_says_how_content_is_to_be_read(editor: Caller) -> None:
    content = "Zoë;1\nJürgen;2\n".encode("cp1252")
    query = "encoding=WINDOWS-1252&delimiter=%3B&header=false"

    made = editor.put(f"/pools/names/content?{query}", content, content_type="text/csv")

    assert made.status_code == 201, made.content
    assert made.json()["notes"] == ["read as WINDOWS-1252, parted by a semicolon, without a header"]
    assert made.json()["source"].items() >= {"encoding": "WINDOWS-1252", "delimiter": ";", "header": False}.items()
    assert editor.get("/pools/names/rows").json()[0] == {"column1": "Zoë", "column2": 1}
    for wrong in ("encoding=LATIN", "header=maybe", "quote=x", "delimeter=%3B", "delimiter=%3B%3B"):
        assert_problem(editor.put(f"/pools/names/content?{wrong}", content, content_type="text/csv"), 400)
    problem = assert_problem(editor.put("/pools/names/content", content, content_type="text/csv"), 400)
    assert "--encoding" in str(problem)


def test_the_strategy_of_an_uploaded_pool_can_be_changed_and_is_kept(editor: Caller) -> None:
    content = b"sku,shop\n" + b"".join(b"%d,%d\n" % (number, number % 3) for number in range(1_000))
    editor.put("/pools/p/content", content, content_type="text/csv")

    sampled = editor.put("/pools/p", {**editor.get("/pools/p").json(), "loadStrategy": "SAMPLED", "sampleSize": 10})
    anew = editor.put("/pools/p/content", content, content_type="text/csv")
    document = {name: part for name, part in anew.json().items() if name != "sampleSize"}
    indexed = editor.put("/pools/p", {**document, "loadStrategy": "INDEXED", "indexColumns": ["sku"]})

    for answer in (sampled, anew):
        assert answer.status_code == 200, answer.content
        assert (answer.json()["rowCount"], answer.json()["sourceRowCount"]) == (10, 1_000)
        assert (answer.json()["loadStrategy"], answer.json()["sampleSize"]) == ("SAMPLED", 10)
    assert indexed.status_code == 200, indexed.content
    assert (indexed.json()["rowCount"], indexed.json()["indexColumns"]) == (1_000, ["sku"])


def test_what_does_not_apply_to_a_strategy_is_refused(editor: Caller) -> None:
    problem = assert_problem(editor.post("/pools", {**SIZES, "sampleSize": 3, "indexColumns": ["size"]}), 400)

    assert {(issue["code"], issue["path"]) for issue in problem["errors"]} == {
        ("PROPERTY_NOT_ALLOWED", "/sampleSize"),
        ("PROPERTY_NOT_ALLOWED", "/indexColumns"),
    }
