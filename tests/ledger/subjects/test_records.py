"""One person in the store: found by the subject, and nothing of anybody else."""

from datetime import timedelta

from sqlalchemy import text

from conversions.ledger.outbox import WorkItem, settle
from conversions.ledger.schema.tables import SPAN_BITS
from conversions.ledger.subjects import access_log, breach_scope, persons, records, redaction, suppressions
from conversions.ledger.subjects.access_log import AccessRecord
from conversions.ledger.subjects.breach_scope import BreachCount, BreachScope
from conversions.ledger.subjects.records import SubjectOrder
from conversions.ledger.subjects.suppressions import SuppressionKind
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
    UNSENT,
    Night,
    against,
    draft,
    event,
    sighting,
    subject,
)

IDA, BO = subject("ida"), subject("bo")


def standings(night: Night, person: bytes = IDA) -> list[SubjectOrder]:
    with night.ledger.transaction() as connection:
        return records.subject_orders(connection, (person,))


def sales(night: Night, person: bytes = IDA) -> list[int]:
    with night.ledger.transaction() as connection:
        return records.sales_of(connection, (person,))


def send(night: Night, receipt: Receipt = RECEIVED, name: str = "meta", work: WorkItem = FIRST) -> None:
    """One request with everything that waits."""
    attempt = night.intend(night.outbox(name), work)
    settle(night.ledger, night.run, attempt, receipt)


def test_every_event_with_every_attempt_of_this_person_only(night: Night) -> None:
    night.stage(sighting("1", subject=IDA), sighting("2", subject=BO), sighting("3", subject=IDA))
    send(night, LOST)
    night.clock.forward(hours=1)
    send(night, RECEIVED, work=RESEND)

    google, meta, *others = standings(night)
    assert (google.order_no, google.destination, google.state) == ("1", "google", "pending")
    assert [each.transfers for each in google.events] == [()]
    assert (meta.order_no, meta.day, meta.stated, meta.state) == ("1", "2026-11-21", PRICE, "received")
    (sent,) = meta.events
    assert sent.payload == event("1")
    assert [(t.outcome, t.at) for t in sent.transfers] == [("unknown", NOW), ("received", NOW + timedelta(hours=1))]
    assert {(t.recipient, t.policy_version, t.legal_basis) for t in sent.transfers} == {
        ("meta Ireland", "2026-01", "legitimate_interest")
    }
    assert [(other.order_no, other.destination) for other in others] == [("3", "google"), ("3", "meta")]


def test_a_position_far_back_in_a_large_request_is_found(night: Night) -> None:
    night.stage(*(sighting(f"{i}", subject=IDA if i in {0, 250, 499} else BO) for i in range(500)))
    send(night)

    found = [len(each.events[0].transfers) for each in standings(night) if each.destination == "meta"]
    assert found == [1, 1, 1]


def test_events_stand_in_a_request_in_the_order_of_their_places(night: Night) -> None:
    night.stage(*(sighting(f"{i}", subject=IDA) for i in range(40)))
    send(night, LOST)
    night.stage(*(sighting(f"{i}", subject=IDA) for i in range(60)))
    send(night)
    send(night, RECEIVED, work=RESEND)

    sent = stored.events_of_requests(night.path)
    assert [len(events) for events in sent.values()] == [40, 20, 40]
    for events in sent.values():
        places = [event.place for event in events]
        assert places == sorted(places)
    assert night.one(text("SELECT count(*) FROM request_part")) == (3,)


def test_what_was_withheld_is_found_by_the_person_without_an_event(night: Night) -> None:
    suppressions.add(night.ledger, (IDA,), None)
    night.stage(
        sighting("1", subject=IDA),
        sighting("2", against(Reason.NOT_COMPLETED), subject=IDA),
        sighting("3", against(Reason.NOT_COMPLETED), subject=BO),
    )

    assert [(s.order_no, s.state, s.reason, s.events) for s in standings(night)] == [
        ("1", "withheld", Reason.OBJECTION, ()),
        ("1", "withheld", Reason.OBJECTION, ()),
        ("2", "withheld", Reason.OBJECTION, ()),
        ("2", "withheld", Reason.OBJECTION, ()),
    ]
    assert [(s.order_no, s.reason) for s in standings(night, BO)] == [("3", Reason.NOT_COMPLETED)] * 2


def test_an_order_withheld_later_and_sent_later_still_stays_findable(night: Night) -> None:
    night.stage(sighting("1", subject=IDA))
    night.stage(sighting("1", against(Reason.NOT_COMPLETED), subject=IDA))
    assert {(s.state, len(s.events)) for s in standings(night)} == {("withheld", 0)}

    night.stage(sighting("1", subject=IDA))
    assert {(s.state, len(s.events)) for s in standings(night)} == {("pending", 1)}
    assert night.all(text("SELECT subject FROM sale")) == [(IDA,)]
    assert night.all(text("SELECT * FROM earlier_person")) == []


def test_an_order_that_changed_hands_shows_each_their_own(night: Night) -> None:
    night.stage(sighting("1", subject=IDA))
    attempt = night.intend(night.outbox("meta"))
    settle(night.ledger, night.run, attempt, Receipt(UNSENT.outcome, UNSENT.next, "refused"))
    night.stage(sighting("1", draft("1", event=event("1b")), subject=BO))

    assert [(s.destination, s.events[0].payload) for s in standings(night, IDA)] == [("meta", event("1"))]
    assert [(s.destination, s.events[0].payload) for s in standings(night, BO)] == [
        ("google", event("1b")),
        ("meta", event("1b")),
    ]


def test_a_person_is_found_in_every_span_of_sales(night: Night) -> None:
    night.stage(sighting("1", subject=IDA))
    far, further = 3 << SPAN_BITS | 5, 7 << SPAN_BITS
    with night.ledger.transaction() as connection:
        for key, buyer in ((far, IDA), (further, BO)):
            row = {"id": key, "buyer": buyer}
            connection.execute(
                text("INSERT INTO sale(id, shop, order_no, subject) VALUES (:id, 'main', :id || ' far', :buyer)"), row
            )
        connection.execute(
            text("INSERT INTO earlier_person(event, subject) VALUES (:id << 14, :who)"), {"id": further, "who": IDA}
        )

    assert sales(night) == [1, far, further]
    assert sales(night, BO) == [further]
    assert sales(night, subject("nobody")) == []


def test_both_places_are_searched_by_index(night: Night) -> None:
    plan = night.all(text(f"EXPLAIN QUERY PLAN {persons._SALES.text}").bindparams(subject=IDA))

    steps = " ".join(row.detail for row in plan)
    assert "SEARCH a USING COVERING INDEX ix_sale_person" in steps
    assert "SEARCH p USING COVERING INDEX ix_earlier_person" in steps
    assert "SCAN a" not in steps
    assert "SCAN p" not in steps


class TestLooks:
    def test_a_look_is_kept_with_the_person_and_logged_without(self, night: Night) -> None:
        access_log.record_access(night.ledger, "access", IDA, "17")
        night.clock.forward(days=1)
        access_log.record_access(night.ledger, "breach", None)

        assert access_log.records_of(night.ledger, (IDA,)) == [AccessRecord(NOW, "access")]
        assert access_log.records_of(night.ledger, (BO,)) == []
        *_, first, second = night.leaves()
        assert (first["kind"], first["purpose"], first["case"]) == ("look", "access", "17")
        assert (second["purpose"], second["case"]) == ("breach", None)
        assert IDA.hex() not in str(night.leaves())


class TestAffected:
    def count(self, night: Night, **scope: object) -> BreachCount:
        with night.ledger.transaction() as connection:
            return breach_scope.count(connection, BreachScope(**scope))  # type: ignore[arg-type]

    def orders(self, night: Night, **scope: object) -> list[tuple[str, str]]:
        with night.ledger.transaction() as connection:
            found = breach_scope.orders(connection, BreachScope(**scope))  # type: ignore[arg-type]
            return [(order.order_no, order.destination) for order in found]

    def test_orders_are_listed_and_people_counted(self, night: Night) -> None:
        night.stage(sighting("1", subject=IDA), sighting("2", subject=IDA), sighting("3", subject=BO))
        send(night, LOST)
        send(night, RECEIVED, "google")

        assert self.count(night) == BreachCount(orders=3, people=2, erased=0)
        assert self.orders(night) == [(n, d) for n in "123" for d in ("google", "meta")]

    def test_what_never_left_is_not_affected(self, night: Night) -> None:
        night.stage(sighting("1", subject=IDA))
        send(night, UNSENT)

        assert self.count(night) == BreachCount(0, 0, 0)
        assert self.orders(night) == []

    def test_by_run_and_by_time(self, night: Night) -> None:
        night.stage(sighting("1", subject=IDA))
        send(night)
        night.clock.forward(days=1)
        night.stage(sighting("1", subject=IDA), sighting("2", subject=BO))
        send(night)

        later = int((NOW + timedelta(days=1)).timestamp()) * 1_000_000
        assert self.orders(night, run=1) == [("1", "meta")]
        assert self.orders(night, run=2) == self.orders(night, since_us=later) == [("2", "meta")]
        assert self.orders(night, until_us=later - 1) == [("1", "meta")]

    def test_by_field_of_the_event_and_of_the_envelope(self, night: Night) -> None:
        with_consent = draft("1", event=b'{"id":"c-1","consent":{"adUserData":"CONSENT_GRANTED"}}')
        night.stage(sighting("1", with_consent, subject=IDA), sighting("2", subject=BO))
        outbox = night.outbox(check=lambda body, events: ("encoding", "events[].consent.adUserData", "events[].id"))
        settle(night.ledger, night.run, night.intend(outbox), RECEIVED)

        assert self.orders(night, path="events[].consent.adUserData") == [("1", "meta")]
        assert self.orders(night, path="encoding") == [("1", "meta"), ("2", "meta")]
        assert self.orders(night, path="events[].currency") == []

    def test_of_the_erased_the_log_still_says_what_may_have_left(self, night: Night) -> None:
        night.stage(sighting("1", subject=IDA))
        send(night)
        with night.ledger.transaction() as connection:
            redaction.redact(connection, [event.id for event in stored.events(night.path)])
            redaction.forget_buyers(connection, [1], (IDA,))

        assert self.count(night, path="data[].value") == BreachCount(orders=1, people=0, erased=1)


class TestKinds:
    def test_objection_and_withdrawal_are_entries_of_their_own(self, night: Night) -> None:
        assert suppressions.add(night.ledger, (IDA,), None)
        assert suppressions.add(night.ledger, (IDA,), None, SuppressionKind.WITHDRAWAL)
        assert not suppressions.add(night.ledger, (IDA,), None, SuppressionKind.WITHDRAWAL)
        suppressions.remove(night.ledger, (IDA,), "wrote to us")

        night.stage(sighting("1", subject=IDA))
        assert {s.reason for s in standings(night)} == {Reason.WITHDRAWN}
        assert len(standings(night)) == 2

    def test_who_did_both_is_withheld_once_and_for_the_objection(self, night: Night) -> None:
        night.stage(sighting("1", subject=IDA), sighting("2", subject=BO))
        for kind in SuppressionKind:
            suppressions.add(night.ledger, (IDA,), None, kind)

        assert night.attempt(night.outbox("meta")) is not None
        assert {s.reason for s in standings(night) if s.destination == "meta"} == {Reason.OBJECTION}
        night.stage(sighting("1", subject=IDA), sighting("3", subject=IDA))
        assert [(s.order_no, s.destination) for s in standings(night)] == [
            (number, name) for number in ("1", "3") for name in ("google", "meta")
        ]

    def test_a_withdrawal_binds_at_the_next_attempt(self, night: Night) -> None:
        night.stage(sighting("1", subject=IDA))
        suppressions.add(night.ledger, (IDA,), None, SuppressionKind.WITHDRAWAL)

        assert night.attempt(night.outbox("meta")) is None
        assert night.held("1").reason == Reason.WITHDRAWN

    def test_each_kind_has_its_own_leaf(self, night: Night) -> None:
        for kind in SuppressionKind:
            suppressions.add(night.ledger, (IDA,), None, kind, "17")
        suppressions.remove(night.ledger, (IDA,), "wrote", SuppressionKind.WITHDRAWAL)

        assert [leaf["kind"] for leaf in night.leaves()[-5:]] == [
            "suppression",
            "objection",
            "restriction",
            "withdrawal",
            "withdrawal removed",
        ]

    def test_what_a_person_asked_for_is_found_by_the_person(self, night: Night) -> None:
        suppressions.add(night.ledger, (IDA,), "letter", SuppressionKind.WITHDRAWAL, "17")
        suppressions.add(night.ledger, (BO,), None)

        (entry,) = suppressions.entries(night.ledger, (IDA,))
        assert (entry.kind, entry.case, entry.reason) == (SuppressionKind.WITHDRAWAL, "17", "letter")
