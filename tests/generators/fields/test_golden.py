"""What a seed makes does not change."""

from __future__ import annotations

import json

import pytest

from generators.fields.base import field_types
from tests.generators.fields import golden, golden_instants


@pytest.mark.parametrize("kind", golden.KINDS)
def test_a_seed_makes_what_it_always_made(kind: str) -> None:
    stored = json.loads(golden.file(kind).read_text("utf-8"))

    assert json.loads(json.dumps(golden.golden(kind))) == stored


def test_every_kind_has_golden_values() -> None:
    assert {*golden.KINDS, *(name.removesuffix(".json").upper() for name in golden_instants.FILES)} == set(field_types)
