"""A finding is reported in its first run, when the count has grown by half, and weekly; not while it is known."""

from dataclasses import replace
from datetime import timedelta

import pytest

from conversions.errors import Exit, Usage
from conversions.ledger.runs import findings
from conversions.model.finding import Finding, attention, stop
from tests.ledger.builders import Clock, Night

CODES = frozenset({"held_back", "moved"})


def held_back(count: int, share: float | None = None, **more: object) -> Finding:
    return replace(attention("held_back", f"{count} are held back", count=count, share=share), **more)  # type: ignore[arg-type]


def called(night: Night, *found: Finding) -> bool:
    """Whether this run calls a person; its findings are saved."""
    reported = findings.mark_known(night.ledger, found)
    findings.save(night.ledger, night.run, reported, CODES)
    return any(finding.exit_code for finding in reported)


def days_later(night: Night, days: float) -> None:
    """The next run, so many days after."""
    clock = night.ledger.clock
    assert isinstance(clock, Clock)
    clock.now += timedelta(days=days)
    night.begin()


def test_it_is_reported_in_its_first_run_and_weekly(night: Night) -> None:
    calls = []
    for _ in range(16):
        calls.append(called(night, held_back(20)))
        days_later(night, 1)
    assert [day for day, call in enumerate(calls) if call] == [0, 7, 14]


@pytest.mark.parametrize(
    ("counts", "calls"), [((20, 29), 1), ((20, 30), 2), ((20, 25, 30), 2), ((1, 2), 2), ((2, 2), 1)]
)
def test_half_as_many_again_are_news(night: Night, counts: tuple[int, ...], calls: int) -> None:
    calls_made = []
    for count in counts:
        calls_made.append(called(night, held_back(count)))
        days_later(night, 1)
    assert sum(calls_made) == calls


def test_a_finding_that_returns_after_one_run_is_new(night: Night) -> None:
    assert called(night, held_back(20))
    days_later(night, 1)
    assert not called(night)
    days_later(night, 1)
    assert called(night, held_back(20))


def test_a_guard_that_was_not_asked_forgets_nothing(night: Night) -> None:
    assert called(night, held_back(20))
    findings.save(night.ledger, night.run, [], {"moved"})
    days_later(night, 1)
    assert not called(night, held_back(20))


def test_what_is_told_once_is_not_told_weekly(night: Night) -> None:
    assert called(night, held_back(20, once=True))
    days_later(night, 8)
    assert not called(night, held_back(20, once=True))


def test_some_things_are_told_every_run(night: Night) -> None:
    for _ in range(3):
        assert called(night, held_back(20, every_run=True))
        days_later(night, 1)


def test_each_destination_and_each_reason_is_a_finding_of_its_own(night: Night) -> None:
    assert called(night, held_back(20))
    days_later(night, 1)
    assert called(night, held_back(20), held_back(20, destination="meta"))
    days_later(night, 1)
    assert called(night, held_back(20), held_back(20, about="no_product"))


@pytest.mark.parametrize(
    ("accepted", "later", "call"),
    [
        (0.5, 0.7, False),
        (0.5, 0.75, True),
        (0.1, 0.14, False),
        (0.1, 0.16, True),
        (0.9, 0.94, False),
        (1.0, 1.0, True),
    ],
)
def test_an_accepted_share_is_silent_until_it_worsens(night: Night, accepted: float, later: float, call: bool) -> None:
    assert called(night, held_back(20, accepted))
    assert findings.accept(night.ledger, "held_back", None, "business customers") == 1
    days_later(night, 1)
    assert not called(night)
    days_later(night, 1)
    assert called(night, held_back(400, later)) is call


def test_all_of_as_many_is_no_worse(night: Night) -> None:
    assert called(night, held_back(20, 1.0))
    findings.accept(night.ledger, "held_back", None, "known")
    days_later(night, 8)
    assert not called(night, held_back(29, 1.0))


def test_what_was_accepted_and_gone_for_a_week_is_news(night: Night) -> None:
    assert called(night, held_back(20, 1.0))
    findings.accept(night.ledger, "held_back", None, "known")
    for _ in range(8):
        days_later(night, 1)
        assert not called(night)
    assert called(night, held_back(20, 1.0))


def test_an_accepted_count_is_silent_until_half_as_many_again(night: Night) -> None:
    assert called(night, held_back(20))
    findings.accept(night.ledger, "held_back", None, "known")
    days_later(night, 8)
    assert not called(night, held_back(29))
    assert called(night, held_back(30))


def test_what_is_accepted_every_run_is_silent_too(night: Night) -> None:
    assert called(night, held_back(20, every_run=True))
    findings.accept(night.ledger, "held_back", None, "known")
    assert not called(night, held_back(20, every_run=True))


@pytest.mark.parametrize(("code", "destination"), [("held_bakc", None), ("held_back", "meta")])
def test_only_what_is_open_can_be_accepted(night: Night, code: str, destination: str | None) -> None:
    called(night, held_back(20))
    with pytest.raises(Usage, match="No finding"):
        findings.accept(night.ledger, code, destination, "?")
    assert findings.open_findings(night.ledger)[0].accepted is False


def test_a_finding_that_stops_a_run_is_never_silent(night: Night) -> None:
    found = stop("numbers", "known sales", count=3, accept="numbers")
    for _ in range(2):
        (reported,) = findings.mark_known(night.ledger, [found])
        assert reported.exit_code is Exit.DATA
        findings.save(night.ledger, night.run, [reported], {"numbers"})
    assert findings.open_findings(night.ledger) == []
