"""The platforms' clocks: asked without any data, and compared in days."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
import requests
import responses

from conversions.errors import SettingsError
from conversions.transport import clock_skew, http
from conversions.transport.route import DIRECT

NOW = datetime(2026, 11, 22, 5, 15, tzinfo=UTC)
URL = "https://graph.facebook.com/v26.0/555/events?token=secret"
ROOT = "https://graph.facebook.com/"


def dated(**off: float) -> str:
    return format_datetime(NOW + timedelta(**off), usegmt=True)


@pytest.mark.parametrize("status", [200, 301, 400, 404, 501])
def test_the_time_is_asked_at_the_root_and_with_nothing_in_the_request(status: int) -> None:
    with responses.RequestsMock() as mock:
        asked = mock.head(ROOT, status=status, headers={"Date": dated(), "Location": ROOT})

        assert http.server_date(URL) == dated()

    request = asked.calls[0].request
    assert asked.call_count == 1
    assert (request.url, request.body) == (ROOT, None)
    assert set(request.headers) <= {"User-Agent", "Content-Length"}


@pytest.mark.parametrize("trouble", [requests.ConnectionError("secret"), requests.ReadTimeout("secret")])
def test_whoever_does_not_answer_is_no_matter(trouble: Exception) -> None:
    with responses.RequestsMock() as mock:
        mock.head(ROOT, body=trouble)

        clock_skew.check_clock_skew({"meta": URL}, NOW, DIRECT)


@pytest.mark.parametrize("hours", [-48, 48, 24 * 400])
def test_two_days_off_is_one_sentence_that_names_both(hours: float) -> None:
    with responses.RequestsMock() as mock:
        mock.head(ROOT, headers={"Date": dated(hours=hours)})

        with pytest.raises(SettingsError, match=r"meta says .* `conversions run`") as caught:
            clock_skew.check_clock_skew({"meta": URL}, NOW, DIRECT)

    assert "2026-11-22 05:15" in str(caught.value)


@pytest.mark.parametrize("date", [None, "", "yesterday", dated(hours=47.9), dated(hours=-47.9)])
def test_less_or_nothing_readable_is_no_difference(date: str | None) -> None:
    assert clock_skew.difference("meta", date, NOW) is None
