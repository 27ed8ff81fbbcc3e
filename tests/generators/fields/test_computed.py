"""COMPUTED: formulas among the other fields of a definition."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import polars as pl
import pytest

from engine.errors import RecordInvalid
from engine.span import Span
from generators.runs.salvage import salvaged
from tests.generators.fields.examined import FIRST, NAME, examined, found, issues, made, mapping, planned

QUANTITY = mapping("NUMERIC_RANGE", {"min": 1, "max": 9}, name="quantity")
PRICE = mapping("NUMERIC_RANGE", {"min": 1, "max": 500, "scale": 2}, name="unitPrice")
DISCOUNT = mapping("NUMERIC_RANGE", {"min": 0, "max": 0.5, "scale": 2}, name="discount", nullRate=0.3)
FIRST_NAME = mapping("ENUM_RANDOM", {"values": ["Ada", "Jürgen"]}, name="firstName")
INDEX = mapping("SEQUENCE", {"start": 0}, name="index")
OTHERS = (QUANTITY, PRICE, DISCOUNT, FIRST_NAME, INDEX)
AT = "/fieldMappings/0/params"


def formula(expression: str, name: str = NAME, *, params: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    return mapping("COMPUTED", {"expression": expression, **(params or {})}, name=name, **more)


def computed(expression: str, *more: dict[str, Any], params: dict[str, Any] | None = None, **changes: Any) -> list[Any]:
    """The first values of a formula among the other fields."""
    return made(formula(expression, params=params), *OTHERS, *more, span=Span(0, 200), **changes).to_list()


def records(*mappings: dict[str, Any], **more: Any) -> list[dict[str, Any]]:
    return planned(*mappings, **more).batch(Span(0, 200)).records.to_dicts()


def message(*mappings: dict[str, Any], code: str, **more: Any) -> str:
    """The sentence of the only issue with a code, and its hint."""
    [issue] = [issue for issue in issues(*mappings, **more) if issue.code == code]
    return f"{issue.message} | {issue.hint}"


# What it makes.


def test_a_total_is_exact_and_rounded_half_away_from_zero() -> None:
    for record in records(formula("ROUND(quantity * unitPrice * (1 - coalesce(discount, 0)), 2)"), *OTHERS):
        exact = record["quantity"] * record["unitPrice"] * (1 - (record["discount"] or 0))
        assert record[NAME] == exact.quantize(Decimal("0.01"), "ROUND_HALF_UP")


def test_the_scale_of_the_schema_rounds_half_to_even() -> None:
    schema = {"fields": [{"name": NAME, "type": "DECIMAL", "precision": 10, "scale": 1}]}

    values = made(formula("(2 * index + 1) / 20.0"), INDEX | {"omit": True}, schema=schema)

    assert values.dtype == pl.Decimal(18, 1)
    assert values[:4].to_list() == [Decimal(text) for text in ("0.0", "0.2", "0.2", "0.4")]


def test_a_division_keeps_ten_digits_more() -> None:
    for record in records(formula("unitPrice / quantity"), *OTHERS):
        exact = record["unitPrice"] / record["quantity"]
        assert record[NAME] == exact.quantize(Decimal("1e-12"), "ROUND_HALF_EVEN")


@pytest.mark.parametrize(
    ("expression", "dtype"),
    [
        ("quantity + 1", pl.Int32()),
        ("quantity * 1000000000", pl.Int64()),
        ("quantity * unitPrice", pl.Decimal(18, 2)),
        ("SQRT(quantity)", pl.Float64()),
        ("quantity > 5", pl.Boolean()),
        ("firstName & quantity", pl.String()),
        ("DATE(2026, 1, quantity)", pl.Date()),
        ("DATEADD(DATE(2026, 1, 1), quantity, 'hour')", pl.Datetime("ms", "UTC")),
    ],
)
def test_the_type_follows_from_the_formula(expression: str, dtype: pl.DataType) -> None:
    assert made(formula(expression), *OTHERS).dtype == dtype


@pytest.mark.parametrize(
    ("expression", "result", "dtype"),
    [
        ("quantity", "LONG", pl.Int64()),
        ("quantity", "DECIMAL", pl.Decimal(18, 0)),
        ("unitPrice", "DOUBLE", pl.Float64()),
        ("null", "TIMESTAMP", pl.Datetime("ms", "UTC")),
    ],
)
def test_the_result_type_can_be_asked_for(expression: str, result: str, dtype: pl.DataType) -> None:
    assert made(formula(expression, params={"resultType": result}), *OTHERS).dtype == dtype


@pytest.mark.parametrize(
    ("expression", "result", "said"),
    [
        ("unitPrice", "LONG", "have digits behind the point"),
        ("SQRT(2)", "INTEGER", "are a double"),
        ("SQRT(2)", "DECIMAL", "no fixed number of digits"),
        ("quantity", "STRING", "makes a number, which is no STRING"),
        ("firstName", "UUID", "makes a text, which is no UUID"),
        ("quantity > 1", "DATE", "makes a truth value, which is no DATE"),
    ],
)
def test_a_result_type_that_does_not_fit_is_refused(expression: str, result: str, said: str) -> None:
    faulty = formula(expression, params={"resultType": result})

    assert (("TYPE_MISMATCH", f"{AT}/resultType")) in found(faulty, *OTHERS)
    assert said in message(faulty, *OTHERS, code="TYPE_MISMATCH")


def test_a_type_that_nothing_tells_must_be_given() -> None:
    assert found(formula("null")) == {("TYPE_MISMATCH", f"{AT}/expression")}


def test_the_output_type_casts_what_the_formula_makes() -> None:
    values = made(formula("DATE(2026, 1, quantity)", outputType="STRING"), QUANTITY | {"omit": True})

    assert values.dtype == pl.String
    assert values.str.contains("^2026-01-0[1-9]$").all()


def test_a_formula_sees_other_fields_after_their_cast() -> None:
    counted = mapping("ENUM_RANDOM", {"values": ["1", "20"]}, name="code", outputType="INTEGER")

    assert set(made(formula("code * 2"), counted).unique().to_list()) == {2, 40}


def test_formulas_may_stand_before_what_they_depend_on() -> None:
    third, second = formula("second + 1", name="third"), formula("index + 1", name="second")

    assert records(third, second, INDEX)[7] == {"third": 9, "second": 8, "index": 7}


def test_nested_names_and_names_that_are_no_words_can_be_used() -> None:
    city = mapping("ENUM_RANDOM", {"values": ["Köln"]}, name="address.city")
    number = mapping("SEQUENCE", {}, name="order-id")

    batch = planned(formula("address.city & '/' & field('order-id')"), city, number).batch(Span(0, 2))

    assert batch.records[NAME].to_list() == ["Köln/1", "Köln/2"]


def test_a_name_is_found_however_its_accents_are_written() -> None:
    field = mapping("SEQUENCE", {}, name="gr\u00f6\u00dfe")

    assert made(formula("gro\u0308\u00dfe"), field)[:2].to_list() == [1, 2]


# null.


def test_null_makes_null_but_where_it_is_looked_for() -> None:
    for record in records(
        formula("1 - discount"),
        formula("COALESCE(discount, 9)", name="filled"),
        formula("ISBLANK(discount)", name="blank"),
        *OTHERS,
    ):
        missing = record["discount"] is None
        assert (record[NAME] is None) is missing
        assert (record["filled"] == 9) is missing
        assert record["blank"] is missing


def test_an_empty_cell_is_nought_empty_or_false_when_null_is_evaluated() -> None:
    nothing = mapping("ENUM_RANDOM", {"values": ["Ada", None]}, name="nothing")
    evaluate = {"onNull": "EVALUATE"}

    for record in records(
        formula("quantity - discount", params=evaluate),
        formula("nothing & '!'", name="text", params=evaluate),
        formula("IF(discount > 0.2 and not ISBLANK(discount), 'much', 'little')", name="chosen", params=evaluate),
        nothing,
        *OTHERS,
    ):
        discount = record["discount"] or 0
        assert record[NAME] == record["quantity"] - discount
        assert record["text"] == (record["nothing"] or "") + "!"
        assert record["chosen"] == ("much" if discount > Decimal("0.2") else "little")


def test_a_field_that_is_missing_reads_as_null() -> None:
    gone = mapping("SEQUENCE", {}, name="gone", missingRate=0.5)

    batch = planned(formula("ISBLANK(gone)"), gone).batch(FIRST)

    assert batch.records[NAME].to_list() == batch.missing["gone"].tolist()


def test_a_formula_that_cannot_be_null_may_be_required() -> None:
    schema = {"fields": [{"name": NAME, "type": "DECIMAL", "scale": 2, "required": True}]}

    assert not examined(formula("COALESCE(discount, 0)"), DISCOUNT | {"omit": True}, schema=schema).errors
    codes = {code for code, _ in found(formula("discount * 2"), DISCOUNT | {"omit": True}, schema=schema)}
    assert "REQUIRED_FIELD_NULLABLE" in codes


# Failures.


def test_a_record_without_a_result_fails_alone() -> None:
    plan = planned(formula("100 / (index % 4)"), INDEX)

    with pytest.raises(RecordInvalid, match="it, record 0: division by zero, at character 5") as caught:
        plan.batch(Span(0, 10))
    batch, errors = salvaged(plan, Span(0, 10))

    assert caught.value.code == "EVAL_ERROR"
    assert batch.rejected == (0, 4, 8)
    assert batch.records["index"].to_list() == [1, 2, 3, 5, 6, 7, 9]
    assert [error.record_number for error in errors] == [0, 4, 8]


def test_a_failure_can_be_null_or_a_value() -> None:
    as_null = computed("100 / (index % 4)", params={"onEvalError": "NULL"})
    as_value = computed("100 / (index % 4)", params={"onEvalError": "DEFAULT", "default": -1.5})

    assert as_null[:4] == [None, Decimal(100), Decimal(50), Decimal("33.3333333333")]
    assert as_value[:4] == [Decimal("-1.5"), *as_null[1:4]]
    assert all((one is None) == (other == Decimal("-1.5")) for one, other in zip(as_null, as_value, strict=True))


def test_numbers_that_do_not_fit_the_type_fail() -> None:
    with pytest.raises(RecordInvalid, match="record 3: the number does not fit INTEGER"):
        computed("1000000000 * index", params={"resultType": "INTEGER"})
    with pytest.raises(RecordInvalid, match="record 10: the number has more than 18 digits at scale 2"):
        computed("10 ** 15 * index * 1.00", params={"resultType": "DECIMAL"}, count=None)


@pytest.mark.parametrize(
    ("default", "path"),
    [("none", "/default"), (True, "/default"), (1.23456789012, "/default"), (10**19, "/default"), (None, "/default")],
)
def test_a_default_must_be_a_result(default: Any, path: str) -> None:
    params = {"onEvalError": "DEFAULT", "default": default}
    code = "MISSING_PARAM" if default is None else "TYPE_MISMATCH"

    assert found(formula("1 / index", params=params), INDEX) == {(code, f"{AT}{path}")}


def test_a_default_applies_to_nothing_else() -> None:
    assert found(formula("1 / index", params={"default": 1}), INDEX) == {("PROPERTY_NOT_ALLOWED", f"{AT}/default")}


# What is wrong with it.


def test_every_fault_is_told_at_once_with_its_place_and_what_was_meant() -> None:
    faulty = formula("ROND(quantty) + unitPrice * LOWER(firstName) & LOWER(5)")

    told = {(issue.code, issue.message, issue.hint) for issue in issues(faulty, *OTHERS)}

    assert told == {
        ("UNKNOWN_FIELD", 'there is no field "quantty", at character 6', 'did you mean "quantity"?'),
        ("UNKNOWN_FUNCTION", "there is no function ROND, at character 1", 'did you mean "ROUND"?'),
        (
            "EXPRESSION_NOT_ALLOWED",
            "* takes a number as b, not a text, at character 29",
            "join texts by & or CONCAT; TODECIMAL(text, digits) reads a number",
        ),
        (
            "TYPE_MISMATCH",
            "LOWER takes a text as text, not a number, at character 54",
            "LOWER(text); TOSTRING, TODECIMAL, TOINT, TOBOOL and DATEVALUE convert",
        ),
    }


def test_formulas_that_depend_on_each_other_are_told_with_the_way() -> None:
    assert "it → it" in message(formula("it + 1"), code="DEPENDENCY_CYCLE")
    circle = (formula("total * 2"), formula("tax + 1", name="total"), formula("it + 1", name="tax"))
    assert "it → total → tax → it" in message(*circle, code="DEPENDENCY_CYCLE")
    assert {code for code, _ in found(*circle)} == {"DEPENDENCY_CYCLE"}


def test_a_field_with_an_error_of_its_own_makes_no_second_one() -> None:
    broken = mapping("NUMERIC_RANGE", {"min": 5}, name="quantity")
    inverted = mapping("NUMERIC_RANGE", {"min": 5, "max": 1}, name="unitPrice")

    codes = {code for code, _ in found(formula("quantity * unitPrice & 'x'"), broken, inverted)}

    assert codes == {"MISSING_PARAM", "RANGE_INVERTED"}


def test_unique_is_refused() -> None:
    assert ("UNIQUE_IMPOSSIBLE", "/fieldMappings/0/unique") in found(formula("index", unique=True), INDEX)


def test_texts_that_double_over_many_fields_are_refused_before_anything_is_made() -> None:
    first = formula("REPT('a', 64)", name="f0")
    chain = [formula(f"f{place - 1} & f{place - 1}", name=f"f{place}") for place in range(1, 41)]

    told = found(first, *chain)

    # From the first that is too long on nothing is known, so that the others have no error of their own.
    assert told == {("EXPRESSION_TOO_COMPLEX", "/fieldMappings/9/params/expression")}


def test_numbers_that_grow_over_many_fields_are_refused_before_anything_is_made() -> None:
    first = formula("index + 10", name="f0")
    chain = [formula(f"f{place - 1} * f{place - 1}", name=f"f{place}") for place in range(1, 41)]

    told = found(INDEX, first, *chain, count=None)

    # Each is at least the square of the one before, and the first at least 10: soon none can be held.
    assert {code for code, _ in told} == {"EXPRESSION_TOO_COMPLEX"}
    assert len(told) == 1


def test_a_chain_of_as_many_fields_as_there_may_be_is_followed() -> None:
    chain = [formula(f"f{place - 1} + 1", name=f"f{place}") for place in range(1, 499)]

    assert made(*reversed(chain), INDEX | {"fieldName": "f0"}, name="f498")[:2].to_list() == [498, 499]


# What it depends on.


def test_draws_depend_on_the_seed_the_name_and_which_one_they_are() -> None:
    drawn = computed("RAND()")

    assert drawn == computed("  rand( )")
    assert drawn == computed("RAND() + 0 * RANDBETWEEN(1, 6)")
    assert drawn != computed("RAND()", seed=2)
    assert drawn != made(formula("RAND()", name="other"), span=Span(0, 200), name="other").to_list()
    assert drawn != computed("IF(RAND() > 2, 0, RAND())")


def test_numbers_between_are_uniform() -> None:
    values = made(formula("RANDBETWEEN(-1, 4)"), span=Span(0, 60_000), count=60_000)

    counts = values.value_counts().sort(NAME)
    # Chi-square with 5 degrees of freedom: above 25.7 once in 10,000 seeds.
    assert counts[NAME].to_list() == [-1, 0, 1, 2, 3, 4]
    assert sum((count - 10_000) ** 2 / 10_000 for count in counts["count"]) < 25.7


@pytest.mark.parametrize(
    ("expression", "given", "reason"),
    [
        ("RUNID()", True, "RUNID() is another one in every run"),
        ("STARTEDAT()", False, "STARTEDAT() is the instant at which the run starts"),
        ("STARTEDAT()", True, None),
        ("EXP(quantity)", True, "the last digits of EXP may be others on another processor"),
        ("quantity ** 0.5", True, "the last digits of ** with a broken exponent may be others on another processor"),
        ("quantity ** 2 + SQRT(quantity) + RAND()", True, None),
    ],
)
def test_what_makes_runs_differ_is_told(expression: str, given: bool, reason: str | None) -> None:
    plan = planned(formula(expression), *OTHERS, given=given)

    assert plan.reasons == ([] if reason is None else [f"{NAME}: {reason}"])


def test_facts_of_the_run_are_used() -> None:
    record = records(formula("RUNID() & '/' & STARTEDAT() & '/' & RECORDINDEX()"))[3]

    assert record[NAME] == "preview/2026-03-29T12:00:00.000Z/3"


def test_the_values_that_a_text_can_have_are_known_to_other_fields() -> None:
    size = formula('IF(quantity > 5, "big", "small")', name="size")
    cases = {"conditionField": "size", "cases": {"big": [10], "small": [1]}}

    values = made(mapping("ENUM_RANDOM", cases), size, QUANTITY)

    assert set(values.to_list()) == {1, 10}
