"""Uploads that want to do harm: each is refused, the pool keeps what it had, and the service goes on."""

from __future__ import annotations

import gzip
import io
import json
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow
import pyarrow.parquet
import pytest

from pools import apart, services
from pools.enums import FileFormat
from pools.sources import base
from pools.uploads import upload_content
from sdg_project.errors import Invalid
from tests.support.api import Caller, assert_problem

CSV, LINES, PARQUET = "text/csv", "application/x-ndjson", "application/vnd.apache.parquet"
GOOD = b"size,share\nS,1\nM,2\n"

Refused = Callable[..., dict[str, Any]]


@pytest.fixture
def refused(editor: Caller, home: Path) -> Refused:
    """Upload content to a pool that has rows, and look that nothing has changed; the problem."""
    assert editor.put("/pools/sizes/content", GOOD, content_type=CSV).status_code == 201

    def upload(content: bytes, media_type: str = CSV, *, status: int = 400, code: str | None = None) -> dict[str, Any]:
        problem = assert_problem(editor.put("/pools/sizes/content", content, content_type=media_type), status, code)
        shown = editor.get("/pools/sizes").json()
        assert (shown["status"], shown["version"], shown["rowCount"]) == ("READY", 1, 2)
        assert editor.get("/pools/sizes/rows").json() == [{"size": "S", "share": 1}, {"size": "M", "share": 2}]
        folder = home / "pools" / str(services.get_pool("sizes").pk)
        assert len(list(folder.glob("*.upload"))) == 1
        assert not list(folder.glob("loading-*"))
        return problem

    return upload


def table(**columns: Any) -> bytes:
    file = io.BytesIO()
    pl.DataFrame(columns).write_parquet(file, compression="uncompressed", use_pyarrow=False)
    return file.getvalue()


def varint(number: int) -> bytes:
    octets = bytearray()
    while number >= 0x80:
        octets.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*octets, number])


def claiming(content: bytes, real: int, claimed: int) -> bytes:
    """A Parquet file whose footer says everywhere that there are other numbers of rows."""
    length = int.from_bytes(content[-8:-4], "little")
    body, footer = content[: -8 - length], content[-8 - length : -8]
    changed = footer.replace(b"\x16" + varint(2 * real), b"\x16" + varint(2 * claimed))
    assert changed != footer
    return body + changed + len(changed).to_bytes(4, "little") + b"PAR1"


def test_a_gzip_bomb_is_not_unpacked(refused: Refused) -> None:
    bomb = gzip.compress(b"a\n" * 50_000_000)

    assert "packed by gzip" in str(refused(bomb))


def test_a_zip_bomb_is_not_unpacked(refused: Refused) -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.csv", b"a\n" * 50_000_000)

    assert "ZIP archive" in str(refused(file.getvalue()))


def test_a_zip_that_would_write_elsewhere_writes_nothing(refused: Refused, home: Path) -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("../../escaped.csv", "a\n1\n")

    assert "ZIP archive" in str(refused(file.getvalue()))
    assert not list(home.parent.rglob("escaped.csv"))


def test_a_million_columns_are_too_many(refused: Refused) -> None:
    header = ",".join(f"c{number}" for number in range(1_000_000))

    problem = refused(f"{header}\n{',' * 999_999}\n".encode())

    assert "1,000,000 columns" in str(problem)
    assert "may have 1,000" in str(problem)


def test_a_parquet_file_that_claims_a_billion_rows_is_too_large(refused: Refused) -> None:
    problem = refused(claiming(table(a=[1, 2, 3]), 3, 10**9), PARQUET)

    assert "POOL_TOO_LARGE" in str(problem)
    assert "1,000,000,000 rows" in str(problem)


def test_a_parquet_file_that_claims_more_rows_than_it_has_is_damaged(refused: Refused) -> None:
    refused(claiming(table(a=[1, 2, 3]), 3, 40_000_000), PARQUET)


def test_a_cell_of_a_gigabyte_is_too_large(refused: Refused, editor: Caller) -> None:
    class Endless(io.RawIOBase):
        left = 10**9

        def read(self, size: int = -1) -> bytes:
            size = min(size, self.left)
            self.left -= size
            return b"x" * size

    with pytest.raises(Invalid) as error:
        upload_content("sizes", Endless(), FileFormat.CSV, options={}, max_bytes=2**30)  # type: ignore[arg-type]

    [issue] = error.value.issues
    assert (issue.code, "1,000,000,000 bytes" in issue.message) == ("POOL_TOO_LARGE", True)
    assert editor.get("/pools/sizes").json()["rowCount"] == 2


def test_a_cell_in_a_parquet_file_that_is_too_long_is_refused(refused: Refused) -> None:
    assert "POOL_TOO_LARGE" in str(refused(table(a=["x" * (17 * 2**20)]), PARQUET))


def test_a_parquet_file_with_a_huge_page_is_damaged(refused: Refused) -> None:
    content = table(a=["x", "y", "z"])
    # The page's header begins with its type, then its size: i32 fields of thrift's compact protocol.
    assert content[4:7:2] == b"\x15\x15"
    size_at = 7
    size_end = size_at + next(place for place in range(5) if content[size_at + place] < 0x80) + 1

    refused(content[:size_at] + varint(2 * (2**31 - 1)) + content[size_end:], PARQUET)


def test_a_parquet_file_of_an_extension_type_is_refused(refused: Refused) -> None:
    file = io.BytesIO()
    values = pyarrow.ExtensionArray.from_storage(
        pyarrow.opaque(pyarrow.binary(), "money", "vendor"), pyarrow.array([b"1"], pyarrow.binary())
    )
    pyarrow.parquet.write_table(pyarrow.table({"a": values}), file)

    refused(file.getvalue(), PARQUET)


@pytest.mark.parametrize("damage", ["cut", "length", "noise", "empty"])
def test_a_parquet_file_with_a_damaged_footer_is_refused(refused: Refused, damage: str) -> None:
    content = table(a=list(range(1_000)))
    damaged = {
        "cut": content[:-20],
        "length": content[:-8] + b"\xff\xff\xff\x7fPAR1",
        "noise": content[:-60] + bytes(range(52)) + content[-8:],
        "empty": b"PAR1\0\0\0\0PAR1",
    }[damage]

    refused(damaged, PARQUET)


def test_a_pickle_is_not_loaded(refused: Refused, tmp_path: Path) -> None:
    class Harm:
        def __reduce__(self) -> Any:
            return Path.touch, (tmp_path / "harmed",)

    assert "pickle" in str(refused(pickle.dumps(Harm())))
    assert not (tmp_path / "harmed").exists()


def test_csv_with_nul_is_refused(refused: Refused) -> None:
    assert "NUL" in str(refused(b"a,b\n1,\x002\n"))


@pytest.mark.parametrize("shape", ['{"a": %s1%s}', "%s1%s"])
def test_json_that_is_nested_100_000_deep_is_refused(refused: Refused, shape: str) -> None:
    refused((shape % ("[" * 100_000, "]" * 100_000)).encode(), LINES)


def test_an_entity_bomb_of_xml_is_not_read(refused: Refused) -> None:
    lines = ['<?xml version="1.0"?>', "<!DOCTYPE b [", '<!ENTITY a0 "ha">']
    lines += [f'<!ENTITY a{level + 1} "{f"&a{level};" * 10}">' for level in range(9)]

    assert "XML" in str(refused("\n".join([*lines, "]>", "<b>&a9;</b>"]).encode()))


def test_a_workbook_is_refused_with_what_to_do(refused: Refused) -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("xl/workbook.xml", "<workbook/>")

    assert "save the sheet as CSV" in str(refused(file.getvalue()))


def test_a_parser_that_needs_too_much_memory_dies_alone(refused: Refused, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apart, "_BASE_BYTES", 400 * 2**20)
    monkeypatch.setattr(apart, "_BYTES_PER_BYTE", 0)

    problem = refused(b"a,b\n" + b"12345678,text\n" * 4_000_000)

    assert "bytes of memory" in str(problem)


def test_a_parser_that_takes_too_long_dies_alone(refused: Refused, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base, "_BASE_S", 1)
    monkeypatch.setattr(base, "_BYTES_PER_S", 2**40)

    problem = refused("\n".join(json.dumps({"a": number}) for number in range(2_000_000)).encode(), LINES)

    assert "longer than 1 s" in str(problem)
