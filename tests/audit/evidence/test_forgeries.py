"""Bundles that a person with the log's own key has forged: an auditor refuses them."""

import os
import shutil
from base64 import b64decode
from datetime import date, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import rfc8785

from conversions.audit.evidence import verifier
from conversions.ledger import checkpoints, open_shared
from conversions.ledger.maintenance import restore
from conversions.ledger.subjects import suppressions
from tests.audit.erasing import erase
from tests.audit.evidence.forging import (
    keep_checkpoints,
    lines,
    rewrite,
    roll_back,
    sign_again,
    signing_seed,
    write,
    write_lines,
)
from tests.audit.shop import ENVIRONMENT, SATURDAY, SUNDAY, Shop, new_shop
from tests.audit.tampering import whole

MONDAY, TUESDAY = SUNDAY + timedelta(days=1), SUNDAY + timedelta(days=2)


@pytest.fixture(autouse=True)
def _secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def shop(past: Shop, tmp_path: Path) -> Shop:
    return past.copy(tmp_path / "shop")


def night(shop: Shop, at: object, day: int) -> None:
    shop.sells(2, date(2026, 11, day))
    shop.sends(at)  # type: ignore[arg-type]


def refused(bundle: Path, own: Path | None = None) -> str:
    with pytest.raises(verifier.Refused) as refusal:
        verifier.verify(bundle, own=[own] if own else [])
    return str(refusal.value)


def test_an_honest_log_agrees_with_every_checkpoint_that_an_auditor_kept(shop: Shop, tmp_path: Path) -> None:
    keep_checkpoints(shop, tmp_path / "auditor")
    night(shop, MONDAY, 21)
    write(shop, tmp_path / "bundle")

    report = verifier.verify(tmp_path / "bundle", own=[tmp_path / "auditor"])

    size = max(int(path.stem) for path in (tmp_path / "auditor").iterdir())
    assert f"Your newest checkpoint covers the first {size} entries of it." in report.sentence
    assert any(f"from {size} on were written: they came after your newest" in line for line in report.unchecked)


def test_a_log_that_was_rewritten_as_a_whole_is_not_the_one_of_the_auditors_checkpoint(
    shop: Shop, tmp_path: Path
) -> None:
    own = keep_checkpoints(shop, tmp_path / "auditor")[0]
    rewrite(shop, b'"host":"', b'"host":"not-')
    write(shop, tmp_path / "bundle")

    said = refused(tmp_path / "bundle", own)

    assert verifier.verify(tmp_path / "bundle").sentence.startswith("Accepted")  # nothing but a checkpoint can tell
    assert f"your checkpoint {own.name} (file of 20" in said
    assert (
        f"of {int(own.stem)} entries, is not of this log: the first {int(own.stem)} entries of this log are o" in said
    )


def test_the_auditors_own_checkpoint_byte_for_byte_in_the_bundle_of_a_rewritten_log_refuses_it(
    shop: Shop, tmp_path: Path
) -> None:
    own = keep_checkpoints(shop, tmp_path / "auditor")[0]
    rewrite(shop, b'"host":"', b'"host":"not-')
    write(shop, tmp_path / "bundle")
    for name in (own.name, "another-name", "deeper/down.checkpoint"):
        copy = tmp_path / name.replace("/", "-")
        shutil.copytree(tmp_path / "bundle", copy)
        (copy / "checkpoints" / name).parent.mkdir(exist_ok=True)
        shutil.copy(own, copy / "checkpoints" / name)
        sign_again(copy, signing_seed(shop))

        assert f"checkpoints/{name} is not of this log" in refused(copy)


def test_payloads_that_no_entry_explains_are_refused(shop: Shop, tmp_path: Path) -> None:
    write(shop, tmp_path / "bundle")
    rows = lines(tmp_path / "bundle", "requests.jsonl")
    for number in (None, 0, 16640):
        for row in rows:
            row["events"] = [withheld(event, number) for event in row["events"]]
        write_lines(tmp_path / "bundle", "requests.jsonl", rows)
        sign_again(tmp_path / "bundle", signing_seed(shop))

        assert "the payload of an event of request 1 is gone, and no entry" in refused(tmp_path / "bundle")


def withheld(event: dict[str, str], number: int | None) -> dict[str, object]:
    """What is left of an event that was erased."""
    commitment = verifier.commitment(event).hex()
    return {"commitment": commitment} if number is None else {"number": number, "commitment": commitment}


def test_an_erasure_explains_no_other_payload(shop: Shop, tmp_path: Path) -> None:
    erase(shop)
    write(shop, tmp_path / "bundle")
    rows = lines(tmp_path / "bundle", "requests.jsonl")
    erased = rows[0]["events"][0]["number"]
    rows[0]["events"][1:] = [withheld(event, erased) for event in rows[0]["events"][1:]]
    write_lines(tmp_path / "bundle", "requests.jsonl", rows)
    sign_again(tmp_path / "bundle", signing_seed(shop))

    assert "an event of request 1 has the number of another one" in refused(tmp_path / "bundle")


def test_an_erasure_after_the_days_of_the_bundle_explains_a_payload_that_is_gone(shop: Shop, tmp_path: Path) -> None:
    shop.now = TUESDAY
    erase(shop)

    report = write(shop, tmp_path / "bundle", (date(2026, 11, 21), date(2026, 11, 22)))

    assert "1 of them without payload" in report.sentence
    assert [f"An erasure (case 17, by nina) removed 1 event: entry {last(shop)} (2026-11-23 23:30 UTC)."] == [
        line for line in report.named if "erasure" in line
    ]
    write_lines(tmp_path / "bundle", "other-entries.jsonl", [])
    sign_again(tmp_path / "bundle", signing_seed(shop))
    assert refused(tmp_path / "bundle")


def last(shop: Shop) -> int:
    with shop.tampered() as store:
        ((size,),) = store.execute("SELECT tree_size FROM head").fetchall()
    return int(size) - 1


@pytest.fixture
def rolled_back(shop: Shop, tmp_path: Path) -> list[Path]:
    """The log has lost a night and an objection to an older copy; the auditor has the checkpoints of both branches."""
    shutil.copytree(shop.home, tmp_path / "older")
    with open_shared(shop.settings, shop.clock) as ledger:
        suppressions.add(ledger, (bytes(16),), "asked us to")
    night(shop, MONDAY, 21)
    kept = keep_checkpoints(shop, tmp_path / "auditor")
    roll_back(shop, tmp_path / "older")
    return kept


def test_a_log_that_lost_a_night_and_an_objection_is_refused(
    shop: Shop, rolled_back: list[Path], tmp_path: Path
) -> None:
    shop.now = MONDAY
    write(shop, tmp_path / "shorter")
    night(shop, TUESDAY, 22)
    night(shop, TUESDAY + timedelta(hours=1), 22)
    write(shop, tmp_path / "longer")
    size = int(rolled_back[-1].stem)

    assert "If the bundle was made after your checkpoint, the log was rolled back" in refused(
        tmp_path / "shorter", rolled_back[-1]
    )
    assert f"the first {size} entries of this log are others" in refused(tmp_path / "longer", rolled_back[-1])
    assert verifier.verify(tmp_path / "longer", own=[rolled_back[-2]]).sentence.startswith("Accepted")


def test_a_night_that_is_missing_is_named(shop: Shop, rolled_back: list[Path], tmp_path: Path) -> None:
    night(shop, TUESDAY, 22)
    report = write(shop, tmp_path / "bundle")

    assert "No run began between 2026-11-21 23:30 UTC and 2026-11-23 23:30 UTC, 48 hours." in report.named


def test_a_restore_by_command_is_named_and_its_lost_entries_are_refused(shop: Shop, tmp_path: Path) -> None:
    whole(shop.home)
    copy = Path(shutil.copy(shop.home / "var" / "conversions.db", tmp_path / "copy.db"))
    night(shop, MONDAY, 21)
    kept = keep_checkpoints(shop, tmp_path / "auditor")
    shutil.rmtree(shop.home / "var")
    restore.restore(shop.settings, shop.clock, copy, "the disk died")
    night(shop, TUESDAY, 22)
    report = write(shop, tmp_path / "bundle")
    size, lost = int(kept[-1].stem), int(kept[-2].stem)

    (named,) = [line for line in report.named if "older copy" in line]
    assert f"entries {lost} to {size - 1} of before are lost: entry {lost} (2026-11-22 23:30 UTC)" in named
    assert 'who wrote "the disk died"' in named
    assert "it covers entries that are lost" in refused(tmp_path / "bundle", kept[-1])
    assert verifier.verify(tmp_path / "bundle", own=kept[:-1]).sentence.startswith("Accepted")


def test_a_fork_is_refused_with_the_checkpoint_of_the_other_branch(shop: Shop, tmp_path: Path) -> None:
    other = shop.copy(tmp_path / "other")
    night(shop, MONDAY, 21)
    night(other, MONDAY + timedelta(hours=1), 21)
    own = keep_checkpoints(other, tmp_path / "auditor")
    write(shop, tmp_path / "bundle")

    assert "are others, so the log was rewritten" in refused(tmp_path / "bundle", own[-1])
    assert verifier.verify(tmp_path / "bundle", own=[own[0]]).sentence.startswith("Accepted")


def test_a_checkpoint_that_is_newer_than_the_bundle_is_said_to_be_so(shop: Shop, tmp_path: Path) -> None:
    write(shop, tmp_path / "bundle")
    night(shop, MONDAY, 21)
    own = keep_checkpoints(shop, tmp_path / "auditor")[-1]

    said = refused(tmp_path / "bundle", own)
    assert f"it is newer than this log, which had {last_of(tmp_path / 'bundle')} entries when the bundle was" in said
    assert "ask for a newer bundle" in said


def last_of(bundle: Path) -> int:
    return len((bundle / "leaf-hashes.txt").read_bytes().splitlines())


def test_a_checkpoint_of_another_log_under_the_same_key_is_refused(shop: Shop, tmp_path: Path) -> None:
    other = new_shop(tmp_path / "other")
    night(other, SATURDAY, 19)
    own = keep_checkpoints(other, tmp_path / "auditor")[-1]
    write(shop, tmp_path / "bundle")

    assert "is not of this log: it is of conversions/" in refused(tmp_path / "bundle", own)


def test_a_checkpoint_that_another_key_signed_is_refused(shop: Shop, tmp_path: Path) -> None:
    write(shop, tmp_path / "bundle")
    note = (tmp_path / "bundle" / "checkpoint.txt").read_text()
    store_id, size, root = note.partition("/")[2].splitlines()[0], 3, sha256(b"").digest()
    own = tmp_path / "own"
    own.write_text(checkpoints.sign(store_id, size, root, bytes(32)))
    assert "is not signed by a key of this log" in refused(tmp_path / "bundle", own)

    own.write_text(note.replace("\n", "\n0", 1))
    assert "is not a checkpoint" in refused(tmp_path / "bundle", own)
    own.write_text(note.replace("\n", "\n1", 1))
    assert "was altered: its signature is wrong" in refused(tmp_path / "bundle", own)
    own.write_bytes(os.urandom(64))
    assert "is not a checkpoint" in refused(tmp_path / "bundle", own)
    assert "there is no file" in refused(tmp_path / "bundle", tmp_path / "mistyped")
    (tmp_path / "empty").mkdir()
    assert "there is no checkpoint in" in refused(tmp_path / "bundle", tmp_path / "empty")


def test_a_checkpoint_in_the_name_of_another_log_is_refused_even_with_the_same_root(shop: Shop, tmp_path: Path) -> None:
    write(shop, tmp_path / "bundle")
    _, size, root = (tmp_path / "bundle" / "checkpoint.txt").read_text().splitlines()[:3]
    own = tmp_path / "own"
    seed = checkpoints.signing_seed(shop.settings)
    own.write_text(checkpoints.sign("ab" * 16, int(size), b64decode(root), seed), encoding="utf-8")

    assert f"it is of conversions/{'ab' * 16}, this one is conversions/" in refused(tmp_path / "bundle", own)


@pytest.mark.parametrize(("first", "last"), [(1, 0), (0, 1)], ids=["first", "last"])
def test_an_entry_at_the_edge_of_the_days_that_was_left_out_is_refused(
    shop: Shop, tmp_path: Path, first: int, last: int
) -> None:
    """The entry next to those of the days is shown, and is not of these days."""
    night(shop, TUESDAY, 22)
    days = (date(2026, 11, 22), date(2026, 11, 22))
    report = write(shop, tmp_path / "bundle", days)
    entries, others = (lines(tmp_path / "bundle", name) for name in ("entries.jsonl", "other-entries.jsonl"))
    beside = {entries[0]["seq"] - 1, entries[-1]["seq"] + 1}
    assert ", all of 2026-11-21 23:00 UTC to 2026-11-22 22:59 UTC, with" in report.sentence
    assert beside < {each["seq"] for each in others}

    gone = entries[:first] + entries[len(entries) - last :]
    kept = [each for each in others if each["seq"] not in beside]
    write_bodies(tmp_path / "bundle", "entries.jsonl", entries[first : len(entries) - last])
    for shown in (others, kept, sorted([*kept, *gone], key=lambda each: int(each["seq"]))):
        write_bodies(tmp_path / "bundle", "other-entries.jsonl", shown)
        sign_again(tmp_path / "bundle", signing_seed(shop))
        assert "was left out: it is of these days" in refused(tmp_path / "bundle")


def write_bodies(home: Path, name: str, entries: list[dict[str, Any]]) -> None:
    """Entries as they are in the log: canonical JSON."""
    (home / name).write_bytes(b"".join(rfc8785.dumps(each) + b"\n" for each in entries))
