"""YAML 1.2, core schema, without what surprises: no tags, no merge keys, no name twice, aliases only within limits."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    CollectionStartEvent,
    DocumentEndEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    NodeEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)
from ruamel.yaml.reader import ReaderError

from engine.issues import Issue
from sdg_project.builder import Builder, Limits
from sdg_project.errors import Invalid
from sdg_project.scalars import ScalarError, plain_scalar
from sdg_project.text import UNSTORABLE, quoted

_PAIR = re.compile("[\ud800-\udbff][\udc00-\udfff]")


class Anchored(NamedTuple):
    """What an anchor names, and how much it adds wherever an alias repeats it."""

    value: Any
    nodes: int


def read_yaml(text: str, *, origin: str, limits: Limits) -> list[Builder]:
    """A finished builder for each document of a stream; raises Invalid with every problem of all of them."""
    issues: list[Issue] = []
    builders: list[Builder] = []
    for event in _events(text, Builder(text, limits, origin=origin, issues=issues)):
        if isinstance(event, DocumentStartEvent):
            builders.append(Builder(text, limits, origin=origin, issues=issues))
            document = _Document(builders[-1], limits)
            if event.version is not None and tuple(event.version) != (1, 2):
                version = ".".join(str(part) for part in event.version)
                message, hint = f"this is YAML {version}", "YAML 1.2 is read: remove the directive"
                document.builder.refuse("INVALID_SYNTAX", message, hint, event.start_mark.index)
        elif isinstance(event, (NodeEvent, MappingEndEvent, SequenceEndEvent)):
            document.take(event)
        elif isinstance(event, DocumentEndEvent):
            document.anchors.clear()
    if issues:
        raise Invalid(issues)
    return builders


def _events(text: str, builder: Builder) -> Iterator[Event]:
    """The events of a stream; the library's errors become one Invalid."""
    try:
        yield from YAML(typ="safe", pure=True).parse(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        message = " ".join(part for part in (error.context, error.problem) if part) or "this cannot be read"
        raise builder.broken(message, _hint(message), mark.index if mark else 0) from error
    except ReaderError as error:
        character = error.character if isinstance(error.character, int) else ord(error.character)
        raise builder.broken(f"the character U+{character:04X} is not allowed", None, error.position) from error
    except (YAMLError, ValueError, IndexError, OverflowError) as error:
        # Escapes and directives with numbers out of range end in these.
        raise builder.broken(f"this cannot be read: {error}", None, 0) from error


def _hint(message: str) -> str | None:
    if "'\\t'" in message or "tab" in message:
        return "indent with spaces"
    if "mapping values are not allowed" in message:
        return 'quote a text that holds ": "'
    if "expected <block end>" in message:
        return "indent it like what it belongs to"
    if "cannot start any token" in message:
        return "quote a text that begins with this character"
    return None


class _Document:
    """Passes the events of one document on to its builder."""

    def __init__(self, builder: Builder, limits: Limits) -> None:
        self.builder = builder
        self.anchors: dict[str, Anchored] = {}
        self._spare_characters = limits.max_bytes
        self._started: list[tuple[str | None, int]] = []

    def take(self, event: Event) -> None:
        offset = event.start_mark.index
        if isinstance(event, (MappingEndEvent, SequenceEndEvent)):
            anchor, before = self._started.pop()
            value = self.builder.end()
            self._remember(anchor, value, self.builder.nodes - before)
            return
        if isinstance(event, (ScalarEvent, CollectionStartEvent)) and event.ctag is not None:
            message = f"the tag {quoted(str(event.ctag))} is not supported"
            self.builder.refuse("INVALID_SYNTAX", message, "remove it", offset)
        if isinstance(event, AliasEvent):
            self._alias(event.anchor, offset)
        elif self.builder.wants_key:
            self._key(event, offset)
        elif isinstance(event, ScalarEvent):
            value = self._scalar(event, offset)
            self.builder.value(value, offset)
            self._remember(event.anchor, value, 1)
        elif isinstance(event, CollectionStartEvent):
            self._started.append((event.anchor, self.builder.nodes))
            self.builder.begin([] if isinstance(event, SequenceStartEvent) else {}, offset)

    def _scalar(self, event: ScalarEvent, offset: int) -> Any:
        text = _with_whole_characters(event.value)
        if event.style is not None:
            return text
        try:
            return plain_scalar(text)
        except ScalarError as error:
            self.builder.refuse(error.code, str(error), error.hint, offset)
            return None

    def _key(self, event: Event, offset: int) -> None:
        if not isinstance(event, ScalarEvent):
            raise self.builder.broken("the name of a property is a text, not a list or an object", None, offset)
        name = _with_whole_characters(event.value)
        if event.style is None and name == "<<":
            hint = "write the properties out, or repeat a whole value with an alias"
            raise self.builder.broken("merge keys (<<) are not supported", hint, offset)
        if event.style is None:
            try:
                is_text = isinstance(plain_scalar(name), str)
            except ScalarError:
                is_text = False
            if not is_text:
                hint = f"quote it: {quoted(name)}"
                self.builder.refuse(
                    "TYPE_MISMATCH",
                    f"the name {name[:40]} is not a text" if name else "a name is missing",
                    hint,
                    offset,
                )
        self.builder.key(name, offset)
        self._remember(event.anchor, name, 1)

    def _alias(self, anchor: str, offset: int) -> None:
        if self.builder.wants_key:
            raise self.builder.broken(f"the alias *{anchor} cannot be the name of a property", "write it out", offset)
        named = self.anchors.get(anchor)
        if named is None:
            raise self.builder.broken(f"no value before this alias has the anchor &{anchor}", None, offset)
        copy, height, characters = _copy(named.value)
        self._spare_characters -= characters
        if self._spare_characters < 0:
            hint = "write out fewer of them, or use a pool"
            self.builder.stop("aliases make the document too large", hint, offset)
        self.builder.value(copy, offset, nodes=named.nodes, height=height)

    def _remember(self, anchor: str | None, value: Any, nodes: int) -> None:
        if anchor is not None:
            self.anchors[anchor] = Anchored(value, nodes)


def _copy(value: Any) -> tuple[Any, int, int]:
    """A copy that shares no list or object, how deep it is nested, and how many characters its texts have."""
    if isinstance(value, str):
        return value, 0, len(value)
    if isinstance(value, dict):
        parts = [_copy(part) for part in value.values()]
        copy: Any = dict(zip(value, (part[0] for part in parts), strict=True))
        names = sum(len(name) for name in value)
    elif isinstance(value, list):
        parts = [_copy(part) for part in value]
        copy, names = [part[0] for part in parts], 0
    else:
        return value, 0, 0
    height = 1 + max((part[1] for part in parts), default=0)
    return copy, height, names + sum(part[2] for part in parts)


def _with_whole_characters(text: str) -> str:
    """YAML reads the two halves of JSON's ``\\ud83d\\ude00`` as two characters; this joins them."""
    if text.isascii() or not UNSTORABLE.search(text):
        return text
    return _PAIR.sub(lambda pair: pair[0].encode("utf-16", "surrogatepass").decode("utf-16"), text)
