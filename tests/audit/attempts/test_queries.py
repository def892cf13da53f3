"""The log is looked at as it stood at one moment, and looking changes nothing."""

from collections.abc import Collection
from datetime import date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from conversions.audit import open_log
from conversions.audit.attempts import queries
from conversions.audit.attempts.model import Selection
from conversions.audit.attempts.records import details, overview
from conversions.errors import Usage
from conversions.model.receipt import Outcome
from tests.audit.shop import SATURDAY, SUNDAY, Shop, new_shop

ZONE = ZoneInfo("Europe/Copenhagen")
CONFIGURED = ("google", "meta")


def numbers(shop: Shop, **narrowed: Any) -> list[int]:
    with open_log(shop.settings, shop.clock) as log:
        return [attempt.request_id for attempt in queries.attempts(log, Selection(ZONE, **narrowed))]


def test_attempts_come_in_the_order_of_their_intents(past: Shop) -> None:
    with open_log(past.settings, past.clock) as log:
        found = list(queries.attempts(log, Selection(ZONE)))
    assert [attempt.request_id for attempt in found] == [1, 2, 3, 4, 5]
    assert [attempt.intended_at for attempt in found] == [SATURDAY] * 3 + [SUNDAY] * 2
    assert [attempt.intent.number for attempt in found] == sorted(attempt.intent.number for attempt in found)


def test_attempts_are_told_apart_by_what_came_back(past: Shop) -> None:
    lost = numbers(past, outcome=Outcome.UNKNOWN)
    assert len(lost) == 1
    assert sorted(lost + numbers(past, outcome=Outcome.RECEIVED)) == [1, 2, 3, 4, 5]


def test_the_size_that_was_logged_is_that_of_the_bytes(past: Shop) -> None:
    with open_log(past.settings, past.clock) as log:
        for attempt in queries.attempts(log, Selection(ZONE)):
            content = queries.body(log, attempt).content
            assert content is not None
            assert attempt.size == len(content) == overview(attempt)["bytes"]


def test_an_entry_of_the_log_is_named_by_the_hash_that_the_tree_holds(past: Shop) -> None:
    with past.tampered() as store:
        leaves = dict(store.execute("SELECT position, lower(hex(hash)) FROM node WHERE level = 0"))
    with open_log(past.settings, past.clock) as log:
        facts = [details(attempt, queries.body(log, attempt)) for attempt in queries.attempts(log, Selection(ZONE))]
    for each in facts:
        assert each["intent_hash"] == leaves[each["intent_entry"]]
        assert each["answer_hash"] == leaves[each["answer_entry"]]
    assert len({each["intent_entry"] for each in facts} | {each["answer_entry"] for each in facts}) == 10


def test_an_attempt_under_way_has_no_answer_in_the_log(past: Shop, tmp_path: Path) -> None:
    shop = past.copy(tmp_path / "shop")
    with shop.tampered() as store:
        store.execute("UPDATE request SET outcome = NULL, outcome_leaf = NULL, warnings = NULL WHERE id = 5")
    with open_log(shop.settings, shop.clock) as log:
        attempt = queries.attempt(log, 5)
        facts = details(attempt, queries.body(log, attempt))
    assert (facts["outcome"], facts["answer_entry"], facts["answer_hash"], facts["warnings"]) == (None, None, None, [])


def test_an_event_that_is_gone_from_the_store_counts_as_erased(past: Shop, tmp_path: Path) -> None:
    shop = past.copy(tmp_path / "shop")
    with shop.tampered() as store:
        store.execute("UPDATE request_part SET place = place + 1, events = events - 1 WHERE request = 1")
    with open_log(shop.settings, shop.clock) as log:
        body = queries.body(log, queries.attempt(log, 1))
    assert (body.content, body.sha256, body.erased) == (None, None, 1)


def test_a_run_that_goes_on_is_neither_seen_nor_held_up(past: Shop, tmp_path: Path) -> None:
    shop = past.copy(tmp_path / "shop")
    shop.sells(1, date(2026, 11, 18))
    with open_log(shop.settings, shop.clock) as log:
        before = queries.attempt(log, 5)
        shop.sends(SUNDAY)
        assert len(list(queries.attempts(log, Selection(ZONE)))) == 5
        assert queries.attempt(log, 5) == before
    assert numbers(shop) == [1, 2, 3, 4, 5, 6, 7]


def test_looking_writes_nothing(past: Shop, tmp_path: Path) -> None:
    shop = past.copy(tmp_path / "shop")
    store = shop.home / "var" / "conversions.db"
    before = store.read_bytes(), store.stat().st_mtime_ns
    assert numbers(shop) == [1, 2, 3, 4, 5]
    assert (store.read_bytes(), store.stat().st_mtime_ns) == before


def test_there_is_no_attempt_of_an_unknown_number(past: Shop) -> None:
    with (
        open_log(past.settings, past.clock) as log,
        pytest.raises(Usage, match="no attempt 6; `conversions audit list`"),
    ):
        queries.attempt(log, 6)


@pytest.mark.parametrize(
    ("narrowed", "said"),
    [
        ({"run": 3}, "There is no run 3; the last one is 2"),
        ({"destination": "gogle"}, "There is no destination 'gogle'; there is google, meta"),
        ({"since": date(2026, 11, 2), "until": date(2026, 11, 1)}, "--until 2026-11-01 lies before --since 2026-11-02"),
    ],
)
def test_what_can_match_nothing_is_a_mistake_and_not_an_empty_answer(
    past: Shop, narrowed: dict[str, Any], said: str
) -> None:
    with open_log(past.settings, past.clock) as log, pytest.raises(Usage, match=said):
        queries.validate_selection(log, Selection(ZONE, **narrowed), CONFIGURED)


@pytest.mark.parametrize("configured", [CONFIGURED, ()])
def test_a_destination_may_be_one_of_the_settings_or_one_of_the_store(past: Shop, configured: Collection[str]) -> None:
    with open_log(past.settings, past.clock) as log:
        queries.validate_selection(log, Selection(ZONE, destination="google", run=2), configured)


def test_before_the_first_run_nothing_has_left(tmp_path: Path) -> None:
    shop = new_shop(tmp_path / "shop")
    assert numbers(shop) == []
    assert not (shop.home / "var").exists()
    with open_log(shop.settings, shop.clock) as log:
        queries.validate_selection(log, Selection(ZONE, destination="google"), CONFIGURED)
        with pytest.raises(Usage, match="no run 1; there has been none yet"):
            queries.validate_selection(log, Selection(ZONE, run=1), CONFIGURED)


@pytest.mark.parametrize(
    ("day", "local"),
    [
        (date(2026, 10, 25), "2026-10-25T23:59:59.999999"),  # 25 hours long
        (date(2027, 3, 28), "2027-03-28T23:59:59.999999"),  # 23
    ],
)
def test_a_day_ends_with_its_last_microsecond_in_the_shops_zone(
    past: Shop, tmp_path: Path, day: date, local: str
) -> None:
    shop = past.copy(tmp_path / "shop")
    last = round(datetime.fromisoformat(local).replace(tzinfo=ZONE).timestamp() * 1_000_000)
    with shop.tampered() as store:
        store.execute("UPDATE request SET intended_us = ? + id", [last - 3])
    assert numbers(shop, until=day) == [1, 2, 3]
    assert numbers(shop, since=day, until=day) == [1, 2, 3]
