"""Batches that a search can read: their events are joined, but not compressed."""

import pytest

from conversions.ledger.batches import contents


@pytest.fixture(autouse=True)
def _stored_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """Level 0 of zlib, so that a search of a file for a person's digest finds each copy."""
    monkeypatch.setattr(contents, "FASTEST", 0)
