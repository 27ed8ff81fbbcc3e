"""A small TCP proxy that makes a line bad: slow, cut, deaf, or mute from a certain word on."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from dataclasses import dataclass


@dataclass
class Line:
    """What happens on the line; may be changed while connections are open."""

    latency_s: float = 0.0
    """Each piece takes so long, in both directions."""
    piece_bytes: int = 65_536
    bytes_per_s: float = 0.0
    """How much goes through to the server in a second; 0 for as much as there is."""
    is_black_hole: bool = False
    """Nothing gets through any more, and nobody is told."""
    cut_before: bytes = b""
    """Both ends lose the connection when the client sends this; the server never sees it."""
    cut_behind: bytes = b""
    """The server gets this, and what it answers is lost with the connection."""
    cuts: int = 1
    """How many connections are cut by a word, in all."""


class Proxy:
    """Listens at a free port of 127.0.0.1 and passes on what comes to a server."""

    def __init__(self, port: int, host: str = "127.0.0.1") -> None:
        self.line = Line()
        self._target = (host, port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self._mute: set[socket.socket] = set()
        """Servers whose next answer is not passed on."""
        self._lock = threading.Lock()
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def port(self) -> int:
        return int(self._listener.getsockname()[1])

    def __enter__(self) -> Proxy:
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()
        self.cut()

    def cut(self) -> None:
        """Let all open connections be lost, on both sides."""
        with self._lock:
            pairs, self._pairs = self._pairs, []
        for pair in pairs:
            _close(*pair)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
                server = socket.create_connection(self._target)
            except OSError:
                return
            with self._lock:
                self._pairs.append((client, server))
            threading.Thread(target=self._pass_on, args=(client, server, True), daemon=True).start()
            threading.Thread(target=self._pass_on, args=(server, client, False), daemon=True).start()

    def _pass_on(self, source: socket.socket, target: socket.socket, is_request: bool) -> None:
        with contextlib.suppress(OSError):
            while piece := source.recv(self.line.piece_bytes):
                line = self.line
                if line.latency_s:
                    time.sleep(line.latency_s)
                if is_request and line.bytes_per_s:
                    time.sleep(len(piece) / line.bytes_per_s)
                if line.is_black_hole:
                    continue
                if is_request and self._is_cut(line.cut_before, piece):
                    break
                if is_request and self._is_cut(line.cut_behind, piece):
                    self._mute.add(target)
                    target.sendall(piece)
                    continue
                if source in self._mute:  # it has done what it was told
                    break
                target.sendall(piece)
        _close(source, target)

    def _is_cut(self, word: bytes, piece: bytes) -> bool:
        with self._lock:
            if not word or word not in piece or not self.line.cuts:
                return False
            self.line.cuts -= 1
            return True


def _close(*ends: socket.socket) -> None:
    for end in ends:
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
        end.close()
