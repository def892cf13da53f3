"""The report: the document that programs rely on, and the exit code that cron trusts."""

from dataclasses import fields
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from conversions.errors import Exit, Refused, Throttled, Unauthorised, Unavailable
from conversions.ledger.queries.totals import BUCKETS, ControlTotals, ValueChange
from conversions.ledger.queries.unreported import Unreported
from conversions.model.conversion import Money, Window
from conversions.model.finding import Finding, attention
from conversions.run.report import DestinationSide, Report, SourceSide

WINDOW = Window(date(2026, 11, 15), date(2026, 11, 21))


def source(**changed: Any) -> SourceSide:
    read: dict[str, Any] = {
        "rows": 14,
        "orders": 9,
        "repeated": 2,
        "outside_window": 1,
        "quarantined": {"bad_date": 2},
        "values": {"DKK": Decimal("90.00")},
    }
    return SourceSide(**read | changed)


def account() -> ControlTotals:
    """One order of each bucket, ten kroner each."""
    made = ControlTotals()
    for bucket in BUCKETS:
        made.add(bucket, "2026-11-21", Money(1000, "DKK", 2), reason="denied" if bucket in made.reasons else None)
    return made


def report(*sides: DestinationSide, findings: list[Finding] | None = None, **changed: Any) -> Report:
    names = ("google", "meta")
    return Report(7, WINDOW, source(**changed), dict(zip(names, sides, strict=False)), findings or [])


def test_the_document_has_the_shape_that_programs_rely_on() -> None:
    document = report(DestinationSide(account())).json()

    assert {"run_id", "window", "source", "destinations", "exit_code"} <= set(document)
    assert document["run_id"] == 7
    assert document["window"] == {"since": "2026-11-15", "until": "2026-11-21"}
    assert document["exit_code"] == 0
    promised = {"rows": 14, "orders": 9, "repeated": 2, "outside_window": 1, "quarantined": {"bad_date": 2}}
    assert {name: document["source"][name] for name in promised} == promised


def test_a_destination_has_every_bucket_with_reasons_where_there_are_any() -> None:
    google = report(DestinationSide(account())).json()["destinations"]["google"]

    counts = ("sent", "already_sent", "pending", "deferred", "expired", "rejected", "unknown")
    assert {name: google[name] for name in counts} == dict.fromkeys(counts, 1)
    assert (google["withheld"], google["quarantined"]) == ({"denied": 1}, {"denied": 1})
    assert (google["read"], google["restated"], google["changed"], google["difference"], google["exit_code"]) == (
        9,
        0,
        0,
        0,
        0,
    )


def test_money_is_decimal_by_currency_and_bucket() -> None:
    made = account()
    made.add("sent", "2026-11-20", Money(5, "JPY", 0))

    value = DestinationSide(made).json(source(orders=10))["value"]

    assert value["DKK"] == {"read": Decimal("90.00")} | dict.fromkeys(BUCKETS, Decimal(10))
    assert value["JPY"] == {"read": 0} | dict.fromkeys(BUCKETS, 0) | {"sent": 5}
    assert all(isinstance(amount, Decimal) for amount in value["DKK"].values())


def test_days_are_those_of_the_purchase_and_only_what_happened_there() -> None:
    made = ControlTotals()
    made.add("sent", "2026-11-20", Money(1, "DKK", 2), count=3)
    made.add("withheld", "2026-11-19", Money(1, "DKK", 2), reason="denied")

    assert DestinationSide(made).json(source())["days"] == {"2026-11-19": {"withheld": 1}, "2026-11-20": {"sent": 3}}


def test_a_changed_value_is_shown_old_and_new() -> None:
    made = account()
    made.changes, made.changed = [ValueChange("A-1", Money(4990, "DKK", 2), Money(0, "DKK", 2))], 1

    document = DestinationSide(made).json(source())

    assert document["changed"] == 1
    assert document["changes"] == [{"order": "A-1", "currency": "DKK", "old": Decimal("49.90"), "new": Decimal("0.00")}]


@pytest.mark.parametrize("bucket", BUCKETS)
def test_losing_one_order_makes_the_difference_one_and_the_store_untrusted(bucket: str) -> None:
    made = account()
    made.counts[bucket] -= 1

    side = DestinationSide(made)

    assert (side.difference(source()), side.exit_code(source())) == (1, Exit.STORE)
    assert report(DestinationSide(account()), side).exit_code is Exit.STORE


def test_counting_one_order_twice_is_a_difference_too() -> None:
    made = account()
    made.counts["sent"] += 1

    assert DestinationSide(made).exit_code(source()) is Exit.STORE


@pytest.mark.parametrize(
    ("ending", "code"),
    [(Unauthorised("x"), 77), (Refused("x"), 70), (Throttled("x"), 75), (Unavailable("x"), 75), (None, 0)],
)
def test_what_stopped_a_destination_is_its_exit_code_and_its_sentence(ending: Any, code: int) -> None:
    side = DestinationSide(account(), ending)

    assert side.exit_code(source()) == code
    assert side.json(source())["stopped"] == (None if ending is None else "x")


@pytest.mark.parametrize(
    "news", [Unreported(**{what.name: 1}) for what in fields(Unreported) if what.name != "set_aside"]
)
def test_something_new_that_needs_a_person_is_1(news: Unreported) -> None:
    side = DestinationSide(account(), unreported=news)

    assert side.exit_code(source()) is Exit.ATTENTION
    assert sum(side.json(source())["needs_a_person"].values()) == 1


@pytest.mark.parametrize("bucket", ["withheld", "deferred", "pending", "already_sent", "quarantined"])
def test_what_is_normal_is_never_1(bucket: str) -> None:
    made = ControlTotals()
    made.add(bucket, "2026-11-21", Money(9000, "DKK", 2), count=9)

    assert DestinationSide(made).exit_code(source()) is Exit.OK


@pytest.mark.parametrize("missing", [Money(1, "DKK", 2), Money(-1, "DKK", 2), Money(1, "SEK", 2)])
def test_one_coin_too_few_or_too_many_is_no_balance(missing: Money) -> None:
    made = account()
    made.add("sent", "2026-11-21", missing, count=0)

    assert DestinationSide(made).difference(source()) == 0
    assert DestinationSide(made).exit_code(source()) is Exit.STORE


def test_unusually_many_bad_rows_are_1_with_their_sentence() -> None:
    found = [attention("unreadable_rows", "25 of 100 rows could not be orders", count=25)]
    made = report(DestinationSide(account()), findings=found)

    assert made.exit_code is Exit.ATTENTION
    assert made.json()["needs_a_person"] == ["25 of 100 rows could not be orders"]


def test_each_destination_has_its_own_exit_code_and_the_run_the_first_that_applies() -> None:
    down = DestinationSide(account(), Unavailable("down"))
    locked_out = DestinationSide(account(), Unauthorised("401"), Unreported(refused=3))

    made = report(down, locked_out)

    assert made.exit_code is Exit.CREDENTIALS
    assert {name: side["exit_code"] for name, side in made.json()["destinations"].items()} == {"google": 75, "meta": 77}


def test_a_plan_has_no_run() -> None:
    made = Report(None, WINDOW, source(), {"google": DestinationSide(account())})

    assert made.json()["run_id"] is None
