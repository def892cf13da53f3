"""``conversions schema``, and the shipped files that are made with it or must agree with it."""

import json
import re
import sqlite3
import tomllib
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pydantic import BaseModel

from conversions.intake.order import Order
from conversions.intake.sources import open_source
from conversions.model.conversion import Window
from conversions.settings import (
    Columns,
    FileSource,
    GoogleSettings,
    MetaSettings,
    Privacy,
    Settings,
    SqlSource,
    Store,
    load,
)
from conversions.settings.load import SECRETS
from conversions.settings.sections import OnCall
from conversions.settings.source_format import Format
from tests.cli.conftest import Cli

CONFIG = Path(__file__).parents[2] / "config"
EXAMPLE = CONFIG / "conversions.toml"
SECTIONS: dict[str, tuple[type[BaseModel], ...]] = {
    "": (Settings,),
    "source": (FileSource, SqlSource),
    "source.columns": (Columns,),
    "source.format": (Format,),
    "store": (Store,),
    "privacy": (Privacy,),
    "on_call": (OnCall,),
    "destinations.google": (GoogleSettings,),
    "destinations.meta": (MetaSettings,),
}


@pytest.mark.parametrize(
    ("file", "name"), [("settings", "conversions.schema.json"), ("policy", "privacy-policy.schema.json")]
)
def test_the_shipped_schema_is_current(cli: Cli, file: str, name: str) -> None:
    assert cli("schema", file).out == (CONFIG / name).read_text(encoding="utf-8")


def test_settings_are_what_is_shown_without_being_asked(cli: Cli) -> None:
    assert json.loads(cli("schema").out)["title"] == "conversions.toml"


def test_the_shipped_settings_load() -> None:
    assert list(load(EXAMPLE).destinations) == ["google", "meta"]


def shown() -> Iterator[tuple[str, str, str]]:
    """Section, setting and value of every line of the example, commented out or not."""
    section = ""
    for line in EXAMPLE.read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            section = line[1 : line.index("]")]
        elif found := re.match(r"(?:# )?(\w+) = (.+?)(?:\s+# .*)?$", line):
            yield section, found[1], found[2]


@pytest.mark.parametrize("section", SECTIONS)
def test_the_example_shows_every_setting_and_nothing_else(section: str) -> None:
    own = {name for where, name, _ in shown() if where == section}
    known = {name for model in SECTIONS[section] for name in model.model_fields}
    elsewhere = SECRETS | {
        "source",
        "columns",
        "format",
        "currency_aliases",
        "store",
        "privacy",
        "on_call",
        "destinations",
    }
    optional = {"kind"} if section.startswith("destinations.") else set()
    assert own == known - elsewhere - optional


def test_a_default_that_the_example_shows_is_the_default() -> None:
    wrong = [
        (section, name)
        for section, name, value in shown()
        for model in SECTIONS.get(section, ())
        if (default := simple_default(model, name)) is not None and tomllib.loads(f"x = {value}")["x"] != default
    ]
    assert wrong == []


def simple_default(model: type[BaseModel], name: str) -> Any:
    field = model.model_fields.get(name)
    simple = field is not None and isinstance(field.default, str | int | list)
    told = {"amount_means", "kind"}
    return field.default if simple and field and name not in told else None


PURCHASES = {
    "last second of the day before": "2026-11-19T23:59:59",
    "first instant of the window": "2026-11-20T00:00:00",
    "last second of the window": "2026-11-20T23:59:59",
    "first instant after the window": "2026-11-21T00:00:00",
}


def test_the_query_that_the_example_shows_reads_the_window_and_no_instant_more(tmp_path: Path) -> None:
    """``:until`` is the first instant after the window, so a query with BETWEEN reads one instant too many."""
    settings = sql_example(f"sqlite:///{shop_database(tmp_path / 'shop.db')}")
    source = open_source(
        settings, zone=ZoneInfo("Europe/Copenhagen"), resolve=Path, clock=lambda: datetime.now(UTC), key=b"k" * 32
    )

    day = date(2026, 11, 20)
    rows = [row for chunk in source.chunks(Window(day, day)) for row in chunk]

    read = [row.number for row in rows if isinstance(row, Order)]
    assert read == ["first instant of the window", "last second of the window"]
    assert len(read) == len(rows)


def sql_example(url: str) -> SqlSource:
    """The example's settings for a database, with the query as it stands there."""
    example = tomllib.loads(EXAMPLE.read_text(encoding="utf-8"))["source"]
    example = {name: value for name, value in example.items() if name in SqlSource.model_fields}
    own = {name: tomllib.loads(f"x = {value}")["x"] for where, name, value in shown() if where == "source"}
    return SqlSource.model_validate(
        example | {"kind": "sql", "url": url, "query": own["query"], "bounds": own["bounds"]}
    )


def shop_database(path: Path) -> Path:
    """An order at each instant of ``PURCHASES``, in the columns that the example maps."""
    mapped = tomllib.loads(EXAMPLE.read_text(encoding="utf-8"))["source"]["columns"]
    cells = {"email": "anna@example.org", "amount": "99.50", "currency": "DKK", "product_ids": "TEA-250"}
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(f"CREATE TABLE orders ({', '.join(mapped.values())})")
        for number, paid in PURCHASES.items():
            row = cells | {"order_id": number, "purchased_at": paid, "status": "completed"}
            connection.execute(
                f"INSERT INTO orders VALUES ({', '.join('?' * len(mapped))})", [row[name] for name in mapped]
            )
    return path
