"""With a trusted checkpoint only newer bytes are read; what it covers is still bound by its root."""

import sqlite3
from pathlib import Path

import pytest

from conversions.audit.verify import payloads, verify
from conversions.audit.verify.result import VerificationResult
from conversions.ledger import checkpoints
from tests.audit.shop import Shop


@pytest.fixture
def shop(past: Shop, tmp_path: Path) -> Shop:
    return past.copy(tmp_path / "shop")


@pytest.fixture
def kept(shop: Shop) -> Path:
    """The checkpoint of the first night, elsewhere."""
    mailed = shop.home / "mailed"
    mailed.write_bytes(next(checkpoints.checkpoint_files(shop.settings.checkpoints_path)).read_bytes())
    return mailed


def verified(shop: Shop, since: Path | None) -> VerificationResult:
    return verify.verify(verify.log_location(shop.settings, since=since))


def test_only_newer_events_are_read(shop: Shop, kept: Path) -> None:
    result = verified(shop, kept)

    assert result.intact, result.findings
    assert result.events == 4
    assert result.entries == verified(shop, None).entries
    assert result.since == int(next(checkpoints.checkpoint_files(shop.settings.checkpoints_path)).stem)
    assert any(f"before entry {result.since} were not read" in note for note in result.notes)
    assert result.json()["since_entry"] == result.since


@pytest.mark.parametrize(("batch", "intact"), [("(SELECT max(id) FROM batch)", False), ("1", True)])
def test_newer_bytes_that_were_altered_are_found(shop: Shop, kept: Path, batch: str, *, intact: bool) -> None:
    with shop.tampered() as store:
        store.execute(f"UPDATE blob SET salts = zeroblob(length(salts)) WHERE batch = {batch}")

    assert verified(shop, kept).intact is intact
    assert not verified(shop, None).intact


def test_an_older_entry_that_was_altered_is_found(shop: Shop, kept: Path) -> None:
    with shop.tampered() as store:
        store.execute("UPDATE leaf SET body = replace(body, 'window', 'widow') WHERE seq < 8")

    assert not verified(shop, kept).intact


def test_a_row_of_an_older_entry_that_was_altered_is_found(shop: Shop, kept: Path) -> None:
    with shop.tampered() as store:
        store.execute("UPDATE request SET outcome = 'received' WHERE id = 2")

    assert not verified(shop, kept).intact


def forged(kept: Path, size: int | None = None, store_id: str | None = None) -> Path:
    known = checkpoints.parse(kept.read_text())
    kept.write_text(checkpoints.sign(store_id or known.store_id, size or known.size, known.root, bytes(32)))
    return kept


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, "is not signed by a key that the log knows"),
        ({"size": 9}, "contradicts the log"),
        ({"store_id": "0" * 32}, "is of another store"),
    ],
)
def test_a_checkpoint_that_is_not_of_this_log_is_found(
    shop: Shop, kept: Path, change: dict[str, str | int], expected: str
) -> None:
    assert any(expected in str(each) for each in verified(shop, forged(kept, **change)).findings)  # type: ignore[arg-type]


def test_a_file_that_is_no_checkpoint_skips_nothing(shop: Shop, kept: Path) -> None:
    kept.write_bytes(b"\xff")
    result = verified(shop, kept)

    assert not result.intact
    assert (result.since, result.events) == (0, verified(shop, None).events)


def test_a_checkpoint_of_the_newest_entry_leaves_nothing_to_read(shop: Shop) -> None:
    newest = list(checkpoints.checkpoint_files(shop.settings.checkpoints_path))[-1]
    result = verified(shop, newest)

    assert result.intact, result.findings
    assert result.events == 0


def test_older_requests_are_not_even_asked_for(shop: Shop, kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spans: list[tuple[int, int]] = []
    real = payloads.check_requests

    def asked(store: sqlite3.Connection, first: int, last: int) -> payloads.CheckedRequests:
        spans.append((first, last))
        return real(store, first, last)

    monkeypatch.setattr(payloads, "check_requests", asked)

    verified(shop, kept)

    assert spans == [(4, 5)]
