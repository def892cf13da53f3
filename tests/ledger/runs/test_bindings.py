"""Pins: what the store rests on cannot change by accident."""

import pytest
from sqlalchemy import select

from conversions.errors import SettingsError
from conversions.ledger.runs import bindings
from conversions.ledger.schema import tables
from tests.ledger.builders import NOW, Night

PINS = {"key": "a1b2c3d4e5f60718", "shop": "main", "id scheme": "wire-id/1", "destination meta": "meta 555 wire_id"}


def test_what_is_used_for_the_first_time_is_pinned_with_its_instant(night: Night) -> None:
    bindings.check_bindings(night.ledger, PINS)
    bindings.record_bindings(night.ledger, PINS)

    held = {row.name: (row.value, row.since_us) for row in night.all(select(tables.pin))}
    assert held == {name: (value, int(NOW.timestamp()) * 1_000_000) for name, value in PINS.items()}


def test_checking_pins_nothing(night: Night) -> None:
    bindings.check_bindings(night.ledger, PINS)

    assert night.all(select(tables.pin)) == []


def test_the_same_again_is_no_change(night: Night) -> None:
    bindings.record_bindings(night.ledger, PINS)
    night.clock.forward(days=1)

    bindings.check_bindings(night.ledger, PINS)
    bindings.record_bindings(night.ledger, PINS)

    assert {row.since_us for row in night.all(select(tables.pin))} == {int(NOW.timestamp()) * 1_000_000}


@pytest.mark.parametrize(
    ("name", "meaning"),
    [
        ("key", "would count all earlier orders again, and objections would not be found"),
        ("shop", "would count all earlier orders again"),
        ("id scheme", "would count all earlier orders again"),
        ("destination meta", "sent again, to another account"),
    ],
)
def test_any_difference_is_refused_with_old_and_new_and_what_it_would_do(night: Night, name: str, meaning: str) -> None:
    bindings.record_bindings(night.ledger, PINS)

    with pytest.raises(SettingsError) as refused:
        bindings.check_bindings(night.ledger, PINS | {name: "another"})

    assert f"{name} is 'another', this store was used with {PINS[name]!r}: " in str(refused.value)
    assert meaning in str(refused.value)


def test_a_new_destination_is_pinned_beside_the_old_ones(night: Night) -> None:
    bindings.record_bindings(night.ledger, PINS)
    more = PINS | {"destination other": "meta 777 wire_id"}

    bindings.check_bindings(night.ledger, more)
    bindings.record_bindings(night.ledger, more)

    assert {row.name: row.value for row in night.all(select(tables.pin))} == more


def test_a_run_to_one_destination_leaves_the_others_pins_alone(night: Night) -> None:
    bindings.record_bindings(night.ledger, PINS)

    bindings.check_bindings(night.ledger, {"key": PINS["key"]})
    bindings.record_bindings(night.ledger, {"key": PINS["key"]})

    assert len(night.all(select(tables.pin))) == len(PINS)
