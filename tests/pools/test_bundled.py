"""Pools of a bundle: loaded beside it, told with their places, and those that cannot be loaded are not missing."""

from __future__ import annotations

from pathlib import Path

import pytest

from pools.bundled import BundledPools
from pools.models import Pool
from sdg_project.documents import parse_documents, split_bundle
from sdg_project.errors import Invalid

BUNDLE = """
pools:
  - name: sizes
    weightColumn: weight
    source: {type: FILE, path: sizes.csv}
  - name: colours
    source: {type: INLINE, rows: [{colour: red, code: "007"}, {colour: blue}]}
generators: []
"""


def bundled(text: str, base: Path) -> BundledPools:
    return BundledPools(split_bundle(parse_documents(text, origin="bundle.yaml")).pools, base=base)


@pytest.fixture(autouse=True)
def sizes(tmp_path: Path) -> None:
    (tmp_path / "sizes.csv").write_text("size,weight\nS,1\nM,2\n")


@pytest.mark.django_db
def test_they_are_loaded_beside_the_bundle_and_not_stored(tmp_path: Path) -> None:
    own = bundled(BUNDLE, tmp_path)

    assert own.issues == ()
    assert list(own) == ["sizes", "colours"]
    assert own["sizes"].records.rows() == [("S", 1), ("M", 2)]
    assert own["sizes"].weight_column == "weight"
    assert own["colours"].records.rows() == [("red", "007"), ("blue", None)]
    assert not Pool.objects.exists()


def test_every_fault_is_told_with_its_place(tmp_path: Path) -> None:
    text = BUNDLE.replace("sizes.csv", "gone.csv").replace("name: colours", "name: SIZES").replace("rows:", "row:")

    own = bundled(text, tmp_path)

    told = [(issue.path, issue.message.split(": ")[0]) for issue in own.issues]
    assert ("/pools/0/source/path", "bundle.yaml:5:32") in told
    assert ("/pools/1/source/row", "bundle.yaml:7:33") in told


def test_one_that_cannot_be_loaded_is_there_and_refused_when_it_is_looked_at(tmp_path: Path) -> None:
    own = bundled(BUNDLE.replace("sizes.csv", "gone.csv"), tmp_path)

    assert "sizes" in own
    assert own["colours"].records.height == 2
    with pytest.raises(Invalid, match='pool "sizes" stands in the bundle, but it cannot be loaded'):
        own.get("sizes")


def test_two_of_one_name_are_refused_and_the_first_is_used(tmp_path: Path) -> None:
    own = bundled(BUNDLE.replace("name: colours", "name: Sizes"), tmp_path)

    assert [(issue.code, issue.path) for issue in own.issues] == [("DUPLICATE_VALUE", "/pools/1/name")]
    assert own["sizes"].records.height == 2
