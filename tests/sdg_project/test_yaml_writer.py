"""What is written as YAML is read back exactly; what cannot be is named."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sdg_project.documents import parse_documents
from sdg_project.yaml_writer import unwritable, write_yaml

_texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=30)
_scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**39), 10**39),
    st.floats(allow_nan=False, allow_infinity=False).filter(lambda number: not number.is_integer()),
    _texts,
    st.sampled_from(
        ["null", "yes", "007", "1e6", "1_000", ".inf", "<<", "~", "- a", "a: b", "a #b", "0x1F", " a", "a "]
    ),
)
_values = st.recursive(
    _scalars, lambda parts: st.lists(parts, max_size=5) | st.dictionaries(_texts, parts, max_size=5), max_leaves=20
)


@given(_values)
@example([[1, 2], [], {}, [{"a": [[]]}], [["x" * 60, "y" * 60]]])
@example({"true": "true", "a\u2028b": "\ufeff\x7f\x85\U0001f600"})
def test_every_value_is_read_back_exactly(value: Any) -> None:
    written = write_yaml({"value": value})

    [document] = parse_documents(written, origin="written.yaml")

    assert repr(document.value) == repr({"value": value})
    assert list(unwritable(value)) == []


def test_it_reads_like_yaml_that_a_person_wrote() -> None:
    value = {
        "name": "orders",
        "fieldMappings": [
            {"fieldName": "state", "type": "ENUM_RANDOM", "params": {"values": ["NEW", "PAID"], "weights": [3, 0.5]}},
            {"fieldName": "id", "type": "SEQUENCE", "params": {}},
        ],
        "description": "from 2026: all",
    }

    assert write_yaml(value) == (
        "name: orders\n"
        "fieldMappings:\n"
        "  - fieldName: state\n"
        "    type: ENUM_RANDOM\n"
        "    params:\n"
        "      values: [NEW, PAID]\n"
        "      weights: [3, 0.5]\n"
        "  - fieldName: id\n"
        "    type: SEQUENCE\n"
        "    params: {}\n"
        'description: "from 2026: all"\n'
    )


@pytest.mark.parametrize("number", [1.0, 1e6, -0.0, 1e22])
def test_a_whole_number_with_a_fraction_is_named_with_its_place(number: float) -> None:
    [issue] = unwritable({"a": [0.5, {"b": number}]})

    assert issue.path == "/a/1/b"
    assert "--out FILE.json" in str(issue.hint)
