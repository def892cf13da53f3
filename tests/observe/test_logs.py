"""Log lines: nothing personal and no secret, whatever a caller passes."""

import json
import logging
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from hashlib import sha256
from pathlib import Path

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from conversions.observe import logs

ADDRESS = "ida.holm@example.com"
TOKEN = "EAAB" + "x" * 40


@dataclass
class Careless:
    email: str = ADDRESS


@pytest.fixture
def lines(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> "Lines":
    monkeypatch.setenv("CONVERSIONS_LOG_FORMAT", "json")
    logs.start()
    return Lines(capsys)


class Lines:
    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def of(self, event: str, **values: object) -> str:
        structlog.get_logger().warning(event, **values)
        return self._capsys.readouterr().err


class TestWhatIsSaid:
    def test_a_line_is_one_json_object_on_stderr_with_its_time_in_utc(self, lines: Lines) -> None:
        said = json.loads(lines.of("sent", orders=812, destination="google"))
        assert datetime.fromisoformat(said.pop("timestamp")).utcoffset() == timedelta(0)
        assert said == {"event": "sent", "level": "warning", "orders": 812, "destination": "google"}

    def test_plain_values_stay(self, lines: Lines) -> None:
        said = json.loads(lines.of("x", day=date(2026, 11, 1), value=Decimal("12.50"), path=Path("a/b"), none=None))
        assert (said["day"], said["value"], said["path"], said["none"]) == ("2026-11-01", "12.50", "a/b", None)

    def test_what_is_bound_to_the_run_is_on_every_line(self, lines: Lines) -> None:
        with structlog.contextvars.bound_contextvars(run_id=17):
            assert json.loads(lines.of("x"))["run_id"] == 17

    @pytest.mark.parametrize("terminal", [False, True])
    def test_who_does_not_ask_for_json_gets_text_for_people(
        self, monkeypatch: pytest.MonkeyPatch, lines: Lines, terminal: bool
    ) -> None:
        monkeypatch.delenv("CONVERSIONS_LOG_FORMAT")
        monkeypatch.setattr("sys.stderr.isatty", lambda: terminal, raising=False)
        logs.start()
        said = lines.of("sent", orders=812)
        assert "sent" in said
        assert not said.startswith("{")

    def test_no_color_is_honoured(self, monkeypatch: pytest.MonkeyPatch, lines: Lines) -> None:
        monkeypatch.delenv("CONVERSIONS_LOG_FORMAT")
        monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
        monkeypatch.setenv("NO_COLOR", "1")
        logs.start()
        assert "\x1b" not in lines.of("sent", orders=812)

    def test_a_level_silences_what_is_below_it(self, lines: Lines) -> None:
        logs.start(logging.ERROR)
        assert lines.of("nothing of note") == ""

    def test_what_libraries_log_is_dropped(self, lines: Lines) -> None:
        logging.getLogger("urllib3").warning("Retrying %s", ADDRESS)
        assert lines.of("x").count("\n") == 1


class TestWhatIsWithheld:
    @pytest.mark.parametrize(
        "values",
        [
            {"said": ADDRESS},
            {"email": "anything"},
            {"url": "https://graph.facebook.com/?access_token=abc"},
            {"note": f"Bearer {TOKEN}"},
            {"note": TOKEN},
            {"access_token": "abc"},
            {"key": "5a" * 32},
            {"note": "5a" * 32},
            {"digest": sha256(ADDRESS.encode()).hexdigest()},
            {"said": "ida.holm%40example.com"},
            {"rows": [{"a": ("b", ADDRESS)}]},
            {"rows": {ADDRESS: 1}},
            {"order": Careless()},
            {"raw": ADDRESS.encode()},
            {"error": ValueError(ADDRESS)},
        ],
    )
    def test_nothing_personal_or_secret_passes(self, lines: Lines, values: dict[str, object]) -> None:
        said = lines.of("x", **values)
        for secret in ("ida.holm", "EAAB", "5a5a", "abc", sha256(ADDRESS.encode()).hexdigest()[:12]):
            assert secret not in said

    def test_nor_in_the_event_itself(self, lines: Lines) -> None:
        assert json.loads(lines.of(f"could not read {ADDRESS}"))["event"] == logs.WITHHELD

    @pytest.mark.parametrize("form", ["json", "text"])
    def test_of_an_exception_only_its_class_is_said(
        self, monkeypatch: pytest.MonkeyPatch, lines: Lines, form: str
    ) -> None:
        monkeypatch.setenv("CONVERSIONS_LOG_FORMAT", form)
        logs.start()
        try:
            dict[str, str]()[ADDRESS]
        except KeyError:
            said = lines.of("failed", exc_info=True)
        assert "KeyError" in said
        assert "Traceback" not in said
        assert "ida.holm" not in said

    @pytest.mark.parametrize("exc_info", [KeyError(ADDRESS), True])
    def test_wherever_it_comes_from(self, lines: Lines, exc_info: object) -> None:
        assert "ida.holm" not in lines.of("failed", exc_info=exc_info)

    @given(st.text(), st.dictionaries(st.text(), st.text() | st.lists(st.text())))
    def test_no_line_ever_holds_an_at_sign(self, event: str, values: dict[str, object]) -> None:
        assert "@" not in repr(logs.redact(None, "info", {"event": event, **values}).values())

    def test_an_instant_keeps_its_offset(self) -> None:
        assert logs.redact(None, "info", {"at": datetime(2026, 11, 1, tzinfo=UTC)})["at"] == "2026-11-01 00:00:00+00:00"
