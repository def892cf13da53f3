"""Write-ahead requests: each is on disk before it is sent, with the staged bytes of orders that may still be sent."""

from hashlib import sha256
from typing import Any

import orjson
import pytest
from sqlalchemy import Row, select

from conversions.errors import DisclosureError, LedgerError
from conversions.ledger import outbox
from conversions.ledger.outbox import Attempt, Purpose, WorkItem
from conversions.ledger.schema import tables, views
from conversions.ledger.schema.tables import SALE_OF_EVENT
from conversions.ledger.subjects import suppressions
from conversions.model.conversion import Reason
from conversions.model.receipt import Receipt
from tests.ledger import stored
from tests.ledger.builders import (
    FIRST,
    LOST,
    NOW,
    PRICE,
    RECEIVED,
    RESEND,
    THROTTLED,
    UNSENT,
    Night,
    another_look,
    draft,
    event,
    orders,
    sighting,
    subject,
)
from tests.ledger.log.test_merkle import by_definition
from tests.ledger.stored import StoredEvent

GOLDEN = "57fe72850d8d962b87d031ff4f44c00adc5db70b0c3f8af67a24241816d2ae86"
"""The RFC 6962 root over the leaf values of the events 1, 2, 3, made with seeds that count up from 60."""


def settle(night: Night, attempt: Attempt, receipt: Receipt) -> outbox.Settlement:
    return outbox.settle(night.ledger, night.run, attempt, receipt)


def request(night: Night, attempt: Attempt) -> Row[Any]:
    return night.one(select(tables.request).where(tables.request.c.id == attempt.request))


def inside(night: Night, attempt: Attempt) -> list[str]:
    """The orders of a request, by position."""
    numbers = {row.id: row.order_no for row in night.all(select(tables.sale.c.id, tables.sale.c.order_no))}
    return [numbers[event.id >> SALE_OF_EVENT] for event in held_by(night, attempt.request)]


def held_by(night: Night, request: int) -> list[StoredEvent]:
    """The events of a request, by position."""
    return stored.events_of_requests(night.path)[request]


def unanswered(night: Night, *numbers: str) -> None:
    """These orders were sent by the last run, without an answer."""
    night.stage(*[sighting(number, subject=subject(number)) for number in numbers])
    settle(night, night.intend(night.outbox()), LOST)
    night.begin()


# the intent


def test_the_body_is_prefix_events_and_suffix_in_the_bytes_that_were_staged(night: Night) -> None:
    night.stage(sighting("1"), sighting("2"))

    attempt = night.intend(night.outbox())

    assert attempt.body == b'{"data":[' + event("1") + b"," + event("2") + b"]}"


def test_an_intent_is_on_disk_with_its_bytes_before_intend_returns(night: Night) -> None:
    night.stage(*orders(3))

    attempt = night.intend(night.outbox())

    with another_look(night.path) as other:
        row = other.execute(select(tables.request)).one()
        events = [e.body for e in held_by(night, row.id) if e.body is not None]
        states = set(other.execute(select(views.delivery.c.state).where(views.delivery.c.destination == 2)).scalars())
    assert row.prefix + b",".join(events) + row.suffix == attempt.body
    assert (row.outcome, row.answered_us, row.outcome_leaf) == (None, None, None)
    assert states == {"in_flight"}


def test_the_row_has_recipient_url_policy_and_rules(night: Night) -> None:
    night.stage(*orders(2))

    row = request(night, night.intend(night.outbox()))

    assert (row.run, row.parent, row.purpose, row.attempt, row.events) == (night.run.id, None, "first", 1, 2)
    assert (row.recipient, row.url) == ("meta Ireland", "https://meta.example/events")
    assert row.headers == '{"Content-Type":"application/json"}'
    assert (row.policy, row.rules, row.intended_us) == (
        night.run.policy,
        "meta/2026",
        int(NOW.timestamp()) * 1_000_000,
    )


def test_positions_are_those_in_the_body(night: Night) -> None:
    night.stage(*orders(5))

    attempt = night.intend(night.outbox())

    ids = [one["id"] for one in orjson.loads(attempt.body)["data"]]
    assert [f"c-{number}" for number in inside(night, attempt)] == ids
    assert attempt.events == tuple(event.id for event in held_by(night, attempt.request))
    assert len(attempt.events) == 5


def test_the_leaf_of_an_intent_says_all_of_it_and_nothing_of_a_person(night: Night) -> None:
    night.stage(sighting("1"))
    attempt = night.intend(night.outbox())

    leaf = night.leaves()[request(night, attempt).leaf]

    assert leaf | {"commitments": "", "envelope": ""} == {
        "kind": "intent",
        "seq": 1,
        "t": int(NOW.timestamp()) * 1_000_000,
        "request": attempt.request,
        "parent": None,
        "run": night.run.id,
        "purpose": "first",
        "attempt": 1,
        "destination": "meta",
        "recipient": "meta Ireland",
        "url": "https://meta.example/events",
        "events": 1,
        "bytes": len(attempt.body),
        "paths": ["data[].id", "data[].value"],
        "policy": night.run.policy,
        "policy_version": "2026-01",
        "rules": "meta/2026",
        "legal_basis": "legitimate_interest",
        "envelope": "",
        "route": None,
        "commitments": "",
    }
    assert leaf["envelope"] == sha256(b'{"Content-Type":"application/json"}\0{"data":[\0]}').hexdigest()


def test_the_commitment_is_the_merkle_root_over_the_salted_events_in_their_order(night: Night) -> None:
    night.stage(*orders(5))
    attempt = night.intend(night.outbox())

    values = [event.leaf_value for event in held_by(night, attempt.request)]

    assert night.leaves()[-1]["commitments"] == by_definition(values).hex()


def test_the_commitment_of_known_salts_and_events_never_changes(night: Night, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("conversions.ledger.batches.seal.token_bytes", lambda size: bytes(range(60, 60 + size)))
    night.stage(sighting("1"), sighting("2"), sighting("3"))

    night.intend(night.outbox())

    assert night.leaves()[-1]["commitments"] == GOLDEN


def test_a_leaf_holds_no_digest_that_could_be_guessed(night: Night) -> None:
    night.stage(sighting("1"))
    attempt = night.intend(night.outbox())

    text_of_leaf = orjson.dumps(night.leaves()[-1]).decode()

    for guess in (attempt.body, event("1"), b"1", b"c-1", subject("buyer 1")):
        assert sha256(guess).hexdigest() not in text_of_leaf
    assert "c-1" not in text_of_leaf


def test_orders_are_claimed_once_however_often_intend_is_asked(night: Night) -> None:
    night.stage(*orders(5))
    template = night.outbox(max_events=2)

    claimed = [inside(night, night.intend(template)) for _ in range(3)]

    assert claimed == [["A-0", "A-1"], ["A-2", "A-3"], ["A-4"]]
    assert night.attempt(template, FIRST) is None


def test_each_destination_has_its_own_requests(night: Night) -> None:
    night.stage(*orders(2))

    google, meta = night.intend(night.outbox("google")), night.intend(night.outbox("meta"))

    assert (request(night, google).destination, request(night, meta).destination) == tuple(night.numbers)
    assert set(google.events).isdisjoint(meta.events)


@pytest.mark.parametrize("fitting", [1, 2, 3])
def test_a_body_never_exceeds_the_cap(night: Night, fitting: int) -> None:
    night.stage(*orders(6))
    needed = len(b'{"data":[') + fitting * len(event("A-0")) + (fitting - 1) + len(b"]}")

    for spare, events in ((1, fitting), (-1, max(1, fitting - 1))):
        attempt = night.intend(night.outbox(max_bytes=needed + spare))

        assert len(attempt.events) == events
        assert len(attempt.body) <= needed + spare or events == 1


def test_an_event_larger_than_the_cap_goes_alone_rather_than_never(night: Night) -> None:
    night.stage(*orders(2))

    assert len(night.intend(night.outbox(max_bytes=1)).events) == 1


def test_what_an_earlier_run_staged_is_not_sent_unseen(night: Night) -> None:
    night.stage(sighting("old"))
    night.begin()
    night.stage(sighting("new"))

    template = night.outbox()

    assert inside(night, night.intend(template)) == ["new"]
    assert night.attempt(template, FIRST) is None
    assert night.states()["old"] == "pending"


def test_nothing_but_what_waits_is_claimed(night: Night) -> None:
    night.stage(sighting("later", draft("later", ready_at=int(NOW.timestamp()) + 60)))

    assert night.attempt(night.outbox(), FIRST) is None


# the gate


def refusing(word: bytes) -> Any:
    def check(body: bytes, events: int) -> tuple[str, ...]:
        if word in body:
            raise DisclosureError("data[].id is not listed")
        return ()

    return check


def test_the_gate_sees_the_finished_bytes_and_how_many_events_they_hold(night: Night) -> None:
    night.stage(*orders(3))
    seen: list[tuple[bytes, int]] = []

    def check(body: bytes, events: int) -> tuple[str, ...]:
        seen.append((body, events))
        return ("data[].id",)

    attempt = night.intend(night.outbox(check=check))

    assert seen == [(attempt.body, 3)]
    assert night.leaves()[-1]["paths"] == ["data[].id"]


def test_newly_built_bytes_that_do_not_fit_stop_the_run_and_leave_no_intent(night: Night) -> None:
    night.stage(*orders(3))

    with pytest.raises(DisclosureError):
        night.attempt(night.outbox(check=refusing(b"c-A-1")))

    assert night.all(select(tables.request)) == []
    assert set(night.states().values()) == {"pending"}
    assert [leaf["kind"] for leaf in night.leaves()] == ["run"]


def test_unanswered_bytes_that_no_longer_fit_are_let_go_and_the_others_sent(night: Night) -> None:
    unanswered(night, "1", "2", "3")

    attempt = night.intend(night.outbox(check=refusing(b"c-2")), RESEND)

    assert inside(night, attempt) == ["1", "3"]
    assert (night.held("2").state, night.held("2").reason) == ("withheld", Reason.MAYBE_RECEIVED)


# asked again


def test_an_objection_entered_after_staging_withholds_and_the_rest_goes(night: Night) -> None:
    night.stage(sighting("1", subject=subject("anna")), sighting("2"), sighting("3", subject=subject("anna")))
    suppressions.add(night.ledger, (subject("anna"),), None)

    attempt = night.intend(night.outbox())

    assert inside(night, attempt) == ["2"]
    assert b"c-1" not in attempt.body
    assert (night.held("1").state, night.held("1").reason) == ("withheld", Reason.OBJECTION)


def test_where_all_object_nothing_leaves_and_the_next_are_sent(night: Night) -> None:
    night.stage(*[sighting(str(i), subject=subject("anna")) for i in range(4)], sighting("other"))
    suppressions.add(night.ledger, (subject("anna"),), None)

    assert inside(night, night.intend(night.outbox(max_events=2))) == ["other"]


def test_an_objection_to_a_later_part_of_a_batch_is_seen_after_the_earlier_part_left(night: Night) -> None:
    night.stage(*[sighting(str(i)) for i in range(3)], sighting("anna's", subject=subject("anna")))
    suppressions.add(night.ledger, (subject("anna"),), None)
    template = night.outbox(max_events=2)

    requests = [inside(night, night.intend(template)) for _ in range(2)]

    assert requests == [["0", "1"], ["2"]]
    assert night.attempt(template, FIRST) is None
    assert night.held("anna's").reason == Reason.OBJECTION


def test_an_objection_between_two_attempts_of_the_same_batch_withholds(night: Night) -> None:
    night.stage(sighting("1", subject=subject("anna")), sighting("2"))
    template = night.outbox()
    (again,) = settle(night, night.intend(template), THROTTLED).again
    suppressions.add(night.ledger, (subject("anna"),), None)

    second = night.intend(template, again)

    assert inside(night, second) == ["2"]
    assert night.held("1").reason == Reason.OBJECTION


def test_an_objection_before_a_resend_lets_go_what_was_maybe_received(night: Night) -> None:
    unanswered(night, "anna", "bo")
    suppressions.add(night.ledger, (subject("anna"),), None)

    attempt = night.intend(night.outbox(), RESEND)

    assert inside(night, attempt) == ["bo"]
    assert night.held("anna").reason == Reason.MAYBE_RECEIVED


def test_the_address_that_is_sent_decides_whose_objection_it_is(night: Night) -> None:
    """Received at Meta under the old address, waiting for Google under the corrected one."""
    night.stage(sighting("1", subject=subject("old")))
    settle(night, night.intend(night.outbox("meta")), RECEIVED)
    night.stage(sighting("1", draft("1", fingerprint=b"corrected"), subject=subject("corrected")))
    suppressions.add(night.ledger, (subject("corrected"),), None)

    assert night.attempt(night.outbox("google"), FIRST) is None
    assert night.held("1", "google").reason == Reason.OBJECTION


def test_an_objection_removed_before_the_attempt_has_no_effect(night: Night) -> None:
    night.stage(sighting("1", subject=subject("anna")))
    suppressions.add(night.ledger, (subject("anna"),), None)
    suppressions.remove(night.ledger, (subject("anna"),), "letter")

    assert inside(night, night.intend(night.outbox())) == ["1"]


def test_what_another_request_has_taken_meanwhile_is_left_out_and_left_alone(night: Night) -> None:
    night.stage(*orders(2))
    template = night.outbox()
    batch = outbox.claim(night.ledger, night.run, template, FIRST)
    assert batch is not None
    night.intend(template, batch.again)

    late = outbox.intend(night.ledger, night.run, template, batch, outbox.validate(template, batch))

    assert late == []
    assert set(night.states().values()) == {"in_flight"}


def test_an_order_that_became_too_old_while_it_waited_is_expired(night: Night) -> None:
    soon = int(NOW.timestamp()) + 60
    night.stage(sighting("1", draft("1", expires_at=soon)), sighting("2"))
    night.clock.forward(seconds=60)

    assert inside(night, night.intend(night.outbox())) == ["2"]
    assert (night.held("1").state, night.held("1").reason) == ("expired", Reason.TOO_OLD)
    assert night.held("1").settled_run == night.run.id


# the epoch


def test_a_run_that_lost_the_store_commits_no_intent(night: Night) -> None:
    night.stage(*orders(2))
    template, lost = night.outbox(), night.run
    batch = outbox.claim(night.ledger, lost, template, FIRST)
    assert batch is not None
    night.begin()
    before = night.leaves()

    with pytest.raises(LedgerError, match="taken over"):
        outbox.intend(night.ledger, lost, template, batch, outbox.validate(template, batch))

    assert night.all(select(tables.request)) == []
    assert set(night.states().values()) == {"pending"}
    assert night.leaves() == before


def test_a_run_that_lost_the_store_withholds_no_order(night: Night) -> None:
    night.stage(sighting("1", subject=subject("anna")))
    template, lost = night.outbox(), night.run
    batch = outbox.claim(night.ledger, lost, template, FIRST)
    assert batch is not None
    suppressions.add(night.ledger, (subject("anna"),), None)
    night.begin()

    with pytest.raises(LedgerError, match="taken over"):
        outbox.intend(night.ledger, lost, template, batch, outbox.validate(template, batch))

    assert night.states() == {"1": "pending"}


def test_a_run_that_lost_the_store_settles_nothing(night: Night) -> None:
    night.stage(*orders(2))
    attempt, lost = night.intend(night.outbox()), night.run
    night.begin()

    with pytest.raises(LedgerError, match="taken over"):
        outbox.settle(night.ledger, lost, attempt, RECEIVED)

    assert set(night.states().values()) == {"in_flight"}
    assert request(night, attempt).outcome is None


# resending


def test_unanswered_events_are_resent_byte_for_byte_in_a_new_request(night: Night) -> None:
    unanswered(night, "1", "2")
    night.stage(sighting("1", draft("1", event=b'{"id":"another"}', fingerprint=b"another")), sighting("3"))
    first = night.one(select(tables.request))

    attempt = night.intend(night.outbox(suffix=b'],"upload_tag":"tonight"}'), RESEND)

    assert attempt.body == b'{"data":[' + event("1") + b"," + event("2") + b'],"upload_tag":"tonight"}'
    assert attempt.request != first.id
    assert held_by(night, attempt.request) == held_by(night, first.id)


def test_a_resend_includes_orders_that_no_run_has_read_again(night: Night) -> None:
    unanswered(night, "1")

    assert inside(night, night.intend(night.outbox(), RESEND)) == ["1"]


def test_each_unanswered_order_is_resent_once_a_round(night: Night) -> None:
    unanswered(night, *"12345")
    template = night.outbox(max_events=2)

    claimed = [inside(night, night.intend(template, RESEND)) for _ in range(3)]

    assert claimed == [["1", "2"], ["3", "4"], ["5"]]
    assert night.attempt(template, RESEND) is None


def test_inside_the_platforms_window_is_up_to_its_last_microsecond(night: Night) -> None:
    unanswered(night, "1")
    template = night.outbox(resend_us=3_600_000_000)
    night.clock.forward(hours=1, microseconds=-1)

    assert inside(night, night.intend(template, RESEND)) == ["1"]


def test_after_the_platforms_window_it_stays_unknown_for_a_person_to_decide(night: Night) -> None:
    unanswered(night, "1")
    template = night.outbox(resend_us=3_600_000_000)
    night.clock.forward(hours=1)

    assert night.attempt(template, RESEND) is None
    assert night.states() == {"1": "unknown"}


def test_a_window_that_closes_between_two_attempts_is_noticed(night: Night) -> None:
    night.stage(sighting("1"))
    template = night.outbox(resend_us=3_600_000_000)
    (again,) = settle(night, night.intend(template), LOST).again
    night.clock.forward(hours=1)

    assert night.attempt(template, again) is None
    assert night.states() == {"1": "unknown"}


def test_the_window_counts_from_the_first_attempt_not_the_last(night: Night) -> None:
    unanswered(night, "1")
    template = night.outbox(resend_us=3_600_000_000)
    night.clock.forward(minutes=50)
    settle(night, night.intend(template, RESEND), LOST)
    night.clock.forward(minutes=10)
    night.begin()

    assert night.attempt(night.outbox(resend_us=3_600_000_000), RESEND) is None


def test_the_window_begins_with_the_first_attempt_that_may_have_been_received(night: Night) -> None:
    night.stage(sighting("1"))
    template = night.outbox(resend_us=3_600_000_000)
    (again,) = settle(night, night.intend(template), THROTTLED).again
    night.clock.forward(hours=10)
    (last,) = settle(night, night.intend(template, again), LOST).again
    night.clock.forward(minutes=59)

    assert inside(night, night.intend(template, last)) == ["1"]


def test_an_unanswered_order_too_old_for_the_platform_stays_unknown(night: Night) -> None:
    night.stage(sighting("1", draft("1", expires_at=int(NOW.timestamp()) + 60)))
    (again,) = settle(night, night.intend(night.outbox()), LOST).again
    night.clock.forward(seconds=60)

    assert night.attempt(night.outbox(), RESEND) is None
    assert night.attempt(night.outbox(), again) is None
    assert night.states() == {"1": "unknown"}


def test_another_destination_does_not_resend_it(night: Night) -> None:
    unanswered(night, "1")

    assert night.attempt(night.outbox("google"), RESEND) is None


# after a kill


def test_an_intent_without_an_outcome_becomes_unknown_and_is_resent(night: Night) -> None:
    night.stage(*orders(2))
    killed = night.intend(night.outbox())
    night.begin()

    outbox.recover(night.ledger)

    assert set(night.states().values()) == {"unknown"}
    assert (request(night, killed).outcome, request(night, killed).code) == ("unknown", "run was killed")
    leaf = night.leaves()[request(night, killed).outcome_leaf]
    assert (leaf["kind"], leaf["request"], leaf["outcome"]) == ("outcome", killed.request, "unknown")
    assert inside(night, night.intend(night.outbox(), RESEND)) == ["A-0", "A-1"]


def test_recovering_again_changes_nothing(night: Night) -> None:
    night.stage(sighting("1"))
    night.intend(night.outbox())
    night.begin()
    outbox.recover(night.ledger)
    before = night.leaves()

    outbox.recover(night.ledger)

    assert night.leaves() == before


def test_a_request_with_an_answer_is_not_recovered(night: Night) -> None:
    night.stage(*orders(4))
    template = night.outbox(max_events=2)
    settle(night, night.intend(template), RECEIVED)
    night.intend(template)
    night.begin()

    outbox.recover(night.ledger)

    assert night.states() == {"A-0": "received", "A-1": "received", "A-2": "unknown", "A-3": "unknown"}


def test_a_retry_names_the_attempt_that_it_repeats(night: Night) -> None:
    night.stage(sighting("1"))
    template = night.outbox()
    first = night.intend(template)
    (again,) = settle(night, first, UNSENT).again

    second = request(night, night.intend(template, again))

    assert (second.purpose, second.parent, second.attempt) == (Purpose.RETRY, first.request, 2)
    assert night.held("1").value_minor == PRICE.minor


def test_what_is_unanswered_leaves_in_no_other_request_than_one_that_says_so(night: Night) -> None:
    night.stage(*orders(3))
    settle(night, first := night.intend(night.outbox(max_events=1)), LOST)
    everything = tuple(night.held(f"A-{i}").id << 8 for i in range(3))

    half = night.intend(night.outbox(), WorkItem(Purpose.HALF, everything))
    settle(night, half, THROTTLED)

    assert first.events + half.events == everything
    assert [night.held(f"A-{i}").state for i in range(3)] == ["unknown", "pending", "pending"]
    assert night.intend(night.outbox(), WorkItem(Purpose.RESEND, everything)).events == first.events
