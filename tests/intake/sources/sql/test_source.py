"""A query on a database: the window it gets, what it may not do, and what is told of its failures."""

import sqlite3
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from sqlalchemy import make_url
from sqlalchemy.exc import DBAPIError

from conversions.errors import Exit, SettingsError, SourceError, SourceUnavailable
from conversions.intake.order import RowRejected
from conversions.intake.sources.sql import database as databases
from conversions.model.conversion import Reason, Window
from tests.intake.sources.shop import ADDRESS, MAPPED, ROW, WINDOW, database, kept_in, orders, query, read, rejected

SECRET = "hunter2secret"
REFUSER = databases.Database("postgresql+psycopg://db/shop", Path, not_run="", refused="")


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{database(tmp_path / 'shop.db', [ROW, ROW | {'Order': '1002'}])}"


def test_text_stays_text_and_rows_are_numbered(tmp_path: Path) -> None:
    numbers = ["007", "1e5", "NA", "", "1.0"]
    url = f"sqlite:///{database(tmp_path / 'shop.db', [ROW | {'Order': number} for number in numbers])}"

    rows = read(query(url))

    assert [(order.number, order.rank) for order in orders(rows)] == [
        *(("007", (0, 1)), ("1e5", (0, 2)), ("NA", (0, 3)), ("1.0", (0, 5))),
    ]
    assert rejected(rows) == [RowRejected("query row 4", Reason.NO_ORDER_NUMBER, None, "order_id")]


def test_a_missing_number_does_not_make_floats_of_the_others(tmp_path: Path) -> None:
    rows = [ROW | {"Order": number} for number in (9_007_199_254_740_993, None, 1)]
    url = f"sqlite:///{database(tmp_path / 'shop.db', rows)}"

    assert [order.number for order in orders(read(query(url)))] == ["9007199254740993", "1"]


@pytest.mark.parametrize(
    ("clock", "since", "until"),
    [
        ("utc", "2026-10-24 22:00:00", "2026-10-25T23:00:00"),
        ("local", "2026-10-25 00:00:00", "2026-10-26T00:00:00"),
        (None, "2026-10-24 22:00:00", "2026-10-26T00:00:01"),
    ],
)
def test_a_query_gets_the_first_moment_of_the_window_and_the_first_after_it(
    url: str, clock: str | None, since: str, until: str
) -> None:
    statement = "SELECT *, :since || ' ' || :until AS bounds FROM orders"
    source = query(url, statement, MAPPED | {"order_id": "bounds"}, bounds=clock)

    day = date(2026, 10, 25)
    (first, _) = (order for chunk in source.chunks(Window(day, day)) for order in orders(chunk))

    assert first.number == f"{since} {until}"


@pytest.mark.parametrize(
    "condition",
    [
        "datetime(Paid) >= datetime(:since) AND datetime(Paid) < datetime(:until)",
        "Paid >= :since AND Paid < :until",
    ],
)
@pytest.mark.parametrize("separator", ["T", " "])
def test_a_window_has_both_its_ends_however_the_shop_writes_instants(
    tmp_path: Path, condition: str, separator: str
) -> None:
    instants = ["2026-11-14T23:00:00", "2026-11-18T12:00:00", "2026-11-21T22:59:59"]
    rows = [ROW | {"Order": text, "Paid": text.replace("T", separator)} for text in instants]
    url = f"sqlite:///{database(tmp_path / 'shop.db', rows)}"

    assert [order.number for order in orders(read(query(url, f"SELECT * FROM orders WHERE {condition}")))] == instants


@pytest.mark.parametrize("statement", ["DELETE FROM orders", "DELETE FROM orders RETURNING *", "DROP TABLE orders"])
def test_a_query_that_writes_is_refused(url: str, statement: str) -> None:
    for ask in (query(url, statement).check, lambda: read(query(url, statement))):
        with pytest.raises(SourceError, match=r"a source may only read\. Let source.query be one SELECT"):
            ask()

    assert len(read(query(url))) == 2


def test_a_session_refuses_to_write_even_where_the_file_was_opened_for_it(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(databases, "_address", lambda text, _resolve: make_url(text))

    with pytest.raises(SourceError, match="a source may only read"):
        query(url, "DELETE FROM orders RETURNING *").check()


def test_sqlite_is_opened_read_only_even_before_the_pragma(url: str) -> None:
    assert databases._address(url, Path).query == {"mode": "ro", "uri": "true"}


def test_a_relative_sqlite_path_is_relative_to_the_settings_file(url: str, tmp_path: Path) -> None:
    assert str(tmp_path / "shop.db") in str(databases._address("sqlite:///shop.db", lambda path: tmp_path / path))


def test_a_database_in_wal_mode_is_read_while_the_shop_writes(url: str, tmp_path: Path) -> None:
    shop = sqlite3.connect(tmp_path / "shop.db")
    shop.execute("PRAGMA journal_mode = WAL")
    shop.execute("DELETE FROM orders WHERE \"Order\" = '1002'")

    assert len(read(query(url))) == 2
    shop.commit()
    assert len(read(query(url))) == 1
    shop.close()


def test_a_locked_database_is_a_matter_of_time(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(databases, "_address", lambda _text, _resolve: make_url(f"{url}?timeout=0"))
    shop = sqlite3.connect(tmp_path / "shop.db")
    shop.execute("BEGIN EXCLUSIVE")

    with pytest.raises(SourceUnavailable, match=r"broke off \(OperationalError SQLITE_BUSY\); nothing was sent"):
        read(query(url))
    shop.close()


@pytest.mark.parametrize(("lost", "failure"), [(True, SourceUnavailable), (False, SourceError)])
def test_a_connection_that_was_lost_is_a_matter_of_time(lost: bool, failure: type[SourceError]) -> None:
    error = DBAPIError("SELECT", None, sqlite3.OperationalError(SECRET), connection_invalidated=lost)

    refusal = REFUSER._error(error)

    assert type(refusal) is failure
    assert SECRET not in str(refusal)


def test_a_missing_database_file_is_not_created(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"cannot be opened \(OperationalError SQLITE_CANTOPEN\)") as refused:
        query(f"sqlite:///{tmp_path / 'none.db'}").check()

    assert refused.value.exit_code is Exit.NO_INPUT
    assert not (tmp_path / "none.db").exists()


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "shop.db").write_bytes(b"Order,Total\n" * 100)

    with pytest.raises(SourceError, match="SQLITE_NOTADB"):
        query(f"sqlite:///{tmp_path / 'shop.db'}").check()


@pytest.mark.parametrize(
    ("statement", "sentence"),
    [
        ("SELEC", r"refuses the query \(OperationalError SQLITE_ERROR\); try source.query in its own client"),
        ("SELECT * FROM nothing", r"refuses the query \(OperationalError SQLITE_ERROR\)"),
        ("SELECT * FROM orders WHERE Paid > :from", "may use only :since and :until"),
        ("SELECT 1", r"The query's result has no column \"Order\" \(source.columns.order_id\), \"E-mail\""),
        ("SELECT o.*, 1 AS Total FROM orders o", r"several columns \"Total\" \(source.columns.amount\)"),
    ],
)
def test_a_query_that_cannot_work_is_one_sentence_before_any_row(url: str, statement: str, sentence: str) -> None:
    for ask in (
        query(url, statement).check,
        lambda: next(query(url, statement).chunks(WINDOW)),
    ):
        with pytest.raises(SourceError, match=sentence) as refused:
            ask()
        assert refused.value.exit_code is Exit.NO_INPUT


def test_a_query_that_fails_half_way_does_not_quote_the_row(tmp_path: Path) -> None:
    rows = [ROW | {"Total": "1"}] * 9_000 + [ROW | {"Total": f'"{ADDRESS}'}]
    url = f"sqlite:///{database(tmp_path / 'shop.db', rows)}"
    source = query(url, "SELECT *, json(Total) AS checked FROM orders")

    with pytest.raises(SourceError) as refused:
        read(source)
    assert ADDRESS not in str(refused.value)


def test_text_that_is_none_spoils_its_own_row_only(tmp_path: Path) -> None:
    dirty = [ROW, ROW | {"E-mail": "bj\udcf8rn@example.org"}, ROW | {"Status": "a\0b"}, ROW]

    rows = read(query(f"sqlite:///{database(tmp_path / 'shop.db', dirty)}"))

    assert len(orders(rows)) == 2
    assert [(row.place, row.reason, row.field) for row in rejected(rows)] == [
        ("query row 2", Reason.NOT_TEXT, "email"),
        ("query row 3", Reason.NOT_TEXT, "status"),
    ]


@pytest.mark.parametrize(
    ("url", "error", "sentence"),
    [
        (f"nonsense {SECRET}", SettingsError, "source.url is not a SQLAlchemy address such as"),
        (f"postgresql://u:{SECRET}@host:port/shop", SettingsError, "source.url is not a SQLAlchemy address such as"),
        (
            f"nobase://u:{SECRET}@host/shop",
            SettingsError,
            "source.url names the driver nobase, but its Python package is not",
        ),
        (
            f"oracle+oracledb://u:{SECRET}@127.0.0.1:1/shop",
            SettingsError,
            r"source.url names the driver oracle.oracledb, but its Python package is not",
        ),
    ],
)
def test_an_address_that_cannot_work_is_told_without_its_password(
    url: str, error: type[Exception], sentence: str
) -> None:
    with pytest.raises(error, match=sentence) as refused:
        query(url).check()

    assert SECRET not in str(refused.value)
    assert refused.value.__cause__ is None


def test_a_database_out_of_reach_is_a_matter_of_time_and_told_without_its_login(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """No server's driver is a dependency, so SQLite stands in for one whose connection fails."""
    monkeypatch.setattr(databases, "_address", lambda _text, _resolve: make_url(f"sqlite:////no/such/{SECRET}"))
    shop = databases.Database("sqlite:///x", Path, not_run="", refused="")
    shop.backend, shop.name = "postgresql", "postgresql database shop at db"

    with (
        pytest.raises(SourceUnavailable, match=r"^The postgresql database shop at db cannot be opened") as refused,
        shop.result("SELECT 1", {}),
    ):
        pass
    assert SECRET not in str(refused.value)


def test_a_description_names_the_database_but_no_login(url: str) -> None:
    described = databases._name(make_url(f"postgresql://user:{SECRET}@db.example.org:5432/shop?password={SECRET}"))

    assert described == "postgresql database shop at db.example.org"
    assert query(url).description.startswith("query on sqlite database file:///")


def test_nothing_of_a_database_is_left_for_later(url: str) -> None:
    assert query(url).skipped_files() == []


@pytest.mark.parametrize(
    ("cell", "dates"),
    [
        ("20.11.2026 12.30", "dmy"),
        ("11/20/2026 12:30 PM", "mdy"),
        ("46346.5208333333", "excel"),
        ("2026-11-20 12:30", None),
    ],
)
def test_times_of_utc_are_read_so_in_every_declared_order(tmp_path: Path, cell: str, dates: str | None) -> None:
    source = kept_in("sql", tmp_path, [ROW | {"Paid": cell}], naive_times="utc", format={"dates": dates})
    (order,) = orders(read(source))

    assert order.purchased_at == datetime(2026, 11, 20, 12, 30, tzinfo=UTC)
