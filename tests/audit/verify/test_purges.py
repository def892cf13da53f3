"""A purge explains what is gone of the days that it names, and of no later one."""

import sqlite3
from datetime import UTC, datetime
from pathlib import Path

import pytest

from conversions.audit.verify import verify
from conversions.errors import Exit
from conversions.ledger import log, open_shared
from conversions.ledger.schema.tables import SALE_OF_EVENT
from conversions.ledger.subjects import redaction
from conversions.ledger.subjects.wire_ids import keep_wire_ids
from conversions.settings import Settings
from tests.audit.rich_store import clock, rich_store
from tests.audit.shop import Shop

LATER = datetime(2027, 3, 1, tzinfo=UTC)
"""More than 70 days after both nights."""


@pytest.fixture
def shop(past: Shop, tmp_path: Path) -> Shop:
    return past.copy(tmp_path / "shop")


def findings(settings: Settings) -> list[str]:
    return [str(each) for each in verify.verify(verify.log_location(settings)).findings]


def purged(shop: Shop, before: str | None, at: datetime, forge: str | None = None) -> None:
    """Every payload is gone, and an entry of *at* says that purchases before *before* were purged."""
    shop.now = at
    with open_shared(shop.settings, shop.clock) as ledger, ledger.transaction() as connection:
        events = list(connection.exec_driver_sql("SELECT id FROM event ORDER BY id").scalars())
        keep_wire_ids(connection, {event >> SALE_OF_EVENT for event in events})
        redaction.redact(connection, events)
        facts = {"basis": "retention", "events": redaction.ranges(connection, events), "count": len(events)}
        if forge:
            connection.exec_driver_sql(forge)
        log.append(connection, "purge", ledger.now_us, facts | ({"before": before} if before else {}))


def test_a_purge_of_old_days_is_no_finding(shop: Shop) -> None:
    purged(shop, "2026-11-21", LATER)

    assert findings(shop.settings) == []


def test_a_purge_of_a_day_that_it_does_not_name_is_found(shop: Shop) -> None:
    purged(shop, "2026-11-20", LATER)

    assert len([each for each in findings(shop.settings) if "to a purge of earlier days" in each]) == 4


@pytest.mark.parametrize("before", ["2026-11-22", "2027-12-01", None])
def test_yesterday_cannot_be_purged(shop: Shop, before: str | None) -> None:
    purged(shop, before, datetime(2026, 11, 22, 8, tzinfo=UTC))

    assert any("purges days that were not 70 days old" in each for each in findings(shop.settings))
    assert verify.verify(verify.log_location(shop.settings)).exit_code == Exit.ATTENTION


@pytest.mark.parametrize("forge", ["UPDATE exception SET day = '2025-01-01'", "DELETE FROM exception"])
def test_what_was_sent_yesterday_is_not_old_whatever_its_row_says(shop: Shop, forge: str) -> None:
    purged(shop, "2026-08-01", datetime(2026, 11, 22, 8, tzinfo=UTC), forge)

    assert any("to a purge of earlier days" in each for each in findings(shop.settings))


def test_retention_itself_is_no_finding(tmp_path: Path) -> None:
    from conversions.privacy import retention

    settings = rich_store(tmp_path / "shop")
    later = clock().replace(year=2027)
    result, _ = retention.purge(settings, lambda: later)

    assert result.events
    assert result.orders
    assert findings(settings) == []
    with sqlite3.connect(settings.store_path) as store:
        store.execute("UPDATE history SET orders = orders + 1 WHERE id = 1")
    assert any(each.startswith("the history has") for each in findings(settings))
