"""The status of the store."""

from datetime import timedelta

from conversions.ledger import outbox, runs, store
from conversions.ledger.queries import overview
from conversions.ledger.queries.overview import MAX_PROBLEMS_NAMED, Problem
from conversions.ledger.staging import bad_rows, snapshot
from conversions.model.conversion import Reason
from conversions.model.receipt import Receipt
from tests.ledger.builders import LOST, NOW, RECEIVED, REFUSED, Clock, Night, against, draft, orders, sighting


def answered(night: Night, answer: Receipt) -> None:
    """Send everything that waits for Meta; the platform answers so."""
    outbox.settle(night.ledger, night.run, night.intend(night.outbox()), answer)


def test_an_empty_store_says_so() -> None:
    with store.empty(Clock()) as ledger:
        found = overview.overview(ledger)

    assert (found.rehearsal, found.log_entries, found.runs, found.states, found.problems) == (False, 0, [], {}, [])


def test_orders_are_counted_by_destination_and_state(night: Night) -> None:
    night.stage(*orders(3), sighting("denied", against(Reason.DENIED)))
    answered(night, RECEIVED)

    assert overview.overview(night.ledger).states == {
        "google": {"pending": 3, "withheld": 1},
        "meta": {"received": 3, "withheld": 1},
    }


def test_runs_are_the_newest_first_with_how_they_ended(night: Night) -> None:
    runs.finish(night.ledger, night.run, {"exit_code": 75})
    night.clock.forward(hours=24)
    night.begin()

    newest, oldest = overview.overview(night.ledger).runs

    assert (newest.id, newest.started, newest.finished, newest.exit_code) == (2, NOW + timedelta(days=1), None, None)
    assert (oldest.id, oldest.finished, oldest.exit_code) == (1, NOW, 75)
    assert (oldest.since, oldest.until, oldest.operator) == ("2026-11-15", "2026-11-21", runs.operator())


def test_only_the_last_few_runs_are_named(night: Night) -> None:
    for _ in range(9):
        night.begin()

    assert [run.id for run in overview.overview(night.ledger).runs] == [10, 9, 8, 7, 6]


def test_a_problem_is_named_with_its_reason(night: Night) -> None:
    night.stage(sighting("A-1", draft("A-1"), draft("A-1")), sighting("fine", against(Reason.DENIED)))
    answered(night, REFUSED)

    assert overview.overview(night.ledger).problems == [
        Problem("meta", "A-1", "2026-11-21", "quarantined", Reason.REFUSED_BY_PLATFORM, "400/100")
    ]


def test_an_unanswered_order_is_named(night: Night) -> None:
    night.stage(*orders(1))
    answered(night, LOST)

    assert [(one.order_no, one.state) for one in overview.overview(night.ledger).problems] == [("A-0", "unknown")]


def test_of_many_problems_the_first_are_named_and_the_rest_counted(night: Night) -> None:
    night.stage(*orders(MAX_PROBLEMS_NAMED + 5))
    answered(night, LOST)

    found = overview.overview(night.ledger)
    assert [one.order_no for one in found.problems] == [f"A-{i}" for i in range(MAX_PROBLEMS_NAMED)]
    assert found.unnamed == 5


def test_bad_rows_are_those_of_the_last_run(night: Night) -> None:
    night.read().add_bad_rows([snapshot.BadRow("a.csv:1", Reason.BAD_DATE, None, "purchased_at", None)])
    bad_rows.keep(night.ledger, night.run)
    night.begin()
    night.read().add_bad_rows([snapshot.BadRow("b.csv:2", Reason.BAD_AMOUNT, "A-2", "amount", None)])
    bad_rows.keep(night.ledger, night.run)

    assert overview.overview(night.ledger).bad_rows == [overview.RejectedRow("b.csv:2", Reason.BAD_AMOUNT, "amount")]


def test_the_log_is_counted_and_a_rehearsal_named(night: Night) -> None:
    found = overview.overview(night.ledger)

    assert (found.log_entries, found.rehearsal) == (1, False)
