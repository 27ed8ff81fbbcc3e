"""`sdg export` and `sdg import`: what is stored goes through a file and comes out the same, all of it or nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.sdg import Sdg
from tests.support.service import Service

FIELDS: list[dict[str, Any]] = [
    {"fieldName": "id", "type": "SEQUENCE"},
    {"fieldName": "sku", "type": "POOL_REFERENCE", "params": {"pool": "things", "column": "sku"}},
    {"fieldName": "size", "type": "POOL_REFERENCE", "params": {"pool": "sizes", "column": "size"}},
    {"fieldName": "odd", "type": "CONSTANT", "params": {"value": {"007": ["null", 0.25, None], "a: b": "x\ny #z"}}},
]


def bundle(folder: Path, **changes: Any) -> Path:
    """Two pools, one of them from a file beside it, and a generator that uses both."""
    (folder / "things.csv").write_text("sku,n\n007,1\n008,2\n")
    content: dict[str, Any] = {
        "generators": [
            {
                "name": "Shirts",
                "seed": 42,
                "recordCount": 100,
                "fieldMappings": FIELDS,
                "destination": {"type": "FILE", "config": {"path": "shirts.jsonl"}},
                **changes,
            }
        ],
        "pools": [
            {"name": "things", "source": {"type": "FILE", "path": "things.csv"}, "weightColumn": "n"},
            {"name": "sizes", "source": {"type": "INLINE", "rows": [{"size": "S"}, {"size": "M"}]}},
        ],
    }
    path = folder / "bundle.yaml"
    path.write_text(json.dumps(content))
    return path


def test_export_import_and_export_again_give_the_same_bytes(sdg: Sdg) -> None:
    there = {"SDG_HOME": str(sdg.folder / "there")}
    imported = sdg("import", bundle(sdg.folder))
    first = sdg("export", "--out", "first.yaml")
    again = sdg("import", "first.yaml", **there)
    second = sdg("export", "--out", "second.yaml", **there)
    to_json = sdg("export", "--out", "first.json")
    from_json = sdg("import", "first.json", "--dry-run", **there)

    text = (sdg.folder / "first.yaml").read_text()
    assert (imported.code, first.code, again.code, second.code, to_json.code) == (0, 0, 0, 0, 0), again.err
    assert (sdg.folder / "second.yaml").read_text() == text
    assert text.startswith("pools:\n  - name: sizes\n")
    assert "path: things.csv" in text
    assert from_json.out.count("would be left as it is") == 3


def test_what_is_exported_is_what_sdg_run_and_the_api_take(tmp_path: Path) -> None:
    with Service.at(tmp_path) as service:
        sdg = service.sdg
        generator = service.create({**_stored_alone(), "name": "Alone"})
        exported = sdg("export", "alone")
        (tmp_path / "alone.yaml").write_text(exported.out)
        ran = sdg("run", "alone.yaml", "--count", "50", "--to", "o.jsonl", "--json")
        [document] = json.loads(_exported_as_json(sdg))["generators"]
        service.call("DELETE", f"/generators/{generator}")
        posted = service.call("POST", "/generators", document)

        assert ran.json["recordsWritten"] == 50
        assert posted.status == 201, posted.body
        assert sdg("export").out == exported.out


def _stored_alone() -> dict[str, Any]:
    destination = {"type": "FILE", "config": {"path": "alone.jsonl"}}
    return {"fieldMappings": [FIELDS[0], FIELDS[3]], "recordCount": 10, "destination": destination}


def _exported_as_json(sdg: Sdg) -> str:
    sdg("export", "--out", "alone.json")
    return (sdg.folder / "alone.json").read_text()


def test_a_dry_run_says_exactly_what_would_be_done_and_does_nothing(sdg: Sdg) -> None:
    path = bundle(sdg.folder)
    dry = sdg("import", path, "--dry-run")
    nothing = sdg("export")
    sdg("import", path)
    changed = bundle(sdg.folder, recordCount=250, fieldMappings=[{**FIELDS[0], "nullRate": 0.5}, *FIELDS[1:]])
    (sdg.folder / "things.csv").write_text("sku,n\n007,1\n008,2\n009,3\n")

    would = sdg("import", changed, "--dry-run")
    is_now = sdg("import", changed)
    then = sdg("import", changed)

    assert dry.out.count("would be created") == 3
    assert "nothing in the bundle" in nothing.err
    assert 'generator "Shirts" would be changed' in would.out
    assert "recordCount: 100 → 250" in would.out
    assert "fieldMappings.0.nullRate: nothing → 0.5" in would.out
    assert 'pool "things" would be changed\n  other content: 2 → 3 rows' in would.out
    assert 'pool "sizes" would be left as it is' in would.out
    assert is_now.out == would.out.replace("would be left", "is left").replace("would be", "is")
    assert then.out.count("is left as it is") == 3


def test_everything_that_is_wrong_is_told_at_once_with_its_place_and_nothing_is_stored(sdg: Sdg) -> None:
    path = sdg.folder / "wrong.yaml"
    path.write_text(
        "pools:\n"
        "  - {name: good, source: {type: INLINE, rows: [{a: 1}]}}\n"
        "  - {name: bad, source: {type: FILE, path: none.csv}}\n"
        "generators:\n"
        "  - {name: one, recordCount: 5, fieldMappings: [{fieldName: a, type: SEQUENSE}],\n"
        "     destination: {type: FILE, config: {path: a.jsonl}}}\n"
        "  - {name: two, recordCount: 5, fieldMappings: [{fieldName: a, type: SEQUENCE}],\n"
        "     destination: {type: FILE, config: {path: a.jsonl}}}\n"
        "  - {name: TWO, recordCount: 5, fieldMappings: [{fieldName: a, type: SEQUENCE}],\n"
        "     destination: {type: FILE, config: {path: ../a.jsonl}}}\n"
    )

    with path.open("a") as file:
        file.write("generatrs: []\n")

    answer = sdg("import", path)

    assert answer.code == 2
    assert 'did you mean "generators"?' in answer.err
    for told in ("wrong.yaml:3:", "none.csv", "wrong.yaml:5:", "SEQUENSE", "wrong.yaml:9:", "wrong.yaml:10:"):
        assert told in answer.err, answer.err
    assert "two generators" in answer.err
    assert "nothing in the bundle" in sdg("export").err


def test_names_choose_with_the_pools_that_are_used(sdg: Sdg) -> None:
    sdg("import", bundle(sdg.folder))
    sdg("import", "-", stdin='{"pools": [{"name": "spare", "source": {"type": "INLINE", "rows": [{"a": 1}]}}]}')

    shirts = sdg("export", "SHIRTS")
    spare = sdg("export", "spare")
    unknown = sdg("export", "shirt")

    assert "name: things" in shirts.out
    assert "name: spare" not in shirts.out
    assert spare.out.count("name:") == 1
    assert unknown.code == 2
    assert 'did you mean "Shirts"?' in unknown.err


def test_uploaded_content_goes_beside_the_bundle(tmp_path: Path) -> None:
    with Service.at(tmp_path) as service:
        uploaded = service.ask(
            "PUT",
            "/api/v1/pools/codes/content",
            b"code\n007\n008\n",
            {"Authorization": f"Bearer {service.token()}", "Content-Type": "text/csv"},
        )
    there = {"SDG_HOME": str(tmp_path / "there")}

    refused = service.sdg("export")
    first = service.sdg("export", "--out", "codes.yaml")
    taken = service.sdg("import", "codes.yaml", **there)
    (tmp_path / "first.yaml").write_bytes((tmp_path / "codes.yaml").read_bytes())
    service.sdg("export", "--out", "codes.yaml", **there)

    assert uploaded.status in {200, 201}, uploaded.body
    assert refused.code == 2
    assert "--out FILE" in refused.err
    assert first.code == 0, first.err
    assert (tmp_path / "codes.pools" / "codes.csv").read_bytes() == b"code\n007\n008\n"
    assert "2 rows" in taken.out
    assert (tmp_path / "codes.yaml").read_bytes() == (tmp_path / "first.yaml").read_bytes()


def test_an_import_of_what_was_exported_changes_nothing_and_leaves_uploads_what_they_are(sdg: Sdg) -> None:
    sdg("import", bundle(sdg.folder))
    added = sdg("pool", "add", "codes", "--file", "-", "--delimiter", ";", stdin="code;n\n007;1\n008;2\n")
    before = sdg("pool", "show", "codes", "--json").json
    (sdg.folder / "backup").mkdir()
    exported = sdg("export", "--out", "backup/all.yaml")

    would = sdg("import", "backup/all.yaml", "--dry-run")
    is_now = sdg("import", "backup/all.yaml")
    after = sdg("pool", "show", "codes", "--json").json
    (sdg.folder / "backup" / "all.pools" / "codes.csv").write_text("code;n\n007;1\n009;2\n")
    changed = sdg("import", "backup/all.yaml", "--dry-run")

    assert (added.code, exported.code) == (0, 0), added.err + exported.err
    assert would.out.count("would be left as it is") == len(would.out.splitlines()) == 4
    assert is_now.out.count("is left as it is") == 4
    assert after == before
    assert after["source"]["type"] == "UPLOAD"
    assert 'pool "codes" would be changed' in changed.out
    assert "other content" in changed.out


@pytest.mark.parametrize("name", ["o.yaml", "-"])
def test_a_number_that_yaml_cannot_hold_is_refused_with_the_way_out(sdg: Sdg, name: str) -> None:
    (sdg.folder / "whole.json").write_text(
        json.dumps({**_stored_alone(), "name": "whole"}).replace("0.25", "3.0")  # JSON tells 3.0 from 3
    )
    stored = sdg("import", "whole.json")

    refused = sdg("export", "--out", name)
    written = sdg("export", "--out", "o.json")

    assert stored.code == 0, stored.err
    assert refused.code == 2
    assert "/generators/0/fieldMappings/1/params/value/007/1" in refused.err
    assert not (sdg.folder / "o.yaml").exists()
    assert written.code == 0
    assert "3.0" in (sdg.folder / "o.json").read_text()


def test_a_running_generator_is_not_changed_and_nothing_else_is(tmp_path: Path) -> None:
    with Service.at(tmp_path) as service:
        sdg = service.sdg
        sdg("import", bundle(tmp_path, recordCount=20_000_000))
        before = sdg("export").out
        [generator] = service.call("GET", "/generators").json
        service.act(generator["id"], "start")
        content = json.loads(bundle(tmp_path, recordCount=10).read_text())
        content["pools"][1]["source"]["rows"].append({"size": "L"})
        (tmp_path / "bundle.yaml").write_text(json.dumps(content))

        refused = sdg("import", "bundle.yaml")
        same = sdg("import", bundle(tmp_path, recordCount=20_000_000))
        after = sdg("export").out
        service.act(generator["id"], "stop")

        assert refused.code == 2
        assert "RUNNING" in refused.err
        assert same.code == 0
        assert same.out.count("left as it is") == 3
        assert after == before
