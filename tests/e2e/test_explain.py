"""Why is order 1234 not in Google Ads? One command, and the first sentence of each destination answers it."""

import json
import re
import string
from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conversions.audit.explain.words import PARTS
from conversions.catalogue import Language, messages
from conversions.ledger.queries.order_search import spellings
from tests.e2e.conftest import Door
from tests.e2e.said import DOMAIN, STORE, USAGE, Said
from tests.e2e.shop import Shop

ERASED = re.compile(r"Order 1001\n  Erased on \d+ \w+ \d{4} \d\d:\d\d \(Copenhagen\)\.\n")


def explain(shop: Shop, *orders: str, stdin: str = "") -> list[dict[str, Any]]:
    said = shop.command("explain", "--json", *orders, stdin=stdin)
    assert said.code == 0, said
    found: list[dict[str, Any]] = json.loads(said.out)
    return found


def first(shop: Shop, order: str) -> dict[str, str]:
    """By destination, the code of the first sentence."""
    (one,) = explain(shop, order)
    return {at["destination"]: at["statements"][0]["code"] for at in one["destinations"]}


def sentences(shop: Shop, order: str, destination: str) -> list[str]:
    """Everything that is said about an order at one destination, as it is printed."""
    said = shop.command("explain", order)
    assert (said.code, said.err) == (0, ""), said
    _, _, rest = said.out.partition(f"\n  {destination}\n")
    return [line.strip() for line in re.split(r"\n  \w", rest)[0].splitlines()]


def codes(shop: Shop, order: str) -> list[str]:
    return [one["code"] for one in explain(shop, order)[0]["statements"]]


def night(shop: Shop, *faults: str, **order: str) -> None:
    """One order is read and sent while the platforms have *faults*."""
    shop.sandbox.use_faults(faults)
    shop.orders(shop.order(**order), name=f"{len(shop.said)}.csv")
    shop.run()


def later(shop: Shop) -> None:
    """Google reports."""
    shop.wait(hours=1)
    shop.command("reconcile")


class TestNotSent:
    """Every reason has a sentence of its own with the setting that decides, and says what to do."""

    REASONS: ClassVar = {
        "not completed": ({"status": "processing"}, "source.completed"),
        "nothing paid": ({"total": "0.00"}, "nothing was paid"),
        "denied": ({"ads_consent": "no"}, "did not consent"),
        "no address": ({"billing_email": ""}, "no e-mail address"),
        "unusable address": ({"billing_email": f"a b@{DOMAIN}"}, "cannot be used"),
        "a digest": ({"billing_email": "0" * 64}, "a digest"),
        "no product": ({"product_ids": ""}, "no product ID"),
        "bad product": ({"product_ids": "a b"}, "spaces or unusual characters"),
        "currency": ({"currency": "XXQ"}, "currency is unknown"),
        "decimals": ({"total": "1.2345"}, "1.2345 DKK, has more decimals"),
    }

    @pytest.mark.parametrize("case", REASONS)
    def test_the_first_sentence_says_why_and_the_last_what_to_do(self, shop: Shop, case: str) -> None:
        changes, why = self.REASONS[case]
        night(shop, **changes)
        for name, platform in (("google", "Google Ads"), ("meta", "Meta")):
            told = sentences(shop, "1001", name)
            assert told[0].startswith(f"Not in {platform}: "), told
            assert why in told[0]
            assert told[1] == "Run 1 of 22 November 2026 06:15 (Copenhagen) decided so."
            assert len(told) > 2

    def test_a_setting_that_decides_is_named_with_its_value(self, shop: Shop) -> None:
        shop.configure(privacy={"legal_basis": "consent"}, destinations={"google": {"max_age_days": 1}})
        night(shop, ads_consent="yes")
        assert "purchases of the last 1 days (max_age_days)" in sentences(shop, "1001", "google")[0]
        night(shop, order_id="1002")
        assert "the legal basis is consent (privacy.legal_basis)" in sentences(shop, "1002", "meta")[0]

    def test_an_objection_says_since_when(self, shop: Shop) -> None:
        shop.objection(f"ida.1001@{DOMAIN}")
        shop.wait(days=1)
        night(shop)
        told = sentences(shop, "1001", "meta")
        assert told[:2] == [
            "Not in Meta: the buyer objected.",
            "This has been in force since 22 November 2026 06:15 (Copenhagen).",
        ]
        assert "privacy object --remove" in told[-1]

    def test_the_same_judgement_keeps_its_first_run(self, shop: Shop) -> None:
        night(shop, status="processing")
        shop.wait(days=1)
        shop.run()
        told = sentences(shop, "1001", "google")
        assert told[1].startswith("Run 1 of 22 November 2026 06:15 (Copenhagen) decided so first, and run 2 of 23 ")
        assert "Run 1 of 22 November" in explain(shop, "1001")[0]["statements"][0]["text"]

    def test_an_unusual_amount_names_the_command_that_sends_it(self, shop: Shop) -> None:
        shop.orders(*(shop.order(str(n), total=f"{90 + n % 20}.00") for n in range(2000, 2060)))
        shop.run()
        night(shop, order_id="#77", total="99000.00")
        told = sentences(shop, "77", "meta")
        assert "99000.00 DKK, is unusual" in told[0]
        assert "`conversions decide send '#77' --destination meta --reason TEXT`" in told[2]


class TestSent:
    def test_received_then_recorded(self, shop: Shop) -> None:
        night(shop)
        assert first(shop, "1001") == {"google": "received", "meta": "received_final"}
        told = sentences(shop, "1001", "google")
        assert told[1:4] == [
            "22 November 2026 06:15 (Copenhagen), request 1, the first attempt: Google received it.",
            "Sent as a digest (SHA-256): e-mail address.",
            "Sent as a code that says nothing outside the shop: code for the order.",
        ]
        assert told[4].startswith("Sent in clear: date of purchase, amount, currency, product ID")
        assert "from 22 November 2026 06:45 (Copenhagen) on" in told[-1]
        later(shop)
        assert first(shop, "1001") == {"google": "recorded", "meta": "received_final"}
        assert "Google reported this on 22 November 2026 07:15 (Copenhagen)." in sentences(shop, "1001", "google")

    @pytest.mark.parametrize(
        ("said", "code"),
        [
            ("CLICK_NOT_FOUND", "unmatched"),
            ("DUPLICATE_TRANSACTION_ID", "duplicate"),
            ("TOO_RECENT_CLICK", "deferred_by_platform"),
            ("NO_CONSENT", "rejected_setup"),
        ],
    )
    def test_what_google_says_later(self, shop: Shop, said: str, code: str) -> None:
        night(shop, f"verdict={said}")
        later(shop)
        assert first(shop, "1001")["google"] == code

    def test_one_rejected_order_of_many(self, shop: Shop) -> None:
        shop.orders(*(shop.order(str(number)) for number in range(1, 13)))
        shop.run()
        shop.sandbox.use_faults(["verdict@0.2=INVALID_EVENT"])
        later(shop)
        ((order,), *_) = shop.sql(
            "SELECT order_no FROM sale JOIN delivery d ON d.sale = sale.id WHERE state = 'rejected'"
        )
        told = sentences(shop, order, "google")
        assert "refused it later (INVALID_EVENT)" in told[0]
        assert "decide acknowledge" in told[-1]

    def test_counted_and_not_named(self, shop: Shop) -> None:
        shop.orders(*(shop.order(str(number)) for number in range(1, 5)))
        shop.run()
        shop.sandbox.use_faults(["verdict@0.3=INVALID_EVENT", "counts-only"])
        later(shop)
        assert first(shop, "1")["google"] in {"received_counts_only", "recorded"}

    def test_refused_alone_then_acknowledged(self, shop: Shop) -> None:
        shop.orders(shop.order(product_ids="SKU-BAD"), *(shop.order(str(number)) for number in range(1, 6)))
        shop.sandbox.use_faults(["poison=SKU-BAD"])
        shop.run()
        told = sentences(shop, "1001", "meta")
        assert told[0].startswith("Not in Meta: Meta refused this order alone (")
        assert "decide acknowledge 1001 --destination meta" in told[-1]
        shop.command("decide", "acknowledge", "1001", "--destination", "meta", "--reason", "known")
        assert sentences(shop, "1001", "meta")[-1].startswith("A person acknowledged it on 22 November 2026")

    def test_unanswered_inside_the_window_then_after_it_then_given_up(self, shop: Shop) -> None:
        night(shop, "lost:meta")
        told = sentences(shop, "1001", "meta")
        assert told[0].startswith("Perhaps in Meta: no answer came to request ")
        assert told[-1].startswith("Runs send the same bytes again until 27 November 2026 17:59 (Copenhagen)")
        shop.wait(days=8)
        assert "decide give-up 1001 --destination meta" in sentences(shop, "1001", "meta")[-1]
        shop.command("decide", "give-up", "1001", "--destination", "meta", "--reason", "seen there")
        assert first(shop, "1001")["meta"] == "maybe_received"

    def test_a_person_decides_where_the_settings_say_so(self, shop: Shop) -> None:
        shop.configure(destinations={"meta": {"resend_unknown": "ask"}})
        night(shop, "lost:meta")
        assert "may count twice" in sentences(shop, "1001", "meta")[-1]
        shop.command("decide", "send", "1001", "--destination", "meta", "--reason", "not there")
        assert sentences(shop, "1001", "meta")[-1].startswith("A person decided to send it again")

    def test_waiting_names_what_stopped_the_run_and_until_when_it_can_wait(self, shop: Shop) -> None:
        night(shop, "expired-token")
        told = sentences(shop, "1001", "meta")
        assert told[0].startswith("Not in Meta yet: Meta refused request ")
        assert "Make a new token" in told[-2]
        assert "before 27 November 2026 17:59 (Copenhagen)" in told[-1]
        shop.wait(days=9)
        assert first(shop, "1001")["meta"] == "pending_too_old"
        shop.run()
        assert first(shop, "1001")["meta"] == "expired"

    def test_deferred_until_its_day_has_ended(self, shop: Shop) -> None:
        night(shop, purchased_at=f"{shop.day(0)} 05:00:00")
        shop.run("--until", shop.day(0))
        assert "it is sent from 23 November 2026 00:00 (Copenhagen) on" in sentences(shop, "1001", "meta")[0]

    def test_a_changed_value_is_restated_or_the_reason_said(self, shop: Shop) -> None:
        night(shop)
        later(shop)
        shop.orders(shop.order(total="80.00"), name="again.csv", hours_ago=1)
        (shop.home / "orders" / "0.csv").unlink()
        shop.run()
        assert "`conversions run --restate --since 2026-11-20 --until 2026-11-20`" in "".join(
            sentences(shop, "1001", "google")
        )
        assert "The new value is not sent" in "".join(sentences(shop, "1001", "meta"))
        shop.run("--restate", "--reason", "part refund")
        assert "Its new value, 80.00 DKK instead of 100.00 DKK, was sent and received." in sentences(
            shop, "1001", "google"
        )

    def test_under_way_and_killed_are_told_apart(self, gated: Shop, door: Door) -> None:
        gated.orders(gated.order())
        running = gated.start("run")
        door.await_both(running)
        assert first_of_process(gated) == {"in_flight"}
        running.kill()
        running.communicate()
        assert first_of_process(gated) == {"in_flight_killed"}


def first_of_process(shop: Shop) -> set[str]:
    said = shop.process("explain", "--json", "1001")
    assert said.code == 0, said
    (one,) = json.loads(said.out)
    return {at["statements"][0]["code"] for at in one["destinations"]}


class TestFinding:
    def test_a_number_is_found_however_it_is_typed(self, shop: Shop) -> None:
        numbers = {"#1001": "1001", "0001002": "#1002", "S-1003": "s-1003", "1004": " #0 1004.0", "Ab-5": "aB-5"}
        shop.orders(*(shop.order(number, billing_email=f"ida@{DOMAIN}") for number in numbers))
        shop.run()
        found = explain(shop, stdin="\n".join(numbers.values()))
        assert [one["order"] for one in found] == list(numbers)
        assert all(one["statements"][0]["code"] == "matched" for one in found)

    def test_several_that_fit_are_listed_and_an_exact_one_wins(self, shop: Shop) -> None:
        shop.orders(shop.order("0077"), shop.order("#77"), shop.order("77.0"))
        shop.run()
        (one,) = explain(shop, "77")
        assert (one["order"], one["statements"][0]["code"]) == (None, "several")
        assert one["statements"][0]["facts"]["orders"] == ["#77", "0077", "77.0"]
        assert explain(shop, "#77")[0]["order"] == "#77"

    @given(st.integers(1, 10**9), st.integers(0, 3), st.sampled_from(["", "#"]), st.sampled_from(["", ".0", ".00"]))
    def test_zeros_and_marks_never_hide_a_number(self, number: int, zeros: int, mark: str, tail: str) -> None:
        assert str(number) in spellings(f"{mark}{'0' * zeros}{number}{tail}")

    def test_a_former_number_finds_the_order(self, shop: Shop) -> None:
        night(shop)
        shop.sql(
            "INSERT INTO former_number(shop, order_no, sale, since_us) SELECT shop, 'A-9', id, 1795324500000000 FROM sale"
        )
        (one,) = explain(shop, "a-9".upper())
        assert (one["order"], one["statements"][0]["code"]) == ("1001", "former")

    def test_never_read_names_the_nearest_and_the_days(self, shop: Shop) -> None:
        shop.orders(*(shop.order(number) for number in ("1001", "1002", "1010", "5000")))
        shop.run()
        (one,) = explain(shop, "1003")
        assert [s["code"] for s in one["statements"]] == ["never_read", "near", "days_read"]
        assert one["statements"][1]["facts"]["orders"][:2] == ["1002", "1001"]
        assert "21 November 2026" in one["statements"][2]["text"]

    def test_before_any_run_it_says_so_and_creates_no_store(self, shop: Shop) -> None:
        assert codes(shop, "1001") == ["nothing_read"]
        shop.assert_untouched()

    def test_a_row_that_could_not_be_read_is_named(self, shop: Shop) -> None:
        night(shop, total="abc")
        (one,) = explain(shop, "1001")
        text = one["statements"][0]["text"]
        assert text.startswith("Not sent: run 1 of 22 November 2026 06:15 (Copenhagen) could not use its row (")
        assert text.endswith(" row 2, column amount): unreadable amount.")

    def test_a_destination_that_never_read_it(self, shop: Shop) -> None:
        shop.orders(shop.order())
        shop.run("--destination", "meta")
        assert first(shop, "1001") == {"google": "not_read_there", "meta": "received_final"}

    def test_an_address_is_no_order_number_and_is_not_repeated(self, shop: Shop) -> None:
        said = shop.command("explain", f"ida@{DOMAIN}")
        assert said.code == USAGE
        assert DOMAIN not in said.err

    def test_no_number_is_a_usage_error(self, shop: Shop) -> None:
        assert shop.command("explain").code == USAGE


class TestDeleted:
    def test_an_erased_order_says_when_and_nothing_else(self, shop: Shop) -> None:
        shop.orders(shop.order("#1001"), shop.order("1003"))
        shop.run()
        assert shop.command("privacy", "erase", "--case", "17", stdin=f"ida.#1001@{DOMAIN}").code == 0
        assert ERASED.fullmatch(shop.command("explain", "1001").out)
        assert "1001" not in shop.command("audit", "looks").out
        beside = shop.command("explain", "1002").out
        assert "1003" in beside
        assert "1001" not in beside

    def test_an_erased_order_that_was_never_sent_has_its_day_too(self, shop: Shop) -> None:
        night(shop, status="processing")
        shop.command("privacy", "erase", "--case", "17", stdin=f"ida.1001@{DOMAIN}")
        assert ERASED.fullmatch(shop.command("explain", "1001").out)

    def test_after_retention_it_says_what_may_have_been(self, shop: Shop) -> None:
        night(shop)
        (shop.home / "orders" / "0.csv").unlink()
        shop.wait(days=402)
        night(shop, order_id="5000")
        night(shop, order_id="5001")
        (one,) = explain(shop, "1001")
        assert "deleted_before" in [s["code"] for s in one["statements"]]
        assert "were deleted 400 days after the purchase" in one["statements"][-1]["text"]

    def test_what_was_sent_is_deleted_while_the_order_is_still_read(self, shop: Shop) -> None:
        night(shop)
        shop.wait(days=402)
        shop.run()
        assert any("What was sent was deleted on 29 December 2027" in s for s in sentences(shop, "1001", "meta"))


class TestLook:
    def test_each_order_is_a_look_before_anything_is_printed(self, shop: Shop) -> None:
        night(shop)
        explain(shop, "1001", "4711")
        listed = json.loads(shop.command("audit", "looks", "--json").out)
        assert [(one["kind"], one["about"], one["purpose"]) for one in listed] == [
            ("order", "1001", "order"),
            ("order", None, "order"),
        ]
        assert shop.command("audit", "verify").code == 0

    def test_a_look_that_cannot_be_recorded_shows_nothing(self, shop: Shop) -> None:
        night(shop)
        shop.sql("CREATE TRIGGER full BEFORE INSERT ON look BEGIN SELECT raise(ABORT, 'disk full'); END")
        said = shop.command("explain", "1001")
        assert (said.code, said.out) == (STORE, "")
        assert said.err.startswith("Nothing is shown, because this look cannot be recorded.")


def test_every_sentence_has_the_same_facts_in_both_languages() -> None:
    texts = {language: messages(language) for language in Language}
    for section in ("explain", *PARTS.values()):
        for code, english in texts[Language.ENGLISH][section].items():
            assert facts_in(english) == facts_in(texts[Language.DANISH][section][code]), (section, code)


def facts_in(template: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(template) if name}


def test_the_sentences_are_danish_on_request(shop: Shop) -> None:
    night(shop, status="processing")
    said: Said = shop.command("explain", "1001", "--lang", "da")
    assert "Ordre 1001\n  Købt den 20. november 2026." in said.out
    assert "Ikke i Google Ads: Dens status står ikke i source.completed" in said.out
