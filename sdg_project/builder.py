"""A guarded value in the making: what the readers of JSON and YAML have in common."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from engine.issues import Issue, Severity, pointer
from sdg_project.errors import Invalid
from sdg_project.text import UNSTORABLE, quoted

Path = tuple[str | int, ...]

_SECRETS = "secrets"
"""What stands below this name is not repeated in any message."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How much of a document is read."""

    max_bytes: int = 1_000_000
    max_depth: int = 32
    max_nodes: int = 50_000
    max_key_characters: int = 1_000
    max_issues: int = 100


class Lines:
    """Turns offsets into a text into lines and columns, both counted from 1."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._starts: list[int] | None = None

    def at(self, offset: int) -> tuple[int, int]:
        if self._starts is None:
            self._starts = [0]
            end = self._text.find("\n")
            while end >= 0:
                self._starts.append(end + 1)
                end = self._text.find("\n", end + 1)
        line = bisect_right(self._starts, offset)
        return line, offset - self._starts[line - 1] + 1

    def holds(self, part: str, offset: int) -> bool:
        """Whether a part of the text begins there."""
        return self._text.startswith(part, offset)


class Positions:
    """Where the values of a document stand in its text."""

    def __init__(self, lines: Lines, offsets: Mapping[Path, int]) -> None:
        self._lines, self._offsets = lines, offsets

    def of(self, path: str) -> tuple[int, int]:
        """Line and column of what a JSON Pointer names, or of the innermost value around it that there is."""
        return self._lines.at(self._offset(path))

    def shift(self, path: str, text: str, offset: int) -> int:
        """How many columns a character of a text stands behind where its value begins; 0 where it is not on one line.

        That is so for texts that are written as they are, perhaps in quotes; escapes and folded lines would need more.
        """
        start = self._offset(path)
        for quotes in (0, 1):
            if text and "\n" not in text and self._lines.holds(text, start + quotes):
                return quotes + offset
        return 0

    def has(self, path: str) -> bool:
        """Whether what a JSON Pointer names stands in the text."""
        return len(self._innermost(path)) == path.count("/")

    def _offset(self, path: str) -> int:
        return self._offsets.get(self._innermost(path), 0)

    def _innermost(self, path: str) -> Path:
        place: Path = ()
        for part in path.split("/")[1:]:
            name = part.replace("~1", "/").replace("~0", "~")
            if (*place, name) in self._offsets:
                place = (*place, name)
            elif name.isascii() and name.isdigit() and len(name) < 10 and (*place, int(name)) in self._offsets:
                place = (*place, int(name))
            else:
                break
        return place


class Builder:
    """Takes the events of a reader, builds the value, and collects what is wrong with it.

    Limits end the reading at once by `Invalid`; everything else is collected until `finish`. With an `origin`, messages
    begin with ``origin:line:column``; without one only those about syntax say where, for the others have a path.
    """

    def __init__(
        self, text: str, limits: Limits, *, origin: str | None = None, issues: list[Issue] | None = None
    ) -> None:
        self.limits, self.origin = limits, origin
        self.lines = Lines(text)
        self.offsets: dict[Path, int] = {}
        self.issues: list[Issue] = [] if issues is None else issues
        self.nodes = 0
        self.root: Any = None
        self.inside: dict[str, Any] | list[Any] | None = None
        """The innermost open container."""
        self._open: list[dict[str, Any] | list[Any]] = []
        self._keys: list[Any] = []

    @property
    def wants_key(self) -> bool:
        """Whether the open container is an object whose next member has no name yet."""
        return bool(self._keys) and self._keys[-1] is None

    def begin(self, container: dict[str, Any] | list[Any], offset: int) -> None:
        """Open an object or a list; what comes next goes into it, until `end`."""
        if len(self._open) >= self.limits.max_depth:
            self._too_deep(offset)
        self.nodes += 1
        self._note(offset)
        self._open.append(container)
        self.inside = container
        self._keys.append(0 if isinstance(container, list) else None)

    def end(self) -> Any:
        """Close the innermost container and return it."""
        self._keys.pop()
        container = self._open.pop()
        self.inside = self._open[-1] if self._open else None
        self._place(container)
        return container

    def key(self, key: str, offset: int) -> None:
        """The name of what comes next in the open object."""
        if len(key) > self.limits.max_key_characters:
            message = f"the name {quoted(key)} has {len(key):,} characters"
            self.stop(message, f"at most {self.limits.max_key_characters:,} are accepted", offset)
        self._keys[-1] = key
        if key in self._open[-1]:
            self.refuse("DUPLICATE_KEY", f"{quoted(key)} stands twice in one object", "keep one of the two", offset)
        if not key.isascii() or "\x00" in key:
            self._storable(key, f"the name {quoted(key)}", offset)

    def value(self, value: Any, offset: int, *, nodes: int = 1, height: int = 0) -> None:
        """A value without parts, or a finished one of `nodes` nodes that are nested `height` deep."""
        if height and len(self._open) + height > self.limits.max_depth:
            self._too_deep(offset)
        self.nodes += nodes
        if self.nodes > self.limits.max_nodes or self.origin is not None:
            self._note(offset)
        if value.__class__ is str and (not value.isascii() or "\x00" in value):
            self._storable(value, "the text" if _SECRETS in self._keys else f"the text {quoted(value)}", offset)
        self._place(value)

    def refuse(self, code: str, message: str, hint: str | None, offset: int) -> None:
        """Note a problem at the present place."""
        self.issues.append(Issue(code, self._path(), self._located(code, message, offset), hint))
        if len(self.issues) >= self.limits.max_issues:
            message = f"only the first {self.limits.max_issues} problems are listed"
            self.issues.append(Issue("INVALID_VALUE", "", message, "mend these first", severity=Severity.INFO))
            raise Invalid(self.issues)

    def broken(self, message: str, hint: str | None, offset: int) -> Invalid:
        """The error for text that cannot be read on from here."""
        self.issues.append(Issue("INVALID_SYNTAX", "", self._located("INVALID_SYNTAX", message, offset), hint))
        return Invalid(self.issues)

    def _too_deep(self, offset: int) -> None:
        message = f"lists and objects are nested more than {self.limits.max_depth} deep"
        self.stop(message, f"at most {self.limits.max_depth} levels are accepted", offset)

    def finish(self) -> Any:
        """The value; raises Invalid with everything that was noted."""
        if self.issues:
            raise Invalid(self.issues)
        return self.root

    def _note(self, offset: int) -> None:
        if self.nodes > self.limits.max_nodes:
            message = f"there are more than {self.limits.max_nodes:,} values"
            self.stop(message, f"at most {self.limits.max_nodes:,} are accepted", offset)
        if self.origin is not None:
            self.offsets[tuple(self._keys)] = offset

    def _place(self, value: Any) -> None:
        container, keys = self.inside, self._keys
        if container is None:
            self.root = value
        elif isinstance(container, list):
            container.append(value)
            keys[-1] += 1
        else:
            container[keys[-1]] = value
            keys[-1] = None

    def _path(self) -> str:
        # A name that cannot be stored cannot be sent back either.
        return UNSTORABLE.sub("\ufffd", pointer(*(key for key in self._keys if key is not None)))

    def _storable(self, text: str, what: str, offset: int) -> None:
        if found := UNSTORABLE.search(text):
            name = "the character NUL (U+0000)" if found[0] == "\x00" else f"half a character (U+{ord(found[0]):04X})"
            self.refuse("INVALID_VALUE", f"{what} holds {name}", "no destination can store it: remove it", offset)

    def stop(self, message: str, hint: str, offset: int) -> NoReturn:
        """Refuse to read on: the document is larger than the limits allow."""
        self.issues.append(Issue("JSON_TOO_DEEP", self._path(), self._located("JSON_TOO_DEEP", message, offset), hint))
        raise Invalid(self.issues)

    def _located(self, code: str, message: str, offset: int) -> str:
        if self.origin is None and code != "INVALID_SYNTAX":
            return message
        line, column = self.lines.at(offset)
        where = f"line {line}, column {column}" if self.origin is None else f"{self.origin}:{line}:{column}"
        return f"{where}: {message}"


def decode(data: bytes | str, limits: Limits, *, origin: str | None, bom_allowed: bool) -> str:
    """The text of a document that is small enough and UTF-8; raises Invalid."""
    prefix = "" if origin is None else f"{origin}: "
    size = len(data) if isinstance(data, bytes) or len(data) > limits.max_bytes else len(data.encode(errors="replace"))
    if size > limits.max_bytes:
        hint = f"at most {limits.max_bytes:,} bytes are accepted"
        raise Invalid([Issue("TOO_LARGE", "", f"{prefix}the document has {size:,} bytes or more", hint)])
    if isinstance(data, bytes):
        try:
            text = data.decode()
        except UnicodeDecodeError as error:
            wide = data[:2] in (b"\xff\xfe", b"\xfe\xff")
            message = f"{prefix}the document is not UTF-8: byte {error.start + 1} is 0x{data[error.start]:02x}"
            hint = "it looks like UTF-16: save it as UTF-8" if wide else "save it as UTF-8"
            raise Invalid([Issue("INVALID_SYNTAX", "", message, hint)]) from error
    else:
        text = data
    if text.startswith("\ufeff"):
        if not bom_allowed:
            message = f"{prefix}the document begins with a byte order mark"
            raise Invalid([Issue("INVALID_SYNTAX", "", message, "send plain UTF-8 without it")])
        text = text[1:]
    return text
