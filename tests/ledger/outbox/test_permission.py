"""Whose events may not leave: the intent asks for what is newer in the list than what staging asked for."""

import pytest
from sqlalchemy import select

from conversions.ledger import outbox
from conversions.ledger.outbox import ClaimedBatch, RequestTemplate, permission
from conversions.ledger.outbox.permission import newly_forbidden
from conversions.ledger.schema import tables
from conversions.ledger.subjects import rectification, suppressions
from conversions.ledger.subjects.suppressions import SuppressionKind
from conversions.model.conversion import Reason
from tests.ledger.builders import DESTINATIONS, FIRST, LOST, RESEND, UNSENT, Night, draft, event, sighting, subject

IDA, BO = subject("ida"), subject("bo")


def objects(night: Night, person: bytes = IDA, kind: SuppressionKind = SuppressionKind.OBJECTION) -> None:
    suppressions.add(night.ledger, (person,), None, kind)


def claimed(night: Night, template: RequestTemplate | None = None) -> ClaimedBatch:
    batch = outbox.claim(night.ledger, night.run, template or night.outbox(), FIRST)
    assert batch is not None
    return batch


def forbidden(night: Night, batch: ClaimedBatch) -> dict[str, Reason]:
    """The reasons, by order number."""
    with night.ledger.transaction() as connection:
        found = newly_forbidden(connection, batch)
    numbers = {row.id: row.order_no for row in night.all(select(tables.sale.c.id, tables.sale.c.order_no))}
    return {numbers[key >> 14]: reason for key, reason in found.items()}


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        (SuppressionKind.OBJECTION, Reason.OBJECTION),
        (SuppressionKind.RESTRICTION, Reason.RESTRICTED),
        (SuppressionKind.WITHDRAWAL, Reason.WITHDRAWN),
        (SuppressionKind.ERASURE, Reason.OBJECTION),
    ],
)
def test_an_entry_after_staging_forbids_the_persons_events(night: Night, kind: SuppressionKind, reason: Reason) -> None:
    night.stage(sighting("1", subject=IDA), sighting("2", subject=BO), sighting("3", subject=IDA))
    batch = claimed(night)
    objects(night, kind=kind)

    assert forbidden(night, batch) == {"1": reason, "3": reason}


def test_an_entry_before_staging_was_judged_there(night: Night) -> None:
    objects(night)
    night.stage(sighting("1", subject=IDA), sighting("2", subject=BO))

    assert night.states() == {"1": "withheld", "2": "pending"}
    assert forbidden(night, claimed(night)) == {}


def test_entries_of_other_people_forbid_nothing(night: Night) -> None:
    night.stage(sighting("1", subject=BO))
    batch = claimed(night)
    objects(night)

    assert forbidden(night, batch) == {}


def test_a_removed_entry_forbids_nothing_and_entered_again_it_does(night: Night) -> None:
    objects(night)
    suppressions.remove(night.ledger, (IDA,), "letter")
    night.stage(sighting("1", subject=IDA))
    batch = claimed(night)
    assert forbidden(night, batch) == {}

    objects(night)
    assert forbidden(night, batch) == {"1": Reason.OBJECTION}
    suppressions.remove(night.ledger, (IDA,), "letter")
    assert forbidden(night, batch) == {}
    objects(night)
    assert forbidden(night, batch) == {"1": Reason.OBJECTION}


def test_to_ask_for_a_part_of_a_batch_answers_nothing_for_the_rest(night: Night) -> None:
    night.stage(*[sighting(f"{i}", subject=BO) for i in range(2)], *[sighting(f"{i}", subject=IDA) for i in (2, 3)])
    objects(night)
    template = night.outbox(max_events=2)

    assert night.intend(template).events == tuple(night.held(number).id << 8 for number in "01")
    assert night.attempt(template) is None
    assert {night.held(number).reason for number in "23"} == {Reason.OBJECTION}


def test_one_objection_looks_at_no_event_of_a_request_without_the_person(
    night: Night, monkeypatch: pytest.MonkeyPatch
) -> None:
    night.stage(*[sighting(f"{i}", subject=BO) for i in range(20)], sighting("hers", subject=IDA))
    objects(night)
    looked_at: list[int] = []
    real = permission._forbidden

    def noting(connection: object, events: list[int], *rest: object) -> dict[int, Reason]:
        looked_at.extend(events)
        return real(connection, events, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(permission, "_forbidden", noting)
    template = night.outbox(max_events=10)
    sent = [len(attempt.events) for attempt in iter(lambda: night.attempt(template), None)]

    assert sent == [10, 10]
    assert looked_at == [night.held("hers").id << 8]


def test_several_batches_are_asked_from_the_one_that_was_sealed_first(night: Night) -> None:
    days = [sighting("1", subject=IDA, day="2026-11-20"), sighting("2", subject=BO, day="2026-11-21")]
    night.stage(*days)
    objects(night, subject("another"))
    with night.ledger.transaction() as connection:
        newest = select(tables.batch.c.id).where(tables.batch.c.destination == len(DESTINATIONS))
        last = max(connection.execute(newest).scalars())
        connection.execute(tables.batch.update().where(tables.batch.c.id == last).values(objection=2))
    objects(night)

    batch = claimed(night)
    assert len(batch.events) == 2
    assert forbidden(night, batch) == {"1": Reason.OBJECTION}


def test_the_buyer_of_the_event_counts_and_not_that_of_the_order_now(night: Night) -> None:
    night.stage(sighting("1", subject=IDA))
    first = night.intend(night.outbox())
    (again,) = outbox.settle(night.ledger, night.run, first, UNSENT).again
    batch = outbox.claim(night.ledger, night.run, night.outbox(), again)
    assert batch is not None
    night.stage(sighting("1", draft("1", event=event("1b")), subject=BO))
    objects(night, BO)

    assert forbidden(night, batch) == {}
    objects(night, IDA)
    assert forbidden(night, batch) == {"1": Reason.OBJECTION}


def test_a_person_with_two_subjects_is_found_under_either(night: Night) -> None:
    night.stage(sighting("1", subject=IDA))
    batch = claimed(night)
    suppressions.add(night.ledger, (subject("ida under the new key"), IDA), None)

    assert forbidden(night, batch) == {"1": Reason.OBJECTION}


def test_a_rectified_address_is_asked_for_each_time(night: Night) -> None:
    night.stage(sighting("1", subject=IDA), sighting("2", subject=IDA))
    batch = claimed(night)
    rectification.rectify(night.ledger, (IDA,), (BO,), [1], "case 1")

    assert forbidden(night, batch) == {"1": Reason.WRONG_ADDRESS}


def test_an_unanswered_event_is_asked_for_again_before_each_resend(night: Night) -> None:
    night.stage(sighting("1", subject=IDA), sighting("2", subject=BO))
    outbox.settle(night.ledger, night.run, night.intend(night.outbox()), LOST)
    night.begin()
    outbox.settle(night.ledger, night.run, night.intend(night.outbox(), RESEND), LOST)
    objects(night)
    night.begin()

    attempt = night.intend(night.outbox(), RESEND)

    assert attempt.events == (night.held("2").id << 8,)
    assert night.held("1").reason == Reason.MAYBE_RECEIVED
