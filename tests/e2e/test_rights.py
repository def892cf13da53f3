"""What a person may ask: access, objection, withdrawal; and what a breach notice needs. Held against what arrived."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.said import DATA, DOMAIN, TRY_AGAIN, USAGE, Said, stopped
from tests.e2e.sales import digest
from tests.e2e.shop import NAMES, Shop

IDA = f"ida@{DOMAIN}"
RECIPIENTS = {"google": "Google Ireland Limited", "meta": "Meta Platforms Ireland Limited"}


def access(shop: Shop, address: str = IDA, *arguments: object) -> dict[str, Any]:
    """The JSON that a person gets, the file's mode checked."""
    out = shop.home / f"answer-{len(shop.said)}.json"
    said = shop.command("privacy", "access", "--format", "json", "--out", out, *arguments, stdin=address)
    assert (said.code, said.out) == (0, ""), said
    assert out.stat().st_mode & 0o777 == 0o600
    answer: dict[str, Any] = json.loads(out.read_text())
    return answer


def page(shop: Shop, language: str, address: str = IDA) -> str:
    out = shop.home / f"answer-{len(shop.said)}.html"
    said = shop.command("privacy", "access", "--lang", language, "--out", out, stdin=address)
    assert said.code == 0, said
    return out.read_text(encoding="utf-8")


@pytest.fixture
def sold(shop: Shop) -> Shop:
    """Ida bought twice, somebody else once; all of it was sent."""
    shop.orders(
        shop.order("1", billing_email=IDA, total="1249.50", product_ids="TEA-250|POT-1"),
        shop.order("2", billing_email=f" IDA@{DOMAIN} "),
        shop.order("3"),
    )
    assert shop.run().code == 0
    return shop


class TestAccess:
    def test_every_event_that_arrived_is_told_byte_for_byte_and_nobody_elses(self, sold: Shop) -> None:
        answer = access(sold)
        for name in NAMES:
            told = [one["event"].encode() for one in answer["sent"] if one["recipient"] == RECIPIENTS[name]]
            arrived = [event for event in sold.events(name) if digest(IDA).encode() in event]
            assert sorted(told) == sorted(arrived)
            assert len(told) == 2

    def test_to_whom_when_on_which_basis_in_which_form(self, sold: Shop) -> None:
        answer = access(sold)
        one = next(s for s in answer["sent"] if s["order"] == "1" and s["recipient"] == RECIPIENTS["meta"])
        assert one["purchase_day"] == sold.day(2)
        (attempt,) = one["attempts"]
        assert (attempt["outcome"], attempt["legal_basis"], attempt["policy_version"]) == (
            "received",
            "legitimate_interest",
            "2026-01",
        )
        assert attempt["at"].startswith("2026-11-22T05:15")
        forms = {field["path"]: (field["form"], field["class"], field["value"]) for field in one["fields"]}
        assert forms["user_data.em[]"] == ("hashed", "promised", digest(IDA))
        assert forms["custom_data.value"] == ("clear", "promised", 1249.5)
        assert forms["event_id"][:2] == ("keyed", "technical")
        assert "Facebook" in answer["recipients"][RECIPIENTS["meta"]]
        assert "hashet form" in answer["policies"][0]["quote"]

    @pytest.mark.parametrize("written", ["ida.h+shop@gmail.com", "IDAH@GMAIL.COM ", "i.d.a.h@gmail.com"])
    def test_one_person_is_found_however_the_address_is_written(self, shop: Shop, written: str) -> None:
        shop.orders(shop.order("1", billing_email="Ida.H@gmail.com"), shop.order("2", billing_email="idah+x@gmail.com"))
        assert shop.run().code == 0
        answer = access(shop, written)
        assert sorted((s["order"], s["recipient"]) for s in answer["sent"]) == sorted(
            (number, recipient) for number in ("1", "2") for recipient in RECIPIENTS.values()
        )

    def test_what_was_withheld_is_told_with_its_reason(self, sold: Shop) -> None:
        sold.objection(IDA)
        later = f"{sold.day(2)} 13:00:00"
        sold.orders(sold.order("4", billing_email=IDA, purchased_at=later), sold.order("5"))
        assert sold.run().code == 0
        answer = access(sold)
        withheld = [(n["order"], n["recipient"], n["state"], n["reason"]) for n in answer["not_sent"]]
        assert withheld == [("4", recipient, "withheld", "objection") for recipient in RECIPIENTS.values()]
        assert [(o["kind"], o["removed_at"]) for o in answer["objections"]] == [("objection", None)]

    def test_what_only_was_to_leave_is_told_as_not_sent(self, shop: Shop) -> None:
        shop.configure(destinations={"meta": {"endpoint": "http://127.0.0.1:1"}})
        shop.orders(shop.order("1", billing_email=IDA))
        assert shop.run("--destination", "meta").code == TRY_AGAIN
        answer = access(shop)
        assert answer["sent"] == []
        assert [(n["order"], n["recipient"], n["state"]) for n in answer["not_sent"]] == [
            ("1", RECIPIENTS["meta"], "pending")
        ]

    def test_asking_is_logged_without_the_person_and_told_to_the_person(self, sold: Shop) -> None:
        before = sold.sql('SELECT count(*) FROM leaf WHERE body LIKE \'%"kind":"look"%\'')
        access(sold, IDA, "--reason", "letter of November", "--case", "2026-17")
        answer = access(sold)
        assert [look["purpose"] for look in answer["look_ups"]] == ["letter of November", "access"]
        leaves = [body for (body,) in sold.sql('SELECT body FROM leaf WHERE body LIKE \'%"kind":"look"%\'')]
        assert (before, len(leaves)) == ([(0,)], 2)
        assert json.loads(leaves[0])["case"] == "2026-17"
        (subject,) = {s.hex() for (s,) in sold.sql("SELECT subject FROM look")}
        assert subject not in "".join(leaves)
        assert (
            access(sold, f"ida.3@{DOMAIN}")["look_ups"][0]["sentence"]
            == "indsigt efter databeskyttelsesforordningens artikel 15"
        )

    def test_of_a_stranger_nothing_is_held(self, sold: Shop) -> None:
        answer = access(sold, f"nobody@{DOMAIN}")
        assert (answer["sent"], answer["not_sent"], answer["objections"]) == ([], [], [])

    @pytest.mark.parametrize(
        ("language", "words"),
        [
            (
                "da",
                ["Hvad vi har videregivet", "1.249,50", "20. november 2026", "i klartekst", "fælles dataansvarlige"],
            ),
            ("en", ["What we have passed on", "1,249.50", "20 November 2026", "in clear", "joint controllers"]),
        ],
    )
    def test_a_page_for_the_person(self, sold: Shop, language: str, words: list[str]) -> None:
        text = page(sold, language)
        for word in [*words, *RECIPIENTS.values(), digest(IDA), "2026-01", "hashet form"]:
            assert word in text
        assert DOMAIN not in text

    def test_what_the_shop_wrote_cannot_run_in_the_page(self, shop: Shop) -> None:
        shop.orders(shop.order("<script>alert(1)</script>", billing_email=IDA))
        shop.run()
        text = page(shop, "en")
        assert "<script" not in text
        assert "&lt;script&gt;" in text

    def test_a_file_that_is_there_stays_as_it_is(self, sold: Shop) -> None:
        out = sold.home / "answer.html"
        out.write_text("another person's")
        said = sold.command("privacy", "access", "--out", out, stdin=IDA)
        assert said.code == USAGE
        assert out.read_text() == "another person's"

    def test_one_person_at_a_time(self, sold: Shop) -> None:
        stopped(sold.command("privacy", "access", stdin=f"{IDA}\nida.3@{DOMAIN}"), USAGE, "one person")
        stopped(sold.command("privacy", "access", stdin="Ida Holm"), USAGE, "unusable")
        assert sold.sql("SELECT count(*) FROM look") == [(0,)]

    def test_the_command_line_is_the_second_choice(self, sold: Shop) -> None:
        said = sold.command("privacy", "access", IDA, "--format", "json", "--out", sold.home / "a.json")
        assert said.code == 0
        assert len(json.loads((sold.home / "a.json").read_text())["sent"]) == 4


class TestWithdrawing:
    def test_a_withdrawn_consent_withholds_even_what_the_source_still_grants(self, shop: Shop) -> None:
        shop.configure(privacy={"legal_basis": "consent"})
        said = shop.command("privacy", "withdraw", "--case", "17", stdin=IDA)
        assert (said.code, said.out) == (0, "Withdrawals added: 1. Already on the list: 0.\n")
        shop.orders(shop.order("1", billing_email=IDA, ads_consent="granted"), shop.order("2", ads_consent="granted"))
        said = shop.run()
        assert [said.counts(name) for name in NAMES] == [{"withheld": {"consent_withdrawn": 1}, "sent": 1}] * 2
        for name in NAMES:
            assert [sale.digest for sale in shop.sales(name)] == [digest(f"ida.2@{DOMAIN}")]

    def test_an_objection_taken_back_leaves_the_withdrawal(self, shop: Shop) -> None:
        shop.objection(IDA)
        shop.command("privacy", "withdraw", stdin=IDA)
        shop.objection(IDA, taken_back=True)
        shop.orders(shop.order("1", billing_email=IDA))
        assert shop.run().counts("meta") == {"withheld": {"consent_withdrawn": 1}}
        shop.command("privacy", "withdraw", "--remove", "--reason", "wrote", stdin=IDA)
        assert shop.run().counts("meta") == {"sent": 1}

    def test_both_together_are_one_withheld_order(self, shop: Shop) -> None:
        shop.objection(IDA)
        shop.command("privacy", "withdraw", stdin=IDA)
        shop.orders(shop.order("1", billing_email=IDA), shop.order("2"))
        said = shop.run()
        assert said.code == 0
        assert said.counts("google") == {"withheld": {"objection": 1}, "sent": 1}


class TestJournal:
    def lines(self, shop: Shop) -> list[dict[str, Any]]:
        path = shop.home / "var-conversions.checkpoints" / "journal.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()]

    def test_every_change_is_written_beside_the_checkpoints_without_an_address(self, shop: Shop) -> None:
        shop.command("privacy", "object", "--case", "17", stdin=IDA)
        shop.command("privacy", "withdraw", stdin=IDA)
        shop.command("privacy", "object", "--remove", "--reason", "by phone", stdin=IDA)
        lines = self.lines(shop)
        assert [(line["change"], line["kind"], line["case"]) for line in lines] == [
            ("added", "objection", "17"),
            ("added", "withdrawal", None),
            ("removed", "objection", None),
        ]
        (subject,) = {line["subject"] for line in lines}
        assert shop.sql("SELECT DISTINCT hex(subject) FROM objection") == [(subject.upper(),)]

    def test_where_it_cannot_be_written_nothing_is_entered(self, shop: Shop) -> None:
        shop.home.joinpath("var-conversions.checkpoints").write_text("in the way")
        said = shop.command("privacy", "object", stdin=IDA)
        stopped(said, 78, "store.checkpoints")
        assert shop.sql("SELECT count(*) FROM objection") == [(0,)]


class TestAffected:
    def affected(self, shop: Shop, *arguments: object) -> dict[str, Any]:
        said = shop.command("privacy", "affected", "--json", *arguments)
        assert said.code == 0, said
        found: dict[str, Any] = json.loads(said.out)
        return found

    def test_orders_and_people_of_a_run(self, sold: Shop) -> None:
        found = self.affected(sold, "--run", 1)
        assert (found["orders"], found["people"]) == (3, 2)
        assert sorted((one["order"], one["destination"]) for one in found["affected"]) == [
            (number, name) for number in "123" for name in NAMES
        ]

    def test_by_day_and_by_field(self, sold: Shop) -> None:
        assert self.affected(sold, "--since", "2026-11-22")["orders"] == 3
        assert self.affected(sold, "--since", "2026-11-01", "--until", "2026-11-21")["affected"] == []
        found = self.affected(sold, "--since", "2026-11-01", "--until", "2026-11-22", "--field", "upload_tag")
        assert {one["destination"] for one in found["affected"]} == {"meta"}
        assert self.affected(sold, "--field", "events[].consent.adUserData")["people"] == 0

    def test_for_reading_it_is_one_line_an_order(self, sold: Shop) -> None:
        said = sold.command("privacy", "affected", "--run", 1)
        assert (
            said.out.splitlines()[0]
            == "1\tgoogle\t2026-11-22 06:15 Europe/Copenhagen\t2026-11-22 06:15 Europe/Copenhagen"
        )
        assert "3 orders of 2 people." in said.err

    def test_it_is_logged_as_a_look_at_nobody_in_particular(self, sold: Shop) -> None:
        self.affected(sold, "--run", 1, "--case", "B-1")
        assert sold.sql("SELECT purpose, subject FROM look") == [("breach, GDPR article 33", None)]

    @pytest.mark.parametrize(
        "arguments", [[], ["--field", "email"], ["--since", "2026-11-22", "--until", "2026-11-21"]]
    )
    def test_what_means_nothing_is_refused(self, sold: Shop, arguments: list[str]) -> None:
        assert sold.command("privacy", "affected", *arguments).code == USAGE


def test_a_file_of_addresses_with_a_column_that_is_named(shop: Shop, tmp_path: Path) -> None:
    file = tmp_path / "list.csv"
    file.write_text(f"who;contact\nIda;{IDA}\nBo;bo\n")
    said: Said = shop.command("privacy", "object", "--file", file, "--column", "Contact")
    assert (said.code, said.out) == (DATA, "Objections added: 1. Already on the list: 0.\n")
    assert "line 3: unusable e-mail address" in said.err
    stopped(shop.command("privacy", "object", "--file", file, "--column", "none"), USAGE, "--column")
