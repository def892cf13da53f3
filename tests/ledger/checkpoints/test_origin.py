"""The origin of a log: which history its checkpoints are of."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from conversions.ledger import Ledger, checkpoints, log, open_shared
from conversions.ledger.log.merkle import leaf_hash
from tests.ledger.builders import Clock, shop_settings

ORIGIN = checkpoints.FORMER_ORIGIN


@pytest.fixture
def ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clock: Clock) -> Iterator[Ledger]:
    monkeypatch.setenv("CONVERSIONS_KEY", "5c" * 32)
    with open_shared(shop_settings(tmp_path), clock) as ledger:
        yield ledger


def after(ledger: Ledger, kind: str, **facts: object) -> str:
    """The origin after one more entry."""
    with ledger.transaction() as connection:
        log.append(connection, kind, ledger.now_us, facts)
    with ledger.transaction() as connection:
        return checkpoints.current_origin(connection, ledger.store_id)


def newest(ledger: Ledger) -> bytes:
    with ledger.transaction() as connection:
        [body] = connection.exec_driver_sql("SELECT body FROM leaf ORDER BY seq DESC LIMIT 1").scalars()
        return str(body).encode()


def test_a_log_that_was_never_restored_has_the_name_of_its_signer(ledger: Ledger) -> None:
    assert after(ledger, "run") == checkpoints.signer(ledger.store_id) == f"conversions/{ledger.store_id}"


def test_the_newest_restore_begins_it(ledger: Ledger) -> None:
    first = after(ledger, "restored", **{ORIGIN: None, "reason": "a"})
    second = after(ledger, "restored", **{ORIGIN: first, "reason": "a"})

    assert second == f"conversions/{ledger.store_id}/{leaf_hash(newest(ledger)).hex()[:16]}"
    assert len({first, second, checkpoints.signer(ledger.store_id)}) == 3
    assert after(ledger, "run") == second


def test_a_restore_of_an_earlier_release_begins_none(ledger: Ledger) -> None:
    """Its checkpoints have the first origin, and must stay valid."""
    assert after(ledger, "restored", reason="a") == checkpoints.signer(ledger.store_id)


def test_a_reason_that_looks_like_a_restore_begins_none(ledger: Ledger) -> None:
    assert after(ledger, "look", reason='"kind":"restored"', **{ORIGIN: None}) == checkpoints.signer(ledger.store_id)


def test_a_checkpoint_has_it_in_its_first_line_and_keeps_its_signer(ledger: Ledger) -> None:
    origin = after(ledger, "restored", **{ORIGIN: None})
    told = checkpoints.parse(checkpoints.sign(ledger.store_id, 3, bytes(32), bytes(32), origin=origin))

    assert (told.origin, told.store_id, told.size) == (origin, ledger.store_id, 3)
    assert [each.name for each in told.note.signatures] == [checkpoints.signer(ledger.store_id)]


@pytest.mark.parametrize("branch", ["", "/", "/0123", f"/{'0' * 15}G", f"/{'0' * 16}/"])
def test_another_first_line_is_no_checkpoint(ledger: Ledger, branch: str) -> None:
    origin = f"{checkpoints.signer(ledger.store_id)}{branch or '0'}"

    with pytest.raises(ValueError, match="not a checkpoint"):
        checkpoints.parse(checkpoints.sign(ledger.store_id, 3, bytes(32), bytes(32), origin=origin))
