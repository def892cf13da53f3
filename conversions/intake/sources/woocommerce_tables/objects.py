"""One row of WooCommerce's tables as an order object of its REST API, so that an order means the same in both."""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from conversions.intake.sources.cells.cells import as_text
from conversions.intake.sources.shop_api.values import Json
from conversions.intake.sources.woocommerce_tables.statements import NUMBER_METAS

_POST_METAS = {
    "total": "_order_total",
    "currency": "_order_currency",
    "billing_email": "_billing_email",
    "created_via": "_created_via",
    "date_paid_gmt": "_date_paid",
    "date_completed_gmt": "_date_completed",
}
"""Where an order that is a post keeps what another has in columns."""
_LINE_FIELDS = {"_qty": "quantity", "_line_total": "total"}
_PRODUCTS = {"_product_id": ("product_id", "product"), "_variation_id": ("variation_id", "product_variation")}
"""Field of the API, and the type of the post that must still be there."""
_ZERO_DATE = "0000-00-00 00:00:00"
"""WordPress' word for no date."""


def order_object(row: Mapping[str, Any]) -> Json:
    """Return the order of *row*, which has the columns of a preset. Raises ValueError where its JSON is damaged."""
    metas = [(key, value) for key, value in _entries(row["meta_data"])]
    cells = {name: as_text(value, "") for name, value in row.items() if name not in {"meta_data", "line_items"}}
    if "total" not in row:
        cells |= _post_cells(metas)
    numbers = dict(reversed(metas))
    return {
        **{name: "" if value == _ZERO_DATE else value for name, value in cells.items()},
        "status": cells["status"].removeprefix("wc-"),
        "number": next((str(numbers[key]) for key in NUMBER_METAS if numbers.get(key)), cells["id"]),
        "billing": {"email": cells["billing_email"]},
        "meta_data": [{"key": key, "value": value} for key, value in metas],
        "line_items": list(_lines(row["line_items"])),
        "refunds": [{"total": total} for total in _by_number(row["refunds"]).values()],
    }


def _post_cells(metas: list[tuple[str, str | None]]) -> dict[str, str]:
    """Return what a post has in its meta data; of several with one key WooCommerce reads the first."""
    first = dict(reversed(metas))
    cells = {name: first.get(key) or "" for name, key in _POST_METAS.items()}
    return cells | {name: _instant(cells[name]) for name in ("date_paid_gmt", "date_completed_gmt")}


def _instant(seconds: str) -> str:
    """Return a Unix time as the API writes it; anything else stays, and is no date."""
    try:
        return datetime.fromtimestamp(int(seconds), UTC).replace(tzinfo=None).isoformat()
    except (ValueError, OverflowError, OSError):
        return seconds


def _lines(cell: str | None) -> Iterator[Json]:
    """Yield the lines by their number. A variation without an SKU has that of its product, as in WooCommerce."""
    lines: dict[str, dict[str, Any]] = {}
    for number, (key, value, post_type, sku) in _by_number(cell).items():
        line = lines.setdefault(number.partition(".")[0], {})
        if key not in _PRODUCTS:
            line[_LINE_FIELDS.get(key, key)] = value
        elif post_type == _PRODUCTS[key][1]:
            line |= {_PRODUCTS[key][0]: value, post_type: sku}
    for line in lines.values():
        yield {**line, "sku": line.get("product_variation") or line.get("product")}


def _entries(cell: str | None) -> Iterator[tuple[str, Any]]:
    return ((key, value) for key, value in _by_number(cell).values())


def _by_number(cell: str | None) -> dict[str, Any]:
    """Return an object of JSON in the order of its keys, which are numbers; MySQL sorts them as texts.

    MariaDB leaves control characters in texts as they are.
    """
    entries = json.loads(cell, strict=False) if cell else {}
    return dict(sorted(entries.items(), key=lambda entry: [int(part) for part in entry[0].split(".")]))
