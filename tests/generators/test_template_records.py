"""What the templates make fits together, within each record and between the generators of a template."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path

import polars as pl
import pytest

from engine.issues import Issue
from engine.span import Span
from generators.definition import read_definition
from generators.examination import Examination, examine
from generators.facts import RunFacts
from generators.fields.computed import Computed
from generators.templates import template_names, template_text
from pools.builtin.base import VERSION, builtin_pools
from pools.bundled import BundledPools
from pools.snapshot import Snapshot, snapshot_of
from sdg_project.documents import parse_documents, split_bundle

COUNT = 10_000
AT = datetime(2026, 1, 1, tzinfo=UTC)


class Shelf(Mapping[str, Snapshot]):
    """The pools of a template, and the built-in ones."""

    def __init__(self, own: Mapping[str, Snapshot]) -> None:
        self._own = own

    def __getitem__(self, name: str) -> Snapshot:
        return self._own[name] if name in self._own else built_in(name)

    def __iter__(self) -> Iterator[str]:
        return iter({**self._own, **builtin_pools})

    def __len__(self) -> int:
        return len(list(iter(self)))


@cache
def built_in(name: str) -> Snapshot:
    kind = builtin_pools[name]
    return snapshot_of(kind.records(), pool=name, version=VERSION, weight_column=kind.weight_column)


@cache
def examinations(template: str) -> dict[str, tuple[int, Examination]]:
    """What is found of each generator of a template, with its number of records."""
    bundle = split_bundle(parse_documents(template_text(template), origin=template))
    shelf = Shelf(BundledPools(bundle.pools, base=Path()))
    found = {}
    for document in bundle.generators:
        definition, count = document.value, document.value["recordCount"]
        facts = RunFacts(definition["seed"], AT, record_count=count)
        found[definition["name"]] = count, examine(read_definition(definition), facts=facts, pools=shelf)
    return found


@cache
def records(template: str, generator: str) -> pl.DataFrame:
    """The first records of a generator, with texts instead of codes of a dictionary."""
    count, examination = examinations(template)[generator]
    assert examination.plan is not None, examination.errors
    made = examination.plan.batch(Span(0, min(count, COUNT))).records
    return made.with_columns(column.cast(pl.String) for column in made if isinstance(column.dtype, pl.Enum))


def holds(frame: pl.DataFrame, **claims: pl.Expr) -> None:
    """Assert that claims are true of every record; those that are null say nothing."""
    for name, claim in claims.items():
        wrong = frame.filter(~claim)
        assert not wrong.height, (name, wrong.height, wrong.head(3).to_dicts())


def age_at(born: str, at: pl.Expr) -> pl.Expr:
    """The years between two days, as people count them."""
    birth = pl.col(born)
    before = (at.dt.month() < birth.dt.month()) | ((at.dt.month() == birth.dt.month()) & (at.dt.day() < birth.dt.day()))
    return at.dt.year() - birth.dt.year() - before.cast(pl.Int32)


@pytest.mark.parametrize("template", template_names())
def test_a_template_has_no_issue_and_uses_formulas(template: str) -> None:
    issues: list[Issue] = [issue for _, found in examinations(template).values() for issue in found.issues]

    assert issues == []
    plans = [found.plan for _, found in examinations(template).values() if found.plan is not None]
    assert any(isinstance(planned.field, Computed) for plan in plans for planned in plan.fields)


class TestShop:
    def test_the_amounts_of_an_order_add_up(self) -> None:
        orders = records("shop", "shop-orders")
        items = orders.select(
            "orderId", "subtotal", *(name for name in orders.columns if name.startswith("items[]."))
        ).explode(pl.col("^items.*$"))
        line = {name.removeprefix("items[]."): pl.col(name) for name in items.columns if name.startswith("items")}
        exact = (line["quantity"] * line["unitPrice"] * (100 - line["discountPercent"])).cast(pl.Float64) / 100
        tax = line["total"].cast(pl.Float64) * line["taxPercent"] / (100 + line["taxPercent"])

        holds(
            items,
            total=(line["total"].cast(pl.Float64) - exact).abs() < 0.00501,
            tax=(line["tax"].cast(pl.Float64) - tax).abs() < 0.00501,
            rate=(line["taxPercent"] == 7) == line["category"].is_in(["Groceries", "Books"]),
        )
        sums = items.group_by("orderId", maintain_order=True).agg(
            line["total"].sum().alias("sum"), line["quantity"].sum().alias("count")
        )
        joined = orders.join(sums, on="orderId", how="left", validate="1:1")
        holds(
            joined,
            subtotal=pl.col("subtotal") == pl.col("sum"),
            count=pl.col("itemCount") == pl.col("count"),
            total=pl.col("total") == pl.col("subtotal") - pl.col("couponDiscount") + pl.col("shippingCost"),
            coupon=(pl.col("couponDiscount") == 0) == pl.col("coupon").is_null(),
            shipping=(pl.col("subtotal") < 59) | (pl.col("shipping") == "EXPRESS") | (pl.col("shippingCost") == 0),
            tax=pl.col("taxIncluded") < pl.col("total") / 6,
        )
        assert joined["items[].total"].list.len().n_unique() == 6

    def test_a_line_is_of_a_product_and_an_order_of_a_customer(self) -> None:
        orders, products = records("shop", "shop-orders"), records("shop", "shop-products")
        items = orders.select(pl.col("^items.*$")).explode(pl.col("^items.*$")).rename(lambda name: name[8:])

        joined = items.join(products, on="productId", how="left", validate="m:1")
        holds(
            joined,
            sku=pl.col("sku") == pl.col("sku_right"),
            name=pl.col("name") == pl.col("name_right"),
            price=pl.col("unitPrice") == pl.col("price"),
        )
        joined = orders.join(records("shop", "shop-customers"), on="customerId", how="left", validate="m:1")
        holds(
            joined,
            name=pl.col("customerName") == pl.col("name"),
            mail=pl.col("customerEmail") == pl.col("email"),
            city=pl.col("shipTo.city") == pl.col("address.city"),
        )

    def test_the_status_says_what_has_happened(self) -> None:
        steps = {"OPEN": 0, "PAID": 1, "SHIPPED": 2, "DELIVERED": 3}
        done = pl.sum_horizontal(pl.col("paidAt", "shippedAt", "deliveredOn").is_not_null().cast(pl.Int64))

        holds(
            records("shop", "shop-orders"),
            status=pl.col("status").replace_strict(steps) == done,
            order=(pl.col("orderedAt") < pl.col("paidAt")) & (pl.col("paidAt") < pl.col("shippedAt")),
        )


class TestBank:
    def test_the_sign_of_an_amount_is_its_direction(self) -> None:
        transactions, kind = records("bank", "bank-transactions"), pl.col("type")

        holds(
            transactions,
            sign=(pl.col("amount") < 0) == (pl.col("direction") == "DEBIT"),
            notes=(kind != "CASH_WITHDRAWAL") | (pl.col("amount").cast(pl.Float64) % 10 == 0),
            salary=(kind != "SALARY") | (pl.col("amount") > 1_000),
            country=pl.col("counterpartyIban").str.head(2) == pl.col("counterpartyCountry"),
            account=pl.col("counterpartyIban").is_null()
            == ~kind.is_in(["TRANSFER", "DIRECT_DEBIT", "STANDING_ORDER", "SALARY"]),
        )

    def test_transactions_and_cards_are_of_accounts_and_customers(self) -> None:
        accounts, customers = records("bank", "bank-accounts"), records("bank", "bank-customers")
        named = customers.with_columns(whole=pl.col("firstName") + " " + pl.col("lastName"))

        transactions = records("bank", "bank-transactions").join(accounts, on="accountId", how="left", validate="m:1")
        holds(transactions, iban=pl.col("iban") == pl.col("iban_right"))
        for frame in (accounts, records("bank", "bank-cards")):
            joined = frame.join(named, on="customerId", how="left", validate="m:1")
            holds(joined, holder=pl.col("holder") == pl.col("whole"))
        joined = accounts.join(named, on="customerId", how="left", validate="m:1")
        holds(
            joined,
            since=pl.col("openedOn") == pl.col("customerSince"),
            of_age=age_at("birthDate", pl.col("customerSince")) >= 18,
            iban=(pl.col("iban").str.head(2) == "GB") & (pl.col("iban").str.slice(4, 4) == pl.col("bic").str.head(4)),
        )
        assert accounts["iban"].is_unique().all()

    def test_a_balance_is_within_the_limit(self) -> None:
        holds(
            records("bank", "bank-accounts"),
            limit=pl.col("balance") >= -pl.col("overdraftLimit"),
            closed=(pl.col("status") != "CLOSED") | (pl.col("balance") == 0),
        )


class TestHr:
    def test_pay_follows_from_grade_step_and_hours(self) -> None:
        employees = records("hr", "hr-employees")

        assert employees.group_by("grade", "step").agg(pl.col("fullTimeSalary").n_unique())["fullTimeSalary"].max() == 1
        exact = pl.col("fullTimeSalary") * pl.col("weeklyHours") / 40
        holds(
            employees,
            salary=(pl.col("annualSalary") - exact).abs() <= 0.5,
            bonus=(pl.col("bonus") - pl.col("annualSalary") * pl.col("bonusPercent") / 100).abs() <= 0.5,
            total=pl.col("totalPay") == pl.col("annualSalary") + pl.col("bonus"),
            trainee=(pl.col("level") != "TRAINEE") | (pl.col("annualSalary") < 40_000),
            of_age=age_at("birthDate", pl.col("hiredOn")) >= 18,
            mail=pl.col("email").is_unique(),
        )

    def test_managers_are_employees_who_lead(self) -> None:
        employees = records("hr", "hr-employees")
        leaders = employees.select("employeeId", "level", name=pl.col("firstName") + " " + pl.col("lastName"))

        joined = employees.join(leaders, left_on="managerId", right_on="employeeId", how="left", validate="m:1")

        holds(
            joined,
            name=pl.col("managerName") == pl.col("name"),
            level=pl.col("level_right").is_in(["MANAGER", "DIRECTOR", "EXECUTIVE"]),
            above=pl.col("managerId") < pl.col("employeeId"),
        )
        assert joined.filter(pl.col("managerId").is_null())["title"].to_list() == ["Chief Executive Officer"]

    def test_absences_are_of_employees_and_as_long_as_they_say(self) -> None:
        absences = records("hr", "hr-absences")
        names = records("hr", "hr-employees").select("employeeId", name=pl.col("firstName") + " " + pl.col("lastName"))

        holds(
            absences.join(names, on="employeeId", how="left", validate="m:1"),
            name=pl.col("employeeName") == pl.col("name"),
            days=(pl.col("endsOn") - pl.col("beginsOn")).dt.total_days() + 1 == pl.col("days"),
        )


class TestHealth:
    def test_the_body_mass_index_is_that_of_height_and_weight(self) -> None:
        patients = records("health", "health-patients")
        index = pl.col("weightKg").cast(pl.Float64) * 10_000 / pl.col("heightCm") ** 2

        holds(
            patients,
            bmi=(pl.col("bmi").cast(pl.Float64) - index).abs() < 0.0501,
            age=pl.col("age") == age_at("birthDate", pl.lit(date(2026, 1, 1))),
        )
        heights = dict(patients.group_by("gender").agg(pl.col("heightCm").mean()).rows())
        assert 11 < heights["M"] - heights["F"] < 15  # of some 2,500 each, with a standard error of 0.2

    def test_a_diagnosis_fits_sex_and_age_of_the_patient(self) -> None:
        visits, patients = records("health", "health-visits"), records("health", "health-patients")
        known = built_in("diagnoses").records

        joined = visits.join(patients, on="patientId", how="left", validate="m:1")
        holds(
            joined,
            gender=pl.col("patient.gender") == pl.col("gender"),
            age=pl.col("patient.age") == age_at("birthDate", pl.col("admittedAt")),
            stay=pl.col("admittedAt") < pl.col("dischargedAt"),
            pressure=pl.col("diastolic") < pl.col("systolic"),
        )
        keys = ["diagnosis.code", "patient.gender"]
        listed = visits.join(known, left_on=keys, right_on=["code", "sex"], how="left", validate="m:1")
        holds(
            listed,
            known=pl.col("name").is_not_null() & (pl.col("diagnosis.name") == pl.col("name")),
            age=pl.col("patient.age").is_between(pl.col("minAge"), pl.col("maxAge")),
            maternity=(pl.col("ward") != "Maternity") | (pl.col("patient.gender") == "F"),
        )


class TestIot:
    def test_power_is_voltage_times_current(self) -> None:
        apparent = pl.col("voltageV").cast(pl.Float64) * pl.col("currentA").cast(pl.Float64)
        active = apparent * pl.col("powerFactor").cast(pl.Float64)

        holds(
            records("iot", "iot-power"),
            apparent=(pl.col("apparentPowerVa").cast(pl.Float64) - apparent).abs() < 0.0501,
            active=(pl.col("activePowerW").cast(pl.Float64) - active).abs() < 0.0501,
            energy=(pl.col("energyWh").cast(pl.Float64) - active / 360).abs() < 0.001,
        )

    def test_only_what_has_a_battery_tells_of_it(self) -> None:
        holds(
            records("iot", "iot-climate"),
            battery=pl.col("batteryPercent").is_null() == (pl.col("power") == "MAINS"),
            dew=pl.col("dewPointC") <= pl.col("temperatureC") + pl.lit("0.05").cast(pl.Decimal(18, 2)),
        )
        cause, power = pl.col("cause"), pl.col("power")
        holds(records("iot", "iot-alerts"), low=(cause != "LOW_BATTERY") | (power == "BATTERY"))
        holds(records("iot", "iot-devices"), later=pl.col("lastCalibratedOn") >= pl.col("installedOn"))

    def test_readings_are_of_devices_of_the_fitting_kind(self) -> None:
        kinds = dict(records("iot", "iot-devices").select("sensorId", "kind").rows())

        climate, power = records("iot", "iot-climate")["sensorId"], records("iot", "iot-power")["meterId"]

        assert {kinds[sensor] for sensor in climate.unique()} == {"TEMPERATURE", "HUMIDITY"}
        assert {kinds[sensor] for sensor in power.unique()} == {"POWER", "VOLTAGE"}


class TestClicks:
    def test_events_lie_in_their_session_and_end_as_it_does(self) -> None:
        events, sessions = records("clicks", "click-events"), records("clicks", "click-sessions")

        joined = events.join(sessions, on="sessionId", how="left", validate="m:1")
        passed = (pl.col("occurredAt") - pl.col("startedAt")).dt.total_milliseconds()
        holds(joined, began=pl.col("startedAt").is_not_null(), inside=passed.is_between(0, 41_000))
        bought = joined.group_by("sessionNo").agg(
            (pl.col("type") == "PURCHASE").any().alias("bought"), pl.col("converted").first()
        )
        holds(bought, converted=pl.col("bought") == pl.col("converted"))
        assert 50 < bought["bought"].sum() < 150  # one in twenty of 2,000

    def test_steps_come_in_their_order_and_of_one_product(self) -> None:
        events = records("clicks", "click-events")
        buying = {"ADD_TO_CART": 3, "BEGIN_CHECKOUT": 4, "PURCHASE": 5}
        step = pl.col("type").replace_strict(buying, default=None)

        holds(
            events,
            order=step == pl.col("eventNo"),
            value=pl.col("value").is_not_null() == step.is_not_null(),
            first=(pl.col("eventNo") != 1) | (pl.col("type") == "PAGE_VIEW"),
            page=(pl.col("section") != "PRODUCT")
            | (pl.col("path") == "/product/" + pl.col("productSku").str.to_lowercase()),
            url=pl.col("url").str.ends_with(pl.col("path")),
        )
        products = events.group_by("sessionNo").agg(pl.col("productSku").drop_nulls().n_unique())
        assert products["productSku"].max() == 1


class TestLogs:
    def test_bytes_and_duration_fit_status_and_path(self) -> None:
        requests = records("logs", "log-requests")
        typical = built_in("http-paths").records.select("path", "method", "typicalBytes")
        joined = requests.join(typical, on=["path", "method"], how="left", validate="m:1")
        status, sent = pl.col("status"), pl.col("bytesSent")

        holds(
            joined,
            nothing=~status.is_in([204, 304]) | (sent == 0),
            errors=(status < 400) | sent.is_between(280, 600),
            files=(pl.col("section") != "STATIC") | (status != 200) | (sent == pl.col("typicalBytes")),
            attack=(pl.col("section") != "ATTACK") | (status == 404),
            gateway=(status != 504) | (pl.col("durationMs") >= 30_000),
            level=pl.col("statusClass").is_not_null(),
        )
        quick = joined.filter(status == 200).group_by("cache").agg(pl.col("durationMs").cast(pl.Float64).median())
        medians = dict(quick.rows())
        assert medians["HIT"] * 3 < medians["BYPASS"]

    def test_lines_say_how_bad_their_request_was(self) -> None:
        lines, requests = records("logs", "log-lines"), records("logs", "log-requests")
        last = lines.filter(pl.col("lineNo") == 2)

        joined = last.join(requests, on="traceId", how="left", validate="1:1")

        level, status = pl.col("level"), pl.col("status")
        holds(
            joined,
            request=pl.col("requestNo") == pl.col("requestNo_right"),
            errors=(level == "ERROR") == (status >= 500),
            warnings=(level == "WARN") | ~status.is_between(400, 499) | (pl.col("section") == "ATTACK"),
        )


class TestTelecom:
    def test_a_call_lasts_and_costs_what_it_says(self) -> None:
        calls = records("telecom", "telecom-calls")
        ring, lasts = pl.col("ringSeconds"), pl.col("durationSeconds")
        exact = pl.col("minutes") * pl.col("tariff").cast(pl.Float64)

        holds(
            calls,
            ended=(pl.col("endedAt") - pl.col("startedAt")).dt.total_milliseconds() == 1_000 * (ring + lasts),
            minutes=(pl.col("minutes") * 60 >= lasts) & (pl.col("minutes") * 60 < lasts + 60),
            charge=(pl.col("charge").cast(pl.Float64) - exact).abs() < 0.00501,
            called=(pl.col("direction") != "INCOMING")
            | pl.col("roamingCountry").is_not_null()
            | (pl.col("charge") == 0),
        )

    def test_calls_are_of_subscribers_and_by_their_plan(self) -> None:
        calls, subscribers = records("telecom", "telecom-calls"), records("telecom", "telecom-subscribers")
        own = pl.when(pl.col("direction") == "OUTGOING").then("callingNumber").otherwise("calledNumber")

        joined = calls.join(subscribers, on="subscriberId", how="left", validate="m:1")

        holds(
            joined,
            number=(pl.col("msisdn") == pl.col("msisdn_right")) & (own == pl.col("msisdn_right")),
            plan=pl.col("plan") == pl.col("plan_right"),
        )

    def test_the_bytes_of_a_session_are_those_of_its_rate(self) -> None:
        sessions = records("telecom", "telecom-data-sessions")
        exact = 200 + pl.col("downKbit").cast(pl.Float64) * 125 * pl.col("durationSeconds")

        holds(
            sessions,
            down=(pl.col("bytesDown") - exact).abs() <= 0.51,
            slow=(pl.col("technology") != "2G") | (pl.col("downKbit") <= 90),
            duration=pl.col("durationSeconds")
            == (pl.col("endedAt") - pl.col("startedAt")).dt.total_milliseconds() // 1_000,
        )
