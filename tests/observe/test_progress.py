"""Progress: a bar on a terminal, log lines otherwise, nothing when asked."""

import io
import json

import pytest

from conversions.observe import logs
from conversions.observe.progress import SILENT, Bars, Lines, open_progress


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    logs.start()
    return Clock()


@pytest.fixture
def json_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONVERSIONS_LOG_FORMAT", "json")
    logs.start()


def said(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


class TestLines:
    def test_a_line_is_a_sentence_for_the_mail_of_cron(self, clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
        with Lines(clock).track("staging", 35_000) as advance:
            clock.now += 10
            advance(20_000)
        assert capsys.readouterr().err == (
            "staging: 20000 of 35000, about 0:00:08 left\nstaging: 20000 of 35000, about 0:00:08 left\n"
        )

    def test_an_hour_of_work_fills_no_mail(self, clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
        with Lines(clock).track("reading", None) as advance:
            for _ in range(3600):
                clock.now += 1
                advance(100)
        assert len(capsys.readouterr().err.splitlines()) <= 10

    @pytest.mark.usefixtures("json_lines")
    def test_a_json_line_has_count_rate_and_time_left(self, clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
        with Lines(clock).track("reading", 1000) as advance:
            for _ in range(3):
                clock.now += 5
                advance(100)
        lines = said(capsys)
        assert [line["event"] for line in lines] == ["reading", "reading"]
        assert (lines[0]["done"], lines[0]["total"]) == (200, 1000)
        assert (lines[0]["per_second"], lines[0]["seconds_left"]) == (20, 40)
        assert lines[1]["done"] == 300

    def test_short_work_says_nothing(self, clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
        with Lines(clock).track("reading", None) as advance:
            clock.now += 9
            advance(10)
        assert said(capsys) == []

    @pytest.mark.usefixtures("json_lines")
    def test_an_unknown_total_has_no_time_left(self, clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
        with Lines(clock).track("reading", None) as advance:
            clock.now += 11
            advance(10)
        assert said(capsys)[0]["seconds_left"] is None


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class TestBars:
    def test_a_bar_shows_count_and_rate(self, monkeypatch: pytest.MonkeyPatch) -> None:
        terminal = Terminal()
        monkeypatch.setattr("sys.stderr", terminal)
        with Bars().track("google", 40) as advance:
            advance(20)
            advance(20)
        assert "google" in terminal.getvalue()
        assert "40/40" in terminal.getvalue()

    def test_finished_work_of_unknown_length_looks_finished(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("sys.stderr", terminal := Terminal())
        with Bars().track("reading", None) as advance:
            advance(35)
        assert "35/35" in terminal.getvalue()

    def test_two_things_are_followed_at_once(self, monkeypatch: pytest.MonkeyPatch) -> None:
        terminal = Terminal()
        monkeypatch.setattr("sys.stderr", terminal)
        bars = Bars()
        with bars.track("google", 2) as google:
            with bars.track("meta", 3) as meta:
                meta(3)
            google(2)
        assert "2/2" in terminal.getvalue()
        assert "3/3" in terminal.getvalue()

    def test_a_label_cannot_steer_the_terminal(self, monkeypatch: pytest.MonkeyPatch) -> None:
        terminal = Terminal()
        monkeypatch.setattr("sys.stderr", terminal)
        with Bars().track("[bold red]x", 1):
            pass
        assert "[bold red]x" in terminal.getvalue()


class TestWhichOne:
    def test_a_terminal_gets_bars(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("sys.stderr", Terminal())
        assert isinstance(open_progress(), Bars)

    def test_a_dumb_terminal_and_a_file_get_lines(self, monkeypatch: pytest.MonkeyPatch) -> None:
        assert isinstance(open_progress(), Lines)
        monkeypatch.setenv("TERM", "dumb")
        monkeypatch.setattr("sys.stderr", Terminal())
        assert isinstance(open_progress(), Lines)

    def test_silence_is_silent(self, capsys: pytest.CaptureFixture[str]) -> None:
        with SILENT.track("reading", 5) as advance:
            advance(5)
        assert capsys.readouterr() == ("", "")


class TestWaits:
    @pytest.mark.usefixtures("json_lines")
    def test_a_long_wait_is_logged_once_and_a_short_one_is_not(
        self, clock: Clock, capsys: pytest.CaptureFixture[str]
    ) -> None:
        with Lines(clock).wait("Waits for Meta until 06:20:00 (Europe/Copenhagen): no DNS answer", 10.0):
            pass
        with Lines(clock).wait("too short to read", 9.0):
            pass
        [line] = said(capsys)
        assert line["event"] == "Waits for Meta until 06:20:00 (Europe/Copenhagen): no DNS answer"

    def test_a_long_wait_is_one_line_in_the_mail_of_cron(
        self, clock: Clock, capsys: pytest.CaptureFixture[str]
    ) -> None:
        with Lines(clock).wait("Waits for Meta until 06:20:00", 10.0):
            pass
        assert capsys.readouterr().err == "Waits for Meta until 06:20:00\n"

    @pytest.mark.parametrize("tracked", [True, False])
    def test_a_terminal_shows_what_it_waits_for_as_long_as_it_waits(
        self, tracked: bool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        terminal = Terminal()
        monkeypatch.setattr("sys.stderr", terminal)
        monkeypatch.setenv("COLUMNS", "80")
        bars = Bars()
        with bars.track("sending", 9) if tracked else bars.wait("another wait", 60):
            with bars.wait("Waits for Meta until 06:20:00: [no DNS answer]", 60):
                bars._bars.refresh()
            shown = terminal.getvalue()
            bars._bars.refresh()
        assert "Waits for Meta until 06:20:00: [no DNS answer]" in shown
        assert "Waits for Meta" not in terminal.getvalue().removeprefix(shown)
