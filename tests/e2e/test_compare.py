"""The platform's own totals beside the log's: what the causes explain, what nothing explains, and the log's entry."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import requests

from conversions.process.operator import operator
from tests.e2e.said import ATTENTION, DOMAIN, STORE, TOKEN, USAGE, Json, Said
from tests.e2e.shop import Shop

OK = 0
MONTH = "2026-11"
REPORT = "Conversion action,All conv. (by conv. time),All conv. value (by conv. time)\nOffline,{},{}\n"


def compare(shop: Shop, platform: str, *options: object, month: str = MONTH) -> Said:
    return shop.command("audit", "compare", "--destination", platform, "--month", month, *options, "--json")


def causes(said: Said) -> dict[str, int]:
    return {cause["cause"]: cause["events"] for cause in said.json["causes"]}


def shown(shop: Shop, platform: str, events: int, value: str | None = None, *options: object) -> tuple[int, bool]:
    """The exit code where the platform shows so much, and whether it is explained."""
    said = compare(shop, platform, "--events", events, *(() if value is None else ("--value", value)), *options)
    return said.code, said.json["explained"]


def sells(shop: Shop, orders: int, *faults: str, **changes: str) -> None:
    """A night with so many orders of 100 DKK, and the late results an hour later."""
    shop.orders(*(shop.order(str(1001 + number), **changes) for number in range(orders)))
    shop.sandbox.use_faults([*faults])
    assert shop.run().code == OK
    shop.wait(hours=1)
    shop.command("reconcile")
    shop.sandbox.use_faults([])


def former(shop: Shop) -> list[Json]:
    listed: list[Json] = json.loads(shop.command("audit", "compare", "--list", "--json").out)
    return listed


@pytest.fixture
def matched(shop: Shop) -> tuple[Shop, int]:
    """Forty orders, of which Google finds a click for so many."""
    sells(shop, 40, "verdict@0.5=CLICK_NOT_FOUND")
    return shop, shop.states()["google"]["recorded"]


def test_a_total_that_is_the_logs_is_exit_0(shop: Shop) -> None:
    sells(shop, 3)
    for platform in ("google", "meta"):
        said = compare(shop, platform, "--events", 3, "--value", "300.00")
        assert (said.code, said.json["difference"], causes(said)) == (OK, {"events": "0", "value": "0.00"}, {})
        assert (said.json["schema"], said.json["sentence"]) == (2, "There is no difference.")


def test_what_was_sent_past_the_log_is_exit_1(shop: Shop) -> None:
    sells(shop, 3)
    assert shown(shop, "meta", 4) == (ATTENTION, False)
    assert shown(shop, "google", 4) == (ATTENTION, False)
    assert compare(shop, "meta", "--events", 5).json["sentence"].startswith("Not explained: meta shows 2 events more")
    said = shop.command("audit", "compare", "--destination", "meta", "--month", MONTH, "--events", "5")
    assert "Not explained: meta shows 2 events more than the log" in said.out


def test_only_the_platforms_count_shows_a_program_that_sends_without_logging(shop: Shop) -> None:
    sells(shop, 3)
    assert shown(shop, "meta", shop.received("meta")["events"]) == (OK, True)
    logged = next(attempt for attempt in shop.exported() if attempt["destination"] == "meta")
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {TOKEN}"}
    body = re.sub(r'"(event_id|order_id)":"(....)', r'"\1":"\2past', logged["body"])
    assert requests.post(logged["url"], data=body, headers=headers, timeout=10).status_code == 200
    assert shop.command("audit", "verify").code == OK
    assert shown(shop, "meta", shop.received("meta")["events"]) == (ATTENTION, False)


def test_fewer_than_the_platform_confirmed_is_exit_1(shop: Shop) -> None:
    sells(shop, 3)
    assert shown(shop, "meta", 2) == (ATTENTION, False)
    assert shown(shop, "google", 2) == (ATTENTION, False)


def test_another_value_of_as_many_events_is_exit_1(shop: Shop) -> None:
    sells(shop, 3)
    assert shown(shop, "meta", 3, "310") == (ATTENTION, False)
    assert shown(shop, "meta", 3, "300.40") == (OK, True)


def test_google_does_not_count_what_it_did_not_match(matched: tuple[Shop, int]) -> None:
    shop, recorded = matched
    said = compare(shop, "google", "--events", recorded, "--value", recorded * 100)
    assert (said.code, causes(said)) == (OK, {"unmatched": 40 - recorded})
    assert said.json["causes"][0]["values"] == {"DKK": f"{(40 - recorded) * 100}.00"}
    assert shown(shop, "google", recorded + 1) == (ATTENTION, False)
    assert shown(shop, "google", 40) == (ATTENTION, False)
    assert shown(shop, "meta", 40) == (OK, True)


def test_the_figures_are_named_in_sentences(matched: tuple[Shop, int]) -> None:
    shop, recorded = matched
    said = shop.command("audit", "compare", "--destination", "google", "--month", MONTH, "--events", recorded)
    unmatched = 40 - recorded
    assert f"unmatched: {unmatched} events, {unmatched * 100:,}.00 DKK. Google found no click" in said.out
    assert "The causes above explain the totals." in said.out
    assert "The month has not ended" in said.err


def test_late_results_that_are_open_may_be_missing(shop: Shop) -> None:
    shop.orders(*(shop.order(str(number)) for number in range(1, 4)))
    assert shop.run().code == OK
    assert [shown(shop, "google", events)[0] for events in (0, 2, 3, 4)] == [OK, OK, OK, ATTENTION]
    assert [shown(shop, "meta", events)[0] for events in (2, 3)] == [ATTENTION, OK]
    assert causes(compare(shop, "google", "--events", 1)) == {"open": 3}


def test_duplicates_may_be_missing(shop: Shop) -> None:
    sells(shop, 2, "verdict=DUPLICATE_TRANSACTION_ID")
    assert [shown(shop, "google", events)[0] for events in (0, 2, 3)] == [OK, OK, ATTENTION]


def test_meta_may_show_a_resent_event_twice(shop: Shop) -> None:
    sells(shop, 2, "lost:metax1")
    assert [shown(shop, "meta", events)[0] for events in (1, 2, 4, 5)] == [ATTENTION, OK, OK, ATTENTION]
    assert shown(shop, "meta", 4, "400") == (OK, True)
    assert shown(shop, "meta", 4, "402") == (ATTENTION, False)


def test_an_order_without_an_answer_may_be_counted(shop: Shop) -> None:
    shop.configure(destinations={"google": {"resend_unknown": "ask"}})
    shop.orders(shop.order("1"))
    shop.sandbox.use_faults(["lost:googlex1"])
    shop.run()
    assert shop.states()["google"] == {"unknown": 1}
    assert [shown(shop, "google", events)[0] for events in (0, 1, 2)] == [OK, OK, ATTENTION]


def test_an_order_that_was_refused_after_a_lost_answer_may_be_counted(shop: Shop) -> None:
    shop.configure(deadline="1s", destinations={"meta": None})
    shop.orders(shop.order("1", product_ids="SKU-BAD"), shop.order("2"))
    shop.sandbox.use_faults(["lost:google"])
    shop.run()
    shop.configure(destinations={"meta": None})
    shop.sandbox.use_faults(["poison:google=SKU-BAD"])
    shop.wait(hours=1)
    shop.run()
    shop.sandbox.use_faults([])
    shop.wait(hours=1)
    shop.command("reconcile")
    assert shop.states()["google"] == {"quarantined": 1, "recorded": 1}
    assert [shown(shop, "google", events)[0] for events in (0, 1, 2, 3)] == [ATTENTION, OK, OK, ATTENTION]
    assert causes(compare(shop, "google", "--events", 2)) == {"unanswered": 1}


@pytest.mark.parametrize(("new", "outside"), [("80.00", ("79", "101")), ("120.00", ("99", "121"))])
def test_a_restated_value_may_be_shown_old_or_new(shop: Shop, new: str, outside: tuple[str, str]) -> None:
    sells(shop, 1)
    shop.orders(shop.order("1001", total=new))
    assert shop.run("--restate").code == OK
    assert [shown(shop, "google", 1, value)[0] for value in ("100", new)] == [OK, OK]
    assert [shown(shop, "google", 1, value)[0] for value in outside] == [ATTENTION, ATTENTION]
    assert shown(shop, "google", 2) == (ATTENTION, False)
    assert causes(compare(shop, "google", "--events", 1)) == {"restated": 1}


def test_an_erased_order_may_still_be_counted(shop: Shop) -> None:
    sells(shop, 2)
    erased = shop.command("privacy", "erase", "--case", "7", stdin=f"ida.1001@{DOMAIN}")
    assert erased.code == OK
    assert [shown(shop, "meta", events)[0] for events in (0, 1, 2, 3)] == [ATTENTION, OK, OK, ATTENTION]
    assert shown(shop, "meta", 2, "1000") == (OK, True)


def test_by_the_date_of_the_click_sales_of_later_months_may_count(shop: Shop) -> None:
    sells(shop, 2)
    clicked = ("--by-click-date",)
    assert [shown(shop, "google", events, None, *clicked)[0] for events in (0, 2, 3)] == [OK, OK, ATTENTION]
    said = compare(shop, "google", "--events", 2, *clicked, month="2026-10")
    assert (said.code, causes(said)) == (OK, {"later_purchase": 2})
    assert compare(shop, "google", "--events", 2, month="2026-10").code == ATTENTION


def test_the_zone_of_the_account_moves_the_last_day_of_a_month(shop: Shop) -> None:
    shop.configure(destinations={name: {"max_age_days": 7} for name in ("google", "meta")})
    shop.wait(days=10)
    sells(shop, 1, purchased_at="2026-11-30 12:00:00")
    east = ("--timezone", "Europe/Helsinki")
    assert [shown(shop, "meta", events)[0] for events in (0, 1)] == [ATTENTION, OK]
    assert [shown(shop, "meta", events, None, *east)[0] for events in (0, 1)] == [OK, OK]
    said = compare(shop, "meta", "--events", 1, *east, month="2026-12")
    assert (said.code, causes(said)) == (OK, {"zone_in": 1})


def test_orders_that_retention_has_counted_are_compared(shop: Shop) -> None:
    sells(shop, 3)
    shop.wait(days=430)
    shop.orders(shop.order("2001"))
    assert shop.run().code == OK
    assert shop.sql("SELECT sum(orders) FROM history WHERE state = 'recorded'") == [(3,)]
    assert shown(shop, "google", 3, "300") == (OK, True)
    assert shown(shop, "google", 4) == (ATTENTION, False)


def test_values_in_several_currencies_are_not_compared(shop: Shop) -> None:
    shop.orders(shop.order("1"), shop.order("2", currency="SEK"))
    shop.run()
    said = compare(shop, "meta", "--events", 2, "--value", "5")
    assert (said.code, said.json["value_compared"], said.json["difference"]["value"]) == (OK, False, None)


def test_a_report_is_read_and_its_digest_logged(shop: Shop) -> None:
    sells(shop, 2)
    report = shop.home / "report.csv"
    report.write_text(REPORT.format("2.00", "200.00"))
    said = compare(shop, "google", "--csv", report)
    assert (said.code, said.json["platform"]["events"]) == (OK, "2.00")
    assert former(shop)[0]["platform"]["columns"] == [
        "All conv. (by conv. time)",
        "All conv. value (by conv. time)",
    ]
    assert len(former(shop)[0]["platform"]["file_sha256"]) == 64


def test_every_comparison_is_an_entry_of_an_intact_log(shop: Shop) -> None:
    sells(shop, 2)
    assert former(shop) == []
    compare(shop, "meta", "--events", 2, "--reason", "audit of November")
    compare(shop, "meta", "--events", 9)
    first, second = former(shop)
    assert (first["operator"], first["reason"], first["explained"]) == (operator(), "audit of November", True)
    assert (second["explained"], second["log"]["sent"]["values"]) == (False, {"DKK": "200.00"})
    assert "2026-11" in shop.command("audit", "compare", "--list").out
    assert shop.command("audit", "verify").code == OK
    shop.sql(
        "UPDATE leaf SET body = replace(body, '\"explained\":false', '\"explained\":true') WHERE seq = ?",
        second["entry"],
    )
    assert shop.command("audit", "verify").code == STORE


def test_a_bundle_with_a_comparison_is_accepted(shop: Shop, tmp_path: Path) -> None:
    sells(shop, 1)
    compare(shop, "meta", "--events", 1)
    bundle = tmp_path / "bundle.zip"
    assert shop.command("audit", "bundle", "--since", shop.day(1), "--until", shop.day(0), "--out", bundle).code == OK
    from conversions.audit.evidence import verifier

    assert verifier.main([str(bundle)]) == OK


def test_where_it_cannot_be_recorded_nothing_is_shown(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    sells(shop, 1)
    from conversions.errors import LedgerError
    from conversions.ledger.runs import comparisons

    def full(*_: Any) -> None:
        raise LedgerError("The store failed (database or disk is full).")

    monkeypatch.setattr(comparisons, "record", full)
    said = shop.command("audit", "compare", "--destination", "meta", "--month", MONTH, "--events", "1")
    assert (said.code, said.out) == (STORE, "")
    assert "Nothing is shown" in said.err


@pytest.mark.parametrize(
    "options",
    [
        ("--month", MONTH, "--events", "1"),
        ("--destination", "gogle", "--month", MONTH, "--events", "1"),
        ("--destination", "meta", "--events", "1"),
        ("--destination", "meta", "--month", "2026-11-05", "--events", "1"),
        ("--destination", "meta", "--month", "autumn", "--events", "1"),
        ("--destination", "meta", "--month", "2027-01", "--events", "1"),
        ("--destination", "meta", "--month", MONTH),
        ("--destination", "meta", "--month", MONTH, "--events", "many"),
        ("--destination", "meta", "--month", MONTH, "--events", "-1"),
        ("--destination", "meta", "--month", MONTH, "--events", "1", "--by-click-date"),
        ("--destination", "meta", "--month", MONTH, "--events", "1", "--csv", "none.csv"),
        ("--destination", "meta", "--month", MONTH, "--events", "1", "--timezone", "Mars"),
        ("--destination", "meta", "--month", MONTH, "--events", "1", "--row", "Purchase"),
    ],
)
def test_a_question_without_sense_is_exit_2_and_no_entry(shop: Shop, options: tuple[str, ...]) -> None:
    sells(shop, 1)
    said = shop.command("audit", "compare", *options)
    assert (said.code, said.out, said.err.count("\n")) == (USAGE, "", 1)
    assert former(shop) == []


def test_before_the_first_run_there_is_nothing_to_compare(shop: Shop) -> None:
    said = compare(shop, "meta", "--events", 1)
    assert said.code == USAGE
    assert not shop.store.exists()
