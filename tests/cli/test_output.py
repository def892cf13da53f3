"""What commands say: results on stdout, the conversation on stderr, and no text that steers a terminal."""

import io
import json
from contextlib import redirect_stderr, redirect_stdout
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conversions.cli.output import confirm, say, show, show_json, show_table
from conversions.model.conversion import Reason
from conversions.observe.printable import printable


def test_results_and_conversation_go_their_own_ways(capsys: pytest.CaptureFixture[str]) -> None:
    show("result")
    say("by the way")
    assert capsys.readouterr() == ("result\n", "by the way\n")


def test_a_message_comes_after_what_was_printed_before_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where both go to one terminal or mail, stdout is buffered there, and stderr is not."""
    both = io.BytesIO()
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(io.BufferedWriter(both), encoding="utf-8"))
    monkeypatch.setattr("sys.stderr", io.TextIOWrapper(both, encoding="utf-8", write_through=True))
    show("table")
    say("conclusion")
    assert both.getvalue() == b"table\nconclusion\n"


def test_json_keeps_amounts_exact_and_days_readable(capsys: pytest.CaptureFixture[str]) -> None:
    show_json(
        {
            "value": Decimal("10.00"),
            "large": Decimal("1E+3"),
            "day": date(2026, 11, 1),
            "at": datetime(2026, 11, 1, 5, tzinfo=UTC),
            "age": timedelta(hours=1),
            "path": Path("a/b"),
            "reason": Reason.OBJECTION,
            "name": "Ø",
        }
    )
    out = capsys.readouterr().out
    assert json.loads(out) == {
        "value": "10.00",
        "large": "1000",
        "day": "2026-11-01",
        "at": "2026-11-01T05:00:00+00:00",
        "age": 3600.0,
        "path": "a/b",
        "reason": "objection",
        "name": "Ø",
    }


@given(st.text())
def test_json_is_printable_ascii_whatever_its_texts_hold(text: str) -> None:
    with redirect_stdout(io.StringIO()) as out:
        show_json([text])
    shown = out.getvalue()
    assert json.loads(shown) == [text]
    assert shown.isascii()
    assert shown.replace("\n", "").isprintable()


def test_json_refuses_what_it_does_not_know() -> None:
    with pytest.raises(TypeError, match="bytes"):
        show_json({"email": b"x"})


class TestTables:
    def test_numbers_stand_to_the_right_and_rows_stay_one_line(self, capsys: pytest.CaptureFixture[str]) -> None:
        show_table(("name", "orders"), [("google", 1000), ("x" * 200, 7)])
        lines = capsys.readouterr().out.splitlines()
        assert len(lines) == 3
        assert lines[1].rstrip().endswith("1000")
        assert lines[2].rstrip().endswith("   7")
        assert "\x1b" not in "".join(lines)

    def test_nothing_in_a_cell_is_markup_or_steers_the_terminal(self, capsys: pytest.CaptureFixture[str]) -> None:
        show_table(("order",), [("[red]A[/red] :smile:",), ("A\x1b[2J\r\n\x00",), (None,)])
        out = capsys.readouterr().out
        assert "[red]A[/red] :smile:" in out
        assert r"A\x1b[2J\r\n\x00" in out

    def test_an_empty_table_is_its_header(self, capsys: pytest.CaptureFixture[str]) -> None:
        show_table(("entry", "since"), [])
        assert capsys.readouterr().out.split() == ["entry", "since"]


@given(st.text())
def test_printable_text_is_printable_and_plain_text_stays(text: str) -> None:
    assert printable(text).isprintable()
    assert printable(text) == text or not text.isprintable()


@given(st.text())
def test_no_line_of_a_command_steers_the_terminal(text: str) -> None:
    with redirect_stdout(io.StringIO()) as out, redirect_stderr(io.StringIO()) as err:
        show(text)
        say(text)
    shown = out.getvalue()
    assert shown == err.getvalue()
    assert all(c.isprintable() or c in "\n\t\xa0" for c in shown)
    assert shown == f"{text}\n" or not text.isprintable()


@given(st.text())
def test_no_question_steers_the_terminal(text: str) -> None:
    with redirect_stderr(io.StringIO()) as err, patch("sys.stdin", io.StringIO("y\n")), redirect_stdout(io.StringIO()):
        confirm(text)
    assert err.getvalue().isprintable()


class Screen(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_gets_whole_words_and_whole_commands(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    command = "`conversions doctor --config '/srv/b c/conversions.toml'`"
    text = f"problem  store: The words of this sentence stay whole. Run: {command}\nThe next line."
    with redirect_stderr(Screen()) as err:
        say(text)
    lines = err.getvalue().splitlines()
    assert max(len(line) for line in lines if "`" not in line) <= 40
    assert command in err.getvalue()
    assert all(line.startswith(" " * 9) for line in lines[1:-1])
    assert " ".join(err.getvalue().split()) == " ".join(text.split())


def test_a_pipe_gets_one_line_for_each_message() -> None:
    with redirect_stderr(io.StringIO()) as err:
        say("word " * 100)
    assert err.getvalue().count("\n") == 1
