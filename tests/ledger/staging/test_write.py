"""Staging: unsent orders are replaced by their present version; sent orders keep their bytes."""

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import func, select, update

from conversions.errors import LedgerError
from conversions.ledger import outbox, staging
from conversions.ledger.batches.form import Form
from conversions.ledger.schema import tables, views
from conversions.ledger.schema.tables import DESTINATION_BITS, MAX_DESTINATIONS, MAX_REVISIONS, event_key
from conversions.ledger.states import State
from conversions.model.conversion import Money, Reason
from conversions.model.receipt import Receipt
from tests.ledger import stored
from tests.ledger.builders import (
    DAY,
    FREE,
    LIMITS,
    LOST,
    NOW,
    PRICE,
    RECEIVED,
    SHOP,
    THROTTLED,
    Night,
    against,
    draft,
    event,
    fresh_sightings,
    orders,
    resolved,
    seen,
    sighting,
    subject,
)

DEARER = Money(9990, "DKK", 2)


def answered(night: Night, answer: Receipt, destination: str = "meta") -> None:
    """Send everything that waits; the platform answers so."""
    outbox.settle(night.ledger, night.run, night.intend(night.outbox(destination)), answer)


def events(night: Night, number: str = "1", destination: str = "meta") -> dict[int, bytes | None]:
    """The stored events of an order, by revision."""
    return stored.bodies(night.path, night.held(number, destination).id)


def forced(night: Night, *where: Any, **values: object) -> None:
    """Set columns of these orders."""
    with night.ledger.transaction() as connection:
        connection.execute(update(views.delivery).where(*where).values(**values))


# what is new


def test_an_order_that_is_ready_waits_with_its_bytes(night: Night) -> None:
    night.stage(sighting("1"))

    row = night.held("1")
    assert (row.state, row.reason, row.run, row.day, row.revision) == ("pending", None, night.run.id, DAY, 0)
    assert (row.wire_id, row.fingerprint) == (None, draft("1").fingerprint)
    assert (row.value_minor, row.value_currency, row.value_exponent) == (4990, "DKK", 2)
    assert (row.stated_minor, row.stated_currency, row.stated_exponent, row.due_minor) == (4990, "DKK", 2, 4990)
    assert (row.ready_at, row.expires_at) == (draft("1").ready_at, draft("1").expires_at)
    assert (row.first_attempt_us, row.settled_run) == (None, None)
    assert events(night) == {0: event("1")}


def test_an_order_is_one_sale_and_one_delivery_a_destination(night: Night) -> None:
    night.stage(sighting("1"), sighting("2"))
    night.stage(sighting("2"), sighting("1"))

    assert [(row.shop, row.order_no) for row in night.all(select(tables.sale))] == [(SHOP, "1"), (SHOP, "2")]
    assert len(night.all(select(views.delivery))) == 4
    assert {night.buyer("1", name) for name in ("google", "meta")} == {subject("buyer 1")}


def test_each_destination_has_its_own_draft(night: Night) -> None:
    night.stage(sighting("1", draft("g"), against(Reason.DENIED)))

    assert (events(night, "1", "google"), night.held("1", "meta").state) == ({0: event("g")}, "withheld")


def test_every_event_has_a_seed_of_its_own(night: Night) -> None:
    """Of which the salts of its bytes and of its link are made."""
    night.stage(*orders(20))

    events = stored.events(night.path)
    assert {(event.form, len(event.salts)) for event in events} == {(Form.SEEDED, 16)}
    assert len({event.salts for event in events}) == 40


def test_an_order_of_a_day_that_has_not_ended_is_deferred_to_its_end(night: Night) -> None:
    now = int(NOW.timestamp())
    night.stage(sighting("1", draft("1", ready_at=now + 1)), sighting("2", draft("2", ready_at=now)))

    assert night.states() == {"1": "deferred", "2": "pending"}


@pytest.mark.parametrize(("quarantined", "state"), [(False, "withheld"), (True, "quarantined")])
def test_an_order_that_may_not_go_is_kept_with_its_reason_and_worth_but_without_bytes(
    night: Night, quarantined: bool, state: str
) -> None:
    night.stage(sighting("1", against(Reason.SHAPE, quarantined=quarantined, due=FREE)))

    row = night.held("1")
    assert (row.state, row.reason) == (state, Reason.SHAPE)
    assert (row.stated_minor, row.due_minor) == (PRICE.minor, 0)
    assert (row.value_minor, row.wire_id, row.fingerprint) == (None, None, None)
    assert events(night) == {}


def test_a_second_run_with_the_same_orders_adds_nothing(night: Night) -> None:
    night.stage(*orders(3))
    before = {number: night.held(number)._asdict() for number in night.states()}

    night.stage(*orders(3))

    again = {"run": 1, "judged_run": 1}
    assert {number: night.held(number)._asdict() | again for number in night.states()} == before
    assert night.one(select(func.count()).select_from(tables.event))[0] == 6


# what waits


def test_a_pending_order_gets_the_present_values(night: Night) -> None:
    night.stage(sighting("1"))
    night.begin()

    night.stage(sighting("1", draft("1", due=DEARER, fingerprint=b"another"), stated=DEARER, day="2026-11-20"))

    row = night.held("1")
    assert (row.state, row.revision, row.run, row.day) == ("pending", 0, night.run.id, "2026-11-20")
    assert (row.value_minor, row.stated_minor, row.due_minor, row.fingerprint) == (9990, 9990, 9990, b"another")
    assert events(night) == {0: event("1", DEARER)}


def test_what_waited_and_may_not_go_any_more_loses_its_bytes(night: Night) -> None:
    night.stage(sighting("1"))

    night.stage(sighting("1", against(Reason.DENIED)))

    assert (night.held("1").state, night.held("1").reason) == ("withheld", Reason.DENIED)
    assert events(night) == {}


def test_what_waited_too_long_is_expired_in_this_run(night: Night) -> None:
    night.stage(sighting("1"))
    night.begin()

    night.stage(sighting("1", against(Reason.TOO_OLD)))

    row = night.held("1")
    assert (row.state, row.reason, row.settled_run, row.run) == ("expired", Reason.TOO_OLD, night.run.id, night.run.id)


def test_a_deferred_order_becomes_ready_once_its_day_has_ended(night: Night) -> None:
    soon = int(NOW.timestamp()) + 60
    night.stage(sighting("1", draft("1", ready_at=soon)))
    night.clock.forward(seconds=60)

    night.stage(sighting("1", draft("1", ready_at=soon)))

    assert night.states() == {"1": "pending"}


@pytest.mark.parametrize("before", [against(Reason.NO_CONSENT), against(Reason.NO_PRODUCT, quarantined=True)])
def test_what_was_held_back_is_evaluated_again_by_every_run(night: Night, before: object) -> None:
    night.stage(sighting("1", before))  # type: ignore[arg-type]

    night.stage(sighting("1"))

    row = night.held("1")
    assert (row.state, row.reason) == ("pending", None)
    assert events(night) == {0: event("1")}


# what was on the wire


@pytest.mark.parametrize("change", [{}, {"due": DEARER}])
def test_bytes_that_were_on_the_wire_stay_as_evidence(night: Night, change: dict[str, Money]) -> None:
    night.stage(sighting("1"))
    answered(night, THROTTLED)
    sent = stored.by_key(night.path)[event_key(night.held("1").id, 0)]

    night.stage(sighting("1", draft("1", **change)))

    assert stored.by_key(night.path)[sent.id] == sent
    assert night.held("1").state == "pending"
    assert events(night)[night.held("1").revision] == event("1", change.get("due", PRICE))


def test_refused_then_withheld_then_sendable_again_the_evidence_is_still_there(night: Night) -> None:
    night.stage(sighting("1"))
    answered(night, THROTTLED)
    night.stage(sighting("1", against(Reason.NO_CONSENT)))

    night.stage(sighting("1", draft("1", due=DEARER)))

    assert set(events(night).values()) == {event("1"), event("1", DEARER)}
    assert events(night)[night.held("1").revision] == event("1", DEARER)


def test_the_age_of_an_attempt_is_not_that_of_one_that_was_refused_before(night: Night) -> None:
    night.stage(sighting("1"))
    answered(night, THROTTLED)
    night.stage(sighting("1", draft("1", due=DEARER)))

    assert night.held("1").first_attempt_us is None


def test_an_order_refused_every_run_never_takes_the_place_of_another(night: Night) -> None:
    night.stage(sighting("1"), sighting("2"))
    last, deliveries = MAX_REVISIONS - 1, [night.held("1").id, night.held("2").id]
    forced(night, views.delivery.c.id.in_(deliveries), attempted=1, revision=last)
    for number, delivery in enumerate(deliveries, 1):
        night.seal(delivery, last, event(str(number)))

    night.stage(sighting("1"), sighting("2"))

    assert events(night, "1")[night.held("1").revision] == event("1")
    assert events(night, "2")[night.held("2").revision] == event("2")
    assert night.states() == {"1": "pending", "2": "pending"}


@pytest.mark.parametrize("said", [draft("1", due=DEARER), draft("1", fingerprint=b"moved"), against(Reason.TOO_OLD)])
def test_an_unanswered_order_keeps_its_bytes_with_any_change_in_the_source(night: Night, said: object) -> None:
    night.stage(sighting("1"))
    answered(night, LOST)
    before = night.held("1")
    night.begin()

    night.stage(sighting("1", said, stated=DEARER))  # type: ignore[arg-type]

    now = night.held("1")
    assert events(night) == {0: event("1")}
    kept = ("state", "revision", "value_minor", "fingerprint", "first_attempt_us", "expires_at")
    assert [getattr(now, name) for name in kept] == [getattr(before, name) for name in kept]
    assert (now.run, now.stated_minor) == (night.run.id, DEARER.minor)


def test_an_unanswered_order_that_may_not_go_any_more_is_let_go_as_maybe_received(night: Night) -> None:
    night.stage(sighting("1"))
    answered(night, LOST)

    night.stage(sighting("1", against(Reason.DENIED)))

    assert (night.held("1").state, night.held("1").reason) == ("withheld", Reason.MAYBE_RECEIVED)
    assert events(night) == {0: event("1")}
    night.stage(sighting("1"))
    assert night.held("1").reason == Reason.MAYBE_RECEIVED


@pytest.mark.parametrize(
    ("said", "due"), [(draft("1", due=DEARER), 9990), (against(Reason.NOT_COMPLETED, due=FREE), 0)]
)
def test_a_sent_order_remembers_what_was_sent_beside_what_is_due(night: Night, said: object, due: int) -> None:
    night.stage(sighting("1"))
    answered(night, RECEIVED)
    night.begin()

    night.stage(sighting("1", said, stated=DEARER))  # type: ignore[arg-type]

    row = night.held("1")
    assert (row.state, row.value_minor, row.stated_minor, row.due_minor, row.run) == (
        "received",
        PRICE.minor,
        DEARER.minor,
        due,
        night.run.id,
    )
    assert row.settled_run != night.run.id
    assert events(night) == {0: event("1")}


def test_an_erased_order_stays_erased(night: Night) -> None:
    night.stage(sighting("1"))
    forced(night, state=State.ERASED)

    night.stage(sighting("1", draft("1", due=DEARER)))

    assert night.held("1").state == "erased"


# whose it is


def test_a_corrected_address_is_the_buyers_while_nothing_was_sent(night: Night) -> None:
    night.stage(sighting("1"))

    night.stage(sighting("1", subject=subject("corrected")))

    assert night.buyer("1") == subject("corrected")


@pytest.mark.parametrize("answer", [RECEIVED, LOST])
def test_a_sent_order_keeps_its_data_subject(night: Night, answer: Receipt) -> None:
    night.stage(sighting("1"))
    answered(night, answer)

    night.stage(sighting("1", subject=subject("corrected")))

    assert night.buyer("1") == subject("buyer 1")


# destinations


def test_a_destination_keeps_its_first_number(night: Night) -> None:
    numbers = [staging.destination_id(night.ledger, name) for name in ("google", "meta", "google")]

    assert numbers == [1, 2, 1]


def test_keys_of_two_events_never_meet_and_where_there_is_no_room_a_sentence_says_so() -> None:
    keys = {event_key(above, below) for above in range(1, 5) for below in range(MAX_REVISIONS)}

    assert len(keys) == 4 * MAX_REVISIONS
    with pytest.raises(LedgerError, match="events"):
        event_key(1, MAX_REVISIONS)


def test_a_destination_whose_keys_would_be_those_of_another_order_is_refused(night: Night) -> None:
    numbers = [staging.destination_id(night.ledger, f"meta_{n}") for n in range(MAX_DESTINATIONS - 1)]

    assert len({sale << DESTINATION_BITS | number for sale in range(1, 5) for number in numbers}) == 4 * len(numbers)
    with pytest.raises(LedgerError, match=r"63 destinations .* `conversions adopt"):
        staging.destination_id(night.ledger, "one_more")
    assert night.one(select(func.count()).select_from(tables.destination)) == (MAX_DESTINATIONS - 1,)


def test_a_run_to_one_destination_leaves_the_other_alone(night: Night) -> None:
    night.stage(sighting("1"))
    before = night.held("1", "google")
    night.begin()
    _, meta = night.numbers
    sightings = fresh_sightings(night.ledger, [meta])
    only = replace(sighting("1"), drafts=(draft("1", due=DEARER),))
    sightings.add(seen(only))
    resolved(sightings)
    for _ in staging.stage(night.ledger, night.run.id, SHOP, LIMITS):
        pass

    assert night.held("1", "google") == before
    assert night.held("1", "meta").value_minor == 9990
