"""Manifests: what they say is read as it was written, and nothing else is taken for one."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.span import Span
from sinks.files.manifest import Manifest, WrittenFile, ranges_of


def manifest() -> Manifest:
    files = tuple(
        WrittenFile(f"p-{number}", 10, (Span(0, 6), Span(8, 5)), 100 + number, f"xxh128:{number:032x}", "run")
        for number in range(3)
    )
    return Manifest("owner", "run", "hash", "CSV", "GZIP", files)


def test_a_manifest_is_read_as_it_was_written() -> None:
    assert Manifest.from_json(manifest().to_json()) == manifest()


@pytest.mark.parametrize("content", [None, b"", b"{", b"\xff", b"null", b"7", b"[]", b'{"owner": "x"}', b"[" * 100_000])
def test_what_is_no_manifest_is_none(content: bytes | None) -> None:
    assert Manifest.from_json(content) is None


@pytest.mark.parametrize("name", ["../x", "/x", "", ".", "..", "a/b", "x\\u0000"])
def test_a_manifest_with_names_that_lead_elsewhere_is_none(name: str) -> None:
    assert Manifest.from_json(manifest().to_json().replace(b'"p-1"', f'"{name}"'.encode())) is None


@given(st.lists(st.integers(0, 60)))
def test_ranges_are_what_spans_cover(edges: list[int]) -> None:
    pairs = itertools.pairwise(sorted(edges))
    spans = [Span(start, end - start) for number, (start, end) in enumerate(pairs) if number % 3]

    ranges = ranges_of(spans)

    covered = [number for span in ranges for number in range(span.start, span.end)]
    assert covered == [number for span in spans for number in range(span.start, span.end)]
    assert all(span.count for span in ranges)
    assert all(one.end < other.start for one, other in itertools.pairwise(ranges))
