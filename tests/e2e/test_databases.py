"""On real servers: an order bought in the first or the last second of a day is of that day, however it is stored."""

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple

import pytest
from sqlalchemy import Engine, NullPool, create_engine, text

from conversions.errors import SourceError
from conversions.intake.sources.sql import read_only
from conversions.model.conversion import Window
from tests.e2e import servers
from tests.e2e.shop import COLUMNS, ZONE, Shop
from tests.intake.sources.shop import MAPPED, orders, query

TIMES = (time(), time(0, 30), time(23, 30), time(23, 59, 59, 999_999))
CHANGEOVERS = (date(2026, 3, 29), date(2026, 10, 25))
DAYS = (date(2026, 7, 21), date(2026, 11, 21), *CHANGEOVERS)
SPAN = " WHERE paid >= :since AND paid < :until"


class Kind(NamedTuple):
    """How a shop stores its times."""

    server: str
    type: str
    clock: str
    """``instant``, ``shop`` or ``utc``: what is written into the column."""

    def stored(self, at: datetime) -> datetime | str:
        """*at*, as its column takes it."""
        there = at.astimezone(ZONE if self.clock == "shop" else UTC)
        cell = there if self.type == "timestamptz" else there.replace(tzinfo=None)
        return str(cell) if self.server == "sqlite" else cell


TIMESTAMP, DATETIME = Kind("mariadb", "TIMESTAMP(6) NULL", "instant"), Kind("mariadb", "DATETIME(6)", "shop")
AWARE, NAIVE = Kind("postgresql", "timestamptz", "instant"), Kind("postgresql", "timestamp", "shop")
TEXT = Kind("sqlite", "TEXT", "shop")
SERVED = [TIMESTAMP, DATETIME, AWARE, NAIVE]
KINDS = [*SERVED, TEXT]
UTC_KINDS = [kind._replace(clock="utc") for kind in (DATETIME, NAIVE, TEXT)]


@pytest.fixture(scope="module")
def mariadb() -> Iterator[str]:
    with servers.mariadb() as url:
        yield url


@pytest.fixture(scope="module")
def postgresql() -> Iterator[str]:
    with servers.postgresql() as url:
        yield url


@pytest.fixture(scope="module")
def sqlite(tmp_path_factory: pytest.TempPathFactory) -> str:
    return f"sqlite:///{tmp_path_factory.mktemp('sqlite')}/shop.db"


@pytest.fixture
def url(kind: Kind, request: pytest.FixtureRequest) -> str:
    """The server of *kind*, without tables."""
    address: str = request.getfixturevalue(kind.server)
    with opened(address).begin() as connection:
        connection.execute(text("DROP TABLE IF EXISTS orders"))
    return address


def opened(url: str) -> Engine:
    session = {"init_command": "SET time_zone = '+00:00'"} if "mysql" in url else {}
    return create_engine(url, poolclass=NullPool, connect_args=session)


def fill(url: str, kind: Kind, bought: list[datetime]) -> None:
    """A table of orders, one for each time."""
    with opened(url).begin() as connection:
        connection.execute(text(f"CREATE TABLE orders (number VARCHAR(40), mail VARCHAR(40), paid {kind.type})"))
        connection.execute(
            text("INSERT INTO orders VALUES (:number, :mail, :at)"),
            [
                {"number": f"{nth}", "mail": f"ida.{nth}@kunde.example", "at": kind.stored(at)}
                for nth, at in enumerate(bought)
            ],
        )


def around(day: date) -> list[datetime]:
    """The four of *day*, between the last moment of the day before and the first of the day after."""
    before, after = datetime.combine(day, time(), ZONE), datetime.combine(day + timedelta(days=1), time(), ZONE)
    microsecond = timedelta(microseconds=1)
    last = (before.astimezone(UTC) - microsecond).astimezone(ZONE)
    return [last, *(datetime.combine(day, at, ZONE) for at in TIMES), after]


def rows(paid: str = "paid", completed: str = "NULL") -> str:
    """The shop's query: what is constant is of no interest."""
    return (
        "SELECT number AS order_id, mail AS billing_email, '100.00' AS total, 'DKK' AS currency, 'SKU-1' AS "
        f"product_ids, {paid} AS purchased_at, {completed} AS completed_at, 'completed' AS status, '' AS refunded, "
        "'' AS ads_consent FROM orders"
    )


def configure(shop: Shop, url: str, statement: str, **settings: object) -> None:
    shop.configure(source={"kind": "sql", "path": None, "url": url, "query": statement, **settings})


def assert_sent_whole(shop: Shop, day: date) -> None:
    """Run alone, the morning after, *day* has all its orders and no others, and each is sent as one of that day."""
    shop.clock.now = datetime.combine(day + timedelta(days=1), time(6, 15), ZONE).astimezone(UTC)
    said = shop.run("--since", day, "--until", day)
    assert said.code == 0, said
    assert said.json["source"]["orders"] == len(TIMES)
    end = datetime.combine(day + timedelta(days=1), time(), ZONE).astimezone(UTC) - timedelta(seconds=1)
    sent = [datetime.fromisoformat(json.loads(event)["eventTimestamp"]) for event in shop.events("google")]
    assert sent == [end] * len(TIMES)


@pytest.mark.parametrize("day", DAYS, ids=str)
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.type)
def test_a_day_run_alone_is_sent_whole_and_as_that_day(shop: Shop, kind: Kind, url: str, day: date) -> None:
    fill(url, kind, around(day))
    configure(shop, url, rows() + SPAN)

    assert_sent_whole(shop, day)


@pytest.mark.parametrize("bounds", ["utc", None])
@pytest.mark.parametrize("kind", UTC_KINDS, ids=lambda kind: kind.type)
def test_a_column_that_holds_utc_without_saying_so_is_read_as_utc_where_the_settings_say_it(
    shop: Shop, kind: Kind, url: str, bounds: str | None
) -> None:
    fill(url, kind, around(DAYS[0]))
    configure(shop, url, rows() + SPAN, naive_times="utc", **({"bounds": bounds} if bounds else {}))

    assert_sent_whole(shop, DAYS[0])


@pytest.mark.parametrize(
    ("kind", "paid"),
    [
        (UTC_KINDS[0], "CONCAT(paid, '+00:00')"),
        (UTC_KINDS[1], "paid AT TIME ZONE 'UTC'"),
        (UTC_KINDS[2], "paid || '+00:00'"),
        (AWARE, "paid AT TIME ZONE 'Europe/Copenhagen'"),
        (AWARE, "CAST(paid AS text)"),
        (TIMESTAMP, "CONCAT(paid, '+00:00')"),
    ],
)
def test_a_query_may_say_what_a_column_holds_and_compare_another_clock(
    shop: Shop, kind: Kind, url: str, paid: str
) -> None:
    fill(url, kind, around(DAYS[0]))
    configure(shop, url, rows(paid) + SPAN)

    assert_sent_whole(shop, DAYS[0])


@pytest.mark.parametrize("kind", [TIMESTAMP], ids=lambda kind: kind.type)
def test_each_column_is_told_apart_by_its_own_type(shop: Shop, kind: Kind, url: str) -> None:
    """Bought by the shop's clock, completed at an instant: windows go by the second."""
    fill(url, kind, around(DAYS[0]))
    by_the_shop = "CAST(CONVERT_TZ(paid, '+00:00', '+02:00') AS DATETIME(6))"
    configure(shop, url, rows(by_the_shop, "paid") + SPAN, columns={"completed_at": "completed_at"})

    assert_sent_whole(shop, DAYS[0])


@pytest.mark.parametrize("bounds", ["exact", None])
@pytest.mark.parametrize("kind", SERVED, ids=lambda kind: kind.type)
def test_every_day_of_a_year_has_its_orders_and_no_others(kind: Kind, url: str, bounds: str | None) -> None:
    year = [date(2026, 1, 1) + timedelta(days=nth) for nth in range(-1, 366)]
    times = (*TIMES, time(2, 30))
    fill(url, kind, [datetime.combine(day, at, ZONE) for day in year for at in times])
    clock = None if bounds is None else "local" if kind.clock == "shop" else "utc"
    source = query(url, rows() + SPAN, {field: COLUMNS[field] for field in MAPPED}, bounds=clock)

    for day in [*year[1:-1:23], *CHANGEOVERS]:
        read = [order for chunk in source.chunks(Window(day, day)) for order in orders(chunk)]
        assert sum(order.window_day == day for order in read) == len(times), day
        assert clock is None or len(read) == len(times), day


@pytest.mark.parametrize(
    ("kind", "level", "taken"),
    [
        *((DATETIME, "note", "first"), (NAIVE, "note", "first"), (TEXT, "note", "first")),
        *((TIMESTAMP, "ok", "second"), (AWARE, None, None)),
    ],
)
def test_doctor_shows_three_purchase_times_in_both_readings_and_nothing_else(
    shop: Shop, kind: Kind, url: str, level: str | None, taken: str | None
) -> None:
    fill(url, kind, around(date(2026, 11, 20)))
    configure(shop, url, rows() + SPAN)

    said = shop.command("doctor", "--json").json["findings"]

    found = [finding for finding in said if "no offset" in finding["sentence"]]
    assert [finding["level"] for finding in found] == ([level] if level else [])
    for finding in found:
        first = "2026-11-21 00:00 or 2026-11-21 01:00" if taken == "first" else "2026-11-20 23:00 or 2026-11-21 00:00"
        assert f"UTC: {first}; " in finding["sentence"]
        assert finding["sentence"].count(" or 2026") == 3
        assert finding["sentence"].endswith(f"They are read as the {taken}.")
        assert (finding["next"] is None) == (level == "ok")


@pytest.mark.parametrize("kind", [TEXT], ids=lambda kind: kind.type)
def test_doctor_asks_nothing_more_once_the_settings_say_what_times_are(shop: Shop, kind: Kind, url: str) -> None:
    fill(url, kind, around(date(2026, 11, 20)))
    for said, taken in (("shop", "first"), ("utc", "second")):
        configure(shop, url, rows() + SPAN, naive_times=said)
        found = [one for one in shop.command("doctor", "--json").json["findings"] if "no offset" in one["sentence"]]
        assert [(one["level"], f"as the {taken}." in one["sentence"]) for one in found] == [("ok", True)]


@pytest.mark.parametrize("kind", [AWARE, DATETIME], ids=lambda kind: kind.server)
@pytest.mark.parametrize("end", ["", " -- :since"])
def test_a_server_runs_no_second_statement_either(
    kind: Kind, end: str, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(read_only, "check_query", lambda *_: None)
    fill(url, kind, [datetime(2026, 11, 21, tzinfo=UTC)])
    with pytest.raises(SourceError, match="refuses the query"):
        query(url, f"{rows()}; COMMIT; DELETE FROM orders{end}").check()
    with opened(url).connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM orders")).scalar() == 1
