"""A store with rows in almost every table: that of an earlier release, upgraded, two nights and what a person can ask.

Of the two nights, Meta answers nothing of the first; between them an order changes its buyer and another its value.
"""

import os
import re
import shutil
import sqlite3
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from unittest import mock

import orjson

from conversions import delivery, pipeline
from conversions.audit.comparison.compare import ComparisonQuestion, compare
from conversions.audit.comparison.platform_totals import typed
from conversions.ledger import checkpoints, open_shared
from conversions.ledger.maintenance import upgrade
from conversions.ledger.subjects import access_log, rectification, suppressions
from conversions.ledger.subjects.access_log import Look, LookKind
from conversions.model.conversion import Window
from conversions.model.run_request import RunRequest
from conversions.privacy import erasure
from conversions.sandbox import Sandbox
from conversions.settings import Settings, load

RELEASE = Path(__file__).parents[1] / "ledger" / "fifth_release"
ENVIRONMENT = {"CONVERSIONS_KEY": "5e" * 32, "CONVERSIONS_META__ACCESS_TOKEN": "EAAtest"}
FIRST_NIGHT = datetime(2026, 12, 4, 6, tzinfo=UTC)
SECOND_NIGHT = FIRST_NIGHT + timedelta(days=1)
TODAY = "2026-12-05 06:30:00"
"""Bought half an hour before the second night: too new for Google."""
NEW_ORDERS = 8
RIGHT = bytes(range(16))
"""The person whose address it should have been."""


def clock() -> datetime:
    return SECOND_NIGHT + timedelta(hours=2)


def rich_store(home: Path) -> Settings:
    """Make the store in *home*, with the checkpoints that its release wrote."""
    settings = upgraded_store(home)
    rows = [_order(f"41{i:02}", f"new.{i}", 150 + i, "2026-12-03 12:00:00") for i in range(NEW_ORDERS)]
    _run(settings, rows, FIRST_NIGHT, "429:meta", "verdict:google@0.2=NO_CONSENT")
    rows[0], rows[1] = _order("4100", "other.0", 150, "2026-12-03 12:00:00"), _order("4101", "new.1", 99, "2026-12-03")
    rows += [_order(f"42{i:02}", f"late.{i}", 160 + i, TODAY) for i in range(3)]
    _run(settings, rows, SECOND_NIGHT, "lost:metax1")
    _ask(settings)
    return settings


def upgraded_store(home: Path) -> Settings:
    """Make the store of the release in *home*, upgraded, with the checkpoints that its release wrote."""
    (home / "var").mkdir(parents=True, mode=0o700)
    shutil.copy(RELEASE / "conversions.db", home / "var")
    for name in ("conversions.toml", "privacy-policy.toml", "orders.csv", "var-conversions.tail"):
        shutil.copy(RELEASE / name, home)
    settings = _load(home)
    write_checkpoints(settings)
    upgrade.upgrade(settings, lambda: FIRST_NIGHT)
    for copy in (home / "var").glob("*.schema-*"):
        copy.unlink()
    return settings


def _load(home: Path) -> Settings:
    with mock.patch.dict(os.environ, ENVIRONMENT):
        return load(home / "conversions.toml")


def write_checkpoints(settings: Settings) -> None:
    """The checkpoints that the runs of a kept store wrote, which are not kept with it."""
    settings.checkpoints_path.mkdir(mode=0o700, exist_ok=True)
    for line in settings.tail_path.read_bytes().splitlines():
        head = orjson.loads(line)
        note = checkpoints.sign(
            head["store"], head["size"], bytes.fromhex(head["root"]), checkpoints.signing_seed(settings)
        )
        if head["size"]:
            (settings.checkpoints_path / f"{head['size']:012}.checkpoint").write_text(note)


def _order(number: str, buyer: str, amount: int, at: str) -> str:
    return f"{number},{buyer}@kunde.example,{amount}.00,DKK,SKU-1,{at},completed,,"


def _run(settings: Settings, rows: list[str], at: datetime, *faults: str) -> None:
    """One run over the last days, up to and with today."""
    home = settings.store_path.parents[1]
    source = home / "orders.csv"
    source.write_text((RELEASE / "orders.csv").read_text() + "".join(f"{row}\n" for row in rows))
    written = (at - timedelta(hours=1)).timestamp()
    os.utime(source, (written, written))
    with Sandbox(faults=faults, clock=lambda: at) as sandbox:
        config = home / "conversions.toml"
        config.write_text(re.sub(r'"http://127\.0\.0\.1:\d+"', f'"{sandbox.url}"', config.read_text()))
        request = RunRequest(since=date(2026, 11, 28), until=at.date(), reason="a question", restate=True)
        with mock.patch.object(delivery, "_backoff_seconds", return_value=0.0):
            pipeline.send(_load(home), request, lambda: at)


def _ask(settings: Settings) -> None:
    """Two persons object and one changes their mind, one is erased, an address is rectified, an order looked at.

    And Meta's total of a month is compared.
    """
    newest = """
        SELECT a.subject, a.id FROM sale a WHERE a.subject IS NOT NULL
        AND EXISTS (SELECT 1 FROM event e WHERE e.id >> 14 = a.id) ORDER BY a.id DESC LIMIT 2 OFFSET 3
    """
    with open_shared(settings, clock) as ledger:
        with ledger.transaction() as connection:
            (wrong, sale), (erased, _) = connection.exec_driver_sql(newest).all()
            ledger.epoch = connection.exec_driver_sql("SELECT epoch FROM head").scalar_one()
        rectification.rectify(ledger, (wrong,), (RIGHT,), [sale], "2026-31")
        suppressions.add(ledger, (RIGHT, bytes(15) + b"1"), "by telephone", case="2026-32")
        suppressions.add(ledger, (bytes(15) + b"2",), "by letter")
        suppressions.remove(ledger, (bytes(15) + b"2",), "changed their mind")
        access_log.record_looks(ledger, [Look(LookKind.ORDER, "a question", sale=sale)])
    november = ComparisonQuestion("meta", Window(date(2026, 11, 1), date(2026, 11, 30)), settings.zone)
    compare(settings, clock, november, typed("612", "61,204.50", by_click_date=False))
    with closing(sqlite3.connect(settings.store_path)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM head").fetchone()  # who reads keeps what the erasure must scrub
        erasure.erase(settings, clock, [(erased,)], "2026-33")
