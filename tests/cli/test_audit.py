"""``conversions audit``: an auditor's questions at the command line."""

import csv
import io
import json
import stat
import subprocess
import sys
from collections import Counter
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from conversions.ledger.store import run_lock
from tests.audit.shop import Shop, new_shop, two_nights
from tests.cli.conftest import Cli, Said


@pytest.fixture(scope="module")
def past(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """A shop after two nights; to look at, not to change."""
    return two_nights(tmp_path_factory.mktemp("past") / "shop")


def audit(cli: Cli, shop: Shop, *arguments: object) -> Said:
    return cli("audit", *arguments, "--config", shop.file)


def cells(said: Said) -> list[list[str]]:
    return [line.split() for line in said.out.splitlines()]


def test_list_shows_one_attempt_a_line_the_newest_last(cli: Cli, past: Shop) -> None:
    said = audit(cli, past, "list")
    header, *rows = cells(said)
    assert (
        " ".join(header)
        == "request run time (Europe/Copenhagen) destination purpose attempt events bytes outcome HTTP code"
    )
    assert [row[:4] for row in rows] == [
        *(["1", "1", "2026-11-21", "23:30:00"], ["2", "1", "2026-11-21", "23:30:00"]),
        *(["3", "1", "2026-11-21", "23:30:00"], ["4", "2", "2026-11-22", "00:30:00"]),
        ["5", "2", "2026-11-22", "00:30:00"],
    ]
    assert said.code == 0
    assert said.err == "A rehearsal: none of this left this machine.\n"


def test_list_tells_programs_the_same(cli: Cli, past: Shop) -> None:
    found = json.loads(audit(cli, past, "list", "--json").out)
    _, *rows = cells(audit(cli, past, "list"))
    assert [str(each["bytes"]) for each in found] == [row[8] for row in rows]
    sizes = Counter(len(body["body"].encode()) for body in past.received)
    assert Counter(each["bytes"] for each in found) == sizes


@pytest.mark.parametrize(
    ("narrowed", "count"),
    [
        (("--run", "1"), 3),
        (("--destination", "google"), 2),
        (("--outcome", "unknown"), 1),
        (("--outcome", "received"), 4),
        (("--since", "2026-11-22"), 2),
        (("--until", "2026-11-21"), 3),
        (("--since", "2026-11-22", "--destination", "meta", "--run", "2"), 1),
        (("--outcome", "refused"), 0),
    ],
)
def test_list_shows_what_is_asked_for(cli: Cli, past: Shop, narrowed: tuple[str, ...], count: int) -> None:
    assert len(json.loads(audit(cli, past, "list", *narrowed, "--json").out)) == count


def test_an_empty_list_says_so(cli: Cli, past: Shop, tmp_path: Path) -> None:
    assert audit(cli, past, "list", "--outcome", "not_sent").out == "No attempt was made.\n"
    assert audit(cli, new_shop(tmp_path / "new"), "list").out == "No attempt was made.\n"


@pytest.mark.parametrize("narrowed", [("--run", "3"), ("--destination", "gogle"), ("--outcome", "lost")])
@pytest.mark.parametrize("command", ["list", "export"])
def test_a_question_without_sense_is_exit_2(cli: Cli, past: Shop, command: str, narrowed: tuple[str, ...]) -> None:
    said = audit(cli, past, command, *narrowed)
    assert (said.code, said.out) == (2, "")
    assert said.err.count("\n") == 1


def test_show_puts_the_exact_bytes_on_stdout_and_nothing_else(cli: Cli, past: Shop) -> None:
    shown = Counter(audit(cli, past, "show", number).out for number in range(1, 6))
    assert shown == Counter(body["body"] for body in past.received)


def test_show_says_the_facts_on_stderr(cli: Cli, past: Shop) -> None:
    said = audit(cli, past, "show", "5")
    facts = {line[:16].strip(): line[17:] for line in said.err.splitlines()}
    assert facts["body sha256"] == sha256(said.out.encode()).hexdigest()
    assert facts["bytes"] == str(len(said.out.encode()))
    assert facts["reason"] == "the second night"
    assert facts["headers"].startswith("Content-Type: application/json, ")
    assert (facts["parent id"], facts["rehearsal"], facts["code"]) == ("-", "yes", "200")
    named = "recipient, url, purpose, policy version, rules, legal basis, operator, host, version, intended at, outcome"
    assert all(facts[name] for name in named.split(", "))
    assert len(facts["intent hash"]) == 64


def test_show_tells_programs_the_same(cli: Cli, past: Shop) -> None:
    facts = json.loads(audit(cli, past, "show", "5", "--json").out)
    assert facts["body"] == audit(cli, past, "show", "5").out
    line = json.loads(audit(cli, past, "export").out.splitlines()[4])
    assert {key: facts[key] for key in line} == line


def test_a_terminal_gets_the_bytes_escaped_and_on_a_line(
    cli: Cli, past: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = past.copy(tmp_path / "shop")
    with shop.tampered() as store:
        store.execute("UPDATE request SET suffix = ? WHERE id = 5", ["]}\x1b[2J\u202e".encode()])
        store.execute("UPDATE run SET reason = ?", ["\x9b2J"])
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    said = audit(cli, shop, "show", "5")
    assert said.out.endswith("]}\\x1b[2J\\u202e\n")
    assert "reason           \\x9b2J\n" in said.err


def test_show_of_an_erased_body_says_why_there_is_none(cli: Cli, past: Shop, tmp_path: Path) -> None:
    shop = past.copy(tmp_path / "shop")
    with shop.tampered() as store:
        store.execute("UPDATE blob SET bytes = NULL")
    said = audit(cli, shop, "show", "5")
    assert (said.code, said.out) == (0, "")
    assert said.err.endswith("2 of its 2 events are erased, and its bytes with them; the log keeps the rest.\n")


@pytest.mark.parametrize("number", ["0", "6"])
def test_show_of_an_unknown_number_is_one_sentence(cli: Cli, past: Shop, number: str) -> None:
    said = audit(cli, past, "show", number)
    assert (said.code, said.out) == (2, "")
    assert said.err == f"There is no attempt {number}; `conversions audit list` shows them all.\n"


def test_a_number_that_no_store_can_hold_is_out_of_range(cli: Cli, past: Shop) -> None:
    assert audit(cli, past, "show", "9" * 30).code == 2
    assert audit(cli, past, "list", "--run", "9" * 30).code == 2


def test_export_writes_json_lines_to_stdout(cli: Cli, past: Shop) -> None:
    said = audit(cli, past, "export")
    written = [json.loads(line) for line in said.out.splitlines()]
    assert (said.code, said.err) == (0, "")
    assert Counter((line["destination"], line["body"]) for line in written) == past.bodies


def test_export_takes_the_same_options_as_list(cli: Cli, past: Shop) -> None:
    options = ("--since", "2026-11-21", "--until", "2026-11-21", "--run", "1", "--destination", "meta")
    assert len(audit(cli, past, "export", *options).out.splitlines()) == 2


def test_export_writes_csv(cli: Cli, past: Shop) -> None:
    text = audit(cli, past, "export", "--format", "csv").out
    rows = list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline="")))
    assert [row["request_id"] for row in rows] == ["1", "2", "3", "4", "5"]
    assert "body" not in rows[0]


def test_export_to_a_file_is_for_its_owner_and_says_how_much_it_holds(cli: Cli, past: Shop, tmp_path: Path) -> None:
    path = tmp_path / "export.jsonl"
    said = audit(cli, past, "export", "--out", path)
    assert (said.code, said.out) == (0, "")
    assert said.err == f"{path}: 5 attempts, 13 events.\n"
    assert path.read_text() == audit(cli, past, "export").out
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_export_never_overwrites(cli: Cli, past: Shop, tmp_path: Path) -> None:
    path = tmp_path / "export.jsonl"
    path.write_text("evidence")
    said = audit(cli, past, "export", "--out", path)
    assert (said.code, said.out) == (2, "")
    assert said.err == f"{path} is already there and stays as it is; name another file.\n"
    assert path.read_text() == "evidence"


def test_a_mistaken_question_leaves_no_file(cli: Cli, past: Shop, tmp_path: Path) -> None:
    path = tmp_path / "export.jsonl"
    assert audit(cli, past, "export", "--run", "9", "--out", path).code == 2
    assert not path.exists()


def test_before_the_first_run_an_export_is_empty_and_makes_no_store(cli: Cli, tmp_path: Path) -> None:
    shop = new_shop(tmp_path / "new")
    assert audit(cli, shop, "export").out == ""
    assert len(audit(cli, shop, "export", "--format", "csv").out.splitlines()) == 1
    assert not (shop.home / "var").exists()


def test_an_auditor_needs_no_key_and_waits_for_no_run(cli: Cli, past: Shop) -> None:
    with run_lock.hold(past.settings, past.clock, wait=0):
        assert audit(cli, past, "list").code == 0
        assert audit(cli, past, "export").code == 0


@pytest.mark.parametrize("arguments", [("export",), ("show", "5")])
def test_a_reader_that_goes_away_is_no_mistake(past: Shop, arguments: tuple[Any, ...]) -> None:
    command = [sys.executable, "-m", "conversions", "audit", *arguments, "--config", str(past.file)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        said = process.stderr.read()
    assert process.returncode == 0
    assert "Traceback" not in said
    assert "rror" not in said
