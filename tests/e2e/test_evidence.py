"""The log that proves itself, from the command line: checkpoints after each run, ``audit verify``, ``audit bundle``."""

import json
import shutil
import subprocess
import sys
from base64 import b64decode
from pathlib import Path

import pytest

from conversions import keys
from conversions.audit.evidence import verifier
from conversions.ledger import checkpoints
from tests.audit.evidence.forging import sign_again
from tests.e2e.said import CONFIG, KEY, STORE, TOKEN, USAGE, Said, stopped
from tests.e2e.shop import Shop


@pytest.fixture
def used(shop: Shop) -> Shop:
    """Two nights are over."""
    shop.orders(shop.order("1"), shop.order("2", ads_consent="denied"))
    assert shop.run().code == 0
    shutil.copytree(shop.home / "var", shop.home / "older")
    shop.orders(shop.order("1"), shop.order("3"))
    assert shop.run().code == 0
    shop.sandbox.reset()
    return shop


def directory(shop: Shop) -> Path:
    return shop.home / "var-conversions.checkpoints"


def kept(shop: Shop) -> list[str]:
    return [path.read_text() for path in checkpoints.checkpoint_files(directory(shop))]


def verified(shop: Shop, *arguments: object) -> Said:
    said = shop.command("audit", "verify", "--json", *arguments)
    assert said.json["intact"] == (said.code == 0), said
    assert said.code in (0, STORE)
    return said


def test_a_run_keeps_a_checkpoint_and_audit_prints_it(used: Shop) -> None:
    told = used.run().json["checkpoint"]
    said = used.command("run")

    assert told == kept(used)[-2]
    assert "\u2014 conversions/" not in said.out
    assert used.command("audit", "checkpoint").out == kept(used)[-1]
    assert len(kept(used)) == 4


def test_a_quiet_run_prints_none(used: Shop) -> None:
    said = used.command("run", "--quiet")

    assert (said.code, said.out, said.err) == (0, "", "")
    assert len(kept(used)) == 3


def test_a_run_that_is_stopped_keeps_one_too(used: Shop) -> None:
    used.orders()
    (used.home / "orders" / "orders.csv").unlink(missing_ok=True)
    said = used.run()

    assert said.code != 0
    assert verified(used).code == 0


def test_checkpoints_go_where_the_settings_say(shop: Shop) -> None:
    shop.configure(store={"checkpoints": "elsewhere/kept"})
    shop.orders(shop.order())

    assert shop.run().code == 0
    assert len(list(checkpoints.checkpoint_files(shop.home / "elsewhere" / "kept"))) == 1
    assert not directory(shop).exists()


def test_what_was_logged_is_intact(used: Shop) -> None:
    said = used.command("audit", "verify")

    assert said.code == 0
    assert said.out.startswith("The log is intact: ")
    assert len(said.out.splitlines()) == 1
    assert verified(used).json["checkpoints"] == 2


def test_the_log_counts_what_was_held_back(used: Shop) -> None:
    ((held,), *_) = used.sql("SELECT body FROM leaf WHERE body LIKE '%\"held back\"%'")

    assert '"withheld":{"consent_denied":1}' in held


def test_what_was_altered_is_named_in_one_sentence(used: Shop) -> None:
    used.sql("UPDATE request SET outcome = 'refused' WHERE id = 1")

    said = used.command("audit", "verify")
    assert said.code == STORE
    assert "differs from request 1 in outcome" in said.out.splitlines()[0]
    assert verified(used).json["findings"]


def test_an_older_copy_is_told_by_the_checkpoints_alone(used: Shop) -> None:
    shutil.rmtree(used.home / "var")
    shutil.copytree(used.home / "older", used.home / "var")
    used.tail.unlink()

    for command in (["run", "--json"], ["plan", "--json"], ["status"], ["audit", "list"]):
        stopped(used.command(*command), STORE, "older copy")
    assert used.requests() == 0
    assert "older copy" in verified(used).json["sentence"]


def test_a_store_that_is_gone_is_told_by_the_checkpoints_alone(used: Shop) -> None:
    shutil.rmtree(used.home / "var")
    used.tail.unlink()

    for command in (["run", "--json"], ["plan", "--json"], ["status"]):
        stopped(used.command(*command), STORE, "is gone")
    assert used.requests() == 0
    assert not used.store.exists()


def test_a_checkpoint_that_was_mailed_tells_of_a_log_rewritten_since(used: Shop) -> None:
    mailed = shutil.copy(next(checkpoints.checkpoint_files(directory(used))), used.home / "mailed")
    shutil.rmtree(directory(used))
    used.tail.unlink()
    shutil.rmtree(used.home / "var")
    used.orders(used.order("7"))
    assert used.run().code == 0

    assert verified(used).code == 0
    assert "another store" in verified(used, "--checkpoint", mailed).json["sentence"]


def test_a_checkpoint_file_that_is_not_there_says_nothing_of_the_log(used: Shop) -> None:
    stopped(used.command("audit", "verify", "--checkpoint", used.home / "mistyped"), USAGE, "does not exist")


def test_nobody_verifies_a_store_of_somebody_else(used: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)

    stopped(used.command("audit", "verify"), CONFIG, "owner")


def test_a_store_of_an_older_version_is_upgraded_first(used: Shop) -> None:
    used.sql("UPDATE alembic_version SET version_num = '0001'")

    stopped(used.command("audit", "verify"), CONFIG, "conversions upgrade")


@pytest.mark.parametrize("out", ["evidence.zip", "evidence"])
def test_a_bundle_is_accepted_by_its_own_verifier(used: Shop, out: str, tmp_path: Path) -> None:
    today = f"{used.now:%Y-%m-%d}"
    said = used.command("audit", "bundle", "--since", today, "--until", today, "--out", used.home / out)
    assert said.code == 0, said
    assert "Accepted" in said.out

    unpacked = tmp_path / "unpacked"
    shutil.unpack_archive(used.home / out, unpacked) if out.endswith(".zip") else shutil.copytree(
        used.home / out, unpacked
    )
    for bundle in (used.home / out, unpacked):
        done = subprocess.run(
            [sys.executable, "-I", unpacked / "verify_conversions.py", bundle],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.stdout == said.out, done
    content = b"".join(path.read_bytes() for path in unpacked.rglob("*") if path.is_file())
    assert not [secret for secret in (KEY, TOKEN) if secret.encode() in content]


def test_a_bundle_of_no_days_is_said(used: Shop) -> None:
    days = ["--since", "2020-01-01", "--until", "2020-01-02"]

    stopped(used.command("audit", "bundle", *days, "--out", used.home / "evidence.zip"), USAGE, "no entry")


def test_another_key_is_refused_until_it_is_rotated(used: Shop) -> None:
    used.environment["CONVERSIONS_LOG_KEY"] = "ab" * 32
    stopped(used.run(), CONFIG, "rotate-key")
    stopped(used.plan(), CONFIG, "rotate-key")
    assert used.requests() == 0

    said = used.command("audit", "rotate-key", "--reason", "the old one was lost")
    assert said.code == 0
    assert said.out.strip() == kept(used)[-1].strip()
    assert used.run().code == 0
    assert verified(used).json["checkpoints"] == 4


def test_what_belongs_to_the_log_key_is_never_shown(used: Shop) -> None:
    used.environment["CONVERSIONS_LOG_KEY"] = "abcdef01" * 8
    assert used.command("audit", "rotate-key", "--reason", "a test").code == 0

    assert not [said for said in used.said if "abcdef01" * 8 in said.out + said.err]
    assert not [name for name, content in used.store_bytes().items() if b"abcdef01" * 8 in content]


def test_every_command_leaves_a_log_that_is_intact(used: Shop) -> None:
    """Whatever is asked for, from an objection to a restored copy."""
    buyer = used.order("1")["billing_email"]
    copy = used.home / "copy"
    steps: list[tuple[list[object], str]] = [
        (["privacy", "object"], buyer),
        (["privacy", "object", "--remove", "--reason", "asked to"], buyer),
        (["privacy", "withdraw"], buyer),
        (["backup", copy], ""),
        (["privacy", "access", "--out", used.home / "svar.html"], buyer),
        (["privacy", "affected", "--run", "1"], ""),
        (["privacy", "erase", "--case", "2026-17", "--yes"], buyer),
        (["privacy", "retention"], ""),
        (["run"], ""),
        (["reconcile"], ""),
        (["status"], ""),
    ]
    for arguments, typed in steps:
        said = used.command(*arguments, stdin=f"{typed}\n")
        assert said.code in (0, 1), said
        assert verified(used).json["findings"] == [], arguments
    assert verified(used).json["events_erased"] > 0

    shutil.rmtree(used.home / "var")
    assert used.command("restore", copy, "--yes", "--reason", "the disk died").code in (0, 1)
    said = verified(used)
    assert said.json["findings"] == [], said
    assert any("older copy was restored" in note for note in said.json["notes"])
    assert used.run().code in (0, 1)
    assert verified(used).code == 0


def bundled(shop: Shop, out: Path, *arguments: object) -> Said:
    """A bundle of today."""
    today = f"{shop.now:%Y-%m-%d}"
    return shop.command("audit", "bundle", "--since", today, "--until", today, "--out", out, *arguments)


def test_after_a_change_of_keys_the_new_key_and_old_checkpoints_verify_a_bundle(used: Shop, tmp_path: Path) -> None:
    own = Path(shutil.copytree(directory(used), tmp_path / "auditor"))
    assert bundled(used, tmp_path / "before").code == 0
    used.environment["CONVERSIONS_LOG_KEY"] = "ab" * 32
    assert used.command("audit", "rotate-key", "--reason", "the old one was lost").code == 0
    assert used.run().code == 0
    assert bundled(used, tmp_path / "after").code == 0
    (old,) = (tmp_path / "before" / "log-keys.txt").read_text().splitlines()
    new, former = (tmp_path / "after" / "log-keys.txt").read_text().splitlines()

    report = verifier.verify(tmp_path / "after", [new], [own])

    assert (former, new == old) == (old, False)
    assert "Your newest checkpoint covers the first" in report.sentence
    (named,) = [line for line in report.named if "key of the log changed" in line]
    assert 'who wrote "the old one was lost"' in named
    with pytest.raises(verifier.Refused, match=r"this key replaced yours: entry \d+ .* Ask for the new key"):
        verifier.verify(tmp_path / "after", [old], [own])
    assert verifier.verify(tmp_path / "after", [old, new], [own]) == report


def test_a_checkpoint_that_the_old_key_signed_too_is_accepted_with_the_old_key(used: Shop, tmp_path: Path) -> None:
    """As long as both keys sign, nobody has to have got the new one."""
    assert bundled(used, tmp_path / "before").code == 0
    (old,) = (tmp_path / "before" / "log-keys.txt").read_text().splitlines()
    old_seed = keys.derive(bytes.fromhex(KEY), keys.LOG_KEY)
    used.environment["CONVERSIONS_LOG_KEY"] = "ab" * 32
    assert used.command("audit", "rotate-key", "--reason", "every year").code == 0
    assert bundled(used, tmp_path / "after").code == 0
    note = tmp_path / "after" / "checkpoint.txt"
    origin, size, root = note.read_text().splitlines()[:3]
    again = checkpoints.sign(origin.partition("/")[2], int(size), b64decode(root), old_seed)
    note.write_text(note.read_text() + again.rpartition("\n\n")[2], encoding="utf-8")
    sign_again(tmp_path / "after", bytes.fromhex("ab" * 32))

    assert verifier.verify(tmp_path / "after", [old]).sentence.startswith("Accepted")
    note.write_text(again, encoding="utf-8")
    sign_again(tmp_path / "after", bytes.fromhex("ab" * 32))
    with pytest.raises(verifier.Refused, match="is not signed with the first key of the bundle"):
        verifier.verify(tmp_path / "after", [old])


def test_an_erased_order_is_not_opened(used: Shop, tmp_path: Path) -> None:
    buyer = used.order("1")["billing_email"]
    assert used.command("privacy", "erase", "--case", "2026-17", "--yes", stdin=f"{buyer}\n").code == 0

    stopped(bundled(used, tmp_path / "sample", "--order", "1"), USAGE, "is erased")


def test_a_sample_is_a_look_at_each_of_its_orders(used: Shop, tmp_path: Path) -> None:
    said = bundled(used, tmp_path / "sample", "--order", "1", "--order", "3", "--reason", "sample 2026-11")
    assert said.code == 0, said
    shown = [line for line in said.out.splitlines() if line.startswith("Note: Order ")]
    assert {line.partition(",")[0] for line in shown} == {"Note: Order 1", "Note: Order 3"}

    looks = json.loads(used.command("audit", "looks", "--json").out)
    assert [(look["kind"], look["about"], look["purpose"]) for look in looks][1:] == [
        ("order", "1", "sample 2026-11"),
        ("order", "3", "sample 2026-11"),
    ]


def test_a_sample_of_an_unknown_order_writes_and_records_nothing(used: Shop, tmp_path: Path) -> None:
    before = used.sql("SELECT count(*) FROM look")

    stopped(bundled(used, tmp_path / "sample", "--order", "4711"), USAGE, "no order 4711")
    assert not (tmp_path / "sample").exists()
    assert used.sql("SELECT count(*) FROM look") == before


def test_a_number_that_fits_several_orders_opens_none(shop: Shop, tmp_path: Path) -> None:
    shop.orders(shop.order("7"), shop.order("007"))
    assert shop.run().code == 0

    stopped(bundled(shop, tmp_path / "sample", "--order", "07"), USAGE, "--order 07 fits 007, 7; name one of them")
