"""A store that is gone, old, foreign, spoilt or locked away: said before anything is sent."""

import os
import shutil
import sys

import pytest

from tests.e2e.breaks import Break
from tests.e2e.said import CONFIG, DOMAIN, STORE, stopped
from tests.e2e.shop import NAMES, Shop


@pytest.fixture
def used(shop: Shop) -> Shop:
    """Two nights gone, and two orders new."""
    shop.orders(shop.order("1"))
    assert shop.run().code == 0
    shutil.copytree(shop.home / "var", shop.home / "older")
    shop.orders(shop.order("1"), shop.order("2"))
    assert shop.run().code == 0
    shop.orders(*(shop.order(number) for number in "1234"))
    shop.sandbox.reset()
    return shop


def gone(shop: Shop) -> None:
    shutil.rmtree(shop.home / "var")


def gone_and_tail_emptied(shop: Shop) -> None:
    gone(shop)
    shop.tail.write_bytes(b"")


def gone_and_tail_garbled(shop: Shop) -> None:
    gone(shop)
    shop.tail.write_bytes(os.urandom(64))


def gone_and_tail_cut_short(shop: Shop) -> None:
    """A crash may do this to its last line, never to the first."""
    gone(shop)
    shop.tail.write_bytes(shop.tail.read_bytes()[:-20])


def older_copy(shop: Shop) -> None:
    gone(shop)
    shutil.copytree(shop.home / "older", shop.home / "var")


def another(shop: Shop) -> None:
    """A store that a colleague made elsewhere, with a tail file of its own there."""
    shop.configure(store={"url": "sqlite:///elsewhere/conversions.db"})
    assert shop.objection(f"bo@{DOMAIN}").code == 0
    shop.configure()
    shutil.copy(shop.home / "elsewhere" / "conversions.db", shop.store)


def a_second_one(shop: Shop) -> None:
    """New, under the tail file of the first."""
    shop.configure(store={"url": "sqlite:///second/conversions.db", "tail": shop.tail.name})


def newer_schema(shop: Shop) -> None:
    shop.sql("UPDATE alembic_version SET version_num = '0099'")


def no_schema(shop: Shop) -> None:
    shop.sql("DROP TABLE alembic_version")


def no_head(shop: Shop) -> None:
    shop.sql("DELETE FROM head")


def rewritten(shop: Shop) -> None:
    """The log says something else than it said."""
    shop.sql("UPDATE node SET hash = zeroblob(32)")


def written_over(first: int, last: int) -> Break:
    def spoil(shop: Shop) -> None:
        content = bytearray(shop.store.read_bytes())
        content[first:last] = bytes(last - first)
        shop.store.write_bytes(content)

    return spoil


def cut(share: float) -> Break:
    def cut_off(shop: Shop) -> None:
        with shop.store.open("r+b") as file:
            file.truncate(int(shop.store.stat().st_size * share))

    return cut_off


def no_database(shop: Shop) -> None:
    shop.store.write_text("The backup went here.\n" * 400)


UNTRUSTED: dict[str, Break] = {
    "gone": gone,
    "gone, its tail file emptied": gone_and_tail_emptied,
    "gone, its tail file garbled": gone_and_tail_garbled,
    "gone, its tail file cut short": gone_and_tail_cut_short,
    "an older copy": older_copy,
    "another one": another,
    "a second one under the same tail file": a_second_one,
    "of a newer schema": newer_schema,
    "of no schema": no_schema,
    "without its head": no_head,
    "with another log": rewritten,
    "with a spoilt header": written_over(0, 100),
    "with a spoilt schema": written_over(100, 4096),
    "cut in half": cut(0.5),
    "cut short": cut(0.97),
    "empty": cut(0),
    "no database": no_database,
}


@pytest.mark.parametrize("state", UNTRUSTED)
def test_a_store_that_cannot_be_trusted_stops_every_command(used: Shop, state: str) -> None:
    UNTRUSTED[state](used)
    kept = used.store_bytes()
    for command in (
        ["run", "--json"],
        ["plan", "--json"],
        ["status"],
        ["audit", "list"],
        ["privacy", "object", "--list"],
    ):
        stopped(used.command(*command), STORE)
        assert used.requests() == 0
    assert used.store_bytes() == kept


@pytest.mark.parametrize("page", range(1, 28, 2))
def test_a_store_with_a_spoilt_page_is_noticed_or_not_needed(used: Shop, page: int) -> None:
    """Wherever the disk has failed: either it is said, or everything is still counted once."""
    at = page * 4096
    assert at < used.store.stat().st_size
    written_over(at, at + 4096)(used)
    said = used.run()
    assert said.code in (0, STORE), said
    if said.code == STORE:
        assert said.sentence
    else:
        assert [said.counts(name) for name in NAMES] == [{"already_sent": 2, "sent": 2}] * 2
    for name in NAMES:
        assert used.received(name)["distinct"] <= 2


def test_a_store_of_another_user_is_refused_before_it_is_opened(used: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    kept = used.store_bytes()
    for command in (["run", "--json"], ["plan", "--json"], ["status"], ["audit", "list"]):
        stopped(used.command(*command), CONFIG, "owner")
    assert (used.requests(), used.store_bytes()) == (0, kept)


def test_the_store_is_its_owners_alone(used: Shop) -> None:
    assert (used.home / "var").stat().st_mode & 0o777 == 0o700
    for path in [*(used.home / "var").iterdir(), used.tail]:
        assert path.stat().st_mode & 0o777 == 0o600, path


WITHOUT_PRIVILEGES = """
import ctypes, os, sys
for capability in (1, 2, 3):  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, CAP_FOWNER: what makes root stronger than modes
    ctypes.CDLL(None).prctl(24, capability, 0, 0, 0)
os.execv(sys.argv[1], sys.argv[1:])
"""
"""For a program that is started by root; anybody else has none to lose."""


@pytest.mark.parametrize("what", ["file", "directory", "tail"])
def test_a_store_that_cannot_be_written_to_is_noticed_before_anything_is_sent(real_shop: Shop, what: str) -> None:
    shop = real_shop
    shop.orders(shop.order("1"))
    assert shop.run().code == 0
    shop.orders(shop.order("1"), shop.order("2"))
    path, mode = {"file": (shop.store, 0o400), "directory": (shop.home / "var", 0o500), "tail": (shop.tail, 0o400)}[
        what
    ]
    before = path.stat().st_mode
    path.chmod(mode)
    try:
        said = shop.process("run", "--json", through=[sys.executable, "-c", WITHOUT_PRIVILEGES])
    finally:
        path.chmod(before)
    assert said.code in (STORE, CONFIG), said
    assert said.sentence
    assert [shop.received(name)["events"] for name in NAMES] == [1, 1]
    assert shop.run().counts("google") == {"already_sent": 1, "sent": 1}


def test_a_tail_file_that_cannot_be_written_to_is_noticed_each_night_before_anything_is_sent(shop: Shop) -> None:
    shop.orders(shop.order())
    shop.configure(store={"tail": "gone/tail"})
    for _ in range(2):
        stopped(shop.run(), CONFIG, "tail")
        assert shop.requests() == 0
