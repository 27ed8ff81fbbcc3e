"""`sdg pool`: tables of values that fields copy from."""

from __future__ import annotations

import argparse
import codecs
import json
import sys
from collections.abc import Sequence
from io import BufferedReader
from pathlib import Path
from typing import Any, cast

from django.core.management.base import CommandParser
from rich.console import Console
from rich.table import Table
from rich.text import Text

from engine.issues import Issue
from engine.schema import OutputType
from pools import services
from pools.answer import builtin_answer, pool_answer
from pools.builtin.base import builtin_pools
from pools.definition import STRATEGY_PARAMS
from pools.enums import ColumnType, Encoding, FileFormat, PoolLoadStrategy, RefreshMode, SampleMethod
from pools.load_progress import LoadProgress
from pools.models import Pool
from pools.rows import rows_json
from pools.store import upload_name
from sdg_project.arguments import any_number, whole_number
from sdg_project.commands import DONE, SdgCommand
from sdg_project.database import ready_database
from sdg_project.documents import STANDARD_INPUT, parse_documents, read_document
from sdg_project.errors import Invalid
from sdg_project.exact_json import ExactEncoder
from sdg_project.text import amount
from sinks.encoding.texts import value_texts

_BEGINNING = 4_096
_SHOWN_ROWS = 3


class Command(SdgCommand):
    help = "Add, list, show, refresh and remove pools: tables of values that fields copy from."
    example = "sdg pool add products --file products.csv --column sku:STRING --weight-column popularity"

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
        add = self.add_action(actions, "add", "make a pool from a file or another source", self.example)
        add.add_argument("name", metavar="NAME", help="letters, digits, dots, hyphens, underscores; at most 100")
        source = add.add_mutually_exclusive_group(required=True)
        source.add_argument("--file", metavar="F", help="CSV with a header, JSON Lines or Parquet; - is standard input")
        source.add_argument(
            "--faker",
            metavar="SPEC",
            help="values that Faker makes up: a YAML or JSON file, or the JSON itself, with rows and columns",
        )
        source.add_argument("--query", metavar="SQL", help="what one SELECT gives, over --connection")
        source.add_argument("--table", metavar="[SCHEMA.]TABLE", help="a table or view, over --connection")
        add.add_argument("--connection", metavar="C", help="the stored connection to the server of --query or --table")
        add.add_argument(
            "--format",
            type=str.upper,
            choices=list(FileFormat),
            metavar="FORMAT",
            help="csv, jsonl or parquet; default: by the suffix, of standard input by its beginning",
        )
        add.add_argument(
            "--encoding",
            type=str.upper,
            choices=list(Encoding),
            metavar="E",
            help=f"how letters are written: {', '.join(Encoding)}; default: UTF-8, or what the file's mark says",
        )
        add.add_argument(
            "--delimiter", metavar="CHARACTER", help="CSV: what stands between cells; default: that which fits"
        )
        add.add_argument(
            "--quote", choices=['"', "'", ""], metavar="CHARACTER", help="CSV: what stands around cells; '' for nothing"
        )
        add.add_argument(
            "--header",
            action=argparse.BooleanOptionalAction,
            default=None,
            help="CSV: whether the first line names the columns; it is asked for where that is not plain",
        )
        add.add_argument(
            "--strategy",
            type=str.upper,
            choices=list(PoolLoadStrategy),
            metavar="S",
            help=f"how much is loaded: {', '.join(PoolLoadStrategy)}; default FULL",
        )
        add.add_argument("--sample-size", type=_count, metavar="N", help="SAMPLED: how many rows are kept; default 1e4")
        add.add_argument("--sample-rate", type=_share, metavar="R", help="SAMPLED: which share of the rows is kept")
        add.add_argument("--sample-seed", type=whole_number, metavar="N", help="SAMPLED: another seed draws other rows")
        add.add_argument(
            "--sample-method",
            type=str.upper,
            choices=list(SampleMethod),
            metavar="M",
            help=f"SAMPLED: which rows are kept: {', '.join(SampleMethod)}; default RESERVOIR",
        )
        add.add_argument("--stratify-column", metavar="C", help="STRATIFIED: each value of it keeps its share")
        add.add_argument(
            "--index-columns", type=_names, metavar="C,C", help="INDEXED: the columns in which keys are looked up"
        )
        add.add_argument(
            "--refresh-every", type=_count, metavar="SECONDS", help="a running service reads the source anew so often"
        )
        add.add_argument(
            "--column",
            action="append",
            default=[],
            type=_declared,
            metavar="NAME:TYPE",
            help=f"declare a column's type: {', '.join(ColumnType)}; may be repeated",
        )
        add.add_argument(
            "--weight-column", metavar="C", help="numbers in proportion to which rows are drawn by WEIGHTED"
        )
        add.add_argument("--max-rows", type=_count, metavar="N", help="refuse more rows; default 1e6")
        add.add_argument("--max-bytes", type=_count, metavar="N", help="refuse more bytes; default 256 MiB")
        listing = self.add_action(actions, "list", "list all pools, the built-in ones too", "sdg pool list --json")
        listing.add_argument("--json", action="store_true", help="one JSON object per pool")
        show = self.add_action(actions, "show", "show the columns and the first rows of a pool", "sdg pool show people")
        show.add_argument("name", metavar="NAME")
        show.add_argument("--json", action="store_true", help="one JSON object")
        refresh = self.add_action(actions, "refresh", "read the source anew", "sdg pool refresh products")
        refresh.add_argument("name", metavar="NAME")
        remove = self.add_action(actions, "remove", "remove a pool", "sdg pool remove products")
        remove.add_argument("name", metavar="NAME")

    def carry_out(self, options: dict[str, Any]) -> int:
        ready_database()
        match options["action"]:
            case "add":
                content = cast(BufferedReader, sys.stdin.buffer) if options["file"] == STANDARD_INPUT else None
                document = _document(options, _source_of(options, content))
                with LoadProgress(str(options["name"])) as progress:
                    pool = services.add_pool(document, base=Path.cwd(), content=content, progress=progress)
                self._tell(pool, "added")
                if pool.name.lower() in builtin_pools:
                    hint = f"sdg pool remove {pool.name} brings that back"
                    self.say(f'warning: it hides the built-in pool "{pool.name.lower()}" from every definition', hint)
            case "list":
                self._list([_answer(name) for name in services.pool_names()], as_json=options["json"])
            case "show":
                self._show(_answer(options["name"]), as_json=options["json"])
            case "refresh":
                before = services.get_pool(options["name"]).version
                with LoadProgress(str(options["name"])) as progress:
                    pool = services.refresh_pool(options["name"], progress=progress)
                self._tell(pool, "refreshed" if pool.version > before else "read, nothing has changed")
            case "remove":
                services.remove_pool(options["name"])
                self.say(f'pool "{options["name"]}" is removed')
        return DONE

    def _tell(self, pool: Pool, what: str) -> None:
        part = f"{pool.row_count:,} of " if pool.source_row_count != pool.row_count else ""
        rows = f"{part}{amount(pool.source_row_count, 'row')}"
        self.say(f'pool "{pool.name}" is {what}: version {pool.version}, {rows}')
        for note in pool.notes:
            self.say(f"  {_plain(note)}")
        for column in pool.columns:
            note = f"  ({column['note']})" if "note" in column else ""
            self.say(f"  {_plain(column['name'])}: {column['type']}{_plain(note)}")

    def _list(self, pools: Sequence[dict[str, Any]], *, as_json: bool) -> None:
        if as_json:
            for pool in pools:
                self.stdout.write(json.dumps(pool, ensure_ascii=False, cls=ExactEncoder))
            return
        table = Table(box=None, pad_edge=False)
        for title in ("pool", "status", "version", "rows", "columns", "source"):
            justify: Any = "right" if title in {"version", "rows", "columns"} else "left"
            table.add_column(title, justify=justify, overflow="fold")
        for pool in pools:
            count, version = f"{pool['rowCount']:,}", str(pool["version"] or "")
            source = Text(_source(pool))
            table.add_row(pool["name"], _status(pool), version, count, str(len(pool["columns"])), source)
        self._print(table)

    def _show(self, pool: dict[str, Any], *, as_json: bool) -> None:
        if as_json:
            self.stdout.write(json.dumps(pool, ensure_ascii=False, cls=ExactEncoder))
            return
        self.stdout.write(
            f"{pool['name']}: {_status(pool)}, {amount(pool['rowCount'], 'row')}, {pool['memoryBytes']:,} bytes"
        )
        self.stdout.write(f"  {_source(pool)}")
        for note in pool["notes"]:
            self.stdout.write(f"  {_plain(note)}")
        if pool["loadStrategy"] != PoolLoadStrategy.FULL:
            params = [f"{name} {pool[name]}" for names in STRATEGY_PARAMS.values() for name in names if name in pool]
            self.stdout.write(f"  {', '.join([pool['loadStrategy'], *params])}: {pool['sourceRowCount']:,} source rows")
        if pool["loadedAt"]:
            self.stdout.write(f"  version {pool['version']}, loaded {pool['loadedAt']} in {pool['loadDurationMs']} ms")
        if pool["weightColumn"]:
            self.stdout.write(f"  weights: {_plain(pool['weightColumn'])}")
        snapshot = services.find_snapshot(pool["name"]) if pool["rowCount"] else None
        first = snapshot.records.head(1) if snapshot else None
        table = Table(box=None, pad_edge=False)
        for title in ("column", "type", "distinct", "nulls", "first value", "note"):
            table.add_column(title, justify="right" if title in {"distinct", "nulls"} else "left", overflow="fold")
        for column in pool["columns"]:
            value = Text()
            if first is not None:
                text = value_texts(first[column["name"]], OutputType(column["type"]))[0]
                value = Text("null", style="dim") if text is None else Text(_plain(text))
            table.add_row(
                Text(_plain(column["name"])),
                column["type"],
                f"{column['distinct']:,}",
                f"{column['nulls']:,}",
                value,
                Text(_plain(column.get("note", ""))),
            )
        self._print(table)
        if snapshot:
            self.stdout.write("first rows:")
            for row in range(min(_SHOWN_ROWS, pool["rowCount"])):
                self.stdout.write(_plain(rows_json(snapshot, slice(row, row + 1)).decode()[1:-1]))
        for error in pool["lastError"] or []:
            self.say(f"the last refresh failed: {error['code']}: {error['message']}", error["hint"])

    def _print(self, table: Table) -> None:
        width = None if self.stdout.isatty() else 200
        console = Console(highlight=False, width=width)
        with console.capture() as capture:
            console.print(table)
        self.stdout.write(capture.get(), ending="")


def _source_of(options: dict[str, Any], content: BufferedReader | None) -> dict[str, Any]:
    """The source that the command line names; raises Invalid for what does not apply to it."""
    is_database = options["query"] is not None or options["table"] is not None
    of_files = ("format", "encoding", "delimiter", "quote", "header")
    applies = dict.fromkeys(of_files, options["file"] is not None) | {"connection": is_database}
    wrong = [name for name, does in applies.items() if options[name] is not None and not does]
    if wrong:
        raise Invalid([Issue("PROPERTY_NOT_ALLOWED", "", f"--{name} does not apply to this source") for name in wrong])
    if is_database and options["connection"] is None:
        hint = "sdg connection add stores one"
        raise Invalid([Issue("MISSING_PARAM", "", "--query and --table need --connection", hint)])
    if options["faker"] is not None:
        return _faker(options["faker"])
    if options["query"] is not None:
        return {"type": "POSTGRES", "connection": options["connection"], "query": options["query"]}
    if options["table"] is not None:
        schema, _, table = options["table"].rpartition(".")
        return {"type": "POSTGRES", "connection": options["connection"], "schema": schema or None, "table": table}
    return _file(options) if content is None else _upload(options, content)


def _faker(spec: str) -> dict[str, Any]:
    """The source that is told by a file, or by JSON in the argument itself."""
    is_json = spec.lstrip().startswith("{")
    documents = parse_documents(spec, origin="--faker") if is_json else read_document(spec)
    value = documents[0].value
    if len(documents) > 1 or not isinstance(value, dict):
        message = "--faker must be one object with rows, columns and perhaps locales and seed"
        raise Invalid([Issue("TYPE_MISMATCH", "", message)])
    return {"type": "FAKER", **value}


def _file(options: dict[str, Any]) -> dict[str, Any]:
    """The source that is a file, named from here."""
    return {"type": "FILE", "path": options["file"], "format": options["format"], **_form(options)}


def _upload(options: dict[str, Any], content: BufferedReader) -> dict[str, Any]:
    """The source that is the content of standard input, which is kept."""
    format_ = options["format"]
    if format_ is None:
        beginning = content.peek(_BEGINNING).removeprefix(codecs.BOM_UTF8).lstrip()
        looks_like = {b"PAR1": FileFormat.PARQUET, b"{": FileFormat.JSONL}
        format_ = next((known for start, known in looks_like.items() if beginning.startswith(start)), FileFormat.CSV)
    return {"type": "UPLOAD", "file": upload_name(), "format": str(format_), **_form(options)}


def _form(options: dict[str, Any]) -> dict[str, Any]:
    """How the file is to be read."""
    return {name: options[name] for name in ("encoding", "delimiter", "quote", "header")}


def _document(options: dict[str, Any], source: dict[str, Any]) -> dict[str, Any]:
    """The definition that the command line describes."""
    limits = {"maxRows": options["max_rows"], "maxBytes": options["max_bytes"]}
    seconds = options["refresh_every"]
    return {
        "name": options["name"],
        "source": {key: value for key, value in source.items() if value is not None},
        "loadStrategy": options["strategy"],
        "sampleSize": options["sample_size"],
        "sampleRate": options["sample_rate"],
        "sampleSeed": options["sample_seed"],
        "method": options["sample_method"],
        "stratifyColumn": options["stratify_column"],
        "indexColumns": options["index_columns"],
        "refresh": {} if seconds is None else {"mode": RefreshMode.INTERVAL.value, "intervalSeconds": seconds},
        "columns": options["column"],
        "weightColumn": options["weight_column"],
        "limits": {key: value for key, value in limits.items() if value is not None},
    }


def _answer(name: str) -> dict[str, Any]:
    if name in builtin_pools and not any(pool.name.lower() == name.lower() for pool in services.list_pools()):
        [snapshot] = services.snapshots_for([name]).values()
        return builtin_answer(builtin_pools[name], snapshot)
    return pool_answer(services.get_pool(name))


def _status(pool: dict[str, Any]) -> str:
    return f"{pool['status']}, last refresh failed" if pool["lastError"] and pool["version"] else pool["status"]


def _source(pool: dict[str, Any]) -> str:
    source = pool["source"]
    if pool["description"] is not None:
        return f"built in: {pool['description']}"
    if source["type"] == "POSTGRES":
        return _plain(f"{source['connection']}: {source.get('table') or 'a query'}")
    return "built in" if source["type"] == "BUILTIN" else _plain(source.get("path", source["type"]))


def _plain(text: str) -> str:
    """A text that cannot upset a terminal."""
    return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in text)


# Types of arguments.


def _declared(text: str) -> dict[str, str]:
    name, separator, type_ = text.rpartition(":")
    if not separator or not name or type_.upper() not in list(ColumnType):
        raise argparse.ArgumentTypeError(f"{text!r} is no NAME:TYPE; types are {', '.join(ColumnType)}")
    return {"name": name, "type": type_.upper()}


def _names(text: str) -> list[str]:
    return [name for name in text.split(",") if name]


def _share(text: str) -> float:
    return float(any_number(text))


def _count(text: str) -> int:
    number = any_number(text)
    if not isinstance(number, int) or number < 1:
        raise argparse.ArgumentTypeError(f"{text} is no whole number above 0")
    return number
