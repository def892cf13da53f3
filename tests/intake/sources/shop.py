"""A shop for the tests: its rows, in each place where a shop may keep them."""

import csv
import gzip
import io
import os
import sqlite3
import zipfile
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import pyarrow as pa
import xlsxwriter
from pyarrow import parquet

from conversions.intake.order import Order, RowRejected
from conversions.intake.sources import open_source
from conversions.intake.sources.base import Source
from conversions.intake.sources.cells.cells import is_text
from conversions.model.conversion import Window
from conversions.settings import Columns, FileSource, SqlSource
from tests.intake.sources import file_servers, shopify_shop, woocommerce_database, woocommerce_shop

ZONE = ZoneInfo("Europe/Copenhagen")
NOW = datetime(2026, 11, 22, 5, 15, tzinfo=UTC)
SETTLED = datetime(2026, 11, 22, 1, 0, tzinfo=UTC)
WINDOW = Window(date(2026, 11, 15), date(2026, 11, 21))
KEY = b"k" * 32
ADDRESS = "anna.jensen@example.org"

MAPPED = {
    "order_id": "Order",
    "email": "E-mail",
    "amount": "Total",
    "currency": "Currency",
    "product_ids": "Products",
    "purchased_at": "Paid",
    "status": "Status",
}
OPTIONAL = {
    "completed_at": "Completed",
    "updated_at": "Updated",
    "refunded": "Refunded",
    "consent": "Consent",
    "ad_personalization": "Ads",
}
ALL = MAPPED | OPTIONAL

ROW = {
    "Order": "1001",
    "E-mail": ADDRESS,
    "Total": "249.90",
    "Currency": "DKK",
    "Products": "CD-1|BOOK-7",
    "Paid": "2026-11-20T13:30:00+01:00",
    "Status": "completed",
}


def csv_text(rows: Sequence[dict[str, str]], delimiter: str = ",") -> str:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(rows[0]), delimiter=delimiter)
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def written(path: Path, content: str | bytes, at: datetime = SETTLED) -> Path:
    """The file, last changed at *at*."""
    path.write_bytes(content.encode("utf-8", "surrogateescape") if isinstance(content, str) else content)
    os.utime(path, (at.timestamp(), at.timestamp()))
    return path


def columns(mapped: dict[str, str]) -> Columns:
    return Columns.model_validate(mapped)


def files(
    path: Path | str,
    *,
    kind: str = "csv",
    mapped: dict[str, str] = MAPPED,
    clock: Callable[[], datetime] = lambda: NOW,
    **settings: Any,
) -> Source:
    found = FileSource.model_validate(
        {"kind": kind, "path": str(path), "columns": columns(mapped), "completed": ["completed"], **settings}
    )
    return open_source(found, zone=ZONE, resolve=Path, clock=clock, key=KEY)


def query(
    url: str,
    sql: str = "SELECT * FROM orders",
    mapped: dict[str, str] = MAPPED,
    zone: ZoneInfo = ZONE,
    **settings: Any,
) -> Source:
    found = SqlSource.model_validate(
        {"kind": "sql", "url": url, "query": sql, "columns": columns(mapped), "completed": ["completed"], **settings}
    )
    return open_source(found, zone=zone, resolve=Path, clock=lambda: NOW, key=KEY)


def kept_in(
    kind: str, folder: Path, rows: Sequence[dict[str, Any]], mapped: dict[str, str] = MAPPED, **settings: Any
) -> Source:
    """*rows* in a file or database of *kind*; *settings* of sources whose columns are mapped."""
    match kind:
        case "csv" | "gz" | "zip" | "utf-16":
            return files(written(folder / "orders.csv", packed(kind, csv_text(rows))), mapped=mapped, **settings)
        case "xlsx":
            return files(workbook(folder / "orders.xlsx", rows), kind=kind, mapped=mapped, **settings)
        case "items":
            path = written(folder / "items.csv", csv_text(as_items(rows)))
            return files(path, mapped=mapped, format={"layout": "items"}, **settings)
        case "parquet":
            return files(parquet_file(folder / "orders.parquet", rows), kind=kind, mapped=mapped, **settings)
        case "s3":
            return in_bucket(csv_text(rows), mapped=mapped, **settings)
        case "sftp":
            return on_server(written(folder / "orders.csv", csv_text(rows)), mapped=mapped, **settings)
        case "woocommerce":
            orders = [woocommerce_shop.as_order(row) for row in rows]
            return woocommerce_shop.woocommerce(orders, NOW, **_consents(mapped, "meta"))
        case "shopify":
            orders = [shopify_shop.as_order(row) for row in rows]
            return shopify_shop.shopify(orders, NOW, completed=["completed"], **_consents(mapped, "attribute"))
        case "woocommerce-hpos" | "woocommerce-posts":
            return woocommerce_database.kept_in_tables(kind, rows, **_consents(mapped, "meta"))
        case _:
            return query(f"sqlite:///{database(folder / 'shop.db', rows)}", mapped=mapped, **settings)


def as_items(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """A row per product; only an order's first one says what the order says once, and its number."""
    return [
        (dict.fromkeys(row, "") if nth else row) | {"Products": product}
        for row in rows
        for nth, product in enumerate(row["Products"].split("|"))
    ]


def in_bucket(content: str, **settings: Any) -> Source:
    """*content* as the only object of a folder, read at once."""
    folder = uuid4().hex
    server = file_servers.s3_server()
    server.put(f"{folder}/orders.csv", content)
    os.environ.update(file_servers.AWS, AWS_ENDPOINT_URL=server.url)
    return files(f"s3://{file_servers.BUCKET}/{folder}/*.csv", settle_seconds=0, **settings)


def on_server(path: Path, **settings: Any) -> Source:
    """A file or glob below the temporary directory, over SFTP."""
    server = file_servers.sftp_server()
    known_hosts = server.known_hosts(server.folder / f"known_hosts-{server.port}")
    inside = path.relative_to(server.folder)
    login = {"password": file_servers.PASSWORD, "known_hosts": str(known_hosts)}
    return files(f"sftp://{file_servers.USER_IN_ADDRESS}@127.0.0.1:{server.port}/{inside}", **{**login, **settings})


def _consents(mapped: dict[str, str], kind: str) -> dict[str, Any]:
    """The settings of a shop system that name the fields of consent."""
    return {f"{field}_{kind}": mapped[field] for field in ("consent", "ad_personalization") if field in mapped}


def packed(kind: str, text: str | bytes) -> bytes:
    """*text* as a file of *kind*; what a file is says its content, not its name."""
    data = text.encode("utf-8", "surrogateescape") if isinstance(text, str) else text
    match kind:
        case "gz":
            return gzip.compress(data)
        case "zip":
            return zipped({"orders.csv": data})
        case "utf-16":
            return data.decode("utf-8", "surrogateescape").encode("utf-16", "surrogatepass")
        case _:
            return data


def zipped(members: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return file.getvalue()


def workbook(
    path: Path, rows: Sequence[dict[str, Any]], *, above: int = 0, sheets: Sequence[str] = ("Orders",)
) -> Path:
    """Text that is none becomes a formula error: a workbook cannot hold it."""
    with xlsxwriter.Workbook(path) as book:
        for name in sheets:
            sheet = book.add_worksheet(name)
            for nth, cells in enumerate([list(rows[0]), *([row[name] for name in rows[0]] for row in rows)]):
                for column, cell in enumerate(cells):
                    _write_cell(sheet, above + nth, column, cell)
    return written(path, path.read_bytes())


def _write_cell(sheet: Any, row: int, column: int, cell: Any) -> None:
    if not isinstance(cell, str):
        sheet.write(row, column, cell)
    elif is_text(cell):
        sheet.write_string(row, column, cell)
    else:
        sheet.write_formula(row, column, "=NA()", None, "#N/A")


def parquet_file(path: Path, rows: Sequence[dict[str, Any]]) -> Path:
    """Text that is none, too: Parquet does not look into its strings."""
    table = {name: _column([row[name] for row in rows]) for name in rows[0]}
    parquet.write_table(pa.table(table), path)
    return written(path, path.read_bytes())


def _column(values: list[Any]) -> Any:
    if not all(isinstance(value, str) for value in values):
        return pa.array(values)
    raw = pa.array([value.encode("utf-8", "surrogateescape") for value in values], pa.binary())
    return pa.Array.from_buffers(pa.string(), len(raw), raw.buffers())


def database(path: Path, rows: Sequence[dict[str, Any]]) -> Path:
    names = ", ".join(f'"{name}"' for name in rows[0])
    cells = ", ".join("CAST(? AS TEXT)" if isinstance(value, str) else "?" for value in rows[0].values())
    connection = sqlite3.connect(path)
    with connection:
        connection.execute(f"CREATE TABLE orders ({names})")
        connection.executemany(
            f"INSERT INTO orders VALUES ({cells})", [[_stored(row[name]) for name in rows[0]] for row in rows]
        )
    connection.close()
    return path


def _stored(value: Any) -> Any:
    return value.encode("utf-8", "surrogateescape") if isinstance(value, str) else value


def read(source: Source) -> list[Order | RowRejected]:
    return [row for chunk in source.chunks(WINDOW) for row in chunk]


def orders(rows: Iterable[Order | RowRejected]) -> list[Order]:
    return [row for row in rows if isinstance(row, Order)]


def rejected(rows: Iterable[Order | RowRejected]) -> list[RowRejected]:
    return [row for row in rows if isinstance(row, RowRejected)]
