"""The words of destinations."""

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


class Checksum(StrEnum):
    XXH128 = "XXH128"
    SHA256 = "SHA256"
    NONE = "NONE"
