"""What a seed makes does not change."""

from __future__ import annotations

import json

import pytest

from tests.engine import golden


@pytest.mark.parametrize("name", list(golden.FILES))
def test_a_seed_makes_what_it_always_made(name: str) -> None:
    stored = json.loads((golden.FOLDER / name).read_text("utf-8"))

    assert golden.FILES[name]() == stored
