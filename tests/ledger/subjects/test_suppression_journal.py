"""The journal: what people asked for survives the store."""

import json
import stat
from pathlib import Path

import pytest

from conversions.errors import LedgerError, SettingsError
from conversions.ledger.subjects import suppression_journal, suppressions
from conversions.ledger.subjects.suppression_journal import JournalEntry
from conversions.ledger.subjects.suppressions import SuppressionKind
from tests.ledger.builders import NOW, Night, subject

ANNA = JournalEntry(NOW, "added", SuppressionKind.OBJECTION, subject("anna").hex(), "17")
BO = JournalEntry(NOW, "removed", SuppressionKind.WITHDRAWAL, subject("bo").hex())


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "checkpoints" / "journal.jsonl"


def test_what_was_appended_is_read_in_its_order(file: Path) -> None:
    suppression_journal.append(file, [ANNA])
    suppression_journal.append(file, [BO, ANNA])

    assert suppression_journal.read_entries(file) == [ANNA, BO, ANNA]
    assert suppression_journal.read_entries(file)[0].person == (subject("anna"),)


def test_before_the_first_entry_it_is_empty(file: Path) -> None:
    assert suppression_journal.read_entries(file) == []


def test_a_line_is_json_and_only_its_owner_may_read_it(file: Path) -> None:
    suppression_journal.append(file, [ANNA])

    assert json.loads(file.read_text()) == {
        "at": "2026-11-22T05:15:00+00:00",
        "change": "added",
        "kind": "objection",
        "subject": subject("anna").hex(),
        "case": "17",
        "others": [],
    }
    assert [stat.S_IMODE(each.stat().st_mode) for each in (file, file.parent)] == [0o600, 0o700]


def test_it_is_on_disk_when_append_returns(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[int] = []
    monkeypatch.setattr("os.fsync", lambda descriptor: synced.append(file.stat().st_size))
    suppression_journal.append(file, [ANNA])

    assert synced == [file.stat().st_size] * 2  # the file, and the directory that names it


def test_a_line_that_a_crash_cut_short_is_passed_over_and_cut_off(file: Path) -> None:
    suppression_journal.append(file, [ANNA])
    whole = file.read_bytes()
    file.write_bytes(whole + b'{"at":"2026')

    assert suppression_journal.read_entries(file) == [ANNA]
    suppression_journal.append(file, [BO])
    assert suppression_journal.read_entries(file) == [ANNA, BO]


@pytest.mark.parametrize("damage", [b"anything", b'{"at": 1}', b'{"kind":"objection"}'])
def test_another_line_that_cannot_be_read_is_an_error(file: Path, damage: bytes) -> None:
    suppression_journal.append(file, [ANNA])
    file.write_bytes(damage + b"\n" + file.read_bytes())

    with pytest.raises(LedgerError, match="Line 1 of the journal"):
        suppression_journal.read_entries(file)


def test_a_place_that_cannot_be_written_is_one_sentence(file: Path) -> None:
    file.parent.parent.joinpath("checkpoints").write_text("a file")

    with pytest.raises(SettingsError, match=r"store\.checkpoints"):
        suppression_journal.append(file, [ANNA])
    with pytest.raises(SettingsError, match=r"store\.checkpoints"):
        suppression_journal.read_entries(file)


def test_a_journal_begun_late_knows_who_is_on_the_list(file: Path, night: Night) -> None:
    suppressions.add(night.ledger, ANNA.person, None, SuppressionKind.OBJECTION, "17")
    suppressions.add(night.ledger, BO.person, None)
    suppressions.remove(night.ledger, BO.person, "called back")
    suppression_journal.create_journal(file, night.ledger)
    suppression_journal.create_journal(file, night.ledger)

    assert suppression_journal.read_entries(file) == [ANNA]
