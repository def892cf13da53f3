"""A bundle that opens the links of chosen orders: theirs, and nobody else's."""

from datetime import date
from pathlib import Path

import orjson
import pytest

from conversions.audit import open_log
from conversions.audit.evidence import chosen_orders, verifier
from conversions.audit.evidence.bundle import bundle
from conversions.errors import Usage
from tests.audit.erasing import erase
from tests.audit.evidence.forging import lines, sign_again, signing_seed, write, write_lines
from tests.audit.rich_store import ENVIRONMENT as RICH_ENVIRONMENT
from tests.audit.rich_store import clock, rich_store
from tests.audit.shop import ENVIRONMENT, Shop
from tests.ledger import stored

ORDERS = ("1119-1", "1120-0")


@pytest.fixture(autouse=True)
def _secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)


def sentences(report: verifier.Report) -> list[str]:
    return [line for line in report.named if line.startswith("Order ")]


def test_a_chosen_order_is_shown_with_each_event_that_was_sent_for_it(past: Shop, tmp_path: Path) -> None:
    report = write(past, tmp_path / "bundle", orders=ORDERS)

    shown = sentences(report)
    assert len(shown) == 5  # request 3 sent again what Meta had not answered
    assert shown[0] == (
        "Order 1119-1, bought on 2026-11-19, value 101.50 DKK: event 2 of request 1 to Google Ireland Limited,"
        " entry 6 (2026-11-21 22:30 UTC)."
    )
    assert {line.partition(",")[0] for line in shown} == {"Order 1119-1", "Order 1120-0"}
    assert any("but for the opened ones" in line for line in report.unchecked)


def test_nobody_elses_link_is_in_the_bundle(past: Shop, tmp_path: Path) -> None:
    write(past, tmp_path / "bundle", orders=ORDERS)
    content = b"".join(path.read_bytes() for path in (tmp_path / "bundle").rglob("*") if path.is_file())

    found = {True: 0, False: 0}
    for event in stored.events(past.home / "var" / "conversions.db"):
        chosen = any(number.encode() in event.link for number in ORDERS)
        salt, number = event.two_salts[1].hex().encode(), orjson.loads(event.link)[0].encode()
        assert (salt in content, number in content) == (chosen, chosen), event.link
        assert event.salts.hex().encode() not in content  # of which both salts are made
        found[chosen] += 1
    assert all(found.values())


def test_without_a_choice_no_link_is_open(past: Shop, tmp_path: Path) -> None:
    report = write(past, tmp_path / "bundle")

    assert sentences(report) == []
    rows = lines(tmp_path / "bundle", "requests.jsonl")
    assert {tuple(event) for row in rows for event in row["events"]} == {("salt", "event", "link")}
    assert any(line == "whose orders the events are." for line in report.unchecked)


@pytest.mark.parametrize("old", ["1119-1", "2026-11-19", "10150"])
def test_a_link_that_says_something_else_is_refused(past: Shop, tmp_path: Path, old: str) -> None:
    write(past, tmp_path / "bundle", orders=ORDERS)
    rows = lines(tmp_path / "bundle", "requests.jsonl")
    (event,) = [event for event in rows[0]["events"] if "opened" in event]
    assert old in event["opened"]
    event["opened"] = event["opened"].replace(old, old[:-1] + "7")
    write_lines(tmp_path / "bundle", "requests.jsonl", rows)
    sign_again(tmp_path / "bundle", signing_seed(past))

    with pytest.raises(verifier.Refused, match="request 1 has other events"):
        verifier.verify(tmp_path / "bundle")


def test_an_order_that_was_not_sent_in_these_days_is_said(past: Shop, tmp_path: Path) -> None:
    report = write(past, tmp_path / "bundle", (date(2026, 11, 22), date(2026, 11, 22)), ("1119-1", "1120-0"))

    assert {line.partition(",")[0].partition(":")[0] for line in sentences(report)} == {"Order 1119-1", "Order 1120-0"}
    assert next(line for line in sentences(report) if "no event of these entries" in line).startswith("Order 1119-1:")


def test_orders_that_cannot_be_opened_are_refused_with_a_reason(past: Shop, tmp_path: Path) -> None:
    shop = past.copy(tmp_path / "shop")
    for number, said in (("4711", "The store has no order 4711"), ("anna@example.com", "is no order number")):
        with pytest.raises(Usage, match=said):
            write(shop, tmp_path / "bundle", orders=(number,))


def test_an_event_without_payload_is_not_opened(past: Shop, tmp_path: Path) -> None:
    shop = past.copy(tmp_path / "shop")
    erase(shop)  # of order 1119-0 at one destination
    report = write(shop, tmp_path / "bundle", orders=("1119-0",))

    assert len(sentences(report)) == 2
    (gone,) = [
        event for row in lines(tmp_path / "bundle", "requests.jsonl") for event in row["events"] if "number" in event
    ]
    assert list(gone) == ["number", "commitment"]


def test_a_store_of_earlier_releases_makes_a_bundle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Attempts from before schema 0007 bind no order, so theirs stay closed; those since can be opened."""
    for name, value in RICH_ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    settings = rich_store(tmp_path / "shop")
    chosen = chosen_orders.find(settings, clock, ["4102"])
    with open_log(settings, clock) as log:
        report = bundle(log, settings, clock(), (date(2026, 1, 1), date(2026, 12, 31)), tmp_path / "bundle", chosen)

    assert report.sentence.startswith("Accepted: entries 0 to ")
    assert any(line.startswith("Order 4102, bought on 2026-12-03") for line in report.named)
    assert any("The store was upgraded from 0005 to " in line for line in report.named)
    rows = lines(tmp_path / "bundle", "requests.jsonl")
    assert {"salt", "event"} in [set(event) for row in rows for event in row["events"]]
