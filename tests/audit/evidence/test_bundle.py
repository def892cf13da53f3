"""Evidence bundles: accepted elsewhere, refused after any byte is changed."""

import shutil
import subprocess
import sys
from datetime import date
from pathlib import Path

import orjson
import pytest

from conversions.audit import open_log
from conversions.audit.evidence import verifier
from conversions.audit.evidence.bundle import bundle
from conversions.errors import LedgerError, SettingsError, Usage
from tests.audit.erasing import erase
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
        return bundle(log, shop.settings, since, until, out)


def lines(home: Path, name: str) -> list[dict[str, object]]:
    return [orjson.loads(line) for line in (home / name).read_bytes().splitlines()]


def test_a_bundle_verifies_and_says_what_it_holds(past: Shop, packed: Path, unpacked: Path) -> None:
    for made in (packed, unpacked):
        said = verifier.verify(made)
        assert "with 5 requests and 13 events, 0 of them erased" in said
        assert "2 older checkpoints" in said


def test_its_own_verifier_accepts_it_with_nothing_of_ours_at_hand(packed: Path, unpacked: Path, tmp_path: Path) -> None:
    alone = shutil.copy(unpacked / "verify_conversions.py", tmp_path / "verify.py")
    key = (unpacked / "log-keys.txt").read_text().split()[0]

    for made in (packed, unpacked):
        asked = [sys.executable, "-I", alone, made, "--key", key]
        done = subprocess.run(asked, capture_output=True, text=True, check=False, cwd=tmp_path)
        assert (done.returncode, done.stderr) == (0, ""), done
        assert done.stdout.startswith("Accepted: ")
    other = [*asked[:-1], key.replace("+", "0+", 1)]
    assert subprocess.run(other, capture_output=True, check=False).returncode == 1


def test_it_needs_python_and_cryptography_alone(unpacked: Path) -> None:
    imported = {line.split()[1].split(".")[0] for line in (unpacked / "verify_conversions.py").read_text().splitlines()
                if line.startswith(("import ", "from "))}  # fmt: skip

    assert imported - set(sys.stdlib_module_names) == {"cryptography"}


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
        f"{request['prefix']}{','.join(event['event'] for event in request['events'])}{request['suffix']}"  # type: ignore[attr-defined]
        for request in lines(unpacked, "requests.jsonl")
    ]

    assert sorted(bodies) == sorted(each["body"] for each in past.received)


def test_an_erased_event_is_its_commitment_alone(past: Shop, tmp_path: Path) -> None:
    shop = past.copy(tmp_path / "shop")
    erase(shop)

    said = write(shop, tmp_path / "evidence")

    assert "13 events, 1 of them erased" in said
    first = lines(tmp_path / "evidence", "requests.jsonl")[0]["events"][0]  # type: ignore[index]
    assert list(first) == ["commitment"]


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
        for at in {0, len(content) // 2, len(content) - 1}:
            path.write_bytes(content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :])
            assert verifier.main([str(copy)]) == 1, f"{path.name} {at}"
        path.write_bytes(content)
    assert verifier.main([str(copy)]) == 0


@pytest.mark.parametrize("name", ["entries.jsonl", "SHA256SUMS", "policy", "proofs/inclusion.jsonl"])
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


def resigned(home: Path) -> None:
    """An attack with the log's key: sums and signature are valid again, so that only the content can reveal it."""
    from conversions.audit.evidence.bundle import BundleWriter
    from conversions.ledger import checkpoints

    draft = BundleWriter(home)
    for path in home.rglob("*"):
        if path.is_file() and not path.name.startswith("SHA256SUMS"):
            draft.write(path.relative_to(home).as_posix(), [path.read_bytes()])
    draft.sign(SEED or checkpoints.signing_seed)  # type: ignore[arg-type]


SEED = b""


def left_out(home: Path) -> None:
    """An entry and its proof."""
    for name in ("entries.jsonl", "proofs/inclusion.jsonl"):
        kept = (home / name).read_bytes().splitlines(keepends=True)
        (home / name).write_bytes(b"".join(kept[:3] + kept[4:]))


def replaced(name: str, old: bytes, new: bytes) -> object:
    def alter(home: Path) -> None:
        content = (home / name).read_bytes()
        assert old in content
        (home / name).write_bytes(content.replace(old, new, 1))

    return alter


INSIDE = {
    "is not the next one": left_out,
    "is not in the log": replaced("entries.jsonl", b'"received"', b'"refused"'),
    "other events than it had": replaced("requests.jsonl", b"100.5", b"900.5"),
    "envelope": replaced("requests.jsonl", b'"prefix":"', b'"prefix":" '),
    "did not grow": replaced("proofs/consistency.jsonl", b'"path":["', b'"path":["00'),
}


@pytest.mark.parametrize("said", INSIDE)
def test_what_is_wrong_inside_is_found_even_under_a_good_signature(
    past: Shop, unpacked: Path, tmp_path: Path, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from conversions.ledger import checkpoints

    copy = tmp_path / "copy"
    shutil.copytree(unpacked, copy)
    INSIDE[said](copy)  # type: ignore[operator]
    monkeypatch.setattr(sys.modules[__name__], "SEED", checkpoints.signing_seed(past.settings))
    resigned(copy)

    with pytest.raises(verifier.Refused, match=said):
        verifier.verify(copy)


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
