"""Evaluation: the snapshot against the ledger, page by page, without writing."""

import pytest
from sqlalchemy import func, select

from conversions.ledger import outbox, store
from conversions.ledger.schema import tables
from conversions.ledger.staging import evaluate, write
from conversions.ledger.staging.evaluate import Evaluation
from conversions.ledger.staging.transitions import Incoming, Transition
from conversions.ledger.states import FORBIDDEN
from conversions.ledger.subjects import suppressions
from conversions.model.conversion import Money, Reason
from conversions.model.receipt import Receipt
from tests.ledger.builders import (
    DESTINATIONS,
    LOST,
    RECEIVED,
    Clock,
    Night,
    Sighting,
    against,
    draft,
    fresh_sightings,
    orders,
    resolved,
    seen,
    sighting,
    subject,
)


def judged(night: Night, *shown: Sighting) -> list[Evaluation]:
    night.read(*shown)
    return [one for page in evaluate.evaluations(night.ledger) for one in page]


def answered(night: Night, answer: Receipt) -> None:
    """Send everything that waits for Meta; the platform answers so."""
    outbox.settle(night.ledger, night.run, night.intend(night.outbox()), answer)


def test_an_order_is_evaluated_once_for_each_destination_in_the_settings_order(night: Night) -> None:
    google, meta = draft("g"), draft("m")

    found = judged(night, sighting("1", google, meta), sighting("2", google, meta))

    assert [(one.row.order_no, one.row.position, one.incoming) for one in found] == [
        ("1", 0, google),
        ("1", 1, meta),
        ("2", 0, google),
        ("2", 1, meta),
    ]


def test_an_unknown_order_is_new(night: Night) -> None:
    assert [(one.transition, one.row.delivery_id, one.old) for one in judged(night, sighting("1"))] == [
        (Transition.REPLACE, None, None)
    ] * 2


def test_known_orders_are_evaluated_destination_by_destination(night: Night) -> None:
    night.stage(sighting("1"))
    answered(night, RECEIVED)

    google, meta = judged(night, sighting("1", draft("1", due=Money(1, "DKK", 2))))

    assert (google.transition, google.row.state) == (Transition.REPLACE, "pending")
    assert (meta.transition, meta.row.state, meta.old) == (Transition.CHANGED, "received", Money(4990, "DKK", 2))


def test_the_same_number_in_another_shop_is_another_order(night: Night) -> None:
    night.stage(sighting("1"))
    snapshot = fresh_sightings(night.ledger, night.numbers)
    snapshot.add(seen(sighting("1")))
    resolved(snapshot, shop="other")

    found = [one for page in evaluate.evaluations(night.ledger) for one in page]

    assert [(one.transition, one.row.delivery_id) for one in found] == [(Transition.REPLACE, None)] * 2


@pytest.mark.parametrize(
    "said",
    [draft("1"), against(Reason.TOO_OLD), against(Reason.UNUSABLE_EMAIL), against(Reason.SHAPE, quarantined=True)],
)
def test_a_suppressed_buyer_is_withheld_at_every_destination(night: Night, said: Incoming) -> None:
    suppressions.add(night.ledger, (subject("anna"),), None)

    found = judged(night, sighting("1", said, subject=subject("anna")), sighting("2"))

    reasons = {(one.row.order_no, one.incoming.reason, one.incoming.event is None) for one in found}
    assert reasons == {("1", Reason.OBJECTION, True), ("2", None, False)}


@pytest.mark.parametrize("reason", sorted(FORBIDDEN - {Reason.OBJECTION, Reason.UNUSABLE_EMAIL}))
def test_what_forbids_it_anyway_is_not_hidden_behind_the_objection(night: Night, reason: Reason) -> None:
    suppressions.add(night.ledger, (subject("anna"),), None)

    found = judged(night, sighting("1", against(reason), subject=subject("anna")))

    assert {one.incoming.reason for one in found} == {reason}


def test_a_removed_objection_has_no_effect(night: Night) -> None:
    suppressions.add(night.ledger, (subject("anna"),), None)
    suppressions.remove(night.ledger, (subject("anna"),), "letter")

    found = judged(night, sighting("1", subject=subject("anna")))

    assert {one.incoming.reason for one in found} == {None}


def test_an_order_without_a_buyer_has_no_suppression(night: Night) -> None:
    suppressions.add(night.ledger, (subject("anna"),), None)

    found = judged(night, sighting("1", against(Reason.NOT_COMPLETED), subject=None))

    assert {one.incoming.reason for one in found} == {Reason.NOT_COMPLETED}


@pytest.mark.parametrize(("answer", "step"), [(LOST, Transition.DROP), (RECEIVED, Transition.KEEP)])
def test_an_objection_lets_the_unanswered_go_and_leaves_the_sent(
    night: Night, answer: Receipt, step: Transition
) -> None:
    night.stage(sighting("1", subject=subject("anna")))
    answered(night, answer)
    suppressions.add(night.ledger, (subject("anna"),), None)

    _, meta = judged(night, sighting("1", subject=subject("anna")))

    assert meta.transition is step


def test_evaluation_writes_nothing(night: Night) -> None:
    night.stage(*orders(3))
    counts = [select(func.count()).select_from(table) for table in tables.metadata.sorted_tables]
    before = [night.one(count) for count in counts]

    judged(night, *orders(5))

    assert [night.one(count) for count in counts] == before


@pytest.mark.parametrize("page", [1, 2, 3, 7, 8])
def test_every_order_is_evaluated_with_any_page_size(night: Night, monkeypatch: pytest.MonkeyPatch, page: int) -> None:
    for module in (evaluate, write):
        monkeypatch.setattr(module, "ROWS_PER_PAGE", page)
    night.stage(*orders(5))

    found = judged(night, *orders(7))

    assert [(one.row.order_no, one.row.position) for one in found] == [(f"A-{i}", p) for i in range(7) for p in (0, 1)]
    assert [one.row.delivery_id is not None for one in found] == [True] * 10 + [False] * 4


def test_a_page_that_lost_all_its_orders_to_newer_rows_is_no_end(night: Night, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluate, "ROWS_PER_PAGE", 2)
    old, new = orders(4), [sighting(f"A-{i}", rank=(9, 9)) for i in range(4)]

    assert [one.row.order_no for one in judged(night, *old, *new)] == [f"A-{i}" for i in range(4) for _ in (0, 1)]


def test_a_destination_that_the_store_has_not_met_is_number_0_and_holds_nothing() -> None:
    with store.empty(Clock()) as ledger:
        assert evaluate.destination_ids(ledger, DESTINATIONS) == [0, 0]


def test_known_numbers_are_those_that_staging_gave(night: Night) -> None:
    google, meta = night.numbers

    assert evaluate.destination_ids(night.ledger, ["meta", "unmet", "google"]) == [meta, 0, google]
