"""The list of objections: who is on it, since when, and that nothing in it names a person."""

from datetime import timedelta

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError

from conversions.ledger.schema import tables
from conversions.ledger.subjects import suppressions
from conversions.ledger.subjects.suppressions import Suppression
from tests.ledger.builders import NOW, Night, subject

ANNA, BO = subject("anna"), subject("bo")


def in_force(night: Night) -> set[bytes]:
    table = tables.objection
    return {row.subject for row in night.all(select(table.c.subject).where(table.c.removed_us.is_(None)))}


def test_an_objection_is_in_force_when_add_returns(night: Night) -> None:
    assert suppressions.add(night.ledger, (ANNA,), "letter of 2026-11-20")

    assert in_force(night) == {ANNA}
    assert suppressions.entries(night.ledger) == [Suppression(1, NOW, None, "letter of 2026-11-20")]


def test_a_second_one_of_the_same_person_changes_nothing(night: Night) -> None:
    suppressions.add(night.ledger, (ANNA,), None)
    leaves = night.leaves()

    assert not suppressions.add(night.ledger, (ANNA,), "again")
    assert night.leaves() == leaves
    assert len(suppressions.entries(night.ledger)) == 1


def test_two_entries_in_force_for_one_person_cannot_be_stored(night: Night) -> None:
    suppressions.add(night.ledger, (ANNA,), None)

    with pytest.raises(IntegrityError), night.ledger.connection.begin():
        night.ledger.connection.execute(tables.objection.insert().values(subject=ANNA, since_us=0))


def test_taken_back_it_is_no_longer_in_force_but_stays_on_the_list(night: Night) -> None:
    suppressions.add(night.ledger, (ANNA,), "letter")
    suppressions.add(night.ledger, (BO,), None)
    night.clock.forward(days=2)

    assert suppressions.remove(night.ledger, (ANNA,), "called back")

    assert in_force(night) == {BO}
    assert suppressions.entries(night.ledger) == [
        Suppression(1, NOW, NOW + timedelta(days=2), "letter", removed_reason="called back"),
        Suppression(2, NOW, None, None),
    ]


def test_who_is_not_on_the_list_cannot_be_taken_off(night: Night) -> None:
    leaves = night.leaves()

    assert not suppressions.remove(night.ledger, (ANNA,), "a mistake")
    assert night.leaves() == leaves


def test_a_person_can_object_anew(night: Night) -> None:
    suppressions.add(night.ledger, (ANNA,), None)
    suppressions.remove(night.ledger, (ANNA,), "changed her mind")

    assert suppressions.add(night.ledger, (ANNA,), None)
    assert in_force(night) == {ANNA}
    assert len(suppressions.entries(night.ledger)) == 2


def test_the_log_knows_each_change_by_its_number_and_nothing_of_the_person(night: Night) -> None:
    suppressions.add(night.ledger, (ANNA,), "letter of anna", case="17")
    suppressions.remove(night.ledger, (ANNA,), "phone call of anna")

    *_, added, removed = night.leaves()
    at = int(NOW.timestamp()) * 1_000_000
    assert added == {"seq": 1, "kind": "objection", "t": at, "entry": 1, "case": "17"}
    assert removed == {"seq": 2, "kind": "objection removed", "t": at, "entry": 1}


def test_an_objection_needs_no_epoch(night: Night) -> None:
    night.ledger.epoch = None

    assert suppressions.add(night.ledger, (ANNA,), None)


def test_the_question_at_each_attempt_is_answered_by_an_index(night: Night) -> None:
    plan = night.all(text("EXPLAIN QUERY PLAN SELECT 1 FROM objection WHERE subject = x'00' AND removed_us IS NULL"))

    assert "USING COVERING INDEX uq_objection_in_force" in plan[0].detail or "USING INDEX" in plan[0].detail
