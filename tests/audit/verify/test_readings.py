"""What each run read: a row that is damaged, too many, too few or of no run is named."""

from pathlib import Path

import pytest

from conversions.audit.verify import verify
from conversions.ledger.standing import readings
from tests.audit.shop import Shop

ANOTHER_NUMBER = "the reading of run 1 has 4 sales, and the report of the run another number"


@pytest.fixture
def shop(past: Shop, tmp_path: Path) -> Shop:
    return past.copy(tmp_path / "shop")


def findings(shop: Shop, alter: str, *parameters: object) -> list[str]:
    with shop.tampered() as store:
        store.execute("PRAGMA foreign_keys = OFF")
        store.execute(alter, parameters)
    return [str(each) for each in verify.verify(verify.log_location(shop.settings)).findings]


@pytest.mark.parametrize(
    ("spans", "expected"),
    [
        ([(1, 4)], ANOTHER_NUMBER),
        ([(1, 6)], "the reading of run 1 has sales that there never were"),
        ([(0, 2)], "the reading of run 1 has sales that there never were"),
        ([(3, 5)], "batch 1 has orders that the run which sealed it did not read"),
        ([(3, 3), (3, 4)], "the reading of run 1 cannot be read (ValueError)"),
    ],
)
def test_a_run_read_the_sales_that_it_sealed_and_as_many_as_it_reported(
    shop: Shop, spans: list[readings.Span], expected: str
) -> None:
    found = findings(shop, "UPDATE reading SET sales = ? WHERE run = 1", readings.pack(spans))
    assert expected in found, found


@pytest.mark.parametrize("sales", [b"", b"spans", readings.pack([(1, 3)]) + b"\0", readings.pack([(1, 3)])[:-1]])
def test_a_reading_that_is_damaged_is_named(shop: Shop, sales: bytes) -> None:
    found = findings(shop, "UPDATE reading SET sales = ? WHERE run = 1", sales)
    assert any(each.startswith("the reading of run 1 cannot be read") for each in found), found


@pytest.mark.parametrize(
    ("alter", "expected"),
    [
        ("UPDATE reading SET run = 7 WHERE run = 1", "the reading of run 7 names a run that is not there"),
        ("DELETE FROM reading WHERE run = 1", "batch 1 has orders that the run which sealed it did not read"),
        (
            "UPDATE reading SET destinations = 4 WHERE run = 1",
            "batch 1 has orders that the run which sealed it did not read",
        ),
        ("UPDATE reading SET destinations = 14", "the reading of run 1 has destinations that there are not"),
    ],
)
def test_a_reading_is_of_a_run_and_of_destinations_that_there_are(shop: Shop, alter: str, expected: str) -> None:
    found = findings(shop, alter)
    assert expected in found, found
