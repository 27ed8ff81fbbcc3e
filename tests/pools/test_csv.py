"""What people's CSV files become, and what is said of those that are wrong."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from pools.loading import Loaded
from sdg_project.errors import Invalid


def rows(loaded: Loaded) -> list[dict[str, Any]]:
    return loaded.records.to_dicts()


def messages(error: pytest.ExceptionInfo[Invalid]) -> list[str]:
    return [f"{issue.code} {issue.path} {issue.message}" for issue in error.value.issues]


def types(loaded: Loaded) -> dict[str, str]:
    return {column["name"]: column["type"] for column in loaded.columns}


def test_each_column_gets_the_type_that_all_of_its_values_have(load_file: Any) -> None:
    text = (
        "name,count,price,active,born,seen\n"
        "Ana,1,1.5,true,1990-01-31,2026-01-02T03:04:05Z\n"
        "Bo,-20,2e3,False,2000-02-29,2026-01-02 03:04:05.678+02:00\n"
    )

    loaded = load_file(text)

    assert types(loaded) == {
        "name": "STRING",
        "count": "LONG",
        "price": "DOUBLE",
        "active": "BOOLEAN",
        "born": "DATE",
        "seen": "TIMESTAMP",
    }
    assert rows(loaded)[1] == {
        "name": "Bo",
        "count": -20,
        "price": 2000.0,
        "active": False,
        "born": date(2000, 2, 29),
        "seen": datetime(2026, 1, 2, 1, 4, 5, 678_000, tzinfo=UTC),
    }


def test_zip_codes_keep_their_leading_zeros_even_if_only_one_has_any(load_file: Any) -> None:
    text = "zip,city\n" + "".join(f"{code},X\n" for code in range(10_000, 99_999, 7)) + "00501,Holtsville\n"

    loaded = load_file(text)

    assert loaded.records["zip"][-1] == "00501"
    assert loaded.columns[0]["note"] == 'text, because of "00501" (line 12859)'


@pytest.mark.parametrize("value", ["007", "00", "-01", "+01"])
def test_digits_with_a_leading_zero_are_text(load_file: Any, value: str) -> None:
    assert types(load_file(f"code\n5\n{value}\n")) == {"code": "STRING"}


@pytest.mark.parametrize("value", ["0", "-1", "0.5", "-0.25", "1e-3", ".5"])
def test_numbers_that_begin_with_a_single_zero_are_numbers(load_file: Any, value: str) -> None:
    assert load_file(f"x\n{value}\n").records["x"].to_list() == [float(value)]


def test_what_is_declared_wins(load_file: Any) -> None:
    columns = [{"name": "code", "type": "LONG"}, {"name": "count", "type": "STRING"}, {"name": "p", "type": "DECIMAL"}]

    loaded = load_file("code,count,p\n007,1,1.50\n010,2,2.125\n", columns=columns)

    assert rows(loaded) == [
        {"code": 7, "count": "1", "p": Decimal("1.500")},
        {"code": 10, "count": "2", "p": Decimal("2.125")},
    ]


def test_every_value_that_is_not_of_the_declared_type_is_named(load_file: Any) -> None:
    columns = [{"name": "n", "type": "LONG"}, {"name": "p", "type": "DECIMAL", "scale": 2}]

    with pytest.raises(Invalid) as error:
        load_file("n,p\n1,1.25\nx,1.255\n3.5,2\n", columns=columns)

    assert [issue.path for issue in error.value.issues] == ["/columns/0/type", "/columns/1/type"]
    assert 'column "n" is declared LONG, but line 3 has "x", line 4 has "3.5"' in messages(error)[0]
    assert 'DECIMAL with 2 digits behind the point, but line 3 has "1.255"' in messages(error)[1]


def test_an_empty_cell_is_null_and_a_quoted_empty_cell_is_an_empty_text(load_file: Any) -> None:
    loaded = load_file('a,b\nx,\ny,""\n"",z\n')

    assert rows(loaded) == [{"a": "x", "b": None}, {"a": "y", "b": ""}, {"a": "", "b": "z"}]


def test_null_and_the_empty_text_differ_in_every_part_of_a_large_file(load_file: Any) -> None:
    loaded = load_file("a,b\n" + 'x,""\ny,\n' * 100_000)

    assert loaded.records["b"].null_count() == 100_000
    assert (loaded.records["b"] == "").sum() == 100_000


def test_a_byte_order_mark_is_no_part_of_the_first_name(load_file: Any) -> None:
    assert rows(load_file(b"\xef\xbb\xbfname\r\nZo\xc3\xab\r\n")) == [{"name": "Zoë"}]


def test_quoted_cells_may_hold_delimiters_quotes_and_newlines(load_file: Any) -> None:
    loaded = load_file('"a, b","c ""d"""\r\n"1\r\n2","x ""y"", z"\r\n日本,🎉\r\n')

    assert rows(loaded) == [{"a, b": "1\r\n2", 'c "d"': 'x "y", z'}, {"a, b": "日本", 'c "d"': "🎉"}]


def test_another_delimiter(load_file: Any) -> None:
    assert rows(load_file("a;b\n1,5;2\n", source={"delimiter": ";"})) == [{"a": "1,5", "b": 2}]


def test_lines_with_more_or_fewer_cells_are_named_by_their_line_in_the_file(load_file: Any) -> None:
    with pytest.raises(Invalid) as error:
        load_file('a,b\n"1\n1",2\n3\n4,5,6\n\n7,8\n\n\n')

    assert messages(error) == [
        "INVALID_SYNTAX /source things.csv, line 4: 1 cell, and the first line has 2",
        "INVALID_SYNTAX /source things.csv, line 5: 3 cells, and the first line has 2",
        "INVALID_SYNTAX /source things.csv, line 6: an empty line, and the first line has 2",
    ]


def test_many_faulty_lines_are_counted(load_file: Any) -> None:
    with pytest.raises(Invalid) as error:
        load_file("a,b\n" + "1\n" * 1_000)

    assert len(error.value.issues) == 21
    assert "980 further lines" in messages(error)[-1]


def test_repeated_and_empty_names_are_all_told(load_file: Any) -> None:
    with pytest.raises(Invalid) as error:
        load_file("id,,name,id\n1,2,3,4\n")

    assert messages(error) == [
        "INVALID_VALUE /source things.csv: column 2 has no name",
        'DUPLICATE_FIELD /source things.csv: columns 1 and 4 are both named "id"',
    ]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "the file is empty"),
        (b"\n\n", "the file is empty"),
        (b"a,b\n1,\xff\n", "line 2: the byte 0xFF is no UTF-8"),
        (b"a,b\n" + b"1,2\n" * 3_000_000 + b"1,\xe4\n", "line 3000002: the byte 0xE4 is no UTF-8"),
        (b"a\n1\n\xe2\x82", "line 3: the byte 0xE2 is no UTF-8"),
        (b"a,b\n1,x\x00\n", "line 2: there is a NUL character"),
        (b'a,b\n1,"x\n2,y\n', "line 2: a quoted cell does not end"),
        (b'a,b\n1,2\n1,5" pipe\n', "line 3: a quote stands in the middle of a cell"),
        (b'a,b\n1,"x"y\n', "line 2: a quote stands in the middle of a cell"),
        (b"a,b\r1,2\r", "lines end with CR alone"),
    ],
)
def test_files_that_are_no_csv_are_refused_with_the_line(load_file: Any, content: bytes, told: str) -> None:
    with pytest.raises(Invalid, match=told):
        load_file(content)


def test_integers_beyond_64_bits_stay_exact_as_text(load_file: Any) -> None:
    loaded = load_file(f"n,m\n{2**63 - 1},{2**63}\n{-(2**63)},1\n")

    assert loaded.records["n"].to_list() == [2**63 - 1, -(2**63)]
    assert loaded.records["m"].to_list() == [str(2**63), "1"]
    limits = "-9,223,372,036,854,775,808 to 9,223,372,036,854,775,807"
    assert loaded.columns[1]["note"] == f'text, because "9223372036854775808" (line 2) is not from {limits}'


def test_integers_that_a_double_cannot_hold_stay_exact_as_text(load_file: Any) -> None:
    loaded = load_file(f"n\n{2**53 + 1}\n0.5\n")

    assert loaded.records["n"].to_list() == [str(2**53 + 1), "0.5"]


@pytest.mark.parametrize("word", ["NaN", "nan", "inf", "-Infinity", "1e999"])
def test_numbers_that_are_not_finite_are_refused(load_file: Any, word: str) -> None:
    with pytest.raises(Invalid) as error:
        load_file(f"x\n1.5\n{word}\n")

    assert [issue.code for issue in error.value.issues] == ["NON_FINITE"]
    assert f'line 3 has "{word}"' in messages(error)[0]


def test_nan_is_a_name_where_no_number_is(load_file: Any) -> None:
    assert rows(load_file("name\nNan\nAnna\n")) == [{"name": "Nan"}, {"name": "Anna"}]


def test_a_stray_word_makes_text_of_numbers_and_is_named(load_file: Any) -> None:
    loaded = load_file("x\n" + "1\n" * 20 + "n/a\n")

    assert loaded.columns[0]["type"] == "STRING"
    assert loaded.columns[0]["note"] == 'text, because of "n/a" (line 22)'


def test_a_header_alone_is_a_pool_without_rows(load_file: Any) -> None:
    loaded = load_file("a,b\n")

    assert loaded.records.shape == (0, 2)


def test_too_many_rows_are_refused_and_not_cut_off(load_file: Any) -> None:
    text = "a\n" + "1\n" * 11

    assert load_file(text, limits={"maxRows": 11}).records.height == 11
    with pytest.raises(Invalid) as error:
        load_file(text, limits={"maxRows": 10})
    assert messages(error) == ["POOL_TOO_LARGE /source things.csv has 11 rows, and the pool may hold 10"]


def test_too_many_bytes_are_refused(load_file: Any) -> None:
    with pytest.raises(Invalid, match=r"things.csv has 24 bytes, and the pool may hold 23"):
        load_file("a\n" + "1\n" * 11, limits={"maxBytes": 23})


def test_a_table_may_be_larger_than_its_file_and_is_refused_then(load_file: Any) -> None:
    with pytest.raises(Invalid, match="as a table has 176 bytes"):
        load_file("a\n" + "x\n" * 11, limits={"maxBytes": 100})


def test_weights_must_be_numbers_that_are_not_negative_and_not_all_0(load_file: Any) -> None:
    def told(text: str) -> str:
        with pytest.raises(Invalid) as error:
            load_file(text, weightColumn="w")
        return messages(error)[0]

    assert load_file("a,w\nx,0\ny,2.5\n", weightColumn="w").records.height == 2
    assert 'column "w" is STRING' in told("a,w\nx,much\n")
    assert "line 3 has -1" in told("a,w\nx,1\ny,-1\n")
    assert "above 0" in told("a,w\nx,0\n")
    assert told("a,weight\nx,1\n").startswith("COLUMN_NOT_FOUND /weightColumn")


def test_what_is_declared_unique_must_be(load_file: Any) -> None:
    columns = [{"name": "id", "unique": True}]

    assert load_file("id\n1\n2\n\n", columns=columns).columns[0]["unique"] is True
    with pytest.raises(Invalid) as error:
        load_file("id\n1\n2\n1\n", columns=columns)
    assert "1 in line 2 and line 4" in messages(error)[0]
    assert error.value.issues[0].path == "/columns/0/unique"


def test_a_declared_column_that_is_not_there_is_told_with_a_close_name(load_file: Any) -> None:
    with pytest.raises(Invalid) as error:
        load_file("postcode\n1\n", columns=[{"name": "postcodes", "type": "STRING"}])

    assert error.value.issues[0].code == "COLUMN_NOT_FOUND"
    assert error.value.issues[0].hint == 'did you mean "postcode"?'


def test_all_faults_of_all_columns_are_told_at_once(load_file: Any) -> None:
    with pytest.raises(Invalid) as error:
        load_file("a,b\nx,1\n", columns=[{"name": "a", "type": "DATE"}, {"name": "c"}], weightColumn="v")

    assert {issue.path for issue in error.value.issues} == {"/columns/0/type", "/columns/1/name", "/weightColumn"}


def test_quotes_and_newlines_are_found_across_the_chunks_in_which_a_file_is_scanned(
    load_file: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = 'a,b\n"x\n""y""",1\nz,"2\n3"\n"",\n'
    whole = load_file(text)

    for size in range(1, len(text)):
        monkeypatch.setattr("pools.files.csv._CHUNK", size)
        assert load_file(text).records.equals(whole.records)


@pytest.mark.parametrize("again", [0, 1, 3_000])
def test_distinct_texts_are_counted_exactly_whether_they_repeat_or_not(load_file: Any, again: int) -> None:
    texts = [f"text {number}" for number in range(3_000)]

    loaded = load_file("\n".join(["code", *texts, *texts[:again]]))

    assert loaded.columns[0]["distinct"] == 3_000
