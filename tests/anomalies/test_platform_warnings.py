"""What is told of warnings, and what is not told twice."""

import pytest

from conversions.anomalies import platform_warnings
from conversions.destinations import warnings as kinds
from conversions.errors import Exit
from conversions.ledger.outbox import platform_warnings as stored
from conversions.ledger.runs import findings
from conversions.model.finding import Finding, FindingLevel
from tests.ledger.builders import Night
from tests.ledger.conftest import clock, night, path
from tests.sandbox.test_google import SCHEMAS

__all__ = ["clock", "night", "path"]


def met(night: Night, **events: int) -> None:
    google, _ = night.numbers
    with night.ledger.transaction() as connection:
        stored.count(connection, night.ledger.now_us, google, events)


def tonight(night: Night) -> list[Finding]:
    """What this night tells, remembered; the next one begins."""
    found = findings.mark_known(night.ledger, platform_warnings.findings(night.ledger))
    findings.save(night.ledger, night.run, found, [platform_warnings.CODE])
    night.clock.forward(days=1)
    night.begin()
    return found


def test_a_kind_is_news_once_however_many_events_meet_it_later(night: Night) -> None:
    codes = []
    for _ in range(20):
        met(night, GENERIC=40)
        codes.append([one.exit_code for one in tonight(night)])
    assert codes == [[Exit.ATTENTION], *[[Exit.OK]] * 19]


def test_another_kind_is_news_of_its_own_and_both_are_counted(night: Night) -> None:
    met(night, GENERIC=40)
    tonight(night)
    met(night, GENERIC=2, INVALID_MERCHANT_ID=3)
    assert [(one.about, one.count, one.exit_code) for one in tonight(night)] == [
        ("GENERIC", 42, Exit.OK),
        ("INVALID_MERCHANT_ID", 3, Exit.ATTENTION),
    ]


def test_a_kind_that_stayed_away_for_a_month_is_news_again(night: Night) -> None:
    met(night, GENERIC=40)
    tonight(night)
    night.clock.forward(days=30)
    assert tonight(night) == []
    met(night, GENERIC=1)
    [one] = tonight(night)
    assert (one.count, one.exit_code) == (1, Exit.ATTENTION)


def test_what_the_shop_has_promised_not_to_send_calls_nobody_and_is_said(night: Night) -> None:
    met(night, CART_DATA_ITEM_UNIT_PRICE_MISSING=40)
    [one] = tonight(night)
    assert (one.level, one.exit_code) == (FindingLevel.NOTE, Exit.OK)
    assert "you need to do nothing" in one.sentence
    assert "privacy policy" in one.sentence


def test_kinds_without_end_take_no_room_without_end(night: Night) -> None:
    for i in range(200):
        met(night, **{f"KIND_{i}": 1})
    found = stored.current(night.ledger)
    assert len(found) == stored.MAX_KINDS_PER_DESTINATION + 1
    assert {one.kind: one.events for one in found}["OTHER"] == 200 - stored.MAX_KINDS_PER_DESTINATION


@pytest.mark.parametrize("schema", ["FieldWarning", "WarningCount"])
def test_every_warning_of_the_reference_has_its_advice(schema: str) -> None:
    for name in SCHEMAS[schema]["properties"]["reason"]["enum"]:
        assert kinds.kind(name) in kinds.ADVICE, name


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ("warning_reason_generic", "GENERIC"),
        ("PROCESSING_WARNING_REASON_INTERNAL_ERROR", "INTERNAL_ERROR"),
        ("WARNING_REASON_INVENTED", "INVENTED"),
        ("hansen", "OTHER"),
        ("ida@kunde.example", "OTHER"),
    ],
)
def test_only_names_of_enums_are_kept(said: str, kind: str) -> None:
    assert kinds.kind(said) == kind
