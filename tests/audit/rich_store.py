"""A store with rows in almost every table: that of the last release, upgraded, with everything a person can ask for."""

import os
import shutil
from datetime import UTC, datetime
from pathlib import Path
from unittest import mock

import orjson

from conversions.ledger import checkpoints, open_shared
from conversions.ledger.maintenance import upgrade
from conversions.ledger.subjects import access_log, rectification, suppressions
from conversions.ledger.subjects.access_log import Look, LookKind
from conversions.settings import Settings, load

RELEASE = Path(__file__).parents[1] / "ledger" / "fourth_release"
KEY = "5e" * 32


def clock() -> datetime:
    return datetime(2026, 12, 1, 6, tzinfo=UTC)


def rich_store(home: Path) -> Settings:
    """Make the store in *home*, with the checkpoints that its release wrote."""
    (home / "var").mkdir(parents=True, mode=0o700)
    shutil.copy(RELEASE / "conversions.db", home / "var")
    for name in ("conversions.toml", "privacy-policy.toml", "var-conversions.tail"):
        shutil.copy(RELEASE / name, home)
    with mock.patch.dict(os.environ, {"CONVERSIONS_KEY": KEY}):
        settings = load(home / "conversions.toml")
    write_checkpoints(settings)
    upgrade.upgrade(settings, clock)
    for copy in (home / "var").glob("*.schema-*"):
        copy.unlink()
    _rectify(settings)
    return settings


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


def _rectify(settings: Settings) -> None:
    """Two orders had the address of another person; somebody looked at one of them."""
    with open_shared(settings, clock) as ledger:
        with ledger.transaction() as connection:
            rows = connection.exec_driver_sql(
                "SELECT e.subject, e.delivery >> 6 FROM event e JOIN request_event x ON x.event = e.id "
                "WHERE e.subject IS NOT NULL ORDER BY e.id DESC LIMIT 1"
            ).all()
            epoch = connection.exec_driver_sql("SELECT epoch FROM head").scalar_one()
        ledger.epoch = epoch
        [(wrong, sale)] = rows
        rectification.rectify(ledger, (wrong,), (bytes(16),), [sale], "2026-31")
        suppressions.add(ledger, (bytes(16), bytes(15) + b"1"), "by telephone", case="2026-32")
        suppressions.add(ledger, (bytes(15) + b"2",), "by letter")
        suppressions.remove(ledger, (bytes(15) + b"2",), "changed their mind")
        access_log.record_looks(ledger, [Look(LookKind.ORDER, "a question", sale=sale)])
