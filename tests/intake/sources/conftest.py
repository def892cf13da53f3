"""Fixtures of all sources."""

from collections.abc import Iterator

import pytest

from tests.intake.sources import file_servers
from tests.intake.sources.closing import OPEN


@pytest.fixture(scope="session", autouse=True)
def _closed_shops() -> Iterator[None]:
    """Close every shop before the interpreter ends, which would wait for their connections."""
    yield
    for close in OPEN:
        close()
    file_servers.stop_servers()
