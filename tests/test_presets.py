"""Presets: each known export is recognised by its header, and gives what its files need."""

import csv
from pathlib import Path
from typing import Any, get_args

import pytest

from conversions.settings import FileSource, SqlSource, presets
from conversions.settings.sections import Columns
from conversions.settings.source_format import Format, PresetName
from conversions.settings.values import ad_consent_name

EXPORTS = Path(__file__).parent / "exports"
every_preset = pytest.mark.parametrize("name", get_args(PresetName))


def header(name: str) -> list[str]:
    with (EXPORTS / f"{name}.csv").open(newline="") as file:
        first = file.readline()
        return next(csv.reader([first], delimiter=";" if ";" in first else ","))


def source(**tables: Any) -> FileSource:
    return FileSource.model_validate({"kind": "csv", "path": "*.csv", **tables})


def test_the_settings_name_every_preset_and_no_other() -> None:
    assert set(get_args(PresetName)) == set(presets.known())


@every_preset
def test_an_export_is_recognised_by_its_header_and_has_all_columns_of_its_preset(name: str) -> None:
    for names in (header(name), [each.upper() for each in header(name)]):
        found = presets.recognise(names)
        assert found is not None
        assert found.name == name
        assert presets.columns(found, names) == presets.columns(found) == found.columns


def test_an_optional_column_that_a_file_lacks_is_not_mapped() -> None:
    names = [name for name in header("shopify-export") if name != "Cancelled at"]
    found = presets.recognise(names)

    assert found is not None
    assert "cancelled_at" not in presets.columns(found, names)
    assert presets.recognise([name for name in names if name != "Email"]) is None


def test_a_header_of_another_kind_is_no_known_export() -> None:
    assert presets.recognise([]) is None
    assert presets.recognise(["Order", "E-mail", "Total", "Paid", "Status"]) is None


@every_preset
def test_a_preset_has_only_settings_that_exist(name: str) -> None:
    preset = presets.known()[name]

    assert set(preset.columns) <= set(Columns.model_fields)
    assert set(preset.format) <= set(Format.model_fields)
    assert ("product_ids" in preset.columns) == (preset.format.get("layout") == "items")


@every_preset
def test_a_preset_maps_no_consent(name: str) -> None:
    """No export has consent to ads; each may have consent to newsletters."""
    assert not {"consent", "ad_personalization"} & set(presets.known()[name].columns)


def test_shopifys_newsletter_consent_is_refused_as_consent() -> None:
    with pytest.raises(ValueError, match="newsletters"):
        ad_consent_name("Accepts Marketing")


def test_a_preset_gives_columns_layout_and_statuses() -> None:
    found = source(format={"preset": "shopify-export"})

    assert (found.columns.order_id, found.columns.purchased_at, found.format.layout) == ("Name", "Created at", "items")
    assert found.completed == ["paid", "partially_refunded"]


def test_what_is_written_wins_and_an_empty_name_takes_a_column_out() -> None:
    found = source(
        format={"preset": "shopify-export", "layout": "orders"},
        columns={"email": "Notes", "refunded": ""},
        completed=["paid"],
        currency="DKK",
    )

    assert (found.columns.email, found.columns.refunded, found.columns.currency) == ("Notes", None, None)
    assert (found.format.layout, found.completed, found.currency) == ("orders", ["paid"], "DKK")


@pytest.mark.parametrize(
    ("tables", "sentence"),
    [
        ({"completed": ["x"]}, "columns"),
        ({"format": {"preset": "magento-grid"}, "completed": ["x"]}, "set source.currency"),
        ({"format": {"preset": "magento-grid"}, "currency": "DKK"}, "completed"),
        ({"format": {"preset": "opencart"}, "completed": ["x"]}, "format.preset"),
    ],
)
def test_what_a_preset_cannot_know_must_be_written(tables: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        source(**tables)


def test_a_query_joins_the_lines_of_an_order_itself() -> None:
    tables = {
        "columns": presets.known()["shopify-export"].columns,
        "completed": ["paid"],
        "format": {"layout": "items"},
    }

    with pytest.raises(ValueError, match="GROUP BY"):
        SqlSource.model_validate({"kind": "sql", "url": "sqlite://", "query": "SELECT 1", **tables})


def test_statuses_may_be_numbers() -> None:
    found = source(format={"preset": "shopware5-export"}, completed=[2, 7])

    assert found.completed == ["2", "7"]
