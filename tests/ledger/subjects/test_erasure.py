"""A person's data leave the ledger; what stays is enough never to send anything of theirs again."""

from typing import Any

import orjson
import pytest
from sqlalchemy import select, text

from conversions.errors import LedgerError, Usage
from conversions.ledger import runs
from conversions.ledger.batches.blank import move_out
from conversions.ledger.outbox import recover
from conversions.ledger.runs import finish
from conversions.ledger.schema import tables, views
from conversions.ledger.subjects import access_log, erasure, recipient_notices, suppressions
from conversions.ledger.subjects.erasure import ErasureSummary
from conversions.ledger.subjects.suppressions import SuppressionKind
from tests.ledger import stored
from tests.ledger.builders import LOST, OCCASION, PRICE, RESEND, Night, draft, sighting, subject
from tests.ledger.subjects.test_redaction import assert_committed, bought, send

IDA, ASTA = subject("ida"), subject("asta")
RECIPIENTS = ("google Ireland", "meta Ireland")
_OF_ORDER = text("""
    SELECT d.* FROM delivery d JOIN sale a ON a.id = d.sale WHERE a.order_no = :order_no ORDER BY d.id
""")
GONE = ("reason", "detail", "value_minor", "value_currency", "value_exponent", "due_minor", "fingerprint")


def deliveries(night: Night, number: str) -> list[dict[str, Any]]:
    return [dict(row._mapping) for row in night.all(_OF_ORDER.bindparams(order_no=number))]


def erase(night: Night, person: bytes = IDA, case: str = "case 17") -> ErasureSummary:
    return erasure.erase_person(night.ledger, (person,), case)


def assert_erased(night: Night, number: str) -> None:
    held = deliveries(night, number)
    assert len(held) == 2
    for row in held:
        assert (row["state"], row["stated_minor"]) == ("erased", 0)
        assert [row[name] for name in GONE] == [None] * len(GONE)
    assert night.one(select(tables.sale.c.subject).where(tables.sale.c.order_no == number)) == (None,)


def test_every_order_of_the_person_is_erased_everywhere_and_no_other(night: Night) -> None:
    night.stage(bought("1", "ida"), bought("2", "asta"), bought("3", "ida"))
    send(night)
    untouched = deliveries(night, "2")
    assert erase(night) == ErasureSummary(orders=2, events=4, recipients=RECIPIENTS)
    assert_erased(night, "1")
    assert_erased(night, "3")
    assert deliveries(night, "2") == untouched
    assert [row["wire_id"] for row in deliveries(night, "1")] == ["c-1", "c-1"]
    left = [event for event in stored.events(night.path) if event.body is not None]
    assert [event.subject for event in left] == [ASTA, ASTA]
    assert IDA not in {event.subject for event in stored.events(night.path)}
    assert_committed(night)


def test_the_leaf_names_events_and_case_and_no_person(night: Night) -> None:
    night.stage(bought("1", "ida"), bought("2", "asta"), bought("3", "ida"))
    keys = [row.id for row in night.all(select(tables.event.c.id).order_by(tables.event.c.id))]
    erase(night)
    leaf = night.leaves()[-1]
    assert (leaf["kind"], leaf["basis"], leaf["case"], leaf["count"]) == ("erasure", "art17", "case 17", 4)
    assert leaf["events"] == [[keys[0], keys[1]], [keys[4], keys[5]]]
    assert set(leaf) == {
        "seq",
        "kind",
        "t",
        "basis",
        "case",
        "events",
        "count",
        "operator",
        "entry",
        "tasks",
        "judgements",
    }
    row = night.one(select(tables.erasure))
    assert (row.case_no, row.events, row.leaf, row.entry) == ("case 17", 4, leaf["seq"], leaf["entry"])


def test_the_person_is_withheld_from_now_on_and_the_erased_orders_stay_erased(night: Night) -> None:
    night.stage(bought("1", "ida"))
    send(night)
    erase(night)
    [entry] = suppressions.entries(night.ledger, (IDA,))
    assert (entry.kind, entry.case, entry.removed) == (SuppressionKind.ERASURE, "case 17", None)
    night.stage(bought("1", "ida"), bought("9", "ida"), bought("1 other", "asta"))
    assert night.states() == {"1": "erased", "9": "withheld", "1 other": "pending"}
    assert_erased(night, "1")


@pytest.mark.parametrize("person", ["ida", "asta"])
def test_an_erased_order_stays_erased_when_the_source_changes(night: Night, person: str) -> None:
    night.stage(bought("1", "ida"))
    erase(night)
    suppressions.remove(night.ledger, (IDA,), "wrote to us", SuppressionKind.ERASURE)
    for _ in range(2):
        night.stage(bought("1", person, size=3))
        assert_erased(night, "1")
        assert night.attempt(night.outbox()) is None


def test_a_destination_that_has_not_read_the_order_yet_will_not_send_it(night: Night) -> None:
    night.stage(bought("1", "ida"))
    key = deliveries(night, "1")[1]["id"]
    with night.ledger.transaction() as connection:
        move_out(connection, [key << 8])
        connection.execute(views.delivery.delete().where(views.delivery.c.id == key))
    assert len(deliveries(night, "1")) == 1
    erase(night)
    assert_erased(night, "1")
    assert deliveries(night, "1")[1]["id"] == key


@pytest.mark.parametrize("answered", [True, False])
def test_what_was_unanswered_is_closed_and_never_sent_again(night: Night, answered: bool) -> None:
    night.stage(bought("1", "ida"), bought("2", "asta"))
    if answered:
        send(night, LOST)
    else:
        for name in ("google", "meta"):
            night.intend(night.outbox(name))
        night.begin()
        recover(night.ledger)
    assert night.states() == {"1": "unknown", "2": "unknown"}
    erase(night)
    recover(night.ledger)
    assert night.states() == {"1": "erased", "2": "unknown"}
    attempt = night.intend(night.outbox(), RESEND)
    assert len(attempt.events) == 1
    assert_committed(night)


def test_revisions_are_erased_with_their_order(night: Night) -> None:
    night.stage(bought("1", "ida"), bought("2", "asta"))
    send(night)
    for number in ("1", "2"):
        key = night.held(number).id
        with night.ledger.transaction() as connection:
            shared = {"delivery": key, "run": 1, "state": "pending", "expires_at": 1}
            money = {f"{age}_{part}": value for age in ("old", "new") for part, value in _flat().items()}
            connection.execute(tables.revision.insert().values(id=key << 8 | 1, **shared, **money))
        night.seal(key, 1, b"again")
    erase(night)
    rows = night.all(select(tables.revision.c.state, tables.revision.c.old_minor, tables.revision.c.new_minor))
    assert [tuple(row) for row in rows] == [("erased", 0, 0), ("pending", PRICE.minor, PRICE.minor)]
    assert night.states() == {"1": "erased", "2": "received"}
    assert stored.bodies(night.path, night.held("1").id) == {0: None, 1: None}


def _flat() -> dict[str, object]:
    return {"minor": PRICE.minor, "currency": PRICE.currency, "exponent": PRICE.exponent}


def test_reports_of_runs_forget_the_order_and_its_values(night: Night) -> None:
    night.stage(bought("1", "ida"), bought("2", "asta"))
    changes = [{"order": "1", "old": "100.00", "new": "50.00"}, {"order": "2", "old": "7.00", "new": "8.00"}]
    finish(night.ledger, night.run, {"exit_code": 0, "destinations": {"meta": {"changes": changes, "sent": 2}}})
    night.begin()
    erase(night)
    report = orjson.loads(night.one(select(tables.run.c.report).where(tables.run.c.report.is_not(None))).report)
    assert report == {"exit_code": 0, "destinations": {"meta": {"changes": changes[1:], "sent": 2}}}


def test_look_ups_stay_without_the_person(night: Night) -> None:
    access_log.record_access(night.ledger, "access request", IDA)
    access_log.record_access(night.ledger, "access request", ASTA)
    erase(night)
    assert access_log.records_of(night.ledger, (IDA,)) == []
    assert len(access_log.records_of(night.ledger, (ASTA,))) == 1
    assert len(night.all(select(tables.look))) == 2


def test_of_a_person_without_orders_the_case_is_kept_and_again_changes_nothing(night: Night) -> None:
    assert erase(night) == ErasureSummary(0, 0, ())
    before = night.leaves()
    assert [leaf["kind"] for leaf in before[-2:]] == ["suppression", "erasure"]
    assert erase(night) == ErasureSummary(0, 0, ())
    assert night.leaves() == before


def test_to_erase_the_buyer_of_an_order_leaves_what_went_out_under_another_address(night: Night) -> None:
    night.stage(bought("1", "ida"))
    send(night, LOST)
    meta = night.held("1").id
    night.seal(meta, 1, b"the same order", ASTA)
    assert erase(night).events == 2
    assert_erased(night, "1")
    assert stored.bodies(night.path, meta) == {0: None, 1: b"the same order"}
    assert_committed(night)
    assert erase(night, ASTA).events == 1
    assert stored.bodies(night.path, meta) == {0: None, 1: None}
    assert {event.subject for event in stored.events(night.path)} == {None}
    assert_committed(night)


def test_to_erase_a_former_buyer_leaves_the_buyer_the_order_and_its_events(night: Night) -> None:
    night.stage(bought("1", "ida"))
    send(night, LOST)
    meta = night.held("1").id
    night.seal(meta, 1, b"the same order", ASTA)
    assert erase(night, ASTA).events == 1
    assert night.states() == {"1": "unknown"}
    assert night.buyer("1") == IDA
    assert set(stored.bodies(night.path, meta)) == {0, 1}
    assert [body is None for body in stored.bodies(night.path, meta).values()] == [False, True]
    assert_committed(night)


def test_never_under_another_run(night: Night) -> None:
    night.stage(bought("1", "ida"))
    with night.ledger.transaction() as connection:
        connection.execute(tables.head.update().values(epoch=99))
    with pytest.raises(LedgerError):
        erase(night)
    assert night.buyer("1") == IDA


def test_taking_over_ends_a_run(night: Night) -> None:
    night.stage(bought("1", "ida"))
    runs.acquire_epoch(night.ledger)
    with pytest.raises(LedgerError):
        night.attempt(night.outbox())
    assert night.ledger.epoch == night.run.epoch + 1
    assert runs.begin(night.ledger, OCCASION).epoch == night.run.epoch + 2


class TestTasks:
    def test_every_possible_recipient_gets_a_notice(self, night: Night) -> None:
        night.stage(bought("1", "ida"), bought("2", "asta"), bought("3", "ida"))
        send(night)
        erase(night)
        found = recipient_notices.notices(night.ledger)
        assert [(task.recipient, task.case, task.references) for task in found] == [
            (name, "case 17", ("c-1", "c-3")) for name in RECIPIENTS
        ]

    def test_there_is_no_notice_of_an_order_that_never_left(self, night: Night) -> None:
        night.stage(bought("1", "ida"), sighting("2", draft("2"), subject=ASTA))
        night.intend(night.outbox("google", max_events=1))
        assert erase(night).recipients == RECIPIENTS[:1]
        assert erase(night, ASTA).recipients == ()

    def test_a_task_is_closed_once_with_a_reason_and_its_references_go(self, night: Night) -> None:
        night.stage(bought("1", "ida"))
        send(night)
        erase(night)
        recipient_notices.close(night.ledger, 1, "retraction uploaded")
        first, second = recipient_notices.notices(night.ledger)
        assert (first.reason, first.references, first.closed is None) == ("retraction uploaded", (), False)
        assert (second.reason, second.references, second.closed) == (None, ("c-1",), None)
        leaf = night.leaves()[-1]
        assert (leaf["kind"], leaf["task"], leaf["reason"]) == ("task closed", 1, "retraction uploaded")
        for number in (1, 9):
            with pytest.raises(Usage, match="privacy tasks"):
                recipient_notices.close(night.ledger, number, "again")
