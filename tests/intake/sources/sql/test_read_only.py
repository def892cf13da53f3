"""A source reads and does nothing else, whatever its query says."""

import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import make_url

from conversions.errors import SettingsError, SourceError
from conversions.intake.sources.sql import read_only
from tests.intake.sources.shop import ROW, database, orders, query, read

ONE = [
    "SELECT * FROM orders",
    "SELECT * FROM orders;\n -- the end;\n",
    "SELECT GROUP_CONCAT(sku SEPARATOR ';') AS \"a;b\", 'it''s; here' /* one; two */ FROM orders -- three; four",
    "WITH a AS (SELECT 1) SELECT * FROM a WHERE b = 'x;y' ;",
]
SEVERAL = [
    "SELECT 1; DROP TABLE orders",
    "SELECT 1;SELECT 2;",
    "SELECT 'a' ; ;DELETE FROM orders",
    "SELECT E'a\\''; DROP TABLE orders --'",
    "SELECT 1 /* /* */ ' */ ; DROP TABLE orders --'",
]
MYSQL = [
    "SELECT 1 # ' \n; DROP TABLE orders -- '",
    "SELECT 5--3; DROP TABLE orders",
    "SELECT 1 /*! ; DROP TABLE orders */",
    "SELECT '\\\\'; DROP TABLE orders",
]


@pytest.mark.parametrize("backend", ["postgresql", "mysql", "sqlite", "mssql"])
@pytest.mark.parametrize("text", ONE)
def test_one_statement_is_taken(text: str, backend: str) -> None:
    read_only.check_query(text, backend)


@pytest.mark.parametrize(
    ("text", "backend"),
    [*((text, "postgresql") for text in SEVERAL), *((text, "mysql") for text in [*SEVERAL[:3], *MYSQL])],
)
def test_several_statements_are_refused(text: str, backend: str) -> None:
    with pytest.raises(SettingsError, match="more than one statement"):
        read_only.check_query(text, backend)


@pytest.mark.parametrize(
    ("url", "better"),
    [
        ("postgresql+psycopg2://db/shop", r"use postgresql\+psycopg://"),
        ("postgresql+pg8000://db/shop", r"use postgresql\+psycopg://"),
        ("mysql://db/shop", r"use mysql\+pymysql://"),
        ("mysql+mysqlconnector://db/shop", r"use mysql\+pymysql://"),
        ("mariadb+mysqldb://db/shop", r"use mariadb\+pymysql://"),
        ("mysql+pymysql://db/shop?client_flag=65536", "remove client_flag"),
    ],
)
def test_a_driver_that_sends_several_statements_is_refused(url: str, better: str) -> None:
    with pytest.raises(SettingsError, match=better):
        query(url).check()


@pytest.mark.parametrize("url", ["postgresql+psycopg://db/shop", "mysql+pymysql://db/shop", "sqlite:///x"])
def test_a_driver_that_sends_one_statement_is_taken(url: str) -> None:
    read_only.check_driver(make_url(url))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = database(tmp_path / "shop.db", [ROW])
    with sqlite3.connect(path) as shop:
        shop.execute("CREATE VIRTUAL TABLE found USING fts5(x)")
        shop.execute("INSERT INTO found VALUES ('a word')")
        shop.execute("CREATE VIEW sold AS SELECT * FROM orders")
    return path


@pytest.mark.parametrize(
    "text",
    [
        "ATTACH '{}/other.db' AS other",
        "VACUUM INTO '{}/other.db'",
        "PRAGMA query_only = OFF",
        "PRAGMA temp_store_directory = '{}'",
        "CREATE TEMP TABLE copy AS SELECT * FROM orders",
        "UPDATE sqlite_master SET sql = ''",
        "SELECT load_extension('{}/x')",
        "INSERT INTO orders SELECT * FROM orders",
        "BEGIN IMMEDIATE",
    ],
)
def test_sqlite_does_nothing_but_read(path: Path, text: str) -> None:
    before = path.read_bytes()
    with pytest.raises(SourceError, match="refuses the query"):
        query(f"sqlite:///{path}", text.format(path.parent)).check()
    assert path.read_bytes() == before
    assert not (path.parent / "other.db").exists()


@pytest.mark.parametrize(
    "text",
    [
        "SELECT * FROM sold",
        "SELECT orders.* FROM orders, json_each('[1]')",
        "SELECT orders.* FROM orders, found WHERE found MATCH 'word'",
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION SELECT i + 1 FROM n WHERE i < 3) SELECT * FROM orders WHERE 3 IN n",
    ],
)
def test_sqlite_reads_views_json_and_full_text(path: Path, text: str) -> None:
    assert len(orders(read(query(f"sqlite:///{path}", text)))) == 1
