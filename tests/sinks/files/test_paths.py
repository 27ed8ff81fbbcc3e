"""Paths: what is refused, with a sentence, and what is fine."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sinks.files.paths import path_problem

REFUSED = {
    "": "must be a path below the output folder",
    "/etc/passwd": "must be a path below the output folder",
    "//server/share": "must be a path below the output folder",
    "/dev/full": "must be a path below the output folder",
    "../x": 'must not contain the step ".."',
    "a/../../x": 'must not contain the step ".."',
    "a/./x": 'must not contain the step "."',
    "a//x": 'must not contain the step ""',
    "a/": 'must not contain the step ""',
    "x\0y": "contains a control character",
    "x\ny": "contains a control character",
    "x\x7f": "contains a control character",
    "a\\b": "contains a control character or one of",
    "C:x": "contains a control character or one of",
    "x?.jsonl": "contains a control character or one of",
    "x.": "ends with a dot or blank",
    "x /y": "ends with a dot or blank",
    " x": "begins with a blank",
    "x..": "ends with a dot or blank",
    "n" * 300 + ".csv": "is longer than 195 bytes",
    "é" * 100: "is longer than 195 bytes",
    "CON": "is a reserved name",
    "con.jsonl": "is a reserved name",
    "a/Nul.csv": "is a reserved name",
    "LPT1.txt": "is a reserved name",
    "com¹": "is a reserved name",
    "aux .csv": "is a reserved name",
    "\ud800.csv": "half of a surrogate pair",
    ".orders.jsonl.sdg-1": "looks like the hidden files of a run",
    ".sdg-x/a.csv": "looks like the hidden files of a run",
    ".a.sdg.lock": "looks like the hidden files of a run",
}
FINE = [
    "orders.jsonl",
    "shop/orders.csv",
    "..%2fx",
    "a/..b/c",
    "...x",
    "ümläut/😀.csv",
    "-rf",
    "~",
    "$HOME",
    "contact.csv",
]


@pytest.mark.parametrize("path", REFUSED)
def test_a_path_is_refused_with_a_sentence(path: str) -> None:
    problem = path_problem(path)

    assert problem is not None
    assert REFUSED[path] in problem
    assert problem.isprintable()


@pytest.mark.parametrize("path", FINE)
def test_a_path_is_fine(path: str) -> None:
    assert path_problem(path) is None


@given(st.text(max_size=30) | st.text(st.sampled_from("./\\ab%\0\n "), max_size=12))
def test_a_fine_path_leads_below_the_root(path: str) -> None:
    if path_problem(path) is None:
        root = Path("/root/of/all")
        assert os.path.normpath(root / path).startswith(f"{root}/")
        assert len((root / path).parts) == len(root.parts) + path.count("/") + 1
