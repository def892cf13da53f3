"""Whether a store is a rehearsal is told by where its requests went."""

import sqlite3
from pathlib import Path

import pytest

from conversions.audit.verify import rehearsal, verify
from conversions.audit.verify.log_history import LogHistory
from tests.audit.shop import Shop


def intent(history: LogHistory, seq: int, url: str) -> None:
    history.read(seq, f'{{"kind":"intent","seq":{seq},"url":"{url}"}}')


def findings(*urls: str, flag: object) -> list[str]:
    store, history = sqlite3.connect(":memory:"), LogHistory()
    store.execute("CREATE TABLE head(rehearsal)")
    store.execute("INSERT INTO head VALUES (?)", (flag,))
    for seq, url in enumerate(urls):
        intent(history, seq, url)
    return [str(each) for each in rehearsal.compare(history, store)]


LOCAL = "http://127.0.0.1:8097/v1/events:ingest"
GOOGLE = "https://datamanager.googleapis.com/v1/events:ingest"


@pytest.mark.parametrize("url", [LOCAL, "https://localhost/v26.0/5", "http://[::1]:80", "http://127.9.0.2:1/x"])
def test_an_address_on_this_machine_is_a_rehearsal(url: str) -> None:
    assert findings(url, flag=1) == []
    assert findings(url, flag=0) == [
        "the head says that this is no rehearsal, and entry 0 names an address on this machine"
    ]


@pytest.mark.parametrize(
    "url", [GOOGLE, "https://127.0.0.1.example/x", "https://localhost.example/x", "http://127.0.0.1@example.com/"]
)
def test_any_other_address_is_not(url: str) -> None:
    assert findings(url, flag=0) == []
    assert findings(url, flag=1) == ["the head says that this is a rehearsal, and entry 0 names an address elsewhere"]


def test_a_log_with_both_is_neither() -> None:
    assert len(findings(LOCAL, GOOGLE, flag=1)) == len(findings(LOCAL, GOOGLE, flag=0)) == 1


def test_a_store_that_sent_nothing_may_be_either() -> None:
    assert findings(flag=0) == findings(flag=1) == []
    assert findings(flag=2)


def test_a_flag_that_was_turned_is_found(past: Shop, tmp_path: Path) -> None:
    shop = past.copy(tmp_path / "shop")
    with shop.tampered() as store:
        store.execute("UPDATE head SET rehearsal = 1 - rehearsal")

    assert "says that this is no rehearsal" in verify.verify(verify.log_location(shop.settings)).sentence
