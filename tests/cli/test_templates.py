"""The templates: each is right, looks like life, runs as it is, and always comes out the same."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from generators.templates import template_names
from tests.support.sdg import Sdg

NAMES = ["bank", "clicks", "health", "hr", "iot", "logs", "shop", "telecom"]


def written(folder: Path) -> dict[str, bytes]:
    """The content of every file of records below a folder, by its place there."""
    files = [path for path in folder.rglob("*") if path.is_file() and not path.name.endswith(".manifest.json")]
    return {str(path.relative_to(folder)): path.read_bytes() for path in files if not path.name.startswith(".")}


def table(path: Path) -> pl.DataFrame:
    match path.suffix:
        case ".jsonl":
            return pl.read_ndjson(path, infer_schema_length=None)
        case ".csv":
            return pl.read_csv(path, infer_schema_length=None)
        case _:
            return pl.read_parquet(path)


def test_there_are_eight_templates_and_each_has_several_generators_of_ten_fields(sdg: Sdg) -> None:
    answers = [json.loads(line) for line in sdg("templates", "--json").out.splitlines()]

    assert [answer["name"] for answer in answers] == template_names() == NAMES
    for answer in answers:
        assert len(answer["generators"]) >= 2
        for generator in answer["generators"]:
            assert generator["fields"] >= 10
            assert 500 <= generator["recordCount"] <= 50_000
    names = Counter(generator["name"] for answer in answers for generator in answer["generators"])
    assert names.most_common(1)[0][1] == 1


def test_the_list_says_what_each_is_and_how_to_go_on(sdg: Sdg) -> None:
    answer = sdg("templates")

    assert answer.code == 0, answer.err
    assert "shop" in answer.out
    assert "A web shop: its customers, products, orders and their lines." in answer.out
    assert "shop-order-lines" in answer.out
    assert "sdg run template:NAME" in answer.out


def test_a_printed_template_is_a_definition_that_says_the_same(sdg: Sdg) -> None:
    printed = sdg("templates", "iot")
    (sdg.folder / "own.yaml").write_text(printed.out, encoding="utf-8")

    own = sdg("preview", "own.yaml", "--generator", "iot-alerts", "--json")
    built_in = sdg("preview", "template:iot", "--generator", "iot-alerts", "--json")

    assert printed.out.startswith("# Sensors: ")
    assert own.code == 0, own.err
    assert own.out == built_in.out
    assert len(own.out.splitlines()) == 10


@pytest.mark.parametrize(
    "arguments",
    [
        ("templates", "shpo"),
        ("run", "template:shpo"),
        ("preview", "template:shpo"),
        ("import", "template:shpo"),
    ],
)
def test_an_unknown_template_names_the_closest(sdg: Sdg, arguments: tuple[str, ...]) -> None:
    answer = sdg(*arguments)

    assert answer.code == 2
    assert 'there is no template "shpo"' in answer.err
    assert 'did you mean "shop"?' in answer.err


def test_who_forgets_the_mark_of_a_template_is_told(sdg: Sdg) -> None:
    answer = sdg("run", "shop")

    assert answer.code == 2
    assert '"template:shop"' in answer.err


@pytest.mark.parametrize("name", NAMES)
def test_a_template_is_valid_without_a_warning(sdg: Sdg, name: str) -> None:
    answer = sdg("validate", f"template:{name}", "--strict", "--json")

    assert answer.code == 0, answer.out
    assert answer.json["errors"] == []
    assert answer.json["warnings"] == []
    for generator in answer.json["generators"]:
        assert generator["determinism"]["reasons"] == []


@pytest.mark.parametrize("name", NAMES)
def test_a_template_is_previewed_as_it_is(sdg: Sdg, name: str) -> None:
    answer = sdg("preview", f"template:{name}", "--rows", "3")

    assert answer.code == 0, answer.err
    assert answer.out.count("\n\n") >= 1


@pytest.mark.parametrize("name", NAMES)
def test_a_template_runs_as_it_is_and_comes_out_the_same_twice(sdg: Sdg, tmp_path: Path, name: str) -> None:
    contents = []
    for home in ("one", "two"):
        answer = sdg("run", f"template:{name}", "--count", "1000", "--json", SDG_HOME=str(tmp_path / home))
        assert answer.code == 0, answer.err
        reports = [json.loads(line) for line in answer.out.splitlines()]
        assert {report["recordsWritten"] for report in reports} == {1_000}
        contents.append(written(tmp_path / home / "out"))

    assert len(contents[0]) == len(reports)
    assert contents[0] == contents[1]
    assert all(contents[0].values())


def test_a_template_runs_again_over_its_own_files(sdg: Sdg) -> None:
    answers = [sdg("run", "template:iot", "--count", "100", "--json") for _ in range(2)]

    assert [answer.code for answer in answers] == [0, 0], answers[1].err


def test_a_template_is_stored_for_the_service(sdg: Sdg) -> None:
    answer = sdg("import", "template:hr")

    assert answer.code == 0, answer.err
    assert 'generator "hr-employees" is created' in answer.out
    assert 'pool "pay-scale" is created' in answer.out


class TestWhatBelongsTogether:
    """What the comments of the templates promise, looked up in what they write."""

    @pytest.fixture
    def run(self, sdg: Sdg) -> Any:
        def make(name: str, *tables: str) -> list[pl.DataFrame]:
            answer = sdg("run", f"template:{name}", "--json")
            assert answer.code == 0, answer.err
            return [table(sdg.folder / "home" / "out" / name / one) for one in tables]

        return make

    def test_orders_name_customers_lines_name_orders_and_products(self, run: Any) -> None:
        tables = run("shop", "customers.jsonl", "products.csv", "orders.jsonl", "order-lines.csv")
        customers, products, orders, lines = tables

        joined = orders.join(customers, on="customerId", how="left")
        assert (joined["customerName"] == joined["name"]).all()
        assert (joined["customerEmail"] == joined["email"]).all()
        assert set(lines["orderId"]) == set(orders["orderId"])
        joined = lines.join(products, on="productId", how="left")
        assert (joined["sku"] == joined["sku_right"]).all()
        assert (joined["unitPrice"] == joined["price"]).all()
        # What has not been shipped cannot have been delivered.
        assert orders.filter(pl.col("shippedAt").is_null())["deliveredOn"].null_count() > 0
        assert orders.filter(pl.col("shippedAt").is_null() & pl.col("deliveredOn").is_not_null()).height == 0

    def test_transactions_name_accounts_and_these_customers(self, run: Any) -> None:
        tables = run("bank", "customers.jsonl", "accounts.csv", "cards.csv", "transactions.parquet")
        customers, accounts, cards, transactions = tables

        joined = transactions.join(accounts, on="accountId", how="left")
        assert (joined["iban"] == joined["iban_right"]).all()
        assert accounts["iban"].is_unique().all()
        assert set(accounts["customerId"]) == set(customers["customerId"])
        joined = cards.join(customers, on="customerId", how="left")
        assert (joined["holder"] == joined["firstName"] + " " + joined["lastName"]).all()
        # Only payments, debits, cash and refunds have a merchant.
        merchants = transactions.filter(pl.col("merchantCode").is_not_null())["type"].unique()
        assert set(merchants) == {"CARD_PAYMENT", "DIRECT_DEBIT", "CASH_WITHDRAWAL", "REFUND"}

    def test_events_lie_in_their_session(self, run: Any) -> None:
        sessions, events = run("clicks", "sessions.jsonl", "events.jsonl")

        joined = events.join(sessions, on="sessionId", how="left")
        began, occurred = (
            joined[name].str.to_datetime("%Y-%m-%dT%H:%M:%S%.3fZ") for name in ("startedAt", "occurredAt")
        )
        assert began.null_count() == 0
        assert ((occurred - began).dt.total_milliseconds() >= 0).all()
        assert ((occurred - began).dt.total_milliseconds() < 41_000).all()

    def test_lines_of_the_log_carry_the_trace_of_their_request(self, run: Any) -> None:
        requests, lines = run("logs", "requests.jsonl", "lines.jsonl")

        joined = lines.join(requests, on="traceId", how="left")
        assert (joined["requestNo"] == joined["requestNo_right"]).all()

    def test_readings_name_devices_of_the_fitting_kind(self, run: Any) -> None:
        devices, climate, power = run("iot", "devices.csv", "climate.parquet", "power.jsonl")

        kinds = dict(devices.select("sensorId", "kind").rows())
        assert {kinds[sensor] for sensor in climate["sensorId"]} == {"TEMPERATURE", "HUMIDITY"}
        assert {kinds[sensor] for sensor in power["meterId"]} == {"POWER", "VOLTAGE"}

    def test_visits_name_patients_and_what_they_can_have(self, run: Any) -> None:
        patients, visits = run("health", "patients.jsonl", "visits.jsonl")

        joined = visits.join(patients, on="patientId", how="left")
        assert (joined["patient"].struct.field("gender") == joined["gender"]).all()
        men = visits.filter(pl.col("patient").struct.field("gender") == "M")
        assert "Pregnancy" not in set(men["diagnosis"].struct.field("chapter"))
        assert set(visits.filter(pl.col("ward") == "Maternity")["patient"].struct.field("gender")) == {"F"}

    def test_salaries_are_those_of_the_pay_scale(self, run: Any) -> None:
        employees, absences = run("hr", "employees.csv", "absences.csv")

        assert employees.group_by("grade", "step").agg(pl.col("annualSalary").n_unique())["annualSalary"].max() == 1
        assert employees.filter(pl.col("level") == "TRAINEE")["annualSalary"].max() < 40_000  # type: ignore[operator]
        names = dict(employees.select("employeeId", pl.col("firstName") + " " + pl.col("lastName")).rows())
        assert all(names[number] == name for number, name in absences.select("employeeId", "employeeName").rows())

    def test_calls_come_from_the_number_of_their_subscriber(self, run: Any) -> None:
        subscribers, calls, sessions = run("telecom", "subscribers.csv", "calls.parquet", "data-sessions.jsonl")

        joined = calls.join(subscribers, on="subscriberId", how="left")
        assert (joined["callingNumber"] == joined["msisdn"]).all()
        joined = sessions.join(subscribers, on="subscriberId", how="left")
        assert (joined["msisdn"] == joined["msisdn_right"]).all()
