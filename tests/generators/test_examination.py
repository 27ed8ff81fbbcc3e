"""What is wrong with a definition is found all at once, each thing at its place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from engine.issues import CODES, Severity
from generators.definition import MAX_FIELDS, read_definition
from generators.fields.base import field_types
from tests.generators.definitions import ENUM, NUMBER, number, text
from tests.generators.fields import shop
from tests.generators.fields.examined import examined, found, issues, mapping
from tests.generators.fields.examples import examples


def case(name: str, condition: str) -> dict[str, Any]:
    """A field that depends on another one."""
    params = {"conditionField": condition, "cases": {"a": ["a"], "b": ["b"]}, "defaultCase": ["c"]}
    return mapping(ENUM, params, name=name)


def read(document: Any) -> set[tuple[str, str]]:
    """What is wrong with the shape of a document."""
    return {(issue.code, issue.path) for issue in read_definition(document).issues}


TWELVE: list[dict[str, Any]] = [
    mapping(NUMBER, {"min": 10, "max": 1}, name="a"),
    mapping(ENUM, {"values": []}, name="b"),
    mapping(ENUM, {"values": ["x", "y"], "weights": [-1, 1]}, name="c"),
    mapping(ENUM, {"values": ["x", "y"], "weights": [1]}, name="d"),
    mapping("SEQUENCE", {"step": 0}, name="e"),
    mapping("SEQUENCE", {"end": 10}, name="f"),
    case("g", "gg"),
    case("h", "h"),
    mapping("NUMBER_RANGE", {}, name="i"),
    mapping("CONSTANT", {"valeu": 1}, name="j"),
    number("k", nullRate=1.5),
    number("A"),
]
TWELVE_ISSUES = {
    ("RANGE_INVERTED", "/fieldMappings/0/params/min"),
    ("INVALID_VALUE", "/fieldMappings/1/params/values"),
    ("INVALID_WEIGHTS", "/fieldMappings/2/params/weights/0"),
    ("INVALID_WEIGHTS", "/fieldMappings/3/params/weights"),
    ("INVALID_STEP", "/fieldMappings/4/params/step"),
    ("SEQUENCE_OVERFLOW", "/fieldMappings/5/params/end"),
    ("UNKNOWN_FIELD", "/fieldMappings/6/params/conditionField"),
    ("DEPENDENCY_CYCLE", "/fieldMappings/7"),
    ("INVALID_VALUE", "/fieldMappings/8/type"),
    ("UNKNOWN_PROPERTY", "/fieldMappings/9/params/valeu"),
    ("INVALID_VALUE", "/fieldMappings/10/nullRate"),
    ("DUPLICATE_FIELD", "/fieldMappings/11/fieldName"),
}
"""One for each of them, also for the misspelt name of a parameter that must be there."""


def test_all_mistakes_are_told_at_once_and_no_others() -> None:
    examination = examined(*TWELVE)

    assert {(issue.code, issue.path) for issue in examination.issues} == TWELVE_ISSUES
    assert len(examination.issues) == len(TWELVE_ISSUES)
    assert examination.plan is None


@pytest.mark.parametrize("fixed", range(len(TWELVE)))
def test_mending_one_mistake_leaves_the_others(fixed: int) -> None:
    mappings = [number(f"fine {fixed}") if place == fixed else one for place, one in enumerate(TWELVE)]

    left = {(code, path) for code, path in TWELVE_ISSUES if not path.startswith(f"/fieldMappings/{fixed}/")}
    left -= {("DEPENDENCY_CYCLE", f"/fieldMappings/{fixed}")}
    if fixed == 0:
        left -= {("DUPLICATE_FIELD", "/fieldMappings/11/fieldName")}
    assert found(*mappings) == left


@pytest.mark.parametrize("place", [0, 2, 3, 4, 6])
@pytest.mark.parametrize(
    "wrong", [{"nulRate": 0}, {"missingRate": 2}, {"unique": "yes"}, {"params": {"mni": 1}}, {"outputType": "TEXT"}]
)
def test_another_mistake_in_the_same_mapping_hides_none(place: int, wrong: dict[str, Any]) -> None:
    twice = {**TWELVE[place], **wrong}
    if "params" in wrong:
        twice["params"] = {**TWELVE[place]["params"], **wrong["params"]}

    mappings = [twice if index == place else one for index, one in enumerate(TWELVE)]

    more = found(*mappings) - TWELVE_ISSUES
    assert found(*mappings) >= TWELVE_ISSUES
    assert len(more) == 1
    assert more.pop()[1].startswith(f"/fieldMappings/{place}/")


def test_mistakes_in_one_params_object_are_told_side_by_side() -> None:
    params = {"min": 10, "max": 1, "scale": 99, "stepp": 1, "outliers": {"min": 3, "max": 2, "ratee": 1}}
    weights = {"values": ["x", "y", "y"], "weights": [1, 2], "selection": "RANDM"}
    range_ = {"mode": "RANGE", "from": "2026-02-01", "to": "2026-01-01", "granularity": "WEEK", "pattern": "%Y"}

    told = found(
        mapping(NUMBER, params, name="a"),
        mapping(ENUM, weights, name="b"),
        mapping("TIMESTAMP_GENERATED", range_, name="c"),
        mapping("SEQUENCE", {"start": 5, "end": 1, "template": "{nope}", "order": 1}, name="d", nullRate=-1),
    )

    assert told >= {
        ("RANGE_INVERTED", "/fieldMappings/0/params/min"),
        ("INVALID_VALUE", "/fieldMappings/0/params/scale"),
        ("UNKNOWN_PROPERTY", "/fieldMappings/0/params/stepp"),
        ("RANGE_INVERTED", "/fieldMappings/0/params/outliers/min"),
        ("UNKNOWN_PROPERTY", "/fieldMappings/0/params/outliers/ratee"),
        ("DUPLICATE_VALUE", "/fieldMappings/1/params/values/2"),
        ("INVALID_WEIGHTS", "/fieldMappings/1/params/weights"),
        ("INVALID_VALUE", "/fieldMappings/1/params/selection"),
        ("RANGE_INVERTED", "/fieldMappings/2/params/from"),
        ("INVALID_VALUE", "/fieldMappings/2/params/granularity"),
        ("PROPERTY_NOT_ALLOWED", "/fieldMappings/2/params/pattern"),
        ("RANGE_INVERTED", "/fieldMappings/3/params/end"),
        ("INVALID_SYNTAX", "/fieldMappings/3/params/template"),
        ("TYPE_MISMATCH", "/fieldMappings/3/params/order"),
        ("INVALID_VALUE", "/fieldMappings/3/nullRate"),
    }


@pytest.mark.parametrize("kind", list(field_types))
def test_a_value_of_the_wrong_type_is_one_mistake_and_looked_at_no_further(kind: str) -> None:
    def refused(params: Mapping[str, Any]) -> set[str]:
        found = issues(mapping(kind, params), text("country", ["DE", "FR", "IT"]), number("other"))
        return {issue.path for issue in found if issue.severity is Severity.ERROR}

    for params in examples()[kind]:
        without = refused(params)  # what an example refers to is not all here
        for name in params:
            if kind == "CONSTANT" and name == "value":
                continue  # it may be anything
            at = f"/fieldMappings/0/params/{name}"

            found = refused({**params, name: object()})

            assert [path for path in found if path.startswith(at)], (params, name)
            assert {path for path in found if not path.startswith(at)} <= without, (params, name)


def test_what_does_not_fit_in_the_envelope_is_told_beside_what_is_wrong_there() -> None:
    document = {"name": 5, "recordCount": 0, "maxLatencyMs": 20, "rate": {"recordsPerSecond": 5}, "shard": 2}
    handling = {"onError": "STOP", "errorHandling": {"maxErrors": 5, "rateWindow": -1}}

    told = read({**document, **handling, "fieldMappings": [text("a")]})

    assert told == {
        ("TYPE_MISMATCH", "/name"),
        ("INVALID_VALUE", "/recordCount"),
        ("PROPERTY_NOT_ALLOWED", "/maxLatencyMs"),
        ("PROPERTY_NOT_ALLOWED", "/rate"),
        ("UNKNOWN_PROPERTY", "/shard"),
        ("INVALID_VALUE", "/errorHandling/rateWindow"),
        ("PROPERTY_NOT_ALLOWED", "/errorHandling/maxErrors"),
    }


TWELVE_OF_POOLS: list[dict[str, Any]] = [
    mapping("POOL_REFERENCE", {"pool": "shpo", "column": "sku"}, name="a"),
    mapping("POOL_REFERENCE", {"pool": "shop", "column": "prcie"}, name="b"),
    mapping("POOL_REFERENCE", {"pool": "shop", "column": "sku", "keyField": "bb", "keyColumn": "color"}, name="c"),
    mapping("COMPUTED", {"expression": "1 +"}, name="d"),
    mapping("COMPUTED", {"expression": "l + quantty"}, name="e"),
    mapping("COMPUTED", {"expression": "SUMM(l)"}, name="f"),
    mapping("POOL_DERIVED", {"sourceField": "l", "column": "sku"}, name="g"),
    mapping("POOL_DERIVED", {"sourceField": "k", "column": "sku", "minCount": 3}, name="h"),
    mapping("POOL_DERIVED", {"mode": "TEMPLATE", "sourceField": "k", "template": "${pool.prcie}"}, name="i"),
    mapping("POOL_DERIVED", {"mode": "EXPRESSION", "sourceField": "k", "expression": "row.pirce"}, name="j"),
    mapping("POOL_REFERENCE", {"pool": "shop", "column": "sku", "onExhausted": "WRAP"}, name="k"),
    mapping(NUMBER, {"min": 10, "max": 1}, name="l"),
]
TWELVE_ISSUES_OF_POOLS = [
    ("POOL_NOT_FOUND", "pool"),
    ("COLUMN_NOT_FOUND", "column"),
    ("UNKNOWN_FIELD", "keyField"),
    ("EXPRESSION_SYNTAX", "expression"),
    ("UNKNOWN_FIELD", "expression"),
    ("UNKNOWN_FUNCTION", "expression"),
    ("SOURCE_NOT_POOL_REFERENCE", "sourceField"),
    ("PROPERTY_NOT_ALLOWED", "minCount"),
    ("COLUMN_NOT_FOUND", "template"),
    ("COLUMN_NOT_FOUND", "expression"),
    ("PROPERTY_NOT_ALLOWED", "onExhausted"),
    ("RANGE_INVERTED", "min"),
]
"""One for each mapping, in their order; what refers to a field with a mistake has none by that."""


def test_mistakes_over_pools_formulas_and_arrays_are_told_at_once_and_no_others() -> None:
    told = shop.examined(*TWELVE_OF_POOLS, arrays=[{"path": "lines", "max": 3}]).issues

    assert sorted((issue.code, issue.path) for issue in told) == sorted(
        [
            *(
                (code, f"/fieldMappings/{place}/params/{name}")
                for place, (code, name) in enumerate(TWELVE_ISSUES_OF_POOLS)
            ),
            ("MISSING_PARAM", "/arrays/0/path"),
        ]
    )


def test_an_issue_says_of_which_field_it_speaks_and_is_the_same_each_time() -> None:
    first, second = examined(*TWELVE).issues, examined(*TWELVE).issues

    assert [issue.id for issue in first] == [issue.id for issue in second]
    assert len({issue.id for issue in first}) == len(first)
    named = {issue.path.split("/")[2]: issue.field for issue in first if issue.code != "DEPENDENCY_CYCLE"}
    assert named == {str(place): TWELVE[place]["fieldName"] for place in range(12) if place != 7}
    assert all(issue.code in CODES and issue.severity is Severity.ERROR for issue in first)


# Names.


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["a", "b", "a"], {("DUPLICATE_FIELD", 2)}),
        (["name", "Name"], {("DUPLICATE_FIELD", 1)}),
        (["straße", "STRASSE"], {("DUPLICATE_FIELD", 1)}),
        (["é", "e\u0301"], {("DUPLICATE_FIELD", 1)}),
        (["a", "a.b"], {("PATH_CONFLICT", 1)}),
        (["a.b.c", "a.b", "a.d"], {("PATH_CONFLICT", 0)}),
        (["a.b", "a.b.c.d"], {("PATH_CONFLICT", 1)}),
        (["a\\.b", "a"], set()),
        (["a.b", "a.c", "ab"], set()),
        (["Cust.a", "cust.b"], {("DUPLICATE_FIELD", 1)}),
        (["Cust.a", "cust.A"], {("DUPLICATE_FIELD", 1)}),
        (["x.Y.a", "x.y.b", "x.Y.c", "X.y.d"], {("DUPLICATE_FIELD", 1), ("DUPLICATE_FIELD", 3)}),
        (["A", "a.b"], {("PATH_CONFLICT", 1)}),
        (["a.B.c", "A.b"], {("PATH_CONFLICT", 0), ("DUPLICATE_FIELD", 1)}),
        (["items[].sku", "tags[]", "a[]b", "a[0]"], {("INVALID_VALUE", 0), ("INVALID_VALUE", 1)}),
        (["a..b", ".a", "c."], {("INVALID_VALUE", 0), ("INVALID_VALUE", 1), ("INVALID_VALUE", 2)}),
        (["", "  ", "\u200b", "x" * 257], {("INVALID_VALUE", place) for place in range(4)}),
        (["a\nb", "a\u202eb", "a\x00"], {("INVALID_VALUE", place) for place in range(3)}),
        (["../../x", "<script>", "'; drop table", "{{7*7}}", "%s%n", "🦊", "e\u0301", "x" * 256], None),
    ],
)
def test_names_tell_fields_apart(names: list[str], expected: set[tuple[str, int]] | None) -> None:
    told = found(*(number(name) for name in names))

    if expected is None:
        assert {code for code, _ in told} <= {"INVALID_VALUE"}
        assert told == {("INVALID_VALUE", "/fieldMappings/0/fieldName")}  # an empty part between dots
    else:
        assert told == {(code, f"/fieldMappings/{place}/fieldName") for code, place in expected}


@pytest.mark.parametrize(
    ("broken", "path"),
    [
        (mapping("NUMBER", {}, name="A"), "type"),
        (number("a", nullRate=2), "nullRate"),
        (mapping("CONSTANT", {}, name="a.b"), "params/value"),
    ],
)
@pytest.mark.parametrize("place", [0, 1])
def test_a_fault_of_a_mapping_does_not_hide_that_its_name_is_taken(
    broken: dict[str, Any], path: str, place: int
) -> None:
    mappings = [number("a")]
    mappings.insert(place, broken)

    told = found(*mappings)

    code = "PATH_CONFLICT" if "." in broken["fieldName"] else "DUPLICATE_FIELD"
    where = place if "." in broken["fieldName"] else 1
    assert len(told) == 2
    assert (code, f"/fieldMappings/{where}/fieldName") in told
    assert f"/fieldMappings/{place}/{path}" in {at for _, at in told}


def test_a_reference_to_a_broken_field_in_another_form_of_its_name_is_no_further_error() -> None:
    told = found(mapping("NUMBER", {}, name="e\u0301"), case("b", "\u00e9"))

    assert told == {("INVALID_VALUE", "/fieldMappings/0/type")}


def test_names_are_composed() -> None:
    plan = examined(number("e\u0301")).plan

    assert plan is not None
    assert [column.name for column in plan.schema.columns] == ["é"]


def test_a_definition_has_at_most_500_fields() -> None:
    assert found(*(number(f"f{place}") for place in range(MAX_FIELDS))) == set()
    assert found(*(number(f"f{place}") for place in range(MAX_FIELDS + 1))) == {("INVALID_VALUE", "/fieldMappings")}


# Shape.


@pytest.mark.parametrize("document", [None, [], "x", 5, True])
def test_a_definition_is_an_object(document: Any) -> None:
    assert read(document) == {("TYPE_MISMATCH", "")}


@pytest.mark.parametrize("name", ["id", "status", "createdBy", "createdAt", "updatedAt", "startedAt", "finishedAt"])
def test_what_the_service_sets_cannot_be_set(name: str) -> None:
    assert read({"name": "a", "fieldMappings": [number("b")], name: "x"}) == {("READ_ONLY", f"/{name}")}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"name": None}, ("MISSING_PARAM", "/name")),
        ({"name": "  "}, ("INVALID_VALUE", "/name")),
        ({"name": 5}, ("TYPE_MISMATCH", "/name")),
        ({"fieldMappings": None}, ("MISSING_PARAM", "/fieldMappings")),
        ({"fieldMappings": {}}, ("TYPE_MISMATCH", "/fieldMappings")),
        ({"fieldMappings": []}, ("INVALID_VALUE", "/fieldMappings")),
        ({"fieldMappings": ["x"]}, ("TYPE_MISMATCH", "/fieldMappings/0")),
        ({"fieldMapings": []}, ("UNKNOWN_PROPERTY", "/fieldMapings")),
        ({"seed": -1}, ("INVALID_VALUE", "/seed")),
        ({"seed": 2**53}, ("INVALID_VALUE", "/seed")),
        ({"seed": 1.0}, ("TYPE_MISMATCH", "/seed")),
        ({"seed": True}, ("TYPE_MISMATCH", "/seed")),
        ({"recordCount": 0}, ("INVALID_VALUE", "/recordCount")),
        ({"recordCount": 10**12 + 1}, ("INVALID_VALUE", "/recordCount")),
        ({"recordCount": "5"}, ("TYPE_MISMATCH", "/recordCount")),
        ({"generationMode": "batch"}, ("INVALID_VALUE", "/generationMode")),
        ({"clock": {"stepMs": -1}}, ("INVALID_VALUE", "/clock/stepMs")),
        ({"schema": {"fields": []}}, ("INVALID_VALUE", "/schema/fields")),
    ],
)
def test_the_shape_is_checked_property_by_property(change: dict[str, Any], expected: tuple[str, str]) -> None:
    document = {"name": "a", "fieldMappings": [number("b")], **change}

    assert read(document) == {expected}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"fieldName": None}, ("MISSING_PARAM", "/fieldName")),
        ({"type": None}, ("MISSING_PARAM", "/type")),
        ({"type": 5}, ("TYPE_MISMATCH", "/type")),
        ({"params": []}, ("TYPE_MISMATCH", "/params")),
        ({"param": {}}, ("UNKNOWN_PROPERTY", "/param")),
        ({"nullRate": 1.5}, ("INVALID_VALUE", "/nullRate")),
        ({"nullRate": "0.5"}, ("TYPE_MISMATCH", "/nullRate")),
        ({"missingRate": float("nan")}, ("NON_FINITE", "/missingRate")),
        ({"nullRate": 0.6, "missingRate": 0.6}, ("INVALID_VALUE", "/missingRate")),
        ({"unique": "yes"}, ("TYPE_MISMATCH", "/unique")),
        ({"outputType": "TEXT"}, ("INVALID_VALUE", "/outputType")),
    ],
)
def test_a_mapping_is_checked_property_by_property(change: dict[str, Any], expected: tuple[str, str]) -> None:
    code, path = expected

    assert (code, f"/fieldMappings/1{path}") in found(number("a"), number("b") | change)


def test_an_unknown_type_is_told_with_the_one_that_was_meant() -> None:
    [close] = issues(number("a") | {"type": "NUMERIC_RAGNE"})
    [far] = issues(number("a") | {"type": "XYZ"})

    assert close.hint == 'did you mean "NUMERIC_RANGE"?'
    assert far.hint == f"accepted are {', '.join(field_types)}"


def test_what_is_wrong_elsewhere_does_not_hide_what_is_wrong_in_a_mapping() -> None:
    told = found(mapping(NUMBER, {"min": 5, "max": 1}), number("b", missingRate=2), batchSize=0, colour="red")

    assert told == {
        ("INVALID_VALUE", "/batchSize"),
        ("UNKNOWN_PROPERTY", "/colour"),
        ("RANGE_INVERTED", "/fieldMappings/0/params/min"),
        ("INVALID_VALUE", "/fieldMappings/1/missingRate"),
    }


# References.


def test_a_cycle_is_told_once_with_its_path() -> None:
    told = list(issues(case("a", "b"), case("b", "c"), case("c", "a"), case("d", "a"), case("e", "e")))

    assert [(issue.code, issue.message) for issue in told] == [
        ("DEPENDENCY_CYCLE", "fields depend on each other: a → b → c → a"),
        ("DEPENDENCY_CYCLE", "fields depend on each other: e → e"),
    ]


def test_an_unknown_field_is_told_with_the_one_that_was_meant() -> None:
    [issue] = issues(text("country"), case("city", "Country"))

    assert (issue.code, issue.path) == ("UNKNOWN_FIELD", "/fieldMappings/1/params/conditionField")
    assert issue.hint == 'did you mean "country"?'


def test_a_reference_to_a_field_with_mistakes_is_no_further_mistake() -> None:
    broken = mapping(ENUM, {"values": []}, name="a")
    inverted = mapping(NUMBER, {"min": 2, "max": 1}, name="c")

    assert found(broken, case("b", "a"), inverted, case("d", "c")) == {
        ("INVALID_VALUE", "/fieldMappings/0/params/values"),
        ("RANGE_INVERTED", "/fieldMappings/2/params/min"),
    }


# Feasibility.


@pytest.mark.parametrize(
    ("count", "expected"), [(9, None), (10, "UNIQUE_TIGHT"), (11, "UNIQUE_IMPOSSIBLE"), (1, None), (None, None)]
)
def test_unique_needs_as_many_values_as_records(count: int | None, expected: str | None) -> None:
    told = found(number("a", unique=True), count=count)

    assert told == ({(expected, "/fieldMappings/0/unique")} if expected else set())


@pytest.mark.parametrize(
    ("count", "message"),
    [
        (95, "unique needs 95 of 100 possible values"),
        (3_377, "there are only 100 distinct values, so the run ends before its 3,377 records"),
    ],
)
def test_what_is_said_of_distinct_values_adds_up(count: int, message: str) -> None:
    field = mapping("SEQUENCE", {"end": 100, "onEnd": "STOP"}, name="a", unique=True)

    assert [issue.message for issue in issues(field, count=count)] == [message]


@pytest.mark.parametrize(
    ("field", "accepted"),
    [
        (mapping(ENUM, {"values": [2**63]}), "from -9,223,372,036,854,775,808 to 9,223,372,036,854,775,807"),
        (number("a") | {"params": {"min": 1, "max": str(2**63)}}, "from -9,223,372,036,854,775,808 to"),
        (mapping("SEQUENCE", {"start": str(2**63 - 10)}), "comes to 9,223,372,036,854,775,807, the last number of 64"),
        (
            mapping("TIMESTAMP_GENERATED", {"mode": "RANGE", "seasonality": {"hourOfDay": [1, 2]}}),
            "must have exactly 24 elements, not 2",
        ),
        (
            mapping("TIMESTAMP_GENERATED", {"mode": "RANGE", "seasonality": {"dayOfWeek": [1] * 8}}),
            "must have exactly 7 elements, not 8",
        ),
    ],
)
def test_a_message_says_what_would_be_accepted(field: dict[str, Any], accepted: str) -> None:
    told = [issue.message for issue in issues(field)]

    assert any(accepted in message for message in told), told


def test_something_must_be_written() -> None:
    assert found(number("a", omit=True), text("b", omit=True)) == {("INVALID_VALUE", "/fieldMappings")}
    assert found(number("a", omit=True), text("b")) == set()


def test_a_clock_begins_at_an_instant() -> None:
    assert found(number("a"), clock={"start": "yesterday"}) == {("TYPE_MISMATCH", "/clock/start")}
    assert found(number("a"), clock={"start": "now-30d"}) == set()
