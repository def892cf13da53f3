"""Evidence bundles: accepted elsewhere, refused after any byte is changed."""

import shutil
import subprocess
from base64 import b64decode
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from conversions.audit import open_log
from conversions.audit.evidence import verifier
from conversions.audit.evidence.bundle import bundle
from conversions.errors import LedgerError, SettingsError, Usage
from conversions.ledger.checkpoints import signed_note
from tests.audit.erasing import erase
from tests.audit.evidence.forging import lines, sign_again, signing_seed
from tests.audit.shop import ENVIRONMENT, Shop
from tests.audit.tampering import accepted, evidence
from tests.ledger import stored


@pytest.fixture(autouse=True)
def _secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)


@pytest.fixture(scope="module")
def packed(past: Shop, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return evidence(past, tmp_path_factory.mktemp("evidence") / "evidence.zip")


@pytest.fixture(scope="module")
def unpacked(past: Shop, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return evidence(past, tmp_path_factory.mktemp("evidence") / "evidence")


def write(shop: Shop, out: Path, since: date = date(2026, 11, 1), until: date = date(2026, 11, 30)) -> str:
    with open_log(shop.settings, shop.clock) as log:
        return bundle(log, shop.settings, shop.clock(), (since, until), out).sentence


def test_a_bundle_verifies_and_says_what_it_holds(past: Shop, packed: Path, unpacked: Path) -> None:
    for made in (packed, unpacked):
        said = verifier.verify(made).sentence
        assert "with 5 requests and 13 events, 0 of them without payload" in said
        assert "2 older checkpoints" in said


def test_its_sums_are_those_that_sha256sum_makes(unpacked: Path) -> None:
    done = subprocess.run(["sha256sum", "-c", "SHA256SUMS"], cwd=unpacked, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done
    assert len(done.stdout.splitlines()) == len([p for p in unpacked.rglob("*") if p.is_file()]) - 2


def test_it_holds_the_entries_of_its_days_and_all_between_them(past: Shop, tmp_path: Path, unpacked: Path) -> None:
    write(past, tmp_path / "sunday", date(2026, 11, 22), date(2026, 11, 22))

    whole, sunday = lines(unpacked, "entries.jsonl"), lines(tmp_path / "sunday", "entries.jsonl")
    assert [entry["seq"] for entry in whole] == list(range(len(whole)))
    assert sunday == whole[-len(sunday) :]
    assert {entry["run"] for entry in sunday if "run" in entry} == {2}
    assert len(lines(tmp_path / "sunday", "requests.jsonl")) == 2


def test_its_bodies_are_what_the_platforms_received(past: Shop, unpacked: Path) -> None:
    bodies = [
        f"{request['prefix']}{','.join(event['event'] for event in request['events'])}{request['suffix']}"
        for request in lines(unpacked, "requests.jsonl")
    ]

    assert sorted(bodies) == sorted(each["body"] for each in past.received)


def test_an_erased_event_is_its_commitment_alone(past: Shop, tmp_path: Path) -> None:
    shop = past.copy(tmp_path / "shop")
    erase(shop)

    said = write(shop, tmp_path / "evidence")

    assert "13 events, 1 of them without payload" in said
    first = lines(tmp_path / "evidence", "requests.jsonl")[0]["events"][0]
    assert list(first) == ["number", "commitment"]


def test_it_is_for_its_owners_eyes_only(packed: Path, unpacked: Path) -> None:
    assert packed.stat().st_mode & 0o777 == 0o600
    assert unpacked.stat().st_mode & 0o777 == 0o700


def test_a_byte_changed_anywhere_in_the_zip_refuses_it(packed: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copy(packed, tmp_path / "copy.zip"))
    size = copy.stat().st_size
    ends = [*range(64), *range(size - 200, size)]

    assert accepted(copy, [*ends, *range(64, size - 200, size // 200)]) == []
    assert verifier.verify(copy)


def test_a_byte_changed_in_any_file_refuses_the_directory(unpacked: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(unpacked, copy)

    for path in sorted(each for each in copy.rglob("*") if each.is_file()):
        content = path.read_bytes()
        for at in {0, len(content) // 2, max(len(content) - 1, 0)}:
            other = bytes([content[at] ^ 1]) if content else b"{}"
            path.write_bytes(content[:at] + other + content[at + 1 :])
            assert verifier.main([str(copy)]) == 1, f"{path.name} {at}"
        path.write_bytes(content)
    assert verifier.main([str(copy)]) == 0


@pytest.mark.parametrize("name", ["entries.jsonl", "SHA256SUMS", "policy", "leaf-hashes.txt", "checkpoints"])
def test_a_file_that_is_missing_refuses_it(unpacked: Path, tmp_path: Path, name: str) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(unpacked, copy)
    shutil.rmtree(copy / name) if (copy / name).is_dir() else (copy / name).unlink()

    assert verifier.main([str(copy)]) == 1


def test_a_file_that_was_added_refuses_it(unpacked: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(unpacked, copy)
    (copy / "report.html").write_text("All is well.")

    assert verifier.main([str(copy)]) == 1


def left_out(home: Path) -> None:
    """An entry in the middle."""
    kept = (home / "entries.jsonl").read_bytes().splitlines(keepends=True)
    (home / "entries.jsonl").write_bytes(b"".join(kept[:3] + kept[4:]))


def replaced(name: str, old: bytes, new: bytes) -> Callable[[Path], None]:
    def alter(home: Path) -> None:
        content = (home / name).read_bytes()
        assert old in content
        (home / name).write_bytes(content.replace(old, new, 1))

    return alter


def other_policy(home: Path) -> None:
    (policy,) = (home / "policy").iterdir()
    policy.write_bytes(policy.read_bytes() + b"\n# Everything may leave.\n")


def other_hash(home: Path) -> None:
    """The hash of one entry, and of no entry that the bundle has."""
    hashes = (home / "leaf-hashes.txt").read_bytes().splitlines(keepends=True)
    (home / "leaf-hashes.txt").write_bytes(b"".join([b"00" * 32 + b"\n", *hashes[1:]]))


def one_more_request(home: Path) -> None:
    rows = (home / "requests.jsonl").read_bytes().splitlines(keepends=True)
    (home / "requests.jsonl").write_bytes(b"".join([*rows, rows[-1]]))


def without_policy(home: Path) -> None:
    shutil.rmtree(home / "policy")


def stranger(home: Path) -> None:
    """A key that never signed the log."""
    name = (home / "log-keys.txt").read_text().partition("+")[0]
    key = signed_note.verifier_key(name, signed_note.public_key(bytes(32)))
    (home / "log-keys.txt").write_text((home / "log-keys.txt").read_text() + key + "\n")


def others(change: Callable[[list[bytes]], list[bytes]]) -> Callable[[Path], None]:
    """Other entries from outside the days than there are, made of the entries of the days."""

    def alter(home: Path) -> None:
        entries = (home / "entries.jsonl").read_bytes().splitlines(keepends=True)
        (home / "other-entries.jsonl").write_bytes(b"".join(change(entries)))

    return alter


INSIDE: dict[str, Callable[[Path], None]] = {
    "entry 3 was left out": left_out,
    "is not in the log": replaced("entries.jsonl", b'"received"', b'"refused"'),
    "other events than it had": replaced("requests.jsonl", b"100.5", b"900.5"),
    "envelope": replaced("requests.jsonl", b'"prefix":"', b'"prefix":" '),
    "another document than the log names": other_policy,
    "hashes of the entries are not those of the log": other_hash,
    "is missing": without_policy,
    "log does not say that it was signed with": stranger,
    "entry 0 is not in its place": others(lambda entries: entries[:1]),
    "entry 999 is not in the log": others(lambda entries: [entries[0].replace(b'"seq":0', b'"seq":999')]),
    "route of request 1 was altered": replaced("requests.jsonl", b'"route":null', b'"route":"proxy"'),
    "requests without an entry": one_more_request,
    "format 3": replaced("bundle.json", b'"format": 2', b'"format": 3'),
    "is not a verifier key": replaced("log-keys.txt", b"conversions/", b"conversion/"),
    "not signed by a key of this log": replaced(
        "checkpoint.txt", b"\xe2\x80\x94 conversions/", b"\xe2\x80\x94 conversion/"
    ),
}


@pytest.mark.parametrize("said", INSIDE)
def test_what_is_wrong_inside_is_found_even_under_a_good_signature(
    past: Shop, unpacked: Path, tmp_path: Path, said: str
) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(unpacked, copy)
    INSIDE[said](copy)
    sign_again(copy, signing_seed(past))

    with pytest.raises(verifier.Refused, match=said):
        verifier.verify(copy)


def test_a_key_of_another_log_is_another_key(unpacked: Path) -> None:
    """The same key can sign two logs; the auditor was given that of one of them."""
    key = (unpacked / "log-keys.txt").read_text().split()[0]
    public = b64decode(key.split("+", 2)[2])[1:]

    assert verifier.verify(unpacked, [key])
    with pytest.raises(verifier.Refused, match="another key than the one you were given"):
        verifier.verify(unpacked, [signed_note.verifier_key("conversions/another", public)])


def test_a_store_that_was_altered_makes_no_bundle(past: Shop, tmp_path: Path) -> None:
    shop = past.copy(tmp_path / "shop")
    with shop.tampered() as store:
        (event,) = store.execute("SELECT min(id) FROM event").fetchone()
        stored.alter(store, event, body=b"{}")

    with pytest.raises(LedgerError, match="audit verify"):
        write(shop, tmp_path / "evidence.zip")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["shop"]


def test_what_is_there_stays_as_it_is(past: Shop, tmp_path: Path) -> None:
    (tmp_path / "there").write_text("mine")

    with pytest.raises(Usage, match="already there"):
        write(past, tmp_path / "there")
    with pytest.raises(Usage, match="cannot be written"):
        write(past, tmp_path / "nowhere" / "evidence.zip")
    assert (tmp_path / "there").read_text() == "mine"


def test_days_without_an_entry_make_no_bundle(past: Shop, tmp_path: Path) -> None:
    with pytest.raises(Usage, match="no entry from 2025-01-01 to 2025-01-02"):
        write(past, tmp_path / "evidence.zip", date(2025, 1, 1), date(2025, 1, 2))
    with pytest.raises(Usage, match="before --since"):
        write(past, tmp_path / "evidence.zip", date(2025, 1, 2), date(2025, 1, 1))


def test_nobody_else_can_sign_for_the_log(past: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONVERSIONS_LOG_KEY", "ab" * 32)

    with pytest.raises(SettingsError, match="CONVERSIONS_LOG_KEY is not the key"):
        write(past, tmp_path / "evidence.zip")
