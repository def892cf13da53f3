"""What the verifier names of a log's history."""

from datetime import UTC, datetime
from typing import Any

import pytest

from conversions.audit.evidence.verifier.history import History
from conversions.audit.evidence.verifier.notes import Key
from conversions.audit.evidence.verifier.refusal import Refused


def us(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1_000_000)


ABOUT = {"since_us": us("2026-11-01"), "until_us": us("2026-12-01"), "made_us": 2**60}


def history(*entries: dict[str, Any], first: int = 10) -> History:
    read = History()
    for seq, facts in enumerate(entries, first):
        read.read({"seq": seq, **facts})
    return read


def named(*entries: dict[str, Any], first: int = 10, **about: Any) -> list[str]:
    return [*history(*entries, first=first).sentences(ABOUT | about)]


def run(number: int, at: str, *, ended: bool = True) -> list[dict[str, Any]]:
    begun = {"kind": "run", "command": "run", "run": number, "t": us(at)}
    return [begun, *([{"kind": "run finished", "run": number, "t": us(at)}] if ended else [])]


def nights(*days: int) -> list[dict[str, Any]]:
    return [entry for day in days for entry in run(day, f"2026-11-{day:02} 05:00")]


def test_a_run_every_night_leaves_nothing_to_name() -> None:
    assert named(*nights(*range(1, 31))) == []


@pytest.mark.parametrize(
    ("days", "gaps"),
    [
        ([*range(1, 14), *range(15, 31)], ["2026-11-13 05:00 UTC and 2026-11-15 05:00 UTC, 48 hours"]),
        ([*range(3, 31)], ["2026-11-01 00:00 UTC and 2026-11-03 05:00 UTC, 53 hours"]),
        ([*range(1, 29)], ["2026-11-28 05:00 UTC and 2026-12-01 00:00 UTC, 67 hours"]),
    ],
)
def test_nights_that_are_missing_are_named(days: list[int], gaps: list[str]) -> None:
    assert named(*nights(*days)) == [f"No run began between {gap}." for gap in gaps]


def test_days_before_the_first_entry_of_the_log_and_after_the_bundle_are_no_gap() -> None:
    assert named(*nights(*range(19, 24)), first=0, made_us=us("2026-11-23 09:00")) == []


def test_a_plan_is_no_run() -> None:
    plan = {"kind": "run", "command": "plan", "run": 3, "t": us("2026-11-14 05:00")}

    assert named(*nights(*range(1, 14)), plan, *nights(*range(15, 31)))


def test_a_clock_that_went_back_is_named_once_for_each_step() -> None:
    late, early = {"kind": "look", "t": us("2026-11-13 09:00")}, {"kind": "look", "t": us("2026-11-13 06:30")}

    steps = [line for line in named(late, early, late, early) if "clock" in line]
    assert steps == [
        "The clock went back by 2:30:00 before entry 11 (2026-11-13 06:30 UTC).",
        "The clock went back by 2:30:00 before entry 13 (2026-11-13 06:30 UTC).",
    ]


def test_a_clock_that_an_operator_adopted_is_named() -> None:
    adopted = {"kind": "clock adopted", "newest": us("2031-01-01 00:00"), "operator": "anna (uid 1000)"}

    assert named({**adopted, "t": us("2026-11-13 09:00"), "reason": "a test"})[0] == (
        "The clock was set to an earlier time than 2031-01-01 00:00 UTC: entry 10 (2026-11-13 09:00 UTC), by anna"
        ' (uid 1000), who wrote "a test".'
    )


def test_a_run_without_an_end_is_named_unless_it_is_the_last() -> None:
    first, last = run(1, "2026-11-01 05:00", ended=False), run(2, "2026-11-02 05:00", ended=False)

    assert [line for line in named(*first, *last) if "end" in line] == [
        "Run 1 has no end: entry 10 (2026-11-01 05:00 UTC)."
    ]


def test_every_binding_that_changed_is_named() -> None:
    changed = {"kind": "pin changed", "t": us("2026-11-13 09:00"), "reason": "lost", "operator": "anna"}
    read = history(
        changed | {"pin": "log key", "old": "aa", "new": "bb"}, changed | {"pin": "key", "old": "1", "new": "2"}
    )

    sentences = [*read.sentences(ABOUT)]
    assert (
        'The key of the log changed: aa was replaced by bb; entry 10 (2026-11-13 09:00 UTC), by anna, who wrote "lost".'
        in sentences
    )
    assert (
        'The key changed: 1 was replaced by 2; entry 11 (2026-11-13 09:00 UTC), by anna, who wrote "lost".' in sentences
    )
    assert read.keys == {"aa", "bb"}


def test_a_key_that_the_log_does_not_name_is_refused() -> None:
    read = history({"kind": "pinned", "t": 0, "pins": {"log key": "00ff", "shop": "a"}})

    read.check_keys([Key("known", "log", b"\x00\xff")])
    with pytest.raises(Refused, match="does not say that it was signed with other"):
        read.check_keys([Key("known", "log", b"\x00\xff"), Key("other", "log", b"\xff\xff")])


def test_a_store_that_was_adopted_is_named_with_the_rows_that_were_altered() -> None:
    adopted = {
        "kind": "restored",
        "t": 0,
        "size": 3,
        "remembered_size": 40,
        "remembered_store": "ab",
        "altered": ["run"],
    }

    assert named(adopted | {"operator": "anna", "reason": "a new disk"})[0] == (
        "An older copy of the store was restored, or another store adopted, and the log of store ab does not go on:"
        ' entry 10 (1970-01-01 00:00 UTC), by anna, who wrote "a new disk". Altered rows of run were taken over.'
    )


def test_a_restore_without_a_tail_file_says_that_nobody_knows_what_was_lost() -> None:
    restored = {"kind": "restored", "t": 0, "size": 3, "remembered_size": None, "operator": "anna", "reason": None}

    assert "how much is lost is unknown: entry 10" in named(restored)[0]
