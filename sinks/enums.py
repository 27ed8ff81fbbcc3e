"""The words of destinations and connections."""

from __future__ import annotations

from enum import StrEnum


class DeliveryGuarantee(StrEnum):
    EXACTLY_ONCE = "EXACTLY_ONCE"
    AT_LEAST_ONCE = "AT_LEAST_ONCE"


class BeforeRun(StrEnum):
    """What a run does about what an earlier run left at the destination."""

    REPLACE = "REPLACE"
    FAIL = "FAIL"
    APPEND = "APPEND"


class OnRegression(StrEnum):
    """What becomes of a run whose destination holds less than was written to it."""

    REGENERATE = "REGENERATE"
    """What is gone is made again."""
    STOP = "STOP"
    """The run pauses, with DEST_REGRESSED, until a person lets it go on."""


class Checksum(StrEnum):
    XXH128 = "XXH128"
    SHA256 = "SHA256"
    NONE = "NONE"


class ConnectionOutcome(StrEnum):
    """What a test of a connection has found."""

    OK = "OK"
    HOST_NOT_ALLOWED = "HOST_NOT_ALLOWED"
    """The policy of the service forbids the host: nothing has been sent."""
    DNS = "DNS"
    """The name of the host has no address."""
    REFUSED = "REFUSED"
    """Nothing listens there."""
    TIMEOUT = "TIMEOUT"
    TLS = "TLS"
    AUTH = "AUTH"
    MISSING_DATABASE = "MISSING_DATABASE"
    NO_RIGHT = "NO_RIGHT"
    """The server knows the user, who may not do this."""
    OTHER = "OTHER"
