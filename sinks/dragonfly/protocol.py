"""The Redis protocol (RESP2): commands as bytes, and replies, of which those to a whole pipeline are read at once.

A client is one socket and re-sends nothing: whether a command whose reply is lost was carried out is for its caller to
find out.
"""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sdg_project.text import readable

Reply = int | bytes | None | list["Reply"]
MAX_LINE = 65_536
_CHUNK = 262_144
_LF, _MINUS = ord("\n"), ord("-")


class ServerError(Exception):
    """What the server has answered in the place of a result: ``WRONGTYPE Operation against a key …``."""

    def __init__(self, text: str) -> None:
        super().__init__(readable(text))
        self.text = text
        # A script's own error may come inside that of the script.
        inner = text.rpartition("@user_script")[2] if text.startswith("ERR Error running script") else text
        words = [word.strip("-:.,") for word in inner.split()]
        self.word = next((word for word in words if word.isupper() and len(word) > 2 and word.isalpha()), "ERR")


class ConnectionLost(Exception):
    """The connection has broken or the server has not answered in time: what was sent may or may not be done."""


class ProtocolViolation(Exception):
    """Something that does not speak the protocol has answered."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """The command of a pipeline that was refused, by its number in it."""

    number: int
    error: ServerError


def command(*words: bytes | str | int) -> bytes:
    """A command as it is sent."""
    parts = [b"*%d\r\n" % len(words)]
    for word in words:
        text = word if isinstance(word, bytes) else str(word).encode()
        parts.append(b"$%d\r\n%b\r\n" % (len(text), text))
    return b"".join(parts)


class Client:
    """One connection. Each call ends within `timeout_s`, whatever the server does."""

    def __init__(self, connected: socket.socket, *, timeout_s: float) -> None:
        self._socket, self._timeout_s = connected, timeout_s
        self._unread = bytearray()

    def call(self, *words: bytes | str | int) -> Reply:
        """The reply to a command; raises ServerError, ConnectionLost or ProtocolViolation."""
        self.send(command(*words))
        return self.reply()

    def send(self, payload: bytes | memoryview) -> None:
        """Send commands whose replies are read later."""
        self._socket.settimeout(self._timeout_s)  # for all of it
        try:
            self._socket.sendall(payload)
        except OSError as error:
            raise self._lost(error) from error

    def reply(self) -> Reply:
        """The next reply, whatever its form."""
        return self._read(time.monotonic() + self._timeout_s)

    def simple_replies(self, expected: bytes) -> list[Refusal]:
        """Read the replies to a pipeline, each of one line; `expected` is what each begins with (``+`` or ``:``).

        Those that are errors come back. None is an object of its own: the lines are looked at as one array.
        """
        count = len(expected)
        deadline = time.monotonic() + self._timeout_s
        lines = self._unread.count(b"\n")
        while lines < count:
            lines += self._receive(deadline).count(b"\n")
        view = np.frombuffer(self._unread, dtype=np.uint8)
        ends = np.flatnonzero(view == _LF)[:count]
        starts = np.concatenate([[0], ends[:-1] + 1])
        heads = view[starts]
        length = int(ends[-1]) + 1 if count else 0
        refused = np.flatnonzero(heads == _MINUS)
        strange = int(np.count_nonzero(heads != np.frombuffer(expected, dtype=np.uint8))) - len(refused)
        texts = [bytes(self._unread[starts[at] + 1 : ends[at]]) for at in refused.tolist()]
        del view, heads  # which keep the buffer from being cut
        del self._unread[:length]
        if strange:
            raise ProtocolViolation("the replies to a pipeline have another form")
        return [Refusal(at, _error(text)) for at, text in zip(refused.tolist(), texts, strict=True)]

    def close(self) -> None:
        """Let go of the connection."""
        with contextlib.suppress(OSError):
            self._socket.close()

    def _read(self, deadline: float) -> Reply:
        line = self._line(deadline)
        head, rest = line[:1], line[1:]
        if head == b"+":
            return rest
        if head == b"-":
            raise _error(rest)
        if head not in b":$*" or not head or not rest.removeprefix(b"-").isdigit():
            raise ProtocolViolation("what answers does not speak the Redis protocol")
        number = int(rest)
        if head == b":":
            return number
        if number < 0:
            return None
        if head == b"$":
            while len(self._unread) < number + 2:
                self._receive(deadline)
            text = bytes(self._unread[:number])
            del self._unread[: number + 2]
            return text
        replies: list[Reply] = []
        for _ in range(number):
            replies.append(self._read(deadline))  # noqa: PERF401  # an error among them ends it
        return replies

    def _line(self, deadline: float) -> bytes:
        while (end := self._unread.find(b"\n")) < 0:
            if len(self._unread) > MAX_LINE:
                raise ProtocolViolation("what answers does not speak the Redis protocol")
            self._receive(deadline)
        line = bytes(self._unread[:end]).removesuffix(b"\r")
        del self._unread[: end + 1]
        return line

    def _receive(self, deadline: float) -> bytes:
        left = deadline - time.monotonic()
        if left <= 0:
            raise ConnectionLost("the server does not answer in time")
        self._socket.settimeout(left)
        try:
            received = self._socket.recv(_CHUNK)
        except OSError as error:
            raise self._lost(error) from error
        if not received:
            raise ConnectionLost("the server has closed the connection")
        self._unread += received
        return received

    @staticmethod
    def _lost(error: OSError) -> ConnectionLost:
        if isinstance(error, TimeoutError):
            return ConnectionLost("the server does not answer in time")
        return ConnectionLost(f"the connection is broken: {error.strerror or type(error).__name__}")


def _error(text: bytes) -> ServerError:
    return ServerError(text.decode(errors="replace").strip())


def fields_of(reply: Reply) -> dict[str, str]:
    """A hash that was read by HGETALL."""
    texts = [one.decode(errors="replace") if isinstance(one, bytes) else "" for one in _list(reply)]
    return dict(zip(texts[::2], texts[1::2], strict=True))


def facts_of(reply: Reply) -> dict[str, str]:
    """What INFO says, by its names."""
    lines = (reply if isinstance(reply, bytes) else b"").decode(errors="replace").splitlines()
    return {name: value for name, colon, value in (line.partition(":") for line in lines) if colon}


def _list(reply: Reply) -> Sequence[Reply]:
    return reply if isinstance(reply, list) else []
