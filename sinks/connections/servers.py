"""What connections to servers share: how a host and certificates are written, and which addresses a host has."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, Field

from engine.issues import Issue
from sdg_project.hosts import HostNotAllowed, HostNotFound, HostPolicy, HostTimeout, check_host
from sdg_project.shapes import Faults
from sinks.connections.base import ConnectionFailed
from sinks.enums import ConnectionOutcome

_CERTIFICATES = re.compile(
    r"\s*(?:-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----\s*)+"
)  # and no key among them


def _host(text: str) -> str:
    try:
        return check_host(text)
    except ValueError as error:
        raise Faults(Issue("INVALID_VALUE", "", str(error))) from error


def _certificates(text: str) -> str:
    if not _CERTIFICATES.fullmatch(text):
        raise Faults(Issue("INVALID_VALUE", "", "must be certificates in PEM form, and nothing else"))
    return text


Host = Annotated[str, AfterValidator(_host)]
"""One server's name or address."""
Certificates = Annotated[str, AfterValidator(_certificates), Field(max_length=100_000)]


def allowed_addresses(policy: HostPolicy, host: str, port: int, *, timeout_s: float) -> list[str]:
    """The addresses of a host that may be connected to; raises ConnectionFailed."""
    try:
        return policy.addresses(host, port, timeout_s=timeout_s)
    except HostNotAllowed as error:
        message = "the host may not be connected to from here"
        hint = "whoever runs the service can allow its network by SDG_ALLOWED_NETS"
        raise ConnectionFailed(ConnectionOutcome.HOST_NOT_ALLOWED, message, hint) from error
    except HostNotFound as error:
        raise ConnectionFailed(ConnectionOutcome.DNS, "the name of the host has no address") from error
    except HostTimeout as error:
        raise _slow_lookup() from error


def refuse_control_database(
    policy: HostPolicy, addresses: list[str], port: int, database: str, *, timeout_s: float
) -> None:
    """Raise ConnectionFailed when a database at these addresses is the service's own."""
    try:
        is_own = policy.is_control_database(addresses, port, database, timeout_s=timeout_s)
    except (HostNotFound, HostTimeout) as error:
        raise _slow_lookup() from error
    if is_own:
        message = "this is the control database of the service, to which no connection may lead"
        raise ConnectionFailed(ConnectionOutcome.HOST_NOT_ALLOWED, message)


def _slow_lookup() -> ConnectionFailed:
    return ConnectionFailed(ConnectionOutcome.DNS, "looking up the name of the host takes too long")
