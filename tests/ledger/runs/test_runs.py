"""A run: begun by raising the epoch, its circumstances kept, closed with what it reported."""

import os
import socket
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from hashlib import sha256
from pathlib import Path

import orjson
import pytest
from sqlalchemy import select

from conversions import __version__
from conversions.errors import LedgerError, SettingsError, SourceUnavailable
from conversions.ledger import outbox, runs, staging
from conversions.ledger.runs import Run
from conversions.ledger.schema import tables
from conversions.model.conversion import Reason, Window
from conversions.model.receipt import Receipt
from tests.ledger.builders import (
    DESTINATIONS,
    LOST,
    NOW,
    OCCASION,
    RECEIVED,
    THROTTLED,
    WINDOW,
    Night,
    draft,
    orders,
    sighting,
)


def test_each_run_raises_the_epoch_by_one(night: Night) -> None:
    epochs = [night.run.epoch, night.begin().epoch, night.begin().epoch]

    assert epochs == [1, 2, 3]
    assert night.ledger.epoch == 3


def test_a_clock_that_went_back_begins_nothing(night: Night) -> None:
    night.clock.forward(minutes=-5, seconds=-1)
    with pytest.raises(SettingsError, match=r"newest entry .* `conversions adopt --clock --reason TEXT`"):
        night.begin()

    night.clock.forward(seconds=1)
    assert night.begin().epoch == 2
    assert len(night.all(select(tables.run.c.id))) == 2


def test_the_newest_run_tells_when_it_began_by_the_clock_of_then(night: Night) -> None:
    night.clock.forward(days=400)
    night.begin()
    night.clock.forward(days=-300)

    assert runs.last_begun(night.ledger) == NOW + timedelta(days=400)


def test_row_and_leaf_say_who_ran_what_with_which_settings_and_policy(night: Night) -> None:
    run = runs.begin(night.ledger, replace(OCCASION, reason="asked for by marketing"))

    row, leaf = night.one(select(tables.run).where(tables.run.c.id == run.id)), night.leaves()[-1]

    kept = {
        "command": "run",
        "operator": runs.operator(),
        "host": socket.gethostname(),
        "pid": os.getpid(),
        "version": __version__,
        "since": "2026-11-15",
        "until": "2026-11-21",
        "settings": sha256(OCCASION.settings.encode()).hexdigest(),
        "policy": sha256(OCCASION.policy.encode()).hexdigest(),
        "policy_version": "2026-01",
        "legal_basis": "legitimate_interest",
    }
    assert {name: getattr(row, name) for name in kept} == kept
    assert leaf == {"kind": "run", "seq": 1, "t": int(NOW.timestamp()) * 1_000_000, "run": run.id, **kept}
    assert (row.reason, row.finished_us, row.waiting, row.report) == ("asked for by marketing", None, None, None)


def test_settings_and_policies_are_kept_once_per_text(night: Night) -> None:
    night.begin()
    runs.begin(night.ledger, replace(OCCASION, policy="version = 2"))

    bodies = {row.body: row.sha256 for row in night.all(select(tables.document))}
    assert set(bodies) == {OCCASION.settings, OCCASION.policy, "version = 2"}
    assert all(sha256(body.encode()).hexdigest() == digest for body, digest in bodies.items())


def test_a_policy_that_reads_like_the_settings_is_no_conflict(night: Night) -> None:
    runs.begin(night.ledger, replace(OCCASION, policy="same", settings="same"))


def test_a_window_is_staged_when_the_log_says_so(night: Night) -> None:
    runs.mark_staged(night.ledger, night.run, WINDOW, night.numbers)

    assert night.leaves()[-1] | {"t": 0} == {"kind": "window staged", "seq": 1, "t": 0, "run": night.run.id}


def test_a_finished_run_keeps_its_report_and_the_log_its_exit_code(night: Night) -> None:
    night.clock.forward(minutes=3)
    runs.finish(night.ledger, night.run, {"exit_code": 75, "value": {"DKK": Decimal("1E+2")}})

    row = night.one(select(tables.run))
    assert row.finished_us - row.started_us == 180 * 1_000_000
    assert orjson.loads(row.report) == {"exit_code": 75, "value": {"DKK": "100"}}
    assert night.leaves()[-1] | {"t": 0} == {"kind": "run finished", "seq": 1, "t": 0, "run": 1, "exit": 75}


CHANGES: dict[str, Callable[[Night, Run], object]] = {
    "staged": lambda night, run: runs.mark_staged(night.ledger, run, WINDOW, night.numbers),
    "finish": lambda night, run: runs.finish(night.ledger, run, {"exit_code": 0}),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_run_that_lost_the_store_can_say_nothing_more(night: Night, change: Callable[[Night, Run], object]) -> None:
    lost = night.run
    night.begin()

    with pytest.raises(LedgerError, match="taken over"):
        change(night, lost)

    row = night.one(select(tables.run).where(tables.run.c.id == lost.id))
    assert (row.finished_us, row.report) == (None, None)
    assert {place.read_until for place in night.all(select(tables.destination))} <= {None}


def test_what_stops_a_run_is_kept_with_its_exit_code_and_without_its_text(night: Night) -> None:
    with pytest.raises(SourceUnavailable), runs.closed_on_error(night.ledger, night.run):
        raise SourceUnavailable("the file of anna@example.com")

    report = night.one(select(tables.run)).report
    assert orjson.loads(report) == {"run_id": 1, "exit_code": 75, "stopped": "SourceUnavailable"}


def test_a_store_that_fails_is_left_as_it_is(night: Night) -> None:
    with pytest.raises(LedgerError), runs.closed_on_error(night.ledger, night.run):
        raise LedgerError("The disk is full.")

    assert night.one(select(tables.run)).finished_us is None


def test_the_tail_file_is_behind_the_store_by_nothing_after_a_stop(night: Night, tmp_path: Path) -> None:
    with pytest.raises(SourceUnavailable), runs.closed_on_error(night.ledger, night.run):
        raise SourceUnavailable

    assert orjson.loads((tmp_path / "tail").read_bytes().splitlines()[-1])["size"] == len(night.leaves())


# how far back


def read(night: Night, since: str, until: str, *names: str, waiting: int = 0) -> None:
    """A run reads these days for these destinations, and ends."""
    numbers = [staging.destination_id(night.ledger, name) for name in names or DESTINATIONS]
    runs.mark_staged(night.ledger, night.run, Window(date.fromisoformat(since), date.fromisoformat(until)), numbers)
    runs.finish(night.ledger, night.run, {"exit_code": 0}, waiting=waiting)
    night.begin()


def begins(night: Night, *names: str) -> str:
    """The first day that a run without dates would read."""
    window = runs.extend_window(night.ledger, WINDOW, names or DESTINATIONS)
    assert window.until == WINDOW.until
    return window.since.isoformat()


def test_a_first_run_reads_the_usual_window(night: Night) -> None:
    assert begins(night) == "2026-11-15"


def test_no_day_is_left_out_after_a_pause_longer_than_the_window(night: Night) -> None:
    read(night, "2026-10-27", "2026-11-02")

    assert begins(night) == "2026-11-02"


def test_days_read_by_hand_further_on_do_not_hide_a_gap(night: Night) -> None:
    read(night, "2026-10-27", "2026-11-02")
    read(night, "2026-11-10", "2026-11-14")

    assert begins(night) == "2026-11-02"


def test_days_read_by_hand_that_join_on_are_read(night: Night) -> None:
    read(night, "2026-10-27", "2026-11-02")
    read(night, "2026-11-03", "2026-11-14")
    read(night, "2026-11-01", "2026-11-01")

    assert begins(night) == "2026-11-14"


def test_a_destination_that_was_left_out_is_reached_back_for(night: Night) -> None:
    read(night, "2026-10-27", "2026-11-02")
    read(night, "2026-11-02", "2026-11-14", "google")

    assert begins(night) == "2026-11-02"
    assert begins(night, "google") == "2026-11-14"


def test_a_run_that_did_not_stage_its_whole_window_counts_as_not_read(night: Night) -> None:
    read(night, "2026-10-27", "2026-11-02")
    runs.finish(night.ledger, night.run, {"exit_code": 66})

    assert begins(night) == "2026-11-02"


@pytest.mark.parametrize("answer", [LOST, THROTTLED, None])
def test_a_run_reaches_back_to_the_oldest_order_that_waits(night: Night, answer: Receipt | None) -> None:
    night.stage(sighting("old", day="2026-10-30"), sighting("new"))
    attempt = night.intend(night.outbox())
    if answer is not None:
        outbox.settle(night.ledger, night.run, attempt, answer)
        read(night, "2026-10-30", "2026-11-21", waiting=2)

    assert begins(night) == "2026-10-30"


def test_a_deferred_order_is_reached_back_to(night: Night) -> None:
    night.stage(sighting("old", draft("old", ready_at=int(NOW.timestamp()) + 60), day="2026-10-30"))
    read(night, "2026-10-30", "2026-11-21", waiting=2)

    assert begins(night) == "2026-10-30"


def test_what_is_sent_is_not_read_for_ever(night: Night) -> None:
    night.stage(sighting("old", day="2026-10-30"), *orders(3))
    for name in DESTINATIONS:
        outbox.settle(night.ledger, night.run, night.intend(night.outbox(name)), RECEIVED)
    read(night, "2026-10-30", "2026-11-21")

    assert begins(night) == "2026-11-15"


def test_an_order_that_waited_and_left_the_source_becomes_too_old_like_others(night: Night) -> None:
    night.stage(sighting("1", draft("1", expires_at=int(NOW.timestamp()) + 60)), sighting("2"))
    night.begin()
    night.clock.forward(seconds=60)

    runs.mark_staged(night.ledger, night.run, WINDOW, night.numbers)

    assert night.states() == {"1": "expired", "2": "pending"}
    assert (night.held("1").reason, night.held("1").settled_run) == (Reason.TOO_OLD, night.run.id)
