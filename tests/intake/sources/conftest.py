"""Fixtures of all sources."""

from collections.abc import Iterator

import pytest

from tests.intake.sources import file_servers
from tests.intake.sources.closing import OPEN
from tests.intake.sources.woocommerce_database import SERVERS


@pytest.fixture(scope="session", autouse=True)
def _closed_shops() -> Iterator[None]:
    """Close every shop and database before the interpreter ends, which would wait for their connections."""
    yield
    for close in OPEN:
        close()
    SERVERS.close()
    file_servers.stop_servers()
