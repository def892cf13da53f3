"""One sandbox and one process to begin nights from, for all tests here: they take a second to come."""

from collections.abc import Iterator

import pytest

from tests.faults.nights import Nights, open_nights
from tests.faults.platforms import Platforms, open_platforms


@pytest.fixture(scope="package")
def platforms() -> Iterator[Platforms]:
    with open_platforms() as platforms:
        yield platforms


@pytest.fixture(scope="package")
def nights() -> Iterator[Nights]:
    with open_nights() as nights:
        yield nights
