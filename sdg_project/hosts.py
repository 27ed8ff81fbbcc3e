"""Hosts that the service may connect to. A name is resolved once, and who connects uses the addresses given here."""

from __future__ import annotations

import ipaddress
import re
import socket
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Resolver = Callable[[str, int], Sequence[str]]

_LABEL = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)")
_NUMBER = re.compile(r"[0-9]+|0[xX][0-9A-Fa-f]*")
_MAX_NAME = 253
_NEVER = tuple(
    ipaddress.ip_network(text)
    for text in (
        "0.0.0.0/8",  # this host
        "169.254.0.0/16",  # link-local; clouds give their machines' credentials there
        "100.100.100.200/32",  # Alibaba's metadata
        "192.0.0.192/32",  # Oracle's metadata
        "168.63.129.16/32",  # Azure's agent
        "224.0.0.0/4",
        "240.0.0.0/4",
        "::/128",
        "fe80::/10",
        "fec0::/10",
        "ff00::/8",
        "fd00:ec2::254/128",  # Amazon's metadata
        "fd20:ce::254/128",  # Google's metadata
    )
)
_EMBEDDING = tuple(ipaddress.ip_network(text) for text in ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32"))
"""Addresses that stand for IPv4 addresses elsewhere: nothing that can be checked here."""


class HostNotAllowed(Exception):
    """The policy forbids the host; nothing has been sent to it."""


class HostNotFound(Exception):
    """The name of the host has no address."""


class HostTimeout(Exception):
    """Whoever knows the addresses of the name does not answer."""


@dataclass(frozen=True, slots=True)
class ControlDatabase:
    """Where the service keeps its own rows, with the digests of tokens and the secrets: no connection leads there."""

    host: str
    port: int
    name: str


@dataclass(frozen=True, slots=True)
class HostPolicy:
    """Which addresses may be connected to: public ones, all others in development or when they are in `networks`.

    Never those of the link itself, of metadata services, of multicast. `resolve` gives the addresses of a name.
    """

    is_production: bool
    networks: tuple[Network, ...] = ()
    resolve: Resolver | None = None
    control: ControlDatabase | None = None

    def is_control_database(self, addresses: Sequence[str], port: int, name: str, *, timeout_s: float) -> bool:
        """Whether a database at these addresses is the service's own."""
        if self.control is None or (port, name) != (self.control.port, self.control.name):
            return False
        host = self.control.host
        if not host or host.startswith("/"):  # a socket of this machine
            return any(_address(text).is_loopback for text in addresses)
        own = _within(timeout_s, self.resolve or _resolved, host, port)
        return not set(map(_address, own)).isdisjoint(map(_address, addresses))

    def addresses(self, host: str, port: int, *, timeout_s: float) -> list[str]:
        """The addresses of a host, all of them allowed; raises HostNotAllowed, HostNotFound or HostTimeout."""
        found = list(dict.fromkeys(_within(timeout_s, self.resolve or _resolved, host, port)))
        if not found:
            raise HostNotFound(host)
        for text in found:
            if not self.allows(_address(text)):
                raise HostNotAllowed(host)
        return found

    def allows(self, address: Address) -> bool:
        """Whether an address may be connected to."""
        if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
            address = address.ipv4_mapped
        if any(address in network for network in _NEVER):
            return False
        if any(address in network for network in self.networks):
            return True
        if any(address in network for network in _EMBEDDING):
            return False
        return address.is_global or not self.is_production


def check_host(text: str) -> str:
    """A host's name or address as it may be written; raises ValueError with a predicate ("must …").

    Numbers that only look like addresses are refused: libraries read 2130706433 and 0x7f.1 as 127.0.0.1.
    """
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        pass
    else:
        if isinstance(address, ipaddress.IPv6Address) and address.scope_id is not None:
            raise ValueError("must be an address without a zone")
        return text
    labels = text.removesuffix(".").split(".")
    if not text.isascii():
        raise ValueError("must be written in ASCII: names in other scripts begin with xn--")
    if len(text) > _MAX_NAME or not all(map(_LABEL.fullmatch, labels)) or _NUMBER.fullmatch(labels[-1]):
        raise ValueError("must be one host's name or address, such as db.example.org, 192.0.2.7 or 2001:db8::7")
    return text


def _address(text: str) -> Address:
    return ipaddress.ip_address(text.partition("%")[0])


def _resolved(host: str, port: int) -> list[str]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (socket.gaierror, UnicodeError) as error:
        raise HostNotFound(host) from error
    return [str(place[0]) for _, _, _, _, place in found]


def _within(seconds: float, resolve: Resolver, host: str, port: int) -> Sequence[str]:
    """What resolving gives; it cannot be interrupted, so that it goes on by itself when it takes longer."""
    outcome: list[Any] = []

    def run() -> None:
        try:
            outcome.append(resolve(host, port))
        except Exception as error:  # which is raised where it is waited for
            outcome.append(error)

    thread = threading.Thread(target=run, name="resolve", daemon=True)
    thread.start()
    thread.join(seconds)
    if not outcome:
        raise HostTimeout(host)
    if isinstance(outcome[0], Exception):
        raise outcome[0]
    found: Sequence[str] = outcome[0]
    return found
