"""Definition files: what YAML and JSON documents hold, and where in the file each value stands."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from engine.issues import Issue, did_you_mean, pointer
from sdg_project.builder import Builder, Limits, Positions, decode
from sdg_project.errors import Invalid, NotFound
from sdg_project.exact_json import ExactEncoder
from sdg_project.json_guard import read_json
from sdg_project.text import quoted, shown
from sdg_project.yaml_reader import read_yaml

STANDARD_INPUT = STANDARD_OUTPUT = "-"
FILE_LIMITS = Limits(max_bytes=64 * 2**20, max_depth=32 + 2, max_nodes=5_000_000)
"""A file may hold many definitions, two levels deep. Each alone keeps the limits of a request: see `split_bundle`."""

_JSON_START = re.compile(r'\s*(?:\{\s*["}]|\[)')
_SEVERAL = re.compile(r"""^---|["']?generators["']?\s*:""", re.MULTILINE)
"""What stands somewhere in every text that holds several definitions."""
_BUNDLE = ("connections", "pools", "generators")
BUNDLE_MARKS = frozenset({*_BUNDLE, "universe"})
"""Properties of which a document without field mappings has one when it is a bundle."""


@dataclass(frozen=True, slots=True)
class Document:
    """A value that was read from a file, or a part of one: `at` is its JSON Pointer in what was read."""

    value: Any
    origin: str
    positions: Positions
    at: str = ""

    def where(self, path: str = "", offset: int | None = None) -> str:
        """``file:line:column`` of what a JSON Pointer into `value` names, or of the innermost value around it.

        With an `offset`, of that character of the text, where the file has it on one line as it is.
        """
        line, column = self.positions.of(self.at + path)
        if offset is not None:
            column += self.positions.shift(self.at + path, self._text_at(path), offset)
        return f"{self.origin}:{line}:{column}"

    def has(self, path: str) -> bool:
        """Whether what a JSON Pointer into `value` names has been read, and does not come from elsewhere."""
        return self.positions.has(self.at + path)

    def _text_at(self, path: str) -> str:
        """The text that a JSON Pointer into `value` names; empty where it names none."""
        value = self.value
        for part in path.split("/")[1:]:
            name = part.replace("~1", "/").replace("~0", "~")
            if isinstance(value, dict) and name in value:
                value = value[name]
            elif isinstance(value, list) and name.isdigit() and int(name) < len(value):
                value = value[int(name)]
            else:
                return ""
        return value if isinstance(value, str) else ""

    def placed(self, issues: Iterable[Issue]) -> list[Issue]:
        """Issues of `value` as those of what was read, whose messages begin with the place."""
        return [
            replace(issue, path=self.at + issue.path, message=f"{self.where(issue.path)}: {issue.message}")
            for issue in issues
        ]

    def part(self, *keys: str | int) -> Document:
        """The value below some keys as a document of its own."""
        value = self.value
        for key in keys:
            value = value[key]
        return replace(self, value=value, at=self.at + pointer(*keys))


@dataclass(frozen=True, slots=True)
class Bundle:
    """Definitions that were read together; pools may name files relative to the bundle.

    `issues` are what is wrong around them, with the place in the message; `is_one_definition` says that what was read
    is nothing but a generator.
    """

    generators: tuple[Document, ...]
    pools: tuple[Document, ...]
    connections: tuple[Document, ...]
    issues: tuple[Issue, ...]
    is_one_definition: bool


def read_document(path: Path | str) -> list[Document]:
    """The documents of a file, or of standard input for ``-``; raises Invalid with every problem.

    ``.json`` is JSON, ``.yaml`` and ``.yml`` are YAML, anything else is what it looks like.
    """
    if str(path) == STANDARD_INPUT:
        return parse_documents(sys.stdin.buffer.read(FILE_LIMITS.max_bytes + 1), origin=STANDARD_INPUT)
    try:
        with Path(path).open("rb") as file:
            content = file.read(FILE_LIMITS.max_bytes + 1)
    except FileNotFoundError as error:
        raise NotFound(f"there is no file {path}") from error
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise Invalid([Issue("INVALID_SYNTAX", "", f"{path} cannot be read: {reason}")]) from error
    return parse_documents(content, origin=str(path))


def parse_documents(content: bytes | str, *, origin: str) -> list[Document]:
    """The documents of a text that came from `origin`, whose suffix says what it is; raises Invalid.

    Empty documents, such as one behind a last ``---``, are left out; a text with nothing else is an error.
    """
    limits = FILE_LIMITS
    text = decode(content, limits, origin=origin, bom_allowed=True)
    if not _SEVERAL.search(text):  # one definition, which need not be read to be refused
        limits = Limits()
        text = decode(text, limits, origin=origin, bom_allowed=True)
    if _is_json(text, origin):
        builder = Builder(text, limits, origin=origin)
        read_json(text, builder)
        builders = [builder]
    else:
        builders = [builder for builder in read_yaml(text, origin=origin, limits=limits) if builder.root is not None]
    if not builders:
        raise Invalid([Issue("INVALID_SYNTAX", "", f"{origin}: there is nothing in it")])
    return [Document(builder.root, origin, Positions(builder.lines, builder.offsets)) for builder in builders]


def split_bundle(documents: Sequence[Document]) -> Bundle:
    """The definitions in documents: each document is a generator, or an object with lists of them."""
    generators: list[Document] = []
    pools: list[Document] = []
    connections: list[Document] = []
    issues: list[Issue] = []
    for document in documents:
        if not isinstance(document.value, dict):
            message = (
                f"{document.where()}: a definition is an object with named properties, not {shown(document.value)}"
            )
            issues.append(Issue("TYPE_MISMATCH", "", message))
        elif _is_generator(document.value):
            generators.append(document)
            issues += _excess(document)
        else:
            for name in document.value:
                if name not in _BUNDLE:
                    message = f"{document.where(pointer(name))}: unknown property {quoted(name)}"
                    hint = did_you_mean(name, _BUNDLE) or f"accepted are {', '.join(_BUNDLE)}"
                    issues.append(Issue("UNKNOWN_PROPERTY", pointer(name), message, hint))
            for part in _parts(document, "generators", issues):
                generators.append(part)
                issues += _excess(part)
            pools += _parts(document, "pools", issues)
            connections += _parts(document, "connections", issues)
    first = documents[0].value if len(documents) == 1 else {}
    is_one = len(documents) == 1 and (not isinstance(first, dict) or _is_generator(first))
    return Bundle(tuple(generators), tuple(pools), tuple(connections), tuple(issues), is_one)


def _excess(document: Document) -> Iterator[Issue]:
    """What of a definition is more than a request may hold."""
    limits, (nodes, depth) = Limits(), _extent(document.value)
    size = len(json.dumps(document.value, ensure_ascii=False, separators=(",", ":"), cls=ExactEncoder).encode())
    found = {
        "TOO_LARGE": (size, limits.max_bytes, "bytes of JSON"),
        "JSON_TOO_DEEP": (depth, limits.max_depth, "levels of lists and objects"),
    }
    if nodes > limits.max_nodes:
        found["JSON_TOO_DEEP"] = (nodes, limits.max_nodes, "values")
    for code, (number, most, what) in found.items():
        if number > most:
            message = f"{document.where()}: the definition has {number:,} {what}"
            yield Issue(code, document.at, message, f"at most {most:,} are accepted")


def _extent(value: Any) -> tuple[int, int]:
    """How many values there are in a value, itself included, and how many levels of lists and objects."""
    nodes, depth, level = 0, 0, [value]
    while level:
        nodes += len(level)
        containers = [each for each in level if isinstance(each, (dict, list))]
        depth += bool(containers)
        level = [part for each in containers for part in (each.values() if isinstance(each, dict) else each)]
    return nodes, depth


def _is_generator(value: dict[str, Any]) -> bool:
    return "fieldMappings" in value or not BUNDLE_MARKS & value.keys()


def _parts(document: Document, name: str, issues: list[Issue]) -> Iterator[Document]:
    """The objects in a list of a bundle; what is no list or no object is an issue."""
    listed = document.value.get(name)
    if listed is None:
        return
    if not isinstance(listed, list):
        message = f"{document.where(pointer(name))}: {name} must be a list, not {shown(listed)}"
        issues.append(Issue("TYPE_MISMATCH", pointer(name), message))
        return
    for index, value in enumerate(listed):
        if isinstance(value, dict):
            yield document.part(name, index)
        else:
            at = pointer(name, index)
            message = f"{document.where(at)}: {name}[{index}] must be an object, not {shown(value)}"
            issues.append(Issue("TYPE_MISMATCH", at, message))


def _is_json(text: str, origin: str) -> bool:
    suffix = Path(origin).suffix.lower()
    if suffix == ".json":
        return True
    return suffix not in {".yaml", ".yml"} and _JSON_START.match(text) is not None
