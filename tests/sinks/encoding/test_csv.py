"""CSV: every value back through Python's csv, DuckDB, pyarrow and polars; quoting; formulas (E4); the options."""

from __future__ import annotations

import csv
import io
import json
from decimal import Decimal
from typing import Any

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.csv
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from engine.batch import Batch
from engine.issues import Severity
from engine.schema import Column, OutputType, RecordSchema
from engine.span import Span
from sdg_project.shapes import issues_of
from sinks.encoding.csv import Csv, CsvOptions
from tests.sinks.encoding.records import (
    EVERY_TYPE,
    TITLES,
    batch_of,
    encoder,
    file_of,
    iso,
    one_column,
    records,
)

T = OutputType


def cell(value: Any) -> str | None:
    """The text of a cell before any quotes; doubles are left to be compared as numbers."""
    match value:
        case None | str():
            return value
        case bool():
            return "true" if value else "false"
        case Decimal():
            return format(value, "f")
        case int() | float():
            return str(value)
        case _:
            return iso(value)


def doubles_as_python(rows: list[list[str | None]]) -> list[list[str | None]]:
    """Doubles spelled as Python spells them, which must be the same number and so the same text."""
    place = TITLES.index("double")
    return [[*row[:place], str(float(row[place])) if row[place] else row[place], *row[place + 1 :]] for row in rows]


@settings(max_examples=60, deadline=None)
@given(records, st.sampled_from(["LF", "CRLF"]), st.sampled_from([",", ";", "\t", "|", "{"]), st.sampled_from("\"'}"))
def test_python_reads_back_what_was_written(rows: list[Any], line_end: str, delimiter: str, quote: str) -> None:
    options = {"line_end": line_end, "delimiter": delimiter, "quote": quote}
    file = file_of(encoder("CSV", **options), batch_of(rows))

    header, *read = csv.reader(io.StringIO(file.decode(), newline=""), delimiter=delimiter, quotechar=quote)

    assert header == TITLES
    # Python's csv cannot tell null from the empty text.
    assert doubles_as_python(read) == [[cell(value) or "" for value in row] for row in rows]


@settings(max_examples=25, deadline=None)
@given(records)
def test_polars_reads_back_what_was_written(rows: list[Any]) -> None:
    file = file_of(encoder("CSV"), batch_of(rows))

    read = pl.read_csv(file, infer_schema=False, truncate_ragged_lines=False)

    assert doubles_as_python([list(row) for row in read.rows()]) == [[cell(value) for value in row] for row in rows]


@settings(max_examples=25, deadline=None)
@given(records)
def test_pyarrow_reads_back_what_was_written(rows: list[Any]) -> None:
    file = file_of(encoder("CSV"), batch_of(rows))

    read = pyarrow.csv.read_csv(
        pa.BufferReader(file),
        parse_options=pyarrow.csv.ParseOptions(newlines_in_values=True),
        convert_options=pyarrow.csv.ConvertOptions(
            column_types=dict.fromkeys(TITLES, pa.string()),
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
        ),
    )

    assert doubles_as_python([list(row.values()) for row in read.to_pylist()]) == [
        [cell(value) for value in row] for row in rows
    ]


@settings(max_examples=25, deadline=None)
@given(records)
def test_duckdb_reads_back_what_was_written(tmp_path_factory: pytest.TempPathFactory, rows: list[Any]) -> None:
    path = tmp_path_factory.mktemp("duckdb") / "file.csv"
    path.write_bytes(file_of(encoder("CSV"), batch_of(rows)))

    columns = ", ".join(f"'{title}': 'VARCHAR'" for title in TITLES)
    read = duckdb.sql(
        f"SELECT * FROM read_csv('{path}', header = true, auto_detect = false, columns = {{{columns}}}, delim = ',', "
        "quote = '\"', escape = '\"', nullstr = '', allow_quoted_nulls = false, new_line = '\\n', comment = '')"
    ).fetchall()

    assert doubles_as_python([list(row) for row in read]) == [[cell(value) for value in row] for row in rows]


def test_the_text_of_records() -> None:
    schema = RecordSchema(
        "orders",
        (
            Column("id", T.LONG),
            Column("price.amount", T.DECIMAL, 2),
            Column("note", T.STRING, nullable=True),
            Column("word", T.STRING, nullable=True),
            Column("at", T.TIMESTAMP),
            Column("raw", T.JSON),
        ),
    )
    records = pl.DataFrame(
        {
            "id": [2**63 - 1, -1, 0],
            "price.amount": pl.Series([Decimal("18.70"), Decimal("-0.05"), Decimal(0)], dtype=pl.Decimal(18, 2)),
            "note": ['a "b"', None, ""],
            "word": pl.Series(["x,y", None, ""], dtype=pl.Enum(["", "x,y"])),
            "at": pl.Series([1767810904343, -1, 0]).cast(pl.Datetime("ms", "UTC")),
            "raw": ['{"k":1}', "1", '"="'],
        }
    )

    file = file_of(encoder("CSV", schema), Batch(Span(0, 3), records))

    assert file.decode().split("\n") == [
        "id,price.amount,note,word,at,raw",
        '9223372036854775807,18.70,"a ""b""","x,y",2026-01-07T18:35:04.343Z,"{""k"":1}"',
        "-1,-0.05,,,1969-12-31T23:59:59.999Z,1",
        '0,0.00,"","",1970-01-01T00:00:00.000Z,"""="""',
        "",
    ]


@pytest.mark.parametrize("null_text", ["NULL", "\\N", "0", "true", "{}"])
def test_what_looks_like_null_is_quoted(null_text: str) -> None:
    schema = RecordSchema(
        "r",
        (
            Column("text", T.STRING, nullable=True),
            Column("number", T.INTEGER, nullable=True),
            Column("flag", T.BOOLEAN, nullable=True),
            Column("word", T.STRING, nullable=True),
        ),
    )
    batch = Batch(
        Span(0, 3),
        pl.DataFrame(
            {
                "text": [null_text, None, ""],
                "number": pl.Series([0, None, 1], dtype=pl.Int32),
                "flag": [True, None, False],
                "word": pl.Series([null_text, None, null_text], dtype=pl.Enum([null_text])),
            }
        ),
    )

    first, second, third = file_of(encoder("CSV", schema, null_text=null_text, header=False), batch).decode().split()

    number, flag = ('"0"' if null_text == "0" else "0"), ('"true"' if null_text == "true" else "true")
    assert first == f'"{null_text}",{number},{flag},"{null_text}"'
    assert second == ",".join([null_text] * 4)
    assert third == f'"",1,false,"{null_text}"'


@pytest.mark.parametrize("header", [True, False])
def test_a_null_alone_in_its_line_is_no_blank_line(header: bool) -> None:
    column = Column("number", T.INTEGER, nullable=True)
    schema, batch = one_column(column, [1, None, 3, None])

    file = file_of(encoder("CSV", schema, header=header), batch)

    assert file == (b"number\n" if header else b"") + b'1\n""\n3\n""\n'
    assert pl.read_csv(file, has_header=header, schema={"number": pl.Int32})["number"].to_list() == [1, None, 3, None]
    names = None if header else ["number"]
    read = pyarrow.csv.read_csv(pa.BufferReader(file), read_options=pyarrow.csv.ReadOptions(column_names=names))
    assert read["number"].to_pylist() == [1, None, 3, None]


def test_a_null_text_keeps_null_and_empty_apart_in_a_single_column() -> None:
    schema, batch = one_column(Column("text", T.STRING, nullable=True), ["", None])

    assert file_of(encoder("CSV", schema, null_text="NULL"), batch) == b'text\n""\nNULL\n'


FORMULAS = ["=1+1", "+1", "-5", "@SUM(A1)", "\tx", "\rx", "\0x", "=cmd|' /C calc'!A0", '=HYPERLINK("http://x","y")']


def test_formulas_are_written_unchanged() -> None:
    schema, batch = one_column(Column("text", T.STRING), FORMULAS)

    file = file_of(encoder("CSV", schema), batch)

    assert [row[0] for row in csv.reader(io.StringIO(file.decode(), newline=""))] == ["text", *FORMULAS]


@pytest.mark.parametrize("dtype", [pl.String(), pl.Enum([*FORMULAS, "a=b", ""])])
def test_formulas_are_escaped_on_request(dtype: pl.DataType) -> None:
    schema = RecordSchema("r", (Column("=t", T.STRING, nullable=True), Column("n", T.INTEGER), Column("j", T.JSON)))
    texts = [*FORMULAS, "a=b", "", None]
    count = len(texts)
    columns = [
        pl.Series("=t", texts, dtype=dtype),
        pl.Series("n", [-5] * count, dtype=pl.Int32),
        pl.Series("j", ["-5"] * count),
    ]

    file = file_of(encoder("CSV", schema, escape_formulas=True), Batch(Span(0, count), pl.DataFrame(columns)))

    read = list(csv.reader(io.StringIO(file.decode(), newline="")))
    assert read[0] == ["'=t", "n", "j"]
    assert [row[0] for row in read[1:]] == [*(f"'{text}" for text in FORMULAS), "a=b", "", ""]
    assert {(row[1], row[2]) for row in read[1:]} == {("-5", "-5")}


def test_a_byte_order_mark_at_the_beginning_of_the_file_stays_a_character() -> None:
    schema, batch = one_column(Column("text", T.STRING), ["\ufeffx"])

    file = file_of(encoder("CSV", schema, header=False), batch)

    assert list(csv.reader(io.StringIO(file.decode("utf-8-sig"), newline=""))) == [["\ufeffx"]]
    assert pl.read_csv(file, has_header=False).item() == "\ufeffx"


def test_a_text_of_a_megabyte_comes_back() -> None:
    long = 'é"\n' * 250_000
    schema, batch = one_column(Column("text", T.STRING), ["x", long])

    assert pl.read_csv(file_of(encoder("CSV", schema), batch))["text"].to_list() == ["x", long]


@pytest.mark.parametrize("delimiter", ["", "ab", "a", "0", '"', ".", "+", "-", ":", " ", "\n", "\r", "\0", "é"])
def test_a_delimiter_that_values_may_hold_is_refused(delimiter: str) -> None:
    with pytest.raises(ValidationError):
        CsvOptions(delimiter=delimiter)


@pytest.mark.parametrize(
    ("options", "paths"),
    [
        ({"delimiter": "'", "quote": "'"}, ["/quote"]),
        ({"quote": "x"}, ["/quote"]),
        ({"nullText": "a,b"}, ["/nullText"]),
        ({"nullText": "\n"}, ["/nullText"]),
        ({"nullText": '"'}, ["/nullText"]),
        ({"delimiter": "|", "quote": "|", "nullText": "|"}, ["/quote", "/nullText"]),
        ({"lineEnd": "CR"}, ["/lineEnd"]),
        ({"separator": ","}, ["/separator"]),
    ],
)
def test_options_that_make_no_readable_file_are_refused_where_they_stand(
    options: dict[str, str], paths: list[str]
) -> None:
    with pytest.raises(ValidationError) as caught:
        CsvOptions.model_validate(options)

    assert [issue.path for issue in issues_of(caught.value, model=CsvOptions)] == paths


def test_options_are_read_in_camel_case() -> None:
    options = CsvOptions.model_validate(
        json.loads('{"delimiter": ";", "lineEnd": "CRLF", "nullText": "NULL", "escapeFormulas": true}')
    )

    assert options == CsvOptions(delimiter=";", line_end="CRLF", null_text="NULL", escape_formulas=True)


def test_missing_fields_and_columns_of_one_title_are_refused() -> None:
    schema = RecordSchema(
        "r",
        (
            Column("a", T.LONG, may_be_missing=True),
            Column("b.c", T.LONG),
            Column("b\\.c", T.LONG),
        ),
    )

    problems = Csv.check(schema)

    assert [(problem.column.name, problem.at, problem.code) for problem in problems] == [
        ("a", "/missingRate", "PROPERTY_NOT_ALLOWED"),
        ("b.c", "/fieldName", "DUPLICATE_FIELD"),
        ("b\\.c", "/fieldName", "DUPLICATE_FIELD"),
    ]


def test_lists_and_objects_are_told_to_become_text() -> None:
    [told] = Csv.check(EVERY_TYPE)

    assert (told.column.name, told.at, told.code, told.severity) == ("document", "", "TYPE_MISMATCH", Severity.WARNING)
