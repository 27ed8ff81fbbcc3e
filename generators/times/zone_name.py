"""Names of time zones, as parameters."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator

from engine.issues import Issue, did_you_mean
from engine.zone_rules import zone_names
from sdg_project.shapes import Faults
from sdg_project.text import quoted


def _known(name: str) -> str:
    if name not in zone_names():
        hint = did_you_mean(name, zone_names()) or "accepted are IANA names such as UTC and Europe/Berlin"
        raise Faults(Issue("INVALID_VALUE", "", f"must be a time zone, not {quoted(name)}", hint))
    return name


ZoneName = Annotated[str, AfterValidator(_known)]
"""The name of a time zone in the IANA database."""
