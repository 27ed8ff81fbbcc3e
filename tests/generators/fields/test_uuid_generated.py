"""UUID_GENERATED: its texts against Python's uuid, distinctness and the way back, and every error."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import numpy as np
import polars as pl
import pytest

from engine.errors import RecordInvalid
from engine.issues import Severity
from engine.schema import OutputType
from engine.span import Span
from engine.stream import Source
from tests.engine.uuid_inverses import numbers_of_ordered, record_numbers_of, words_of_random
from tests.generators.fields import golden_instants
from tests.generators.fields.examined import NAME, examined, found, issues, made, mapping, planned

KIND = "UUID_GENERATED"
AT = "/fieldMappings/0"
OTHER = mapping("TIMESTAMP_GENERATED", {"mode": "SEQUENTIAL", "start": "2020-01-01T00:00:00Z"}, name="other")
HALF = {**OTHER, "nullRate": 0.5}
MS = 1_577_836_800_000
"""2020-01-01, the first instant of `OTHER`."""


def uuids(params: dict[str, Any], *others: dict[str, Any], **more: Any) -> list[UUID]:
    return [UUID(text) for text in made(mapping(KIND, params), *others, **more)]


def halves(texts: pl.Series) -> tuple[np.ndarray[Any, np.dtype[np.uint64]], ...]:
    numbers = [UUID(text).int for text in texts]
    return np.array([one >> 64 for one in numbers], np.uint64), np.array([one % 2**64 for one in numbers], np.uint64)


def test_a_seed_makes_the_uuids_it_always_made() -> None:
    stored = json.loads((golden_instants.FOLDER / "uuid_generated.json").read_text("utf-8"))

    assert golden_instants.uuids() == stored


def test_a_random_uuid_is_two_words_of_the_field_with_version_and_variant() -> None:
    source = Source(1, "orders", NAME)

    expected = []
    for number in range(50):
        first, second = (source.stream("value", lane).word(number) for lane in (0, 1))
        bits = (first >> 16) << 80 | (first >> 4 & 0xFFF) << 64 | (first & 0xF) << 58 | second >> 6
        expected.append(UUID(int=bits | 4 << 76 | 2 << 62))

    assert uuids({}, span=Span(0, 50)) == expected


@pytest.mark.parametrize("params", golden_instants.UUIDS)
def test_cutting_a_run_changes_nothing(params: dict[str, Any]) -> None:
    plan = planned(mapping(KIND, params), OTHER)
    whole = plan.batch(Span(0, 1_000)).records[NAME]

    parts = [
        plan.batch(Span(start, end - start)).records[NAME] for start, end in ((0, 1), (1, 8), (8, 400), (400, 1_000))
    ]

    assert pl.concat(parts).equals(whole)
    assert plan.batch(Span(5, 0)).records[NAME].to_list() == []


@pytest.mark.parametrize("start", [0, 10**12 - 1_000])
def test_random_uuids_are_distinct_and_lead_back_to_their_records(start: int) -> None:
    texts = made(mapping(KIND, {}), span=Span(start, 20_000))

    numbers = record_numbers_of(words_of_random(*halves(texts)), Source(1, "orders", NAME).stream("value", 0))

    assert numbers.tolist() == list(range(start, start + 20_000))
    assert texts.n_unique() == 20_000


@pytest.mark.parametrize("start", [0, 10**12 - 1_000])
def test_ordered_uuids_are_sorted_and_lead_back_to_their_records(start: int) -> None:
    texts = made(mapping(KIND, {"version": 7}), clock={"start": "2026-01-01", "stepMs": 0}, span=Span(start, 20_000))

    assert numbers_of_ordered(*halves(texts)).tolist() == list(range(start, start + 20_000))
    assert texts.is_sorted()
    assert texts.n_unique() == 20_000


@pytest.mark.parametrize("monotonic", [True, False])
def test_version_7_holds_the_instant_of_the_record(monotonic: bool) -> None:
    params = {"version": 7, "monotonic": monotonic}

    of_clock = uuids(params, clock={"start": "1970-01-01", "stepMs": 7}, span=Span(10, 100))
    of_field = uuids({**params, "timestampField": "other"}, OTHER, span=Span(10, 100))

    assert [one.int >> 80 for one in of_clock] == [7 * number for number in range(10, 110)]
    assert [one.int >> 80 for one in of_field] == [MS + 1_000 * number for number in range(10, 110)]


@pytest.mark.parametrize("params", [{}, {"version": 7}, {"version": 7, "monotonic": False}])
def test_version_and_variant_are_set(params: dict[str, Any]) -> None:
    made_uuids = uuids(params)

    assert {one.version for one in made_uuids} == {params.get("version", 4)}
    assert {one.variant for one in made_uuids} == {uuid.RFC_4122}


@pytest.mark.parametrize(
    ("namespace", "expected"),
    [
        ("DNS", uuid.NAMESPACE_DNS),
        ("URL", uuid.NAMESPACE_URL),
        ("OID", uuid.NAMESPACE_OID),
        ("X500", uuid.NAMESPACE_X500),
        ("12345678-1234-5678-1234-567812345678", UUID("12345678-1234-5678-1234-567812345678")),
    ],
)
def test_version_5_is_that_of_python_whatever_the_seed(namespace: str, expected: UUID) -> None:
    other = mapping(KIND, {}, name="other")
    params = {"version": 5, "namespace": namespace, "nameTemplate": "größe/${other}/$${it}/${other}"}
    records = planned(mapping(KIND, params), other).batch(Span(0, 100)).records

    names = [f"größe/{value}/${{it}}/{value}" for value in records["other"]]

    assert [UUID(text) for text in records[NAME]] == [uuid.uuid5(expected, name) for name in names]


def test_instants_in_a_name_are_written_as_elsewhere() -> None:
    [first] = uuids({"version": 5, "namespace": "URL", "nameTemplate": "${other}"}, OTHER, span=Span(0, 1))

    assert first == uuid.uuid5(uuid.NAMESPACE_URL, "2020-01-01T00:00:00.000Z")


@pytest.mark.parametrize(
    "params",
    [
        {"version": 7, "timestampField": "other"},
        {"version": 5, "namespace": "URL", "nameTemplate": "a${other}"},
    ],
)
def test_null_makes_null(params: dict[str, Any]) -> None:
    plan = planned(mapping(KIND, params), HALF)

    records = plan.batch(Span(0, 1_000)).records

    assert records[NAME].is_null().equals(records["other"].is_null())
    assert 300 < records[NAME].null_count() < 700
    assert plan.schema.columns[0].nullable
    assert not planned(mapping(KIND, params), OTHER).schema.columns[0].nullable


@pytest.mark.parametrize(
    ("params", "written"),
    [
        ({"format": "COMPACT"}, lambda one: one.hex),
        ({"format": "URN"}, lambda one: one.urn),
        ({"format": "BRACED"}, lambda one: f"{{{one}}}"),
        ({"uppercase": True}, lambda one: str(one).upper()),
        ({"format": "URN", "uppercase": True}, lambda one: f"urn:uuid:{str(one).upper()}"),
        ({"prefix": "kö-"}, lambda one: f"kö-{one}"),
        ({"prefix": "kö-", "format": "BRACED"}, lambda one: f"kö-{{{one}}}"),
        ({"shortForm": 4}, lambda one: one.hex[:4]),
        ({"shortForm": 7, "uppercase": True}, lambda one: one.hex[:7].upper()),
        ({"shortForm": 12, "prefix": "c_"}, lambda one: f"c_{one.hex[:12]}"),
    ],
)
def test_formats_write_the_same_uuids(params: dict[str, Any], written: Any) -> None:
    plan = planned(mapping(KIND, params))

    texts = plan.batch(Span(0, 200)).records[NAME]

    assert texts.to_list() == [written(one) for one in uuids({}, span=Span(0, 200))]
    assert plan.schema.columns[0].type is OutputType.STRING
    assert plan.fields[0].output.max_length == texts.str.len_chars().max()


def test_a_plain_uuid_has_the_type_uuid() -> None:
    assert planned(mapping(KIND, {})).schema.columns[0].type is OutputType.UUID
    assert planned(mapping(KIND, {"uppercase": True}, outputType="UUID")).schema.columns[0].type is OutputType.UUID


def test_all_short_forms_come_once_with_unique() -> None:
    values = made(mapping(KIND, {"shortForm": 4}, unique=True), count=16**4, span=Span(0, 16**4))

    assert sorted(values) == [f"{number:04x}" for number in range(16**4)]
    assert not values.is_sorted()


def test_there_are_no_more_short_forms_than_digits_allow() -> None:
    wanted = mapping(KIND, {"shortForm": 4}, unique=True)

    assert found(wanted, count=16**4 + 1) == {("UNIQUE_IMPOSSIBLE", f"{AT}/unique")}
    assert found(wanted, count=16**4) == {("UNIQUE_TIGHT", f"{AT}/unique")}
    with pytest.raises(RecordInvalid, match="all 65536") as error:
        planned(wanted, count=None).batch(Span(65_530, 10))
    assert (error.value.code, error.value.record_number) == ("UNIQUE_EXHAUSTED", 16**4)


@pytest.mark.parametrize(
    ("count", "severity", "text"), [(1_000, Severity.INFO, "0.00012"), (10**6, Severity.WARNING, "1")]
)
def test_the_probability_of_a_collision_is_told(count: int, severity: Severity, text: str) -> None:
    [issue] = issues(mapping(KIND, {"shortForm": 8}), count=count)

    assert (issue.code, issue.path, issue.severity) == ("UNIQUE_TIGHT", f"{AT}/params/shortForm", severity)
    assert issue.message.endswith(f"a probability of {text}")


@pytest.mark.parametrize("params", [{}, {"version": 7}, {"shortForm": 8}])
def test_versions_4_and_7_can_be_unique_and_5_cannot(params: dict[str, Any]) -> None:
    named = mapping(KIND, {"version": 5, "namespace": "URL", "nameTemplate": "${other}"}, unique=True)

    assert not examined(mapping(KIND, params, unique=True), count=10**6).errors
    assert found(named, OTHER) == {("UNIQUE_IMPOSSIBLE", f"{AT}/unique")}


def test_without_determinism_the_entropy_of_the_run_decides_and_the_seed_does_not() -> None:
    field = mapping(KIND, {"deterministic": False})

    assert made(field, entropy="a").equals(made(field, entropy="a", seed=2))
    assert not made(field, entropy="a").equals(made(field, entropy="b"))
    assert made(field, entropy="a").to_list() != made(mapping(KIND, {}), entropy="a").to_list()
    assert planned(field, entropy="a").spec_hash != planned(field, entropy="b").spec_hash


def test_what_makes_two_runs_differ_is_told() -> None:
    clock = "it: the clock counts from the start of the run; clock.start or --started-at fixes it"

    assert planned(mapping(KIND, {}), given=False).reasons == []
    assert planned(mapping(KIND, {"version": 7}), given=False).reasons == [clock]
    assert planned(mapping(KIND, {"version": 7}), given=False, clock={"start": "2026-01-01"}).reasons == []
    assert planned(mapping(KIND, {"version": 7, "timestampField": "other"}), OTHER, given=False).reasons == []
    assert planned(mapping(KIND, {"deterministic": False})).reasons == [
        "it: deterministic is false, so every run draws other UUIDs"
    ]


NAMED = {"version": 5, "namespace": "URL", "nameTemplate": "${other}"}
STAMPED = {"version": 7, "timestampField": "other"}


@pytest.mark.parametrize(
    ("params", "code", "at"),
    [
        ({"version": 6}, "TYPE_MISMATCH", "/version"),
        ({"version": "4"}, "INVALID_VALUE", "/version"),
        ({"format": "HEX"}, "INVALID_VALUE", "/format"),
        ({"uppercase": 1}, "TYPE_MISMATCH", "/uppercase"),
        ({"prefix": "x" * 65}, "INVALID_VALUE", "/prefix"),
        ({"prefix": "a\x00"}, "INVALID_VALUE", "/prefix"),
        ({"shortForm": 3}, "INVALID_VALUE", "/shortForm"),
        ({"shortForm": 13}, "INVALID_VALUE", "/shortForm"),
        ({"shortForm": 8, "format": "URN"}, "PROPERTY_NOT_ALLOWED", "/format"),
        ({"shortForm": 8, "version": 7}, "PROPERTY_NOT_ALLOWED", "/shortForm"),
        ({"monotonic": True}, "PROPERTY_NOT_ALLOWED", "/monotonic"),
        ({"timestampField": "other"}, "PROPERTY_NOT_ALLOWED", "/timestampField"),
        ({"namespace": "URL"}, "PROPERTY_NOT_ALLOWED", "/namespace"),
        ({"version": 7, "nameTemplate": "x"}, "PROPERTY_NOT_ALLOWED", "/nameTemplate"),
        ({"version": 5, "nameTemplate": "x"}, "MISSING_PARAM", "/namespace"),
        ({"version": 5, "namespace": "URL"}, "MISSING_PARAM", "/nameTemplate"),
        ({**NAMED, "deterministic": False}, "PROPERTY_NOT_ALLOWED", "/deterministic"),
        ({**NAMED, "monotonic": True}, "PROPERTY_NOT_ALLOWED", "/monotonic"),
        ({**NAMED, "namespace": "WEB"}, "INVALID_VALUE", "/namespace"),
        ({**NAMED, "nameTemplate": "${}"}, "INVALID_VALUE", "/nameTemplate"),
        ({**NAMED, "nameTemplate": "${other} ${nobody}"}, "UNKNOWN_FIELD", "/nameTemplate"),
        ({"version": 7, "timestampField": "nobody"}, "UNKNOWN_FIELD", "/timestampField"),
        ({"Version": 7}, "UNKNOWN_PROPERTY", "/Version"),
    ],
)
def test_every_wrong_parameter_is_told_at_its_place(params: dict[str, Any], code: str, at: str) -> None:
    errors = {(issue.code, issue.path) for issue in examined(mapping(KIND, params), OTHER).errors}

    assert errors == {(code, f"{AT}/params{at}")}


def test_each_unknown_field_of_a_name_is_told() -> None:
    examination = examined(mapping(KIND, {**NAMED, "nameTemplate": "${one}${two}${one}"}))

    assert [(issue.path, issue.message) for issue in examination.errors] == [
        (f"{AT}/params/nameTemplate", 'there is no field "one"'),
        (f"{AT}/params/nameTemplate", 'there is no field "two"'),
    ]


@pytest.mark.parametrize(
    ("params", "name"),
    [
        ({"prefix": "abcd", "format": "COMPACT"}, "format"),
        ({"prefix": "a"}, "prefix"),
        ({"format": "URN"}, "format"),
        ({"shortForm": 8}, "shortForm"),
    ],
)
def test_what_is_no_uuid_cannot_have_the_type_uuid(params: dict[str, Any], name: str) -> None:
    schema = {"schema": {"fields": [{"name": NAME, "type": "UUID"}]}}

    for by in (found(mapping(KIND, params, outputType="UUID")), found(mapping(KIND, params), **schema)):
        assert ("TYPE_MISMATCH", f"{AT}/params/{name}") in by


@pytest.mark.parametrize(
    "other",
    [
        mapping(KIND, {}, name="other"),
        mapping("TIMESTAMP_GENERATED", {"format": "EPOCH_MILLIS"}, name="other"),
        mapping("TIMESTAMP_GENERATED", {}, name="other", outputType="STRING"),
    ],
)
def test_version_7_needs_a_timestamp(other: dict[str, Any]) -> None:
    assert found(mapping(KIND, STAMPED), other) == {("TYPE_MISMATCH", f"{AT}/params/timestampField")}


def test_version_7_has_no_instants_before_1970() -> None:
    early = mapping("TIMESTAMP_GENERATED", {"mode": "SEQUENTIAL", "start": "1969-12-31T23:59:59.999Z"}, name="other")
    later = mapping("TIMESTAMP_GENERATED", {"mode": "SEQUENTIAL", "start": "1970-01-01", "stepMs": -1}, name="other")

    assert found(mapping(KIND, {"version": 7}), clock={"start": "1969-12-31"}) == {
        ("INVALID_VALUE", f"{AT}/params/version")
    }
    assert found(mapping(KIND, STAMPED), early) == {("INVALID_VALUE", f"{AT}/params/timestampField")}
    assert found(mapping(KIND, STAMPED), later, count=1) == set()
    with pytest.raises(RecordInvalid) as error:
        planned(mapping(KIND, STAMPED), later, count=None).batch(Span(0, 10))
    assert (error.value.code, error.value.field, error.value.record_number) == ("RECORD_INVALID", NAME, 1)


def test_version_7_ends_with_the_year_9999() -> None:
    clock = {"clock": {"start": "9999-12-31T23:59:59Z"}}

    assert found(mapping(KIND, {"version": 7}), count=1, **clock) == set()
    [issue] = issues(mapping(KIND, {"version": 7}), count=2, **clock)
    assert (issue.code, issue.path) == ("SEQUENCE_OVERFLOW", f"{AT}/params/version")
    assert "record 1 " in issue.message
    with pytest.raises(RecordInvalid) as error:
        planned(mapping(KIND, {"version": 7}), count=None, **clock).batch(Span(0, 10))
    assert error.value.record_number == 1


def test_fields_that_stamp_each_other_are_a_cycle_and_no_endless_loop() -> None:
    base = mapping(
        "TIMESTAMP_GENERATED", {"mode": "OFFSET", "baseField": NAME, "minOffsetMs": 0, "maxOffsetMs": 1}, name="other"
    )

    assert found(mapping(KIND, STAMPED), base) == {("DEPENDENCY_CYCLE", AT)}


def test_the_instants_of_version_7_are_those_that_python_reads() -> None:
    [first] = uuids({"version": 7}, clock={"start": "2026-03-29T12:34:56.789Z"}, span=Span(0, 1))

    assert datetime.fromtimestamp((first.int >> 80) / 1_000, UTC).isoformat() == "2026-03-29T12:34:56.789000+00:00"
