"""Batches of which something was erased: what the other orders of them still need."""

from datetime import date

from sqlalchemy import text

from conversions.ledger import outbox
from conversions.ledger.outbox import validation_request
from conversions.ledger.subjects import erasure, retention
from tests.ledger import stored
from tests.ledger.builders import LOST, Night, draft, orders, sighting, subject

LATER = date(2026, 11, 30)


def test_a_batch_with_an_erased_order_outlives_the_others_and_can_be_purged(night: Night) -> None:
    night.stage(*orders(2))
    erasure.erase_person(night.ledger, (subject("buyer A-0"),), "17")
    night.stage(sighting("A-1", draft("A-1", fingerprint=b"other")))
    night.stage(sighting("A-2"))
    places = [event.place for event in stored.events(night.path)]
    assert len({*places}) == len(places) == 6
    assert [event.body for event in stored.events(night.path)].count(None) == 2
    assert retention.purge(night.ledger, LATER).events == 4


def test_a_purge_keeps_the_id_of_an_order_that_still_waits_for_a_decision(night: Night) -> None:
    night.stage(sighting("1", draft("1", event=b'{"event_id":"c-1"}')), sighting("2"))
    outbox.settle(night.ledger, night.run, night.intend(night.outbox()), LOST)
    retention.purge(night.ledger, LATER)
    assert night.held("1").wire_id == "c-1"


def test_a_check_that_was_killed_is_recovered(night: Night) -> None:
    validation_request.begin_validation(night.ledger, night.run, night.outbox(), b'{"data":[]}', ())
    outbox.recover(night.ledger)
    assert night.one(text("SELECT outcome FROM request")) == ("unknown",)
