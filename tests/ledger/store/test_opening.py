"""Who may open the store, and for what: to send, to write beside a run, to look."""

import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from conversions.errors import LedgerError, SettingsError
from conversions.ledger import Ledger, open_ledger, open_read_only, open_shared
from conversions.ledger.schema import tables
from conversions.ledger.store import sqlite as store
from conversions.ledger.subjects import suppressions
from tests.ledger.builders import NOW, Clock, Night, another_look, shop_settings, subject

Opening = Callable[[Path], AbstractContextManager[Ledger]]
OPENINGS: dict[str, Opening] = {
    "run": lambda directory: open_ledger(shop_settings(directory), Clock()),
    "objection": lambda directory: open_shared(shop_settings(directory), Clock()),
    "look": lambda directory: open_read_only(shop_settings(directory), Clock()),
}


def opened(path: Path, *, rehearsal: bool) -> None:
    with store.connect(path, path.parents[1] / "tail", Clock(), rehearsal=rehearsal):
        pass


@pytest.mark.parametrize("opening", OPENINGS.values(), ids=OPENINGS)
def test_another_os_user_is_refused_before_the_store_is_opened(
    opening: Opening, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    monkeypatch.setattr(store, "create_engine", lambda *_, **__: pytest.fail("it was opened"))

    with pytest.raises(
        SettingsError, match=rf"belongs to user .*{os.getuid()}.*, you are user .*{os.getuid() + 1}.*; run this as"
    ):
        opening(path.parents[1]).__enter__()

    assert [file.name for file in path.parent.iterdir()] == ["conversions.db"]


@pytest.mark.parametrize("was", [False, True])
def test_a_rehearsal_stays_one_for_ever_and_a_real_store_too(tmp_path: Path, was: bool) -> None:
    path = tmp_path / "var" / "c.db"
    store.create(path, tmp_path / "tail", rehearsal=was, at=NOW)

    opened(path, rehearsal=was)
    with pytest.raises(SettingsError, match=r"a store is for one kind only.*its own store\.url"):
        opened(path, rehearsal=not was)


def test_a_run_makes_the_store_where_there_is_none(tmp_path: Path) -> None:
    with open_ledger(shop_settings(tmp_path), Clock()) as ledger:
        assert ledger.epoch is None

    assert (tmp_path / "var" / "conversions.db").exists()


def test_a_look_before_the_first_run_makes_nothing(tmp_path: Path) -> None:
    with open_read_only(shop_settings(tmp_path), Clock()) as ledger, ledger.transaction() as connection:
        assert connection.execute(select(tables.run)).all() == []

    assert [file.name for file in tmp_path.iterdir()] == ["conversions.toml"]


def test_a_look_at_a_store_that_is_gone_is_refused(path: Path) -> None:
    path.unlink()

    with pytest.raises(LedgerError, match="is gone"), open_read_only(shop_settings(path.parents[1]), Clock()):
        pass


def test_a_look_cannot_write(path: Path) -> None:
    with (
        pytest.raises(LedgerError, match="readonly"),
        open_read_only(shop_settings(path.parents[1]), Clock()) as ledger,
        ledger.transaction() as connection,
    ):
        connection.execute(tables.pin.insert().values(name="n", value="v", since_us=0))


def test_a_look_needs_no_lock_and_waits_for_no_writer(night: Night) -> None:
    with night.ledger.transaction(), another_look(night.path) as connection:
        assert connection.execute(select(tables.run.c.id)).scalar_one() == night.run.id


def test_an_objection_is_entered_while_a_run_holds_the_lock(tmp_path: Path) -> None:
    settings = shop_settings(tmp_path)

    with open_ledger(settings, Clock()), open_shared(settings, Clock()) as beside:
        assert suppressions.add(beside, (subject("anna"),), None)


def test_a_store_whose_pages_stay_in_the_wal_is_not_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Closing a database swallows a disk that is full; what is linked then would be damaged for ever."""
    fill = store._initialise

    def fill_half(draft: Path, *arguments: object, **named: Any) -> None:
        fill(draft, *arguments, **named)  # type: ignore[arg-type]
        draft.with_name(f"{draft.name}-wal").write_bytes(b"pages")

    monkeypatch.setattr(store, "_initialise", fill_half)

    with pytest.raises(LedgerError, match="could not be created: the disk is full or fails"), OPENINGS["run"](tmp_path):
        pass

    assert not (tmp_path / "var").exists()
    assert not (tmp_path / "tail").exists()
