"""``doctor --online`` at Meta: a question without an event; one event that is too old only where the question fails."""

from datetime import timedelta

import orjson
import pytest

from conversions.doctor.meta_access import probe_policy
from conversions.sandbox import meta as far_side
from tests.e2e.said import CREDENTIALS, REFUSES, TRY_AGAIN, Json, Said
from tests.e2e.sales import digest
from tests.e2e.shop import Shop
from tests.e2e.test_first_nights import NOBODY, online

OK = 0
WEBSITE = {"action_source": "website", "event_source_url": "https://shop.example/"}
REFUSED_QUESTION = "quality:meta=3"


@pytest.fixture
def web(shop: Shop) -> Shop:
    """A shop whose events Meta refuses after seven days."""
    shop.configure(destinations={"meta": WEBSITE})
    shop.orders(shop.order("1"))
    return shop


def asked(shop: Shop, *faults: str) -> tuple[Said, Json]:
    """What ``doctor --online`` says of Meta last."""
    shop.sandbox.use_faults(faults)
    said, about = online(shop)
    return said, about["meta"][-1]


@pytest.mark.parametrize("source", [{"action_source": "physical_store"}, WEBSITE, {"action_source": "email"}])
def test_a_good_token_is_known_without_an_event(shop: Shop, source: Json) -> None:
    shop.configure(destinations={"meta": source})
    shop.orders(shop.order("1"))
    said, found = asked(shop)
    assert (said.code, found["level"], shop.received("meta")["requests"]) == (OK, "ok", 0)
    assert "accepts the token for dataset 555000111222; no event was sent" in found["sentence"]


@pytest.mark.parametrize("source", [{"action_source": "physical_store"}, WEBSITE])
@pytest.mark.parametrize(
    ("fault", "code", "sentence", "advice"),
    [
        ("expired-token:meta", CREDENTIALS, "refuses the token (401/190/463)", "Make a new token"),
        ("quality:meta=190", CREDENTIALS, "refuses the token (401/190)", "Make a new token"),
        ("quality:meta=102", CREDENTIALS, "refuses the token (400/102)", "Make a new token"),
        ("quality:meta=10", CREDENTIALS, "does not let the token reach dataset", "Make the token in the dataset"),
        ("quality:meta=200", CREDENTIALS, "does not let the token reach dataset", "Make the token in the dataset"),
        ("quality:meta=100/33", CREDENTIALS, "does not let the token reach dataset", "Compare dataset_id"),
        ("quality:meta=100/2044055", CREDENTIALS, "does not let the token reach dataset", "Compare dataset_id"),
        ("quality:meta=2635", REFUSES, "refuses the check", "graph_version"),
        ("quality:meta=1870092", REFUSES, "refuses the check", "Business Tools terms"),
        ("quality:meta=4", TRY_AGAIN, "does not answer as it should", "again later"),
        ("no-verdicts:meta", TRY_AGAIN, "does not answer as it should", "again later"),
    ],
)
def test_an_answer_about_token_or_dataset_sends_no_event(
    shop: Shop, source: Json, fault: str, code: int, sentence: str, advice: str
) -> None:
    shop.configure(destinations={"meta": source})
    shop.orders(shop.order("1"))
    said, found = asked(shop, fault)
    assert (said.code, shop.received("meta")["requests"]) == (code, 0)
    assert sentence in found["sentence"]
    assert "no event was sent" in found["sentence"]
    assert advice in found["next"]


@pytest.mark.parametrize("fault", [REFUSED_QUESTION, "quality:meta=2500", "quality:meta=100"])
def test_where_the_question_itself_is_refused_one_old_event_tells(web: Shop, fault: str) -> None:
    said, found = asked(web, fault)
    assert (said.code, found["level"]) == (OK, "ok")
    assert "refused one made-up event as too old, as it should; nothing was counted" in found["sentence"]
    received = web.received("meta")
    assert (received["requests"], received["events"], received["refused"]) == (1, 0, {"100/2804003": 1})


def test_physical_store_is_never_checked_with_an_event(shop: Shop) -> None:
    shop.orders(shop.order("1"))
    said, found = asked(shop, REFUSED_QUESTION)
    assert (said.code, found["level"], shop.received("meta")["requests"]) == (OK, "note", 0)
    assert "was not checked with an event" in found["sentence"]
    assert "62 days" in found["sentence"]
    assert "first_batch = 50" in found["next"]


def test_the_old_event_is_of_nobody_and_of_no_order(web: Shop) -> None:
    asked(web, REFUSED_QUESTION)
    (event,) = orjson.loads(web.bodies("meta")[0])["data"]
    age = web.now.timestamp() - event.pop("event_time")
    assert age == 30 * 86_400
    assert event == {
        "event_name": "Purchase",
        "event_id": "c-" + "0" * 32,
        **WEBSITE,
        "user_data": {"em": [digest(NOBODY)]},
        "custom_data": {"currency": "DKK", "value": 1.0, "order_id": "c-" + "0" * 32},
    }


def test_it_is_logged_before_it_leaves_under_a_policy_of_its_own(web: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    logged: list[object] = []
    check = far_side.Meta.check

    def arrives(*arguments: object) -> object:
        logged.extend(web.sql("SELECT outcome FROM request WHERE purpose = 'probe'"))
        return check(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(far_side.Meta, "check", arrives)
    asked(web, REFUSED_QUESTION)
    assert (None,) in logged
    line = next(line for line in web.exported() if line["destination"] == "meta")
    assert (line["purpose"], line["outcome"], line["events"]) == ("probe", "refused", 0)
    assert line["body"].encode() == web.bodies("meta")[0]
    assert line["policy_version"] == "probe"
    assert web.sql("SELECT policy FROM request WHERE outcome = 'refused'") == [(probe_policy().sha256,)]
    assert web.command("audit", "verify").code == OK
    ((text,),) = web.sql("SELECT body FROM document WHERE sha256 = ?", probe_policy().sha256)
    assert text == probe_policy().text


def test_the_shop_s_own_policy_stays_the_approved_one_and_its_orders_leave(web: Shop) -> None:
    asked(web, REFUSED_QUESTION)
    web.sandbox.use_faults([])
    said = web.run()
    assert (said.code, said.counts("meta")) == (OK, {"sent": 1})
    assert web.command("policy", "show", "--json").json["version"] == "2026-01"
    versions = {line["policy_version"] for line in web.exported() if line["purpose"] != "probe"}
    assert versions == {"2026-01"}
    assert web.command("audit", "verify").code == OK


def test_if_meta_takes_it_one_event_may_have_counted_and_that_is_said(
    web: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("conversions.sandbox.meta_body.MAX_AGE", timedelta(days=62))
    said, found = asked(web, REFUSED_QUESTION)
    assert said.code == REFUSES
    assert "one made-up event may have counted" in found["sentence"]
    assert "Events Manager" in found["next"]


def test_the_event_tells_a_bad_token_too(web: Shop) -> None:
    said, found = asked(web, REFUSED_QUESTION, "expired-token:metax1")
    assert said.code == CREDENTIALS
    assert "refuses the token (401/190/463); nothing was counted" in found["sentence"]


def test_the_probe_policy_allows_this_one_person_only() -> None:
    listings = {listing.path: listing.shape for listing in probe_policy().listings("meta")}
    assert listings["data[].user_data.em[]"] == f"const:{digest(NOBODY)}"
    assert "physical_store" not in listings["data[].action_source"]
    assert probe_policy().listings("google") == ()
