"""`sdg pool` with standard input, and with pools that have no rows."""

from __future__ import annotations

import io
import json
import subprocess
from pathlib import Path

import polars as pl
import pytest

from tests.support.sdg import Sdg

ROWS = [{"id": "007", "open": True, "since": "2026-01-01"}, {"id": "b", "open": None, "since": None}]


def parquet() -> bytes:
    buffer = io.BytesIO()
    pl.DataFrame(ROWS).with_columns(pl.col("since").str.to_date()).write_parquet(buffer)
    return buffer.getvalue()


CONTENTS = {
    "csv": b"id,open,since\n007,true,2026-01-01\nb,,\n",
    "csv with a mark": b"\xef\xbb\xbfid,open,since\n007,true,2026-01-01\nb,,\n",
    "jsonl": "".join(f"\n{json.dumps(row)}" for row in ROWS).strip().encode(),
    "parquet": parquet(),
}


def add(sdg: Sdg, content: bytes, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    command = sdg.command("pool", "add", "things", "--file", "-", *arguments)
    return subprocess.run(command, cwd=sdg.folder, env=sdg.environment, input=content, capture_output=True, check=False)


@pytest.mark.parametrize("content", CONTENTS)
def test_standard_input_makes_a_pool_that_is_kept(sdg: Sdg, content: str) -> None:
    added = add(sdg, CONTENTS[content])
    shown, refreshed = sdg("pool", "show", "things"), sdg("pool", "refresh", "things")

    assert added.returncode == 0, added.stderr
    lines = [line.split() for line in shown.out.splitlines()]
    assert ["id", "STRING", "2", "0", "007"] in [line[:5] for line in lines]
    assert ["open", "BOOLEAN", "1", "1", "true"] in lines
    assert ["since", "DATE", "1", "1", "2026-01-01"] in lines
    assert "nothing has changed: version 1, 2 rows" in refreshed.err


def test_the_format_of_standard_input_can_be_said(sdg: Sdg) -> None:
    assert add(sdg, b"a;b\n1;2\n", "--delimiter", ";", "--column", "a:STRING").returncode == 0
    assert sdg("pool", "show", "things", "--json").json["columns"][0]["type"] == "STRING"
    sdg("pool", "remove", "things")
    assert b"INVALID_SYNTAX" in add(sdg, b"a;b\n", "--format", "jsonl").stderr


def test_too_much_on_standard_input_is_refused_and_leaves_nothing(sdg: Sdg) -> None:
    refused = add(sdg, b"a\n" + b"1\n" * 50, "--max-bytes", "20")

    assert refused.returncode == 2
    assert b"POOL_TOO_LARGE" in refused.stderr
    assert b"--max-bytes" in refused.stderr
    assert sdg("pool", "show", "things").code == 2
    assert [path.name for path in Path(sdg.environment["SDG_HOME"], "pools").iterdir()] in ([], ["builtin"])


def test_a_pool_without_rows_is_empty_and_cannot_be_used(sdg: Sdg) -> None:
    (sdg.folder / "header.csv").write_text("id,name\n")
    field = {"fieldName": "id", "type": "POOL_REFERENCE", "params": {"pool": "none", "column": "id"}}
    path = sdg.definition(fieldMappings=[field])

    added = sdg("pool", "add", "none", "--file", "header.csv")
    listed, validated = sdg("pool", "list"), sdg("validate", str(path))

    assert added.code == 0
    assert ["none", "EMPTY", "1", "0"] in [line.split()[:4] for line in listed.out.splitlines()]
    assert ["id", "STRING", "0", "0"] in [line.split() for line in sdg("pool", "show", "none").out.splitlines()]
    assert validated.code == 2
    assert "POOL_EMPTY" in validated.out + validated.err
