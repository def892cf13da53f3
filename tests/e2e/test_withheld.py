"""Why orders did not go: each once, with its nights, from the history alone; what was sent later apart."""

import csv
import json
import random
import stat
from collections import Counter, defaultdict
from decimal import Decimal
from typing import Any

import pytest

from tests.e2e.diary import AGAINST, Diary, Stretch
from tests.e2e.said import DOMAIN, STORE, USAGE, Json
from tests.e2e.shop import NAMES, Row, Shop

NIGHTS = 9
PLANS: dict[str, tuple[Row, ...]] = {
    "sent": ({},),
    "paid late": ({"status": "pending"}, {"status": "pending"}, {"status": "completed"}),
    "cancelled": ({"status": "pending"}, {"status": "pending"}, {"status": "completed", "total": "0"}),
    "free": ({"total": "0"},),
    "refused": ({"product_ids": "BAD-{0}"}, {"product_ids": "BAD-{0}"}, {"product_ids": "SKU-{0}"}),
    "named product": ({"product_ids": "Rød kjole"},),
    "denied": ({"ads_consent": "nej"},),
    "denied for a night": ({"ads_consent": "nej"}, {"ads_consent": ""}),
    "taken back": ({}, {}, {"total": "0"}),
}
"""How the shop states an order on the first and each later night; the last one stays."""


def withheld(shop: Shop, *options: object) -> Json:
    said = shop.command("audit", "withheld", *(options or ("--since", shop.day(60))), "--json")
    assert said.code == 0, said
    found: Json = json.loads(said.out)
    return found


def orders(found: Json) -> list[Json]:
    return [*found["not_sent"], *found["sent_later"]]


def answer(order: Json) -> Stretch:
    """What an order of the answer says, as the diary has it."""
    names = ("first_night", "last_night", "first_run", "last_run", "state", "reason", "state_now", "sent_run")
    return Stretch(*(order[name] for name in names))


def in_text(stretch: Stretch) -> Stretch:
    return stretch._replace(first=str(stretch.first), last=str(stretch.last))  # type: ignore[arg-type]


def season(shop: Shop, seed: int) -> Diary:
    """Nights with new orders, objections that come and go, refusals at once and later, and orders that change."""
    drawn, diary = random.Random(seed), Diary(shop)
    bought: list[tuple[Row, str, int]] = []
    shop.sandbox.use_faults(["poison=BAD", "verdict@0.2=INVALID_EVENT"])
    for night in range(NIGHTS):
        for plan in drawn.sample(sorted(PLANS), 3):
            number = str(1001 + len(bought))
            day = shop.day(drawn.randint(0, 2))
            bought.append((shop.order(number, purchased_at=f"{day} 12:00:00"), plan, night))
        if night in {1, 2, 4}:
            shop.objection(drawn.choice(bought)[0]["billing_email"])
        if night == 6:
            shop.objection(
                *(row["billing_email"] for row, *_ in bought if row["order_id"] in OBJECTED), taken_back=True
            )
        diary.night([_stated(row, PLANS[plan], night - since) for row, plan, since in bought])
    return diary


OBJECTED = {"1001", "1004"}


def _stated(row: Row, plan: tuple[Row, ...], nights: int) -> Row:
    changed = row | {"product_ids": "SKU-{0}"} | plan[min(nights, len(plan) - 1)]
    return changed | {"product_ids": changed["product_ids"].format(row["order_id"])}


@pytest.mark.parametrize("seed", [1, 2])
def test_each_order_stands_once_with_the_nights_on_which_the_runs_reported_it(shop: Shop, seed: int) -> None:
    diary = season(shop, seed)
    found = withheld(shop)
    told = {(order["order_no"], order["destination"]): answer(order) for order in orders(found)}
    assert len(told) == len(orders(found)), "an order stands once at each destination"
    assert told == {key: in_text(stretch) for key, stretch in diary.stretches().items()}
    assert {order["state_now"] for order in found["not_sent"]} <= {*AGAINST, "pending", "deferred", "unknown"}
    attempts = {each["request_id"]: each for each in shop.exported()}
    assert all(
        (attempts[order["sent_request"]]["run_id"], attempts[order["sent_request"]]["outcome"])
        == (order["sent_run"], "received")
        for order in found["sent_later"]
    )
    assert {"objection", "refused_by_platform", "refused_later"} <= {order["reason"] for order in orders(found)}
    names = ("order_no", "destination", "state", "reason")
    standing = json.loads(shop.command("audit", "standing", "--on", "today", "--json").out)
    still = [tuple(order[n] for n in names) for order in found["not_sent"] if order["result"] == "not_sent"]
    assert still == [tuple(each[n] for n in names) for each in standing]


def test_the_answer_is_a_walk_over_the_judgements(shop: Shop) -> None:
    season(shop, 3)
    walked: dict[tuple[str, str], list[tuple[Any, ...]]] = {}
    statement = """SELECT a.order_no, n.name, j.run, j.to_state, j.to_reason, j.rules, j.policy_version FROM judgement j
        JOIN sale a ON a.id = j.delivery >> 6 JOIN destination n ON n.id = j.delivery & 63 ORDER BY j.id"""
    for number, name, *judged in shop.sql(statement):
        if judged[1] in AGAINST:
            walked.setdefault((number, name), []).append(tuple(judged))
    names = ("run", "state", "reason", "rules", "policy_version")
    told = {
        (order["order_no"], order["destination"]): [tuple(j[name] for name in names) for j in order["judgements"]]
        for order in orders(withheld(shop))
    }
    assert told == walked
    assert max(map(len, walked.values())) > 1


def test_the_totals_are_the_orders_and_their_money(shop: Shop) -> None:
    season(shop, 4)
    found = withheld(shop)
    counts, sums = Counter[Any](), defaultdict[Any, Decimal](Decimal)
    for order in orders(found):
        key = tuple(order[name] for name in ("destination", "result", "state", "reason"))
        counts[key] += 1
        sums[key] += Decimal(order["amount"])
    totals = {tuple(t[name] for name in ("destination", "result", "state", "reason")): t for t in found["totals"]}
    assert {key: total["orders"] for key, total in totals.items()} == counts
    assert {key: Decimal(total["amount"]) for key, total in totals.items()} == sums
    assert {order["result"] for order in found["sent_later"]} == {"sent_later"}


@pytest.fixture
def three(shop: Shop) -> Shop:
    """One order of an objector, one that is paid after two nights, and one that goes at once; three nights."""
    rows = [shop.order("1001"), shop.order("1002", status="pending"), shop.order("1003")]
    shop.objection(rows[0]["billing_email"])
    diary = Diary(shop)
    for _ in range(2):
        diary.night(rows)
    diary.night([rows[0], rows[1] | {"status": "completed"}, rows[2]])
    return shop


def numbers(found: Json, of: str) -> list[tuple[str, str]]:
    return [(order["order_no"], order["destination"]) for order in found[of]]


def test_what_was_sent_later_stands_apart_with_the_attempt_that_sent_it(three: Shop) -> None:
    found = withheld(three)
    assert numbers(found, "not_sent") == [("1001", "google"), ("1001", "meta")]
    assert numbers(found, "sent_later") == [("1002", "google"), ("1002", "meta")]
    attempts = {each["request_id"]: each for each in three.exported()}
    for order in found["sent_later"]:
        attempt = attempts[order["sent_request"]]
        assert (attempt["run_id"], attempt["destination"]) == (order["sent_run"], order["destination"])
        assert order["sent_at"] == attempt["intended_at"].replace("Z", "+00:00").replace(".000000", "")
        assert (order["first_night"], order["last_night"]) == (three.day(2), three.day(1))


def test_a_night_is_a_day_in_the_shops_zone(shop: Shop) -> None:
    shop.wait(hours=18)  # 23:15 UTC, and after midnight in the shop
    shop.orders(shop.order(total="0"))
    shop.run()
    [order, _] = withheld(shop)["not_sent"]
    assert order["judgements"][0]["at"] == "2026-11-22T23:15:00+00:00"
    assert (order["first_night"], order["last_night"]) == ("2026-11-23", "2026-11-23")


def test_each_code_has_its_words_beside_it(three: Shop) -> None:
    found = withheld(three)
    assert found["schema"] == 2
    for order in [*orders(found), *found["totals"], *orders(found)[0]["judgements"]]:
        assert order["sentence"] == {"objection": "objection", "not_completed": "not completed"}[order["reason"]]


def test_of_several_attempts_the_one_with_the_answer_counts(shop: Shop) -> None:
    shop.orders(shop.order(status="pending"))
    shop.run()
    shop.orders(shop.order())
    shop.sandbox.use_faults(["lost:metax1"])
    shop.run()
    [order] = withheld(shop, "--month", "2026-11", "--destination", "meta")["sent_later"]
    attempts = [each for each in shop.exported() if each["destination"] == "meta"]
    assert [each["outcome"] for each in attempts] == ["unknown", "received"]
    assert order["sent_request"] == attempts[1]["request_id"]


def test_a_restated_value_is_not_the_attempt_that_sent_the_order(three: Shop) -> None:
    before = [order["sent_request"] for order in withheld(three)["sent_later"]]
    three.wait(hours=1)
    three.command("reconcile")
    three.orders(*(three.order(number, total="90", purchased_at=f"{three.day(5)} 12:00:00") for number in ("1002",)))
    three.wait(hours=3)
    three.run("--restate")
    assert "restate" in {attempt["purpose"] for attempt in three.exported()}
    assert [order["sent_request"] for order in withheld(three)["sent_later"]] == before


def test_an_order_that_the_platform_received_went_though_its_account_takes_nothing(shop: Shop) -> None:
    shop.sandbox.use_faults(["verdict@0.7=DESTINATION_ACCOUNT_ENHANCED_CONVERSIONS_TERMS_NOT_SIGNED", "counts-only"])
    shop.orders(*(shop.order(str(number)) for number in range(40)))
    shop.run()
    shop.wait(hours=1)
    shop.command("reconcile")
    assert shop.sql("SELECT DISTINCT to_state, to_reason FROM judgement") == [("received", "account_setup")]
    assert orders(withheld(shop)) == []


def test_what_an_operator_gives_up_stands_since_the_decision(shop: Shop) -> None:
    shop.configure(destinations={name: {"resend_unknown": "ask"} for name in NAMES})
    shop.sandbox.use_faults(["lost:meta"])
    shop.orders(shop.order())
    shop.run()
    shop.wait(hours=30)
    said = shop.command("decide", "give-up", "--all", "--destination", "meta", "--reason", "nobody knows")
    assert said.code == 0, said
    [order] = withheld(shop)["not_sent"]
    assert (order["reason"], order["first_run"], order["last_run"]) == ("maybe_received", None, None)
    assert order["first_night"] == order["last_night"] == shop.day(0)
    shop.wait(days=1)
    shop.run()
    [order] = withheld(shop)["not_sent"]
    assert (order["first_run"], order["last_run"]) == (None, 2)
    assert (order["first_night"], order["last_night"]) == (shop.day(1), shop.day(0))


def test_what_an_operator_lets_go_stood_until_the_last_run_before(shop: Shop) -> None:
    shop.sandbox.use_faults(["verdict@1=INVALID_EVENT"])
    shop.orders(shop.order())
    shop.run()
    shop.wait(days=1)
    shop.run()
    shop.wait(days=1)
    shop.run()
    shop.sql("UPDATE exception SET reason = 'account_setup' WHERE state = 'rejected'")
    shop.wait(hours=1)
    said = shop.command("decide", "send", "--all", "--destination", "google", "--reason", "mended")
    assert said.code == 0, said
    [order] = withheld(shop)["not_sent"]
    assert (order["result"], order["state_now"], order["reason"]) == ("waiting", "deferred", "refused_later")
    assert (order["first_run"], order["last_run"]) == (2, 3)


def test_settings_of_today_do_not_change_the_answer(three: Shop) -> None:
    before = withheld(three)
    three.configure(privacy={"legal_basis": "consent"}, source={"completed": ["shipped"]})
    assert withheld(three) == before


def test_another_approved_rule_is_in_the_answer(three: Shop) -> None:
    three.configure(source={"completed": ["completed", "shipped"]})
    three.approve()
    three.wait(days=1)
    three.run()
    [first, *_] = withheld(three)["not_sent"]
    assert [judged["run"] for judged in first["judgements"]] == [1, 4]
    assert first["rules"] == first["judgements"][1]["rules"] != first["judgements"][0]["rules"]
    assert (first["first_run"], first["last_run"]) == (1, 4)


def test_an_order_that_waits_again_is_not_sent_and_says_so(three: Shop) -> None:
    three.objection(three.order("1001")["billing_email"], taken_back=True)
    three.sandbox.use_faults(["quota-per-day"])
    three.wait(days=1)
    three.run()
    assert {(order["result"], order["state_now"]) for order in withheld(three)["not_sent"]} == {("waiting", "pending")}
    assert {total["result"] for total in withheld(three)["totals"]} == {"waiting", "sent_later"}


def test_an_order_that_is_withheld_again_has_the_nights_since_then(three: Shop) -> None:
    address = three.order("1001")["billing_email"]
    three.objection(address, taken_back=True)
    three.sandbox.use_faults(["quota-per-day"])
    for _ in range(2):
        three.wait(days=1)
        three.run()
    three.objection(address)
    three.wait(days=1)
    three.run()
    [order, _] = withheld(three)["not_sent"]
    assert [judged["run"] for judged in order["judgements"]] == [1, 6]
    assert (order["first_run"], order["last_run"]) == (6, 6)
    assert (order["first_night"], order["last_night"]) == (three.day(0), three.day(0))


def test_an_order_without_an_answer_is_not_told_as_sent(three: Shop) -> None:
    three.configure(destinations={name: {"resend_unknown": "ask"} for name in NAMES})
    three.objection(three.order("1001")["billing_email"], taken_back=True)
    three.sandbox.use_faults(["lost"])
    three.wait(days=1)
    three.run()
    assert {(order["result"], order["state_now"]) for order in withheld(three)["not_sent"]} == {
        ("unanswered", "unknown")
    }


def test_reasons_before_the_last_one_are_named(three: Shop) -> None:
    rows = [three.order("1001", total="0"), three.order("1003")]
    three.objection(rows[0]["billing_email"], taken_back=True)
    three.wait(days=1)
    three.orders(*(row | {"purchased_at": f"{three.day(6)} 12:00:00"} for row in rows))
    three.run()
    [order, _] = withheld(three)["not_sent"]
    assert (order["reason"], order["earlier_reasons"]) == ("amount_not_above_zero", ["objection"])
    assert (order["first_run"], order["last_run"]) == (1, 4)


def test_an_erased_order_is_counted_and_not_named(three: Shop) -> None:
    for number in ("1001", "1003"):
        said = three.command("privacy", "erase", "--case", "7", "--yes", stdin=f"ida.{number}@{DOMAIN}\n")
        assert said.code == 0, said
    found = withheld(three)
    assert numbers(found, "not_sent") == []
    assert found["blanked"]["judgements"] == 2
    assert found["blanked"]["erased"] == [{"destination": name, "orders": 2, "not_sent": 1} for name in NAMES]
    at_meta = withheld(three, "--month", "2026-11", "--destination", "meta")
    assert at_meta["blanked"]["erased"] == [{"destination": "meta", "orders": 2, "not_sent": 1}]
    assert withheld(three, "--since", three.day(1))["blanked"] == {"judgements": 0, "erased": [], "past_retention": []}
    assert "Blanked: 2 erased orders at google, 1 of them without an attempt to send" in told(three)
    assert three.command("audit", "verify").code == 0


def test_orders_past_retention_are_counted_with_reason_and_money(shop: Shop) -> None:
    shop.configure(privacy={"retention_days": 70}, destinations={"google": {"max_age_days": 63}})
    sent, last = shop.order("1000"), shop.order("1004")  # the newest order of a store keeps its row
    rows = [sent, shop.order("1001"), shop.order("1002"), shop.order("1003", status="pending"), last]
    shop.objection(*(row["billing_email"] for row in rows[1:3]))
    shop.orders(*rows)
    shop.run()
    shop.wait(days=80)
    assert shop.command("privacy", "retention").code == 0
    found = withheld(shop, "--since", shop.day(82))
    assert numbers(found, "not_sent") == []
    assert found["blanked"]["judgements"] == 6
    kept = {(p["destination"], p["reason"]): (p["orders"], p["amount"]) for p in found["blanked"]["past_retention"]}
    assert kept == {
        (name, reason): value
        for name in NAMES
        for reason, value in (("objection", (2, "200.00")), ("not_completed", (1, "100.00")))
    }
    at_meta = withheld(shop, "--since", shop.day(82), "--destination", "meta")
    assert {p["destination"] for p in at_meta["blanked"]["past_retention"]} == {"meta"}
    assert withheld(shop, "--since", shop.day(81))["blanked"]["past_retention"] == []
    assert "Blanked: 2 orders at google past retention, 200.00 DKK (withheld, objection)." in told(
        shop, "--since", shop.day(82)
    )


def told(shop: Shop, *options: object) -> str:
    said = shop.command("audit", "withheld", *(options or ("--since", shop.day(60))))
    assert said.code == 0, said
    return said.out


def test_the_tables_say_the_days_the_nights_and_the_totals(three: Shop) -> None:
    lines = [" ".join(line.split()) for line in told(three, "--month", "2026-11").splitlines()]
    assert lines[0] == (
        "Orders bought 1 November 2026 to 30 November 2026 (Europe/Copenhagen), that were withheld, refused or "
        "quarantined; nights of 2026-11-23 to 2026-11-25."
    )
    rules = withheld(three)["not_sent"][0]["rules"]
    assert f"1001 google 2026-11-20 withheld objection 2026-11-23 2026-11-25 {rules} 2026-01" in lines
    assert lines.index("Not sent:") < lines.index("Sent later:") < lines.index("Totals:")
    sent = f"1002 google 2026-11-20 withheld not completed 2026-11-23 2026-11-24 {rules} 2026-01 received"
    assert f"{sent} 2026-11-25 06:15" in lines
    assert "google sent later withheld not completed 1 100.00 DKK" in lines


def test_more_orders_than_a_terminal_shows_are_counted(three: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("conversions.cli.withheld_text.MAX_ORDERS_SHOWN", 1)
    said = three.command("audit", "withheld", "--since", three.day(60))
    assert said.err.count("… and 1 more; `--csv FILE` and `--json` have all of them.") == 2
    assert said.out.count("1001") == 1
    assert "google not sent withheld objection 1 100.00" in " ".join(said.out.split())


def test_days_of_purchase_and_destination_choose(three: Shop) -> None:
    bought = three.day(5)
    assert len(orders(withheld(three, "--since", bought, "--until", bought))) == 4
    assert orders(withheld(three, "--since", three.day(4))) == []
    assert orders(withheld(three, "--since", three.day(9), "--until", three.day(6))) == []
    assert orders(withheld(three, "--month", "last-month")) == []
    at_meta = withheld(three, "--month", "2026-11", "--destination", "meta")
    assert {order["destination"] for order in orders(at_meta)} == {"meta"}
    assert at_meta["destination"] == "meta"
    assert told(three, "--month", "2026-10").startswith("No order bought 1 October 2026 to 31 October 2026")


@pytest.mark.parametrize(
    "options",
    [
        (),
        ("--until", "2026-11-20"),
        ("--month", "2026-11", "--since", "2026-11-01"),
        ("--month", "2026-11", "--until", "2026-11-30"),
        ("--month", "2026-11-20"),
        ("--month", "2027-01"),
        ("--since", "2026-11-20", "--until", "2026-11-19"),
        ("--since", "2026-11-20", "--destination", "gogle"),
        ("--since", "October"),
    ],
)
def test_days_that_mean_nothing_are_refused_without_a_look(three: Shop, options: tuple[str, ...]) -> None:
    said = three.command("audit", "withheld", *options)
    assert (said.code, said.out) == (USAGE, "")
    assert three.sql("SELECT count(*) FROM look") == [(0,)]


def test_each_look_is_recorded_before_anything_is_shown(three: Shop) -> None:
    withheld(three, "--month", "2026-11", "--destination", "meta", "--reason", "audit of 2026")
    [look] = json.loads(three.command("audit", "looks", "--json").out)
    assert (look["kind"], look["about"], look["purpose"]) == (
        "withheld",
        "2026-11-01, 2026-11-30, meta",
        "audit of 2026",
    )
    assert "withheld orders 2026-11-01, 2026-11-30, meta" in three.command("audit", "looks").out
    assert three.command("audit", "verify").code == 0
    three.sql("CREATE TRIGGER full BEFORE INSERT ON look BEGIN SELECT raise(ABORT, 'disk full'); END")
    path = three.home / "w.csv"
    said = three.command("audit", "withheld", "--month", "2026-11", "--csv", path)
    assert (said.code, said.out, path.exists()) == (STORE, "", False)


def test_the_file_has_every_order_and_only_its_owner_can_read_it(three: Shop) -> None:
    path = three.home / "withheld.csv"
    out = told(three, "--month", "2026-11", "--csv", path)
    assert "Totals:" in out
    assert "1001" not in out
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    rows = [*csv.DictReader(path.read_text("utf-8-sig").splitlines())]
    found = orders(withheld(three))
    names = ("order_no", "destination", "reason", "first_night", "last_night", "sent_at", "sent_request", "rules")
    assert [[row[name] for name in names] for row in rows] == [
        [str("" if order[name] is None else order[name]) for name in names] for order in found
    ]
    assert {row["words"] for row in rows} == {"objection", "not completed"}
    said = three.command("audit", "withheld", "--month", "2026-11", "--csv", path)
    assert said.code == USAGE
    assert "already there" in said.err


def test_no_cell_of_the_file_is_a_formula(shop: Shop) -> None:
    shop.orders(shop.order("=1+1", total="0"), shop.order("-2", total="0"), shop.order("A-3", total="0"))
    shop.run()
    path = shop.home / "withheld.csv"
    told(shop, "--since", shop.day(9), "--csv", path)
    assert {row["order_no"] for row in csv.DictReader(path.read_text("utf-8-sig").splitlines())} == {
        "'=1+1",
        "'-2",
        "A-3",
    }


def test_a_store_without_a_run_has_no_order(shop: Shop) -> None:
    said = shop.command("audit", "withheld", "--month", "2026-11", "--json")
    assert (said.code, json.loads(said.out)["not_sent"]) == (0, [])
