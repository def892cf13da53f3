"""Days as people type them: one meaning each, day before month, and one plain sentence for the rest."""

from calendar import monthrange
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conversions.cli import days
from conversions.errors import Usage
from conversions.settings import Settings, load
from tests.cli.conftest import Cli

TODAY = date(2026, 11, 30)
ANY_DAY = st.dates(date(1000, 1, 1), date(9999, 12, 1))


def parsed(text: str) -> days.Span:
    return days.parse("--since", text, TODAY)


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("today", TODAY, TODAY),
        ("Yesterday", date(2026, 11, 29), date(2026, 11, 29)),
        (" yesterday ", date(2026, 11, 29), date(2026, 11, 29)),
        ("last-month", date(2026, 10, 1), date(2026, 10, 31)),
        ("last-week", date(2026, 11, 23), date(2026, 11, 29)),
        ("-7d", date(2026, 11, 23), date(2026, 11, 23)),
        ("7d", date(2026, 11, 23), date(2026, 11, 23)),
        ("\u22121w", date(2026, 11, 23), date(2026, 11, 23)),
        ("2026-11", date(2026, 11, 1), TODAY),
        ("2026-2", date(2026, 2, 1), date(2026, 2, 28)),
        ("11-2026", date(2026, 11, 1), TODAY),
        ("01-11-2026", date(2026, 11, 1), date(2026, 11, 1)),
        ("1/12/2026", date(2026, 12, 1), date(2026, 12, 1)),
        ("29.11.2026", date(2026, 11, 29), date(2026, 11, 29)),
        ("2026/11/29", date(2026, 11, 29), date(2026, 11, 29)),
    ],
)
def test_a_day_is_read_as_it_is_meant(text: str, first: date, last: date) -> None:
    assert parsed(text) == (first, last)


@given(ANY_DAY, st.sampled_from("-./"))
def test_every_day_is_read_in_both_orders_with_every_mark(day: date, mark: str) -> None:
    year_first = f"{day.year:04}{mark}{day.month:02}{mark}{day.day:02}"
    for text in (year_first, f"{day.day}{mark}{day.month}{mark}{day.year:04}"):
        assert parsed(text) == (day, day)


@given(ANY_DAY)
def test_a_month_is_all_its_days(day: date) -> None:
    first, last = parsed(f"{day.year:04}-{day.month:02}")
    assert (first, last) == (day.replace(day=1), day.replace(day=monthrange(day.year, day.month)[1]))


@given(st.integers(0, 9999))
def test_days_ago_are_counted_back_from_today(back: int) -> None:
    assert parsed(f"-{back}d") == (TODAY - timedelta(back),) * 2


@given(st.text(max_size=12) | st.from_regex(r"[-0-9dw./ T:+]{1,12}", fullmatch=True))
def test_anything_is_a_span_or_one_plain_sentence(text: str) -> None:
    try:
        first, last = parsed(text)
    except Usage as error:
        assert str(error) == "--since: Write the day as 2026-11-29."  # noqa: PT017
    else:
        assert first <= last


@pytest.mark.parametrize(
    "text",
    ["", "30-02-2026", "13-2026", "2026-11-29T06:00", "29-11-26", "1-11/2026", "-1m", "\u0663d", "-99999d", "now"],
)
def test_what_is_no_day_is_refused(text: str) -> None:
    with pytest.raises(Usage, match=r"Write the day as 2026-11-29\."):
        parsed(text)


@pytest.fixture
def shop(settings: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setattr("conversions.cli.clock.now", lambda: datetime(2026, 11, 29, 23, 30, tzinfo=UTC))
    return load(settings)


@pytest.mark.parametrize(
    ("since", "until", "expected"),
    [
        (None, None, (None, None)),
        ("-7d", None, (date(2026, 11, 23), None)),
        (None, "-7d", (date(2026, 11, 23), date(2026, 11, 23))),
        ("last-month", None, (date(2026, 10, 1), date(2026, 10, 31))),
        (None, "last-month", (date(2026, 10, 1), date(2026, 10, 31))),
        ("2026-11", None, (date(2026, 11, 1), date(2026, 11, 29))),
        ("2026-09", "2026-10", (date(2026, 9, 1), date(2026, 10, 31))),
    ],
)
def test_a_month_alone_is_that_month_up_to_yesterday(
    shop: Settings, since: str | None, until: str | None, expected: tuple[date | None, date | None]
) -> None:
    """It is 30 November in the shop, and still the 29th in UTC."""
    assert days.run_days(shop, since, until) == expected


@pytest.mark.usefixtures("shop")
@pytest.mark.parametrize("command", [("run",), ("plan",), ("audit", "list"), ("privacy", "affected")])
@pytest.mark.parametrize("text", ["2027-01", "01-12-2026"])
def test_days_to_come_are_refused(cli: Cli, settings: Path, command: tuple[str, ...], text: str) -> None:
    said = cli(*command, "--since", text, "--config", settings)
    assert (said.code, said.out) == (2, "")
    assert "not come yet: today is 2026-11-30" in said.err


@pytest.mark.usefixtures("shop")
def test_days_are_echoed_with_the_month_in_words(cli: Cli, settings: Path) -> None:
    said = cli("audit", "list", "--since", "-7d", "--until", "29.11.2026", "--config", settings)
    assert said.err == "Days: 23 November 2026 to 29 November 2026 (Europe/Copenhagen).\n"
