"""Files that are written in other ways: what is found out is told, what could be two things is asked."""

from __future__ import annotations

from typing import Any

import pytest

from sdg_project.errors import Invalid

ROWS = [("Zoë", 1), ("Jürgen", 2)]
TEXT = "name,count\nZoë,1\nJürgen,2\n"


@pytest.mark.parametrize(
    ("content", "source", "note"),
    [
        (TEXT.encode(), {}, "read as UTF-8, parted by a comma, with a header"),
        (TEXT.encode("utf-8-sig"), {}, "read as UTF-8, parted by a comma, with a header"),
        (TEXT.encode("utf-16"), {}, "read as UTF-16, parted by a comma, with a header"),
        (b"\xfe\xff" + TEXT.encode("utf-16-be"), {"encoding": "UTF-16"}, "read as UTF-16"),
        (TEXT.encode("cp1252"), {"encoding": "WINDOWS-1252"}, "read as WINDOWS-1252"),
        (TEXT.encode("latin-1"), {"encoding": "ISO-8859-1"}, "read as ISO-8859-1"),
        (TEXT.replace(",", ";").encode(), {}, "parted by a semicolon"),
        (TEXT.replace(",", "\t").encode(), {}, "parted by a tab"),
        (TEXT.replace(",", "|").encode(), {}, "parted by a pipe"),
        (TEXT.replace(",", "^").encode(), {"delimiter": "^"}, "parted by ^"),
        (
            TEXT.replace(",", ";").replace("\n", "\r\n").encode("cp1252"),
            {"encoding": "WINDOWS-1252"},
            "parted by a semicolon",
        ),
        ("name;count\n'Zoë';1\n'Jürgen';2\n".encode(), {"quote": "'"}, "parted by a semicolon, quote '"),
        (TEXT.encode(), {"quote": ""}, "parted by a comma, no quotes"),
    ],
)
def test_a_file_of_another_form_is_read_and_what_was_found_out_is_told(
    load_file: Any, content: bytes, source: dict[str, str], note: str
) -> None:
    loaded = load_file(content, source=source)

    assert loaded.records.rows() == ROWS
    [told] = loaded.notes
    assert note in told


def test_a_file_without_a_header_gets_names_for_its_columns(load_file: Any) -> None:
    loaded = load_file("Zoë,1\nJürgen,2\n", source={"header": False})

    assert loaded.records.columns == ["column1", "column2"]
    assert loaded.records.rows() == ROWS
    assert "without a header" in loaded.notes[0]


def test_numbers_in_the_first_line_are_names_where_that_is_said(load_file: Any) -> None:
    loaded = load_file("country,2023,2024\nDE,1,2\n", source={"header": True})

    assert loaded.records.columns == ["country", "2023", "2024"]


def test_delimiters_inside_of_quotes_do_not_count(load_file: Any) -> None:
    loaded = load_file('name;note\n"a,b";x\n"c,d";"y;z"\n')

    assert loaded.records.rows() == [("a,b", "x"), ("c,d", "y;z")]


def test_a_delimiter_is_found_in_a_file_that_is_longer_than_its_beginning(load_file: Any) -> None:
    loaded = load_file("name;count\n" + "".join(f"x,{number};{number}\n" for number in range(50_000)))

    assert loaded.records.shape == (50_000, 2)


def test_quotes_that_stand_for_inches_are_read_where_there_are_no_quotes(load_file: Any) -> None:
    loaded = load_file('name,size\npipe,5"\nbolt,"3\n', source={"quote": ""})

    assert loaded.records["size"].to_list() == ['5"', '"3']


@pytest.mark.parametrize(
    ("content", "source", "message", "hint"),
    [
        (b"name\nZo\xeb\n", {}, "line 2: the byte 0xEB is no UTF-8", "--encoding"),
        (b"name\nZo\x81\n", {"encoding": "WINDOWS-1252"}, "line 2: the byte 0x81 is no WINDOWS-1252", "ISO-8859-1"),
        (TEXT.encode("utf-8-sig"), {"encoding": "WINDOWS-1252"}, "begins with the mark of UTF-8", None),
        (TEXT.encode("utf-16-le"), {"encoding": "UTF-16"}, "does not begin with the mark", "save it"),
        (TEXT.encode("utf-16-le"), {}, "no UTF-8", "UTF-16"),
        (b"n\0a\0", {}, "NUL character", "UTF-16"),
        (TEXT.encode("utf-16")[:-1], {}, "this is no UTF-16", "cut off"),
        (TEXT.encode("utf-32"), {}, "this is UTF-32", "accepted are UTF-8"),
        (b"a,b;c\n1,2;3\n", {}, "parted by a comma and a semicolon", "--delimiter"),
        (b"Ana,1\nBo,2\n", {}, "the first line holds the number 1", "--no-header"),
        (b"a,b\n1,2\na,b\n3,4\n", {}, "line 3 is the header again", "joined"),
        (b"a,b\r\n1,2\r\na,b", {}, "line 3 is the header again", "joined"),
        (b"a,b,a\n1,2,3\n", {}, 'columns 1 and 3 are both named "a"', "header false"),
    ],
)
def test_what_could_be_two_things_is_refused_and_the_option_named(
    load_file: Any, content: bytes, source: dict[str, str], message: str, hint: str | None
) -> None:
    with pytest.raises(Invalid) as error:
        load_file(content, source=source)

    [issue] = error.value.issues
    assert message in issue.message
    assert hint is None or hint in str(issue.hint)


@pytest.mark.parametrize(("name", "content"), [("x.jsonl", b'{"a": 1}\n'), ("x.parquet", b"")])
@pytest.mark.parametrize("option", [{"delimiter": ";"}, {"header": False}, {"quote": "'"}])
def test_options_of_csv_are_refused_for_other_formats(
    load_file: Any, name: str, content: bytes, option: dict[str, Any]
) -> None:
    with pytest.raises(Invalid) as error:
        load_file(content, name=name, source=option)

    assert [(issue.code, issue.path) for issue in error.value.issues] == [
        ("PROPERTY_NOT_ALLOWED", f"/source/{next(iter(option))}")
    ]


def test_json_lines_of_another_encoding_are_read(load_file: Any) -> None:
    line = '{"name": "Zoë"}\n'

    utf_16 = load_file(line.encode("utf-16"), name="x.jsonl")
    told = load_file(line.encode("cp1252"), name="x.jsonl", source={"encoding": "WINDOWS-1252"})

    assert utf_16.records.rows() == told.records.rows() == [("Zoë",)]
    assert (utf_16.notes, told.notes) == (["read as UTF-16"], ["read as WINDOWS-1252"])


def test_fewer_columns_than_a_thousand_are_accepted_and_two_thousand_are_not(load_file: Any) -> None:
    def wide(columns: int) -> str:
        return ",".join(f"c{number}" for number in range(columns)) + "\n" + ",".join("1" * columns) + "\n"

    assert load_file(wide(1_000)).records.width == 1_000
    with pytest.raises(Invalid, match="has 2,000 columns, and a pool may have 1,000"):
        load_file(wide(2_000))
