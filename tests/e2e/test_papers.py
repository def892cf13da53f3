"""The letters of ten persons in ten situations, made by the command line, in both languages: what they say is true."""

import html
import json
import re
from collections.abc import Iterator

import pytest
from dotenv import dotenv_values

from tests.e2e.said import DOMAIN, KEY, USAGE, Json, Said, stopped
from tests.e2e.sales import digest
from tests.e2e.shop import NAMES, Shop

LANGUAGES = ("da", "en")
SOREN = "søren@blåbær.example"
RECIPIENTS = ["Google Ireland Limited", "Meta Platforms Ireland Limited"]


def at(name: str) -> str:
    return f"{name}@{DOMAIN}"


def privacy(shop: Shop, command: str, *arguments: object, stdin: str) -> Said:
    said = shop.command("privacy", command, *arguments, stdin=stdin)
    assert said.code == 0, said
    return said


def handed_out(shop: Shop, address: str, *arguments: object) -> str:
    out = shop.home / f"letter-{len(shop.said)}"
    privacy(shop, "access", *arguments, "--out", out, stdin=address)
    return out.read_text(encoding="utf-8")


def letter(shop: Shop, address: str, language: str) -> str:
    """The words of the page."""
    page = handed_out(shop, address, "--lang", language).split("<body>")[1]
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", page)))


def answer(shop: Shop, address: str) -> Json:
    document: Json = json.loads(handed_out(shop, address, "--format", "json"))
    return document


def rotate(shop: Shop) -> None:
    shop.environment.setdefault("CONVERSIONS_KEY", KEY)
    assert shop.command("key", "rotate", "--reason", "an employee left").code == 0
    shop.environment = {name: value or "" for name, value in dotenv_values(shop.home / ".env").items()}


def tasks(shop: Shop) -> list[Json]:
    found: list[Json] = json.loads(shop.command("privacy", "tasks", "--json").out)
    return found


def listed(shop: Shop, command: str) -> list[Json]:
    found: list[Json] = json.loads(shop.command("privacy", command, "--list", "--json").out)
    return found


@pytest.fixture
def purged(shop: Shop) -> Iterator[Shop]:
    """What the first three bought was sent, and purged but for the one who asked for restriction, and the newest."""
    shop.configure(privacy={"retention_days": 100})
    shop.orders(*(shop.order(str(n), billing_email=at(name)) for n, name in enumerate(("purged", "kept", "new"), 901)))
    assert shop.run().code == 0
    privacy(shop, "restrict", "--case", "R-1", stdin=at("kept"))
    shop.wait(days=101)
    yield shop
    assert shop.command("audit", "verify").code == 0


@pytest.fixture
def ten(purged: Shop) -> Shop:
    """Everybody else, on one night."""
    privacy(purged, "object", "--case", "O-1", stdin=at("objected"))
    privacy(purged, "withdraw", "--case", "W-1", stdin=at("withdrew"))
    privacy(purged, "restrict", "--case", "R-2", stdin=at("restricted"))
    names = ("sent", "objected", "withdrew", "restricted", "erased", "wrong", "rotated")
    purged.orders(
        *(purged.order(str(n), billing_email=at(name)) for n, name in enumerate(names, 911)),
        purged.order("921", billing_email=at("withheld"), ads_consent="denied"),
        purged.order("922", billing_email=SOREN),
    )
    purged.run()
    privacy(purged, "erase", "--case", "E-1", stdin=at("erased"))
    assert purged.command("privacy", "tasks", "--close", 1, "--reason", "retraction uploaded").code == 0
    privacy(purged, "rectify", "--case", "B-1", stdin=f"{at('wrong')}\n{at('right')}")
    privacy(purged, "object", "--case", "O-2", stdin=at("rotated"))
    rotate(purged)
    assert "Already on the list: 1." in privacy(purged, "object", "--case", "O-2", stdin=at("rotated")).out
    return purged


PURGED = {
    "da": "Ordrer fra før den 23. november 2026 kan være sendt til Google Ireland Limited og Meta Platforms Ireland",
    "en": "Orders before 23 November 2026 may have been sent to Google Ireland Limited and Meta Platforms Ireland",
}
TELLS = {
    "sent": {"da": ["Ordre 911, købt den 1. marts 2027"], "en": ["Order 911, purchased on 1 March 2027"]},
    "withheld": {"da": ["holdt tilbage: du har ikke givet samtykke"], "en": ["held back: you did not consent"]},
    "objected": {
        "da": ["Indsigelse (artikel 21)", "O-1", "holdt tilbage: du har gjort indsigelse"],
        "en": ["Objection (article 21)", "O-1", "held back: you objected"],
    },
    "withdrew": {
        "da": ["Samtykke trukket tilbage (artikel 7, stk. 3)", "W-1", "du har trukket dit samtykke tilbage"],
        "en": ["Consent withdrawn (article 7(3))", "W-1", "you withdrew your consent"],
    },
    "restricted": {
        "da": ["Begrænsning af behandlingen (artikel 18)", "R-2", "du har bedt om, at behandlingen begrænses"],
        "en": ["Restriction of processing (article 18)", "R-2", "you asked for the processing to be restricted"],
    },
    "erased": {
        "da": [
            "Den 3. marts 2027 slettede vi de oplysninger, vi havde om dig (sag E-1)",
            "Google Ireland Limited underrettet den 3. marts 2027 Meta Platforms Ireland Limited skal stadig underrettes",
            "kun dette tilbage: sagens nummer, datoen og de modtagere",
        ],
        "en": [
            "On 3 March 2027 we erased the data that we had about you (case E-1)",
            "Google Ireland Limited told on 3 March 2027 Meta Platforms Ireland Limited still to be told",
            "only this is left: the number of the case, the date, and the recipients",
        ],
    },
    "purged": {"da": ["Vi har i dag ingen køb registreret"], "en": ["Today we have no purchase on record"]},
    "kept": {"da": ["Ordre 902", "R-1"], "en": ["Order 902", "R-1"]},
    "wrong": {
        "da": [
            "En ordre, som ikke er din",
            "en ordre, som ikke er din, ved en fejl stod med din e-mailadresse (sag B-1)",
        ],
        "en": [
            "An order that is not yours",
            "an order that is not yours had your e-mail address by mistake (case B-1)",
        ],
    },
    "right": {
        "da": ["Ordre 916", "ordre nr. 916 ved en fejl stod med en anden persons e-mailadresse (sag B-1)"],
        "en": ["Order 916", "order no. 916 had the e-mail address of another person by mistake (case B-1)"],
    },
    "rotated": {"da": ["Ordre 917", "O-2"], "en": ["Order 917", "O-2"]},
    "never": {"da": ["Vi har i dag ingen køb registreret"], "en": ["Today we have no purchase on record"]},
}
RIGHTS = {
    "da": [f"(artikel {n})" for n in (16, 17, 18, 21, 77)] + ["Datatilsynet", "artikel 7, stk. 3"],
    "en": [f"(article {n})" for n in (16, 17, 18, 21, 77)] + ["Datatilsynet", "article 7(3)"],
}
FORMS = {
    "da": "Sendes hashet (SHA-256) e-mailadresse Sendes i klartekst købsdato, beløb, valuta og produkt-id'er",
    "en": "Sent hashed (SHA-256) e-mail address Sent in clear date of purchase, amount, currency and product IDs",
}
NEVER_SAID = {
    "da": ["Vi fandt intet", "intet er videregivet", "GDPR", "access", "built-in", "None"],
    "en": ["We found nothing", "nothing was passed on", "built-in"],
}


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_letter_says_what_happened_to_this_person(ten: Shop, language: str) -> None:
    people = {at(name): words[language] for name, words in TELLS.items()}
    people[SOREN] = {"da": ["922", "en form, som ikke kan sendes"], "en": ["922", "a form that cannot be sent"]}[
        language
    ]
    for address, words in people.items():
        said = letter(ten, address, language)
        for word in [*words, PURGED[language], *RIGHTS[language], FORMS[language]]:
            assert word in said, (address, word, said)
        for word in NEVER_SAID[language]:
            assert word not in said, (address, word, said)


def test_one_person_counts_once_after_a_key_rotation(ten: Shop) -> None:
    rotated = answer(ten, at("rotated"))
    assert [entry["case"] for entry in rotated["objections"]] == ["O-2"]
    assert [entry["case"] for entry in listed(ten, "object")] == ["O-1", "E-1", "O-2"]
    assert "removed: 1." in privacy(ten, "object", "--remove", "--reason", "by phone", stdin=at("rotated")).out
    assert ten.sql("SELECT count(*) FROM objection WHERE case_no = 'O-2' AND removed_us IS NULL") == [(0,)]
    assert ten.sql("SELECT count(*) FROM objection WHERE case_no = 'O-2'") == [(2,)]
    said = json.loads(privacy(ten, "erase", "--case", "E-2", "--json", stdin=at("rotated")).out)
    assert (said["persons"], said["orders"], said["events"], said["tasks"]) == (1, 1, 2, 2)
    assert [e["case"] for e in answer(ten, at("rotated"))["erasures"]] == ["E-2"]
    assert len([entry for entry in listed(ten, "object") if entry["case"] == "E-2"]) == 1


def test_an_erasure_after_retention_opens_tasks_for_every_recipient(purged: Shop) -> None:
    purged.command("privacy", "retention")
    said = privacy(purged, "erase", "--case", "E-1", stdin=at("purged"))
    assert "stay erased" not in said.err
    assert [(t["recipient"], t["what"], t["references"]) for t in tasks(purged)] == [
        (recipient, "erase", []) for recipient in RECIPIENTS
    ]
    assert purged.command("privacy", "tasks").err.count("retention has purged the IDs") == 1
    assert json.loads(privacy(purged, "erase", "--case", "E-1", "--json", stdin=at("purged")).out)["tasks"] == 0


def test_before_retention_a_stranger_is_told_that_nothing_was_found(shop: Shop) -> None:
    shop.orders(shop.order("1"))
    shop.run()
    assert "Vi fandt intet" in letter(shop, at("never"), "da")
    assert answer(shop, at("never"))["purged"] is None


def test_what_is_restricted_is_kept_by_retention_and_erase_until_it_is_lifted(purged: Shop) -> None:
    assert purged.command("privacy", "retention").code == 0
    assert [s["order"] for s in answer(purged, at("kept"))["sent"]] == ["902", "902"]
    stopped(
        purged.command("privacy", "erase", "--case", "E-1", stdin=f"{at('new')}\n{at('kept')}"),
        USAGE,
        "restrict --remove",
    )
    assert [entry["kind"] for entry in listed(purged, "object")] == []
    privacy(purged, "restrict", "--remove", "--reason", "by phone", stdin=at("kept"))
    assert [entry["removed_reason"] for entry in listed(purged, "restrict")] == ["by phone"]
    purged.command("privacy", "retention")
    assert answer(purged, at("kept"))["sent"] == []


def test_what_is_restricted_is_withheld_also_after_a_restored_backup(shop: Shop) -> None:
    shop.orders(shop.order("1"))
    shop.run()
    backup = shop.home / "backup.db"
    assert shop.command("backup", backup).code == 0
    rotate(shop)
    privacy(shop, "restrict", "--case", "R-1", stdin=at("ida"))
    for path in (shop.home / "var").iterdir():
        path.unlink()
    shop.environment["CONVERSIONS_KEY"], shop.environment["CONVERSIONS_FORMER_KEYS"] = (
        KEY,
        shop.environment["CONVERSIONS_KEY"],
    )
    assert shop.command("restore", backup, "--yes", "--reason", "the disk broke").code == 0
    assert [entry["case"] for entry in listed(shop, "restrict")] == ["R-1"]
    shop.orders(shop.order("2", billing_email=at("ida")), shop.order("3"))
    assert [shop.run().counts(name)["withheld"] for name in NAMES] == [{"restricted": 1}] * 2
    assert "genindført fra journalen" in letter(shop, at("ida"), "da")


class TestRectify:
    @pytest.fixture
    def rectified(self, shop: Shop) -> Shop:
        """Order 2 had the address of somebody who bought, too."""
        shop.orders(
            shop.order("1", billing_email=at("wrong")), shop.order("2", billing_email=at("wrong"), total="77.00")
        )
        assert shop.run().code == 0
        said = privacy(shop, "rectify", "--case", "B-1", "--order", 2, stdin=f"{at('wrong')}\n{at('right')}")
        assert [line.split()[0] for line in said.out.splitlines()] == ["order", "2", "2", "Rectified:"]
        assert "2026-11-22" in said.out
        return shop

    def test_each_gets_what_is_theirs(self, rectified: Shop) -> None:
        wrong, right = answer(rectified, at("wrong")), answer(rectified, at("right"))
        assert [(s["order"], len(s["fields"])) for s in wrong["sent"] if s["order"] is None] == [(None, 1)] * 2
        assert [s["order"] for s in wrong["sent"] if s["order"]] == ["1", "1"]
        assert "77" not in json.dumps([s for s in wrong["sent"] if s["order"] is None])
        assert [(s["order"], s["own_address"], s["event"]) for s in right["sent"]] == [("2", False, None)] * 2
        assert digest(at("wrong")) not in json.dumps(right)
        assert [r["whose"] for r in (*wrong["rectifications"], *right["rectifications"])] == ["address", "order"]
        assert right["rectifications"][0]["orders"] == ["2"]

    def test_recipients_are_to_be_told_with_the_ids_of_the_named_orders(self, rectified: Shop) -> None:
        known = {
            s.reference for name in NAMES for s in rectified.sales(name) if str(s.value) in {"77.0", "77", "77.00"}
        }
        found = tasks(rectified)
        assert [(t["what"], t["recipient"]) for t in found] == [("rectify", recipient) for recipient in RECIPIENTS]
        assert {reference for t in found for reference in t["references"]} == known
        assert rectified.command("privacy", "tasks", "--close", 1, "--reason", "wrote").code == 0
        assert rectified.command("audit", "verify").code == 0

    def test_erasing_the_right_one_erases_what_went_out_under_the_wrong_address(self, rectified: Shop) -> None:
        rotate(rectified)
        said = json.loads(privacy(rectified, "erase", "--case", "E-1", "--json", stdin=at("right")).out)
        assert (said["orders"], said["events"], said["tasks"]) == (1, 2, 2)
        assert answer(rectified, at("right"))["sent"] == []
        wrong = answer(rectified, at("wrong"))
        assert [(s["order"], s["fields"]) for s in wrong["sent"] if s["order"] is None] == [(None, [])] * 2
        assert rectified.sql("SELECT count(*) FROM rectification WHERE corrected IS NOT NULL") == [(0,)]
        assert rectified.command("audit", "verify").code == 0

    def test_erasing_the_wrong_one_erases_the_address_and_leaves_the_order_to_the_right_one(
        self, rectified: Shop
    ) -> None:
        said = json.loads(privacy(rectified, "erase", "--case", "E-1", "--json", stdin=at("wrong")).out)
        assert (said["orders"], said["events"]) == (1, 4)
        wrong, right = answer(rectified, at("wrong")), answer(rectified, at("right"))
        assert (wrong["sent"], wrong["rectifications"]) == ([], [])
        assert [(s["order"], s["fields"]) for s in right["sent"]] == [("2", [])] * 2
        assert rectified.states() == {name: {"erased": 1, "received": 1} for name in NAMES}
        assert rectified.command("audit", "verify").code == 0

    def test_nothing_more_goes_out_under_the_wrong_address(self, shop: Shop) -> None:
        shop.orders(shop.order("1", billing_email=at("wrong")), shop.order("2"))
        shop.sandbox.use_faults(["lost"])
        shop.run()
        shop.sandbox.use_faults([])
        privacy(shop, "rectify", "--case", "B-1", stdin=f"{at('wrong')}\n{at('right')}")
        before = {name: len(shop.events(name)) for name in NAMES}
        shop.run()
        for name in NAMES:
            assert {s.digest for s in shop.sales(name)[before[name] :]} == {digest(f"ida.2@{DOMAIN}")}

    def test_retention_forgets_both(self, rectified: Shop) -> None:
        rectified.orders()
        rectified.wait(days=401)
        rectified.orders(rectified.order("9"))
        assert rectified.run().code == 0
        assert rectified.sql("SELECT * FROM rectified_order") == []
        assert rectified.sql("SELECT corrected FROM rectification") == [(None,)]

    def test_an_address_that_was_wrong_again_is_rectified_once_more(self, rectified: Shop) -> None:
        privacy(rectified, "rectify", "--case", "B-2", stdin=f"{at('right')}\n{at('third')}")
        assert answer(rectified, at("right"))["sent"] == []
        assert [s["order"] for s in answer(rectified, at("third"))["sent"]] == ["2", "2"]
        assert json.loads(privacy(rectified, "erase", "--case", "E-1", "--json", stdin=at("third")).out)["events"] == 2

    def test_two_different_addresses_and_known_orders_are_needed(self, rectified: Shop) -> None:
        stopped(rectified.command("privacy", "rectify", "--case", "1", stdin=at("wrong")), USAGE, "two lines")
        stopped(
            rectified.command("privacy", "rectify", "--case", "1", stdin=f"{at('a')}\n{at('A')}"), USAGE, "same person"
        )
        both = f"{at('wrong')}\n{at('right')}"
        stopped(rectified.command("privacy", "rectify", "--case", "1", "--order", 2, stdin=both), USAGE, "'2'")
        assert rectified.sql("SELECT count(*) FROM rectification") == [(1,)]


def test_a_person_whose_address_cannot_be_hashed_has_every_right(shop: Shop) -> None:
    shop.orders(shop.order("1", billing_email=SOREN), shop.order("2"))
    shop.run()
    assert [n["order"] for n in answer(shop, SOREN.upper())["not_sent"]] == ["1", "1"]
    privacy(shop, "object", "--case", "O-1", stdin=SOREN)
    shop.orders(shop.order("1", billing_email=SOREN), shop.order("2"))
    assert shop.run().counts("meta")["withheld"] == {"objection": 1}
    said = privacy(shop, "erase", "--case", "E-1", stdin=SOREN)
    assert said.out == "Erased: 0 events of 1 order of 1 person.\n"
    assert shop.states()["meta"]["erased"] == 1
    shop.orders(shop.order("3", billing_email=SOREN), shop.order("2"))
    shop.run()
    assert answer(shop, SOREN)["not_sent"][0]["reason"] == "objection"


def test_reports_name_no_order_beyond_the_retention_or_after_an_erasure(shop: Shop) -> None:
    shop.configure(privacy={"retention_days": 100})
    shop.orders(*(shop.order(str(n), billing_email=at(str(n))) for n in (7001, 7002)), shop.order("7003", total="abc"))
    shop.run()
    shop.orders(*(shop.order(str(n), billing_email=at(str(n)), total="90.00") for n in (7001, 7002)))
    shop.run()
    in_reports = "SELECT count(*) FROM run WHERE report LIKE ?"
    assert shop.sql(in_reports, '%"7001"%') != [(0,)]
    privacy(shop, "erase", "--case", "E-1", stdin=at("7001"))
    assert shop.sql(in_reports, "%7001%") == [(0,)]
    assert shop.sql(in_reports, '%"7002"%') != [(0,)]
    shop.wait(days=101)
    shop.orders(shop.order("8001"))
    shop.run()
    assert shop.sql(in_reports, "%700_%") == [(0,)]
    assert shop.sql("SELECT count(*) FROM row_rejected WHERE order_no IS NOT NULL") == [(0,)]
    assert shop.command("audit", "verify").code == 0
