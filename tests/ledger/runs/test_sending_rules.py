"""What counts as a rule that a person approves."""

import orjson

from conversions.ledger.runs.sending_rules import rules_of


def rules(**source: object) -> dict[str, object]:
    return rules_of(orjson.dumps({"source": source}).decode(), str)


def test_settings_of_an_earlier_release_have_the_rules_of_the_defaults() -> None:
    today = {"test_values": ["true", "yes", "1", "ja", "test"], "format": {"minor_units": False, "layout": "orders"}}

    assert rules(**today) == rules() == {}


def test_what_decides_how_cells_are_read_and_which_orders_are_left_out_is_a_rule() -> None:
    declared = {
        "columns": {"test": "is_test"},
        "test_values": ["staff"],
        "format": {"minor_units": True, "dates": "dmy"},
    }

    assert rules(**declared) == {
        "source.columns.test": "is_test",
        "source.format.dates": "dmy",
        "source.format.minor_units": True,
        "source.test_values": ["staff"],
    }
