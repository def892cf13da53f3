"""Judging: what is held and what is said, brought together page by page, with nothing written."""

import pytest
from sqlalchemy import func, select

from conversions.conversion import Money, Reason
from conversions.ledger import judging, objections, requests, store, tables
from conversions.ledger import sightings as sightings_module
from conversions.ledger.judging import Judged
from conversions.ledger.matrix import FORBIDDEN, Step
from conversions.ledger.sightings import Sighting, open_sightings
from tests.ledger.builders import (
    DESTINATIONS,
    FIRST,
    LOST,
    RECEIVED,
    SHOP,
    Clock,
    Night,
    against,
    draft,
    orders,
    sighting,
    subject,
)


def judged(night: Night, *seen: Sighting) -> list[Judged]:
    with open_sightings() as found:
        found.add(seen)
        return [one for page in judging.judged(night.ledger, found, SHOP, night.numbers) for one in page]


def answered(night: Night, answer: requests.Receipt) -> None:
    """Everything that waits for Meta is sent, and the platform says this."""
    attempt = requests.intend(night.ledger, night.run, night.outbox(), FIRST)
    assert attempt is not None
    requests.settle(night.ledger, night.run, attempt, answer)


def test_an_order_is_judged_once_for_each_destination_in_the_settings_order(night: Night) -> None:
    google, meta = draft("g"), draft("m")

    found = judged(night, sighting("1", google, meta), sighting("2", google, meta))

    assert [(one.sighting.order_no, one.destination, one.draft) for one in found] == [
        ("1", 0, google),
        ("1", 1, meta),
        ("2", 0, google),
        ("2", 1, meta),
    ]


def test_an_order_that_nobody_has_seen_is_new(night: Night) -> None:
    assert [(one.step, one.sale, one.held) for one in judged(night, sighting("1"))] == [(Step.REPLACE, None, None)] * 2


def test_what_the_ledger_holds_is_judged_destination_by_destination(night: Night) -> None:
    night.stage(sighting("1"))
    answered(night, RECEIVED)

    google, meta = judged(night, sighting("1", draft("1", due=Money(1, "DKK", 2))))

    assert (google.step, meta.step) == (Step.REPLACE, Step.CHANGED)
    assert (google.held is not None and google.held.state, meta.held is not None and meta.held.state) == (
        "pending",
        "received",
    )


def test_the_same_number_in_another_shop_is_another_order(night: Night) -> None:
    night.stage(sighting("1"))

    with open_sightings() as found:
        found.add([sighting("1")])
        pages = list(judging.judged(night.ledger, found, "other", night.numbers))

    assert {one.step for page in pages for one in page} == {Step.REPLACE}
    assert {one.held for page in pages for one in page} == {None}


@pytest.mark.parametrize("said", [draft("1"), against(Reason.TOO_OLD), against(Reason.SHAPE, quarantined=True)])
def test_whoever_objects_is_withheld_at_every_destination(night: Night, said: object) -> None:
    objections.add(night.ledger, subject("anna"), None)

    found = judged(night, sighting("1", said, subject=subject("anna")), sighting("2"))  # type: ignore[arg-type]

    reasons = {(one.sighting.order_no, one.draft.reason, one.draft.event is None) for one in found}
    assert reasons == {("1", Reason.OBJECTION, True), ("2", None, False)}


@pytest.mark.parametrize("reason", sorted(FORBIDDEN - {Reason.OBJECTION}))
def test_what_forbids_it_anyway_is_not_hidden_behind_the_objection(night: Night, reason: Reason) -> None:
    objections.add(night.ledger, subject("anna"), None)

    found = judged(night, sighting("1", against(reason), subject=subject("anna")))

    assert {one.draft.reason for one in found} == {reason}


def test_an_objection_taken_back_binds_nobody(night: Night) -> None:
    objections.add(night.ledger, subject("anna"), None)
    objections.remove(night.ledger, subject("anna"), "letter")

    found = judged(night, sighting("1", subject=subject("anna")))

    assert {one.draft.reason for one in found} == {None}


@pytest.mark.parametrize(("answer", "step"), [(LOST, Step.DROP), (RECEIVED, Step.KEEP)])
def test_an_objection_lets_the_unanswered_go_and_leaves_the_sent(
    night: Night, answer: requests.Receipt, step: Step
) -> None:
    night.stage(sighting("1", subject=subject("anna")))
    answered(night, answer)
    objections.add(night.ledger, subject("anna"), None)

    _, meta = judged(night, sighting("1", subject=subject("anna")))

    assert meta.step is step


def test_judging_writes_nothing(night: Night) -> None:
    night.stage(*orders(3))
    counts = [select(func.count()).select_from(table) for table in tables.metadata.sorted_tables]
    before = [night.one(count) for count in counts]

    judged(night, *orders(5))

    assert [night.one(count) for count in counts] == before


def test_every_page_is_judged(night: Night, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sightings_module, "PAGE", 2)
    night.stage(*orders(5))

    found = judged(night, *orders(7))

    assert [one.held is not None for one in found] == [True] * 10 + [False] * 4


def test_a_destination_that_the_store_has_not_met_is_number_0_and_holds_nothing() -> None:
    with store.empty(Clock()) as ledger:
        assert judging.known_numbers(ledger, DESTINATIONS) == [0, 0]


def test_known_numbers_are_those_that_staging_gave(night: Night) -> None:
    google, meta = night.numbers

    assert judging.known_numbers(night.ledger, ["meta", "unmet", "google"]) == [meta, 0, google]
