"""An export holds what left, as often as it left, byte for byte."""

import csv
import io
import json
import os
import socket
import stat
from collections import Counter
from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import Any, BinaryIO

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from conversions import __version__
from conversions.audit import open_log
from conversions.audit.attempts import queries
from conversions.audit.attempts.model import AttemptRecord, Body, Selection
from conversions.audit.evidence import export as exporting
from conversions.audit.evidence.export import ExportCounts, Format, export, new_file
from conversions.errors import LedgerError, Usage
from conversions.process.operator import operator
from tests.audit.shop import SATURDAY, SUNDAY, TOKEN, Shop, new_shop
from tests.ledger import stored

Line = dict[str, Any]

# Design §6, word for word.
KEYS = (
    "request_id, parent_id, run_id, attempt, destination, recipient, url, headers, purpose, intended_at, answered_at,"
    " http_status, outcome, events, events_erased, body, body_sha256, policy_version, rules, legal_basis,"
    " settings_sha256, operator, host, reason, version, rehearsal, route"
)


def exported(shop: Shop, form: Format = "jsonl", **narrowed: Any) -> bytes:
    out = io.BytesIO()
    with open_log(shop.settings, shop.clock) as log:
        export(log, Selection(shop.settings.zone, **narrowed), form, out)
    return out.getvalue()


def lines(shop: Shop, **narrowed: Any) -> list[Line]:
    return [json.loads(line) for line in exported(shop, **narrowed).splitlines()]


def sheet(shop: Shop) -> list[dict[str, str]]:
    text = exported(shop, "csv").decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text, newline="")))


def bodies(shop: Shop) -> Counter[tuple[str, str]]:
    return Counter((line["destination"], line["body"]) for line in lines(shop))


@pytest.mark.parametrize(
    "faults",
    [
        pytest.param((), id="no fault"),
        pytest.param(("429@0.3=0", "poison=BAD"), id="throttled"),
        pytest.param(("503@0.3", "poison=BAD"), id="unavailable"),
        pytest.param(("lost@0.3", "poison=BAD"), id="answers lost"),
        pytest.param(("dropped@0.2", "lost@0.2", "html@0.1", "no-request-id@0.2", "poison=BAD"), id="all at once"),
    ],
)
def test_the_export_holds_every_body_that_arrived_as_often_as_it_arrived(
    tmp_path: Path, faults: tuple[str, ...]
) -> None:
    shop = new_shop(tmp_path / "shop")
    shop.sells(40, date(2026, 11, 18))
    shop.sells(3, date(2026, 11, 19), product="BAD")
    shop.sells(1, date(2026, 11, 20))
    for _ in range(2):
        shop.sends(SATURDAY, *faults)
    assert bodies(shop) == shop.bodies
    assert shop.bodies.total() >= 2 + 10 * bool(faults)


def test_what_was_sent_twice_is_in_the_export_twice(past: Shop) -> None:
    assert sorted(past.bodies.values()) == [1, 1, 1, 2]
    assert bodies(past) == past.bodies


def test_a_line_has_exactly_the_keys_that_programs_rely_on(past: Shop) -> None:
    assert {", ".join(line) for line in lines(past)} == {KEYS}


def test_a_line_says_who_sent_what_to_whom_on_which_basis(past: Shop) -> None:
    settings = past.settings
    line = lines(past)[-1]
    to_meta = line["destination"] == "meta"
    assert line | {"body": "", "body_sha256": "", "headers": {}} == {
        "request_id": 5,
        "parent_id": None,
        "run_id": 2,
        "attempt": 1,
        "destination": line["destination"],
        "recipient": "Meta Platforms Ireland Limited" if to_meta else "Google Ireland Limited",
        "url": f"{settings.destinations['meta'].endpoint}/v26.0/555000111222/events"
        if to_meta
        else f"{settings.destinations['google'].endpoint}/v1/events:ingest",
        "headers": {},
        "purpose": "first",
        "intended_at": "2026-11-21T23:30:00.000000+00:00",
        "answered_at": "2026-11-21T23:30:00.000000+00:00",
        "http_status": 200,
        "outcome": "received",
        "events": 2,
        "events_erased": 0,
        "body": "",
        "body_sha256": "",
        "policy_version": "2026-01",
        "rules": "meta/2026-01" if to_meta else "google/2026-08",
        "legal_basis": "legitimate_interest",
        "settings_sha256": sha256(settings.public_text().encode()).hexdigest(),
        "operator": operator(),
        "host": socket.gethostname(),
        "reason": "the second night",
        "version": __version__,
        "rehearsal": True,
        "route": None,
    }


def test_a_repeated_request_names_the_one_it_follows(past: Shop) -> None:
    first, again = [line for line in lines(past, run=1) if line["destination"] == "meta"]
    assert first["outcome"] == "unknown"
    assert again["parent_id"] == first["request_id"]
    assert (again["purpose"], again["attempt"], again["outcome"]) == ("resend", 2, "received")
    assert again["body"] == first["body"]


def test_the_digest_is_that_of_the_body(past: Shop) -> None:
    for line in lines(past):
        assert line["body_sha256"] == sha256(line["body"].encode()).hexdigest()


def test_headers_are_there_and_the_credential_that_was_sent_is_not(past: Shop) -> None:
    # `require-token` let Meta's requests through: they carried one.
    assert all(line["headers"]["Content-Type"] == "application/json" for line in lines(past))
    written = exported(past) + exported(past, "csv")
    assert TOKEN.encode() not in written
    assert b"authorization" not in written.lower()


def test_of_a_body_with_an_erased_event_nothing_is_shown_and_the_others_are_whole(past: Shop, tmp_path: Path) -> None:
    shop, before = past.copy(tmp_path / "shop"), lines(past)
    repeated = [line["request_id"] for line in before if line["destination"] == "meta" and line["run_id"] == 1]
    of_requests = stored.events_of_requests(shop.home / "var" / "conversions.db")
    with shop.tampered() as store:
        stored.alter(store, of_requests[repeated[0]][1].id, body=None)
    gone = {"events_erased": 1, "body": None, "body_sha256": None}
    assert lines(shop) == [line | gone if line["request_id"] in repeated else line for line in before]
    assert len(repeated) == 2


def test_an_attempt_without_an_answer_has_no_outcome_until_the_next_run_finds_it_unknown(
    past: Shop, tmp_path: Path
) -> None:
    shop = past.copy(tmp_path / "shop")
    with shop.tampered() as store:
        store.execute("UPDATE request SET outcome = NULL, answered_us = NULL, http_status = NULL WHERE id = 5")
        store.execute("UPDATE batch SET state = 'in_flight' WHERE run = 2")
    killed = lines(shop)[4]
    assert (killed["outcome"], killed["answered_at"], killed["http_status"]) == (None, None, None)
    shop.sends(SUNDAY)
    assert lines(shop)[4]["outcome"] == "unknown"
    assert killed["body"] == lines(shop)[4]["body"]


@pytest.mark.parametrize(
    ("narrowed", "numbers"),
    [
        ({}, [1, 2, 3, 4, 5]),
        ({"run": 1}, [1, 2, 3]),
        ({"since": date(2026, 11, 22)}, [4, 5]),
        ({"until": date(2026, 11, 21)}, [1, 2, 3]),
        ({"since": date(2026, 11, 21), "until": date(2026, 11, 22)}, [1, 2, 3, 4, 5]),
        ({"since": date(2026, 11, 23)}, []),
        ({"until": date.max, "since": date.min}, [1, 2, 3, 4, 5]),
    ],
)
def test_attempts_are_told_apart_by_run_and_by_the_days_of_the_shop(
    past: Shop, narrowed: dict[str, Any], numbers: list[int]
) -> None:
    assert [line["request_id"] for line in lines(past, **narrowed)] == numbers


def test_attempts_are_told_apart_by_destination(past: Shop) -> None:
    found = lines(past, destination="meta")
    assert [line["recipient"] for line in found] == ["Meta Platforms Ireland Limited"] * 3
    assert len(found) + len(lines(past, destination="google")) == 5


def test_a_line_is_one_line_of_ascii_whatever_its_texts_hold(past: Shop, tmp_path: Path) -> None:
    shop, reason = past.copy(tmp_path / "shop"), "Ø\u2028\x85\x9b31m\x1b[2J\r\n\x00"
    with shop.tampered() as store:
        store.execute("UPDATE run SET reason = ?", [reason])
    written = exported(shop)
    assert written.isascii()
    assert len(written.decode().splitlines()) == 5
    assert {line["reason"] for line in lines(shop)} == {reason}


def test_attempts_are_written_one_at_a_time(past: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    walk: list[str] = []

    def body(log: Any, attempt: AttemptRecord) -> Body:
        walk.append("read")
        return whole(log, attempt)

    class Out(io.BytesIO):
        def write(self, line: Any) -> int:
            walk.append("written")
            return super().write(line)

        def writelines(self, lines: Any) -> None:  # as files do; BytesIO's own goes past write()
            for line in lines:
                self.write(line)

    whole = queries.body
    monkeypatch.setattr(queries, "body", body)
    with open_log(past.settings, past.clock) as log:
        export(log, Selection(past.settings.zone), "jsonl", Out())
    assert walk == ["read", "written"] * 5


def test_bytes_that_cannot_have_left_are_the_stores_fault(past: Shop, tmp_path: Path) -> None:
    shop = past.copy(tmp_path / "shop")
    with shop.tampered() as store:
        store.execute("UPDATE request SET suffix = x'ff' WHERE id = 2")
    with pytest.raises(LedgerError, match="attempt 2 are not the bytes that were sent"):
        exported(shop)
    assert len(lines(shop, run=2)) == 2


def test_an_export_says_how_much_it_holds(past: Shop, tmp_path: Path) -> None:
    shop = past.copy(tmp_path / "shop")
    with shop.tampered() as store:
        (event,) = store.execute("SELECT min(id) FROM event").fetchone()
        stored.alter(store, event, body=None)
    with open_log(shop.settings, shop.clock) as log:
        written = export(log, Selection(shop.settings.zone), "csv", io.BytesIO())
    carried = sum(line["events_erased"] for line in lines(shop))
    assert written == ExportCounts(attempts=5, events=3 * 3 + 2 * 2, erased=carried)
    assert carried > 0


def test_a_spreadsheet_has_the_same_facts_without_the_bodies(past: Shop) -> None:
    def text(value: object) -> str:
        return "" if value is None else json.dumps(value) if isinstance(value, dict) else str(value)

    wanted = [{key: text(value) for key, value in line.items() if key != "body"} for line in lines(past)]
    assert sheet(past) == wanted


def test_a_spreadsheet_of_many_chunks_is_the_same(past: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = exported(past, "csv")
    monkeypatch.setattr(exporting, "ATTEMPTS_PER_CHUNK", 2)
    assert exported(past, "csv") == whole


def test_a_spreadsheet_of_nothing_is_its_header(past: Shop) -> None:
    written = exported(past, "csv", since=date(2026, 11, 23)).decode("utf-8-sig")
    assert written == ",".join(key for key in KEYS.split(", ") if key != "body") + "\r\n"


def test_a_spreadsheet_opens_as_utf8_and_its_numbers_are_numbers(past: Shop) -> None:
    written = exported(past, "csv")
    assert written.startswith(b"\xef\xbb\xbfrequest_id,")
    assert written.count(b"\xef\xbb\xbf") == 1
    table = pd.read_csv(io.BytesIO(written))
    numbers = ["request_id", "run_id", "attempt", "http_status", "events", "events_erased"]
    assert all(pd.api.types.is_numeric_dtype(table[name]) for name in numbers)
    assert table["events"].tolist() == [3, 3, 3, 2, 2]


@pytest.mark.parametrize(
    "formula",
    ['=HYPERLINK("http://x")', "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "  =1", "\u00a0+1", "＝1", "\tx"],
)
def test_a_text_that_a_spreadsheet_would_run_begins_with_an_apostrophe(
    past: Shop, tmp_path: Path, formula: str
) -> None:
    shop = past.copy(tmp_path / "shop")
    with shop.tampered() as store:
        store.execute("UPDATE run SET reason = ?, operator = ?", [formula, formula])
    for row in sheet(shop):
        assert row["reason"].startswith("'")
        assert row["operator"] == row["reason"]


def test_an_ordinary_text_stays_as_it_is(past: Shop, tmp_path: Path) -> None:
    shop = past.copy(tmp_path / "shop")
    with shop.tampered() as store:
        store.execute("UPDATE run SET reason = 'Søren; \"a, b\" = 3-1'")
    assert {row["reason"] for row in sheet(shop)} == {'Søren; "a, b" = 3-1'}


@given(st.text())
def test_no_text_is_a_formula_or_steers_a_terminal(text: str) -> None:
    cell = exporting._cell(text)
    assert cell.lstrip()[:1] not in set("=+-@＝＋－＠")
    assert cell.isprintable()


@given(st.integers() | st.booleans() | st.none())
def test_what_is_no_text_is_left_alone(value: object) -> None:
    assert exporting._cell(value) is value


def test_only_its_owner_may_read_a_new_file(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        with new_file(tmp_path / "export") as file:
            file.write(b"x")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "export").stat().st_mode) == 0o600
    assert (tmp_path / "export").read_bytes() == b"x"


def test_a_file_that_is_there_stays_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "export"
    path.write_bytes(b"evidence")
    with pytest.raises(Usage, match="already there"), new_file(path):
        pytest.fail("it was opened")
    assert path.read_bytes() == b"evidence"


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "export").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(Usage, match="already there"), new_file(tmp_path / "export"):
        pytest.fail("it was opened")
    assert not (tmp_path / "elsewhere").exists()


def test_of_a_file_that_could_not_be_finished_nothing_is_left(tmp_path: Path) -> None:
    def fail(file: BinaryIO) -> None:
        file.write(b"half")
        raise OSError(28, "No space left on device")

    with pytest.raises(Usage, match="No space left on device"), new_file(tmp_path / "export") as file:
        fail(file)
    with pytest.raises(KeyboardInterrupt), new_file(tmp_path / "export"):
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(Usage, match="nowhere/export cannot be written: No such file"):
        new_file(tmp_path / "nowhere" / "export").__enter__()
