"""A fresh store for every test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from conversions.ledger import store
from tests.ledger.builders import NOW, Clock, Night, night_in


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A store that nothing was ever done with."""
    path = tmp_path / "var" / "conversions.db"
    store.create(path, tmp_path / "tail", rehearsal=False, at=NOW)
    return path


@pytest.fixture
def night(path: Path, clock: Clock) -> Iterator[Night]:
    """A run under way, with nothing staged."""
    with night_in(path.parents[1], clock) as night:
        yield night
