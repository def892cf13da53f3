"""Old payloads go, what is over shrinks to counts, and nothing that was sent can be sent again for it."""

import re
from datetime import date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import TextClause, select, text

from conversions.errors import LedgerError
from conversions.ledger.schema import tables, views
from conversions.ledger.states import State
from conversions.ledger.subjects import retention
from conversions.ledger.subjects.retention import PurgeResult
from conversions.ledger.subjects.scrub import scrub
from conversions.model.conversion import Money, Reason
from tests.ledger import stored
from tests.ledger.builders import DAY, LOST, Night, against, draft, sighting, subject
from tests.ledger.subjects.test_redaction import assert_committed, bought, send
from tests.ledger.subjects.traces_in_files import held, left

KEPT = date.fromisoformat(DAY)
"""The day of every order."""
AFTER = KEPT + timedelta(days=2)
"""Of the run that read them, too."""


def purge(night: Night, before: date = AFTER) -> PurgeResult:
    """A year after everything was read."""
    night.clock.forward(days=400)
    night.begin()
    return retention.purge(night.ledger, before)


def sales(night: Night) -> list[str]:
    return [row.order_no for row in night.all(select(tables.sale.c.order_no).order_by(tables.sale.c.id))]


def history(night: Night) -> list[tuple[Any, ...]]:
    columns = tables.history.c
    query = select(columns.state, columns.reason, columns.currency, columns.orders, columns.minor)
    return sorted(tuple(row) for row in night.all(query.order_by(columns.id)))


def payloads(night: Night) -> int:
    return sum(event.body is not None for event in stored.events(night.path))


def test_the_first_day_that_is_kept_is_the_shops(night: Night) -> None:
    assert retention.first_kept_day(night.ledger, ZoneInfo("Europe/Copenhagen"), 400) == date(2025, 10, 18)
    night.clock.forward(hours=18, minutes=30)  # 23:45 UTC is tomorrow in Copenhagen
    assert retention.first_kept_day(night.ledger, ZoneInfo("Europe/Copenhagen"), 400) == date(2025, 10, 19)


def test_old_payloads_are_purged_and_their_commitments_hold(night: Night) -> None:
    night.stage(bought("1", "ida"), bought("2", "asta"))
    send(night)
    gone = held(night.path, subject("ida"), subject("asta"))
    keys = [row.id for row in night.all(select(tables.event.c.id).order_by(tables.event.c.id))]
    assert purge(night) == PurgeResult(AFTER, events=4, orders=2)
    assert payloads(night) == 0
    leaf = next(leaf for leaf in night.leaves() if leaf["kind"] == "purge")
    assert (leaf["basis"], leaf["events"], leaf["count"]) == ("retention", [[keys[0], keys[-1]]], 4)
    assert leaf["before"] == AFTER.isoformat()
    assert_committed(night)
    assert scrub(night.ledger)
    assert left(night.path, gone) == []


def test_what_is_not_older_stays(night: Night) -> None:
    night.stage(bought("1", "ida"), bought("2", "asta"))
    send(night)
    before = night.leaves()
    assert purge(night, KEPT) == PurgeResult(KEPT)
    assert (payloads(night), sales(night), history(night)) == (4, ["1", "2"], [])
    assert [leaf["kind"] for leaf in night.leaves()[len(before) :]] == ["run"]


def test_orders_become_counts_and_sums_by_state_and_reason(night: Night) -> None:
    night.stage(
        bought("1", "ida"),
        bought("2", "asta"),
        sighting("3", against(Reason.NO_PRODUCT)),
        sighting("4", draft("4", due=Money(500, "EUR", 2)), stated=Money(500, "EUR", 2)),
        bought("newest", "ulla"),
    )
    send(night)
    assert purge(night).orders == 8
    assert sales(night) == ["newest"]
    received = [("received", None, "DKK", 2, 9980)] * 2 + [("received", None, "EUR", 1, 500)] * 2
    assert history(night) == sorted([*received, *[("withheld", str(Reason.NO_PRODUCT), "DKK", 1, 4990)] * 2], key=str)
    leaf = next(leaf for leaf in night.leaves() if leaf["kind"] == "shrink")
    assert (leaf["orders"], leaf["sales"]) == (8, 4)


def test_the_newest_sale_stays_so_that_no_key_is_given_twice(night: Night) -> None:
    night.stage(bought("1", "ida"))
    send(night)
    held = night.held("1").id
    assert purge(night) == PurgeResult(AFTER, events=2, orders=0)
    night.stage(bought("2", "ida"))
    assert night.held("1").id == held < night.held("2").id


@pytest.mark.parametrize("state", [State.PENDING, State.DEFERRED, State.IN_FLIGHT, State.UNKNOWN])
def test_what_is_open_loses_its_payload_and_keeps_its_rows(night: Night, state: State) -> None:
    night.stage(bought("1", "ida"), bought("2", "asta"))
    send(night, LOST)
    with night.ledger.transaction() as connection:
        connection.execute(views.delivery.update().where(views.delivery.c.destination == 1).values(state=state))
        connection.execute(views.delivery.update().where(views.delivery.c.destination == 2).values(state="expired"))
    assert purge(night) == PurgeResult(AFTER, events=4, orders=0)
    assert sales(night) == ["1", "2"]


@pytest.mark.parametrize(("state", "left"), [("pending", 2), ("unknown", 2), ("received", 1), ("erased", 1)])
def test_an_open_revision_keeps_its_order(night: Night, state: str, left: int) -> None:
    night.stage(bought("1", "ida"), bought("2", "asta"))
    send(night)
    key = night.held("1").id
    money = {"old_minor": 1, "old_currency": "DKK", "old_exponent": 2, "new_minor": 2, "new_currency": "DKK"}
    with night.ledger.transaction() as connection:
        shared = {"id": key << 8 | 1, "delivery": key, "run": 1, "new_exponent": 2, "expires_at": 1, "state": state}
        connection.execute(tables.revision.insert().values(**shared, **money))
    night.seal(key, 1, b"again")
    purge(night)
    assert len(sales(night)) == left
    assert len(night.all(select(tables.revision))) == (left == 2)


def test_what_was_read_since_keeps_its_rows_and_is_counted_once(night: Night) -> None:
    night.stage(bought("1", "ida"), bought("2", "asta"), bought("3", "ulla"))
    send(night)
    night.clock.forward(days=400)
    night.stage(bought("1", "ida"))
    assert retention.purge(night.ledger, AFTER) == PurgeResult(AFTER, events=6, orders=2)
    assert sales(night) == ["1", "3"]
    assert retention.purge(night.ledger, AFTER) == PurgeResult(AFTER)


def test_pages_are_as_good_as_one(night: Night, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "ROWS_PER_PAGE", 3)
    monkeypatch.setattr(retention, "BATCHES_PER_PAGE", 1)
    for first in (0, 5):
        night.stage(*[bought(f"{i}", "ida") for i in range(first, first + 5)])
        send(night)
    assert purge(night) == PurgeResult(AFTER, events=20, orders=18)
    assert sales(night) == ["9"]
    covered = [leaf["count"] for leaf in night.leaves() if leaf["kind"] == "purge"]
    assert (sum(covered), len(covered) > 1) == (20, True)
    assert sum(row[3] for row in history(night)) == 18
    assert_committed(night)


def test_references_are_looked_at_again_afterwards(night: Night) -> None:
    night.stage(bought("1", "ida"), bought("2", "asta"))
    send(night)
    purge(night)
    assert night.one(text("PRAGMA foreign_keys"))[0] == 1
    assert night.all(text("PRAGMA foreign_key_check")) == []


def test_never_under_another_run(night: Night) -> None:
    night.stage(bought("1", "ida"))
    with night.ledger.transaction() as connection:
        connection.execute(tables.head.update().values(epoch=99))
    with pytest.raises(LedgerError):
        retention.purge(night.ledger, AFTER)
    assert payloads(night) == 2


def test_sums_that_do_not_fit_are_as_large_as_can_be(night: Night) -> None:
    huge = Money(retention.MAX_SUM_MINOR_UNITS, "DKK", 2)
    night.stage(*[sighting(f"{i}", against(Reason.NO_PRODUCT), stated=huge) for i in range(3)])
    purge(night)
    assert {row[4] for row in history(night)} == {retention.MAX_SUM_MINOR_UNITS}


def test_orders_without_an_event_lose_their_buyer_too(night: Night) -> None:
    withheld = sighting("2", against(Reason.NO_PRODUCT), subject=subject("asta"))
    night.stage(bought("1", "ida"), withheld, bought("3", "ulla"))
    send(night)
    gone = held(night.path, subject("ida"), subject("asta"), subject("ulla"))
    assert purge(night).orders == 4
    assert scrub(night.ledger)
    assert left(night.path, gone) == []


@pytest.mark.parametrize(
    ("query", "index"),
    [
        (retention._OLD_BATCHES, "ix_batch_day"),
        (retention._ORDERS_OF_OLD_DAYS, "SEARCH k USING INTEGER PRIMARY KEY"),
    ],
)
def test_no_query_reads_all_orders(night: Night, query: TextClause, index: str) -> None:
    values = {"before": KEPT.isoformat(), "after": 0, "last": 99, "page": 9}
    plan = text(f"EXPLAIN QUERY PLAN {query.text}")
    steps = " ".join(row.detail for row in night.all(plan.bindparams(**{n: values[n] for n in plan._bindparams})))
    assert index in steps
    assert not {"SCAN d", "SCAN b", "SCAN k"} & {*re.findall(r"SCAN \w+", steps)}
