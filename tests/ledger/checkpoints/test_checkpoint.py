"""Checkpoints: kept after a run, and what a store that is not what they remember is told."""

import base64
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
import responses
from sqlalchemy import select

from conversions.errors import LedgerError, SettingsError, Usage
from conversions.ledger import Ledger, checkpoints, open_read_only, open_shared, runs
from conversions.ledger.checkpoints import signed_note, timestamp
from conversions.ledger.runs import bindings
from conversions.ledger.schema import tables
from conversions.settings import Settings
from tests.ledger.builders import OCCASION, Clock, shop_settings

KEY, LOG_KEY = "5c" * 32, "ab" * 32


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("CONVERSIONS_KEY", KEY)
    monkeypatch.setenv("CONVERSIONS_LOG_KEY", LOG_KEY)
    return shop_settings(tmp_path)


@pytest.fixture
def ledger(settings: Settings, clock: Clock) -> Iterator[Ledger]:
    with open_shared(settings, clock) as ledger:
        yield ledger


def public_key(settings: Settings) -> bytes:
    return signed_note.public_key(checkpoints.signing_seed(settings))


def night(ledger: Ledger, settings: Settings) -> str:
    """A run that does nothing, but for pinning the log's key."""
    run = runs.begin(ledger, OCCASION)
    bindings.record_bindings(ledger, {checkpoints.PIN: public_key(settings).hex()})
    text = runs.finish(ledger, run, {"exit_code": 0})
    assert text is not None
    return text


def files(settings: Settings) -> list[str]:
    return [path.name for path in checkpoints.checkpoint_files(settings.checkpoints_path)]


def head(ledger: Ledger) -> tuple[int, bytes]:
    with ledger.transaction() as connection:
        size, root = connection.execute(select(tables.head.c.tree_size, tables.head.c.root)).one()
        return size, root


def test_a_run_ends_with_a_checkpoint_of_the_log_as_it_stands(ledger: Ledger, settings: Settings) -> None:
    text = night(ledger, settings)
    size, root = head(ledger)

    origin, count, encoded, blank, signature = text.splitlines()
    assert origin == f"conversions/{ledger.store_id}"
    assert (int(count), base64.b64decode(encoded), blank) == (size, root, "")
    assert signature.startswith(f"— {origin} ")
    assert signed_note.parse(text).signed_by(origin, public_key(settings))


def test_it_is_kept_in_a_file_named_for_its_size_for_its_owner_alone(ledger: Ledger, settings: Settings) -> None:
    first, second = night(ledger, settings), night(ledger, settings)

    kept = list(checkpoints.checkpoint_files(settings.checkpoints_path))
    assert [path.read_text() for path in kept] == [first, second]
    assert all(re.fullmatch(r"0{10}\d\d?\.checkpoint|0{11}\d\.checkpoint", path.name) for path in kept)
    assert [path.stat().st_mode & 0o777 for path in [settings.checkpoints_path, *kept]] == [0o700, 0o600, 0o600]


def test_without_a_key_of_its_own_it_is_signed_by_one_made_of_the_shops(
    settings: Settings, clock: Clock, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("CONVERSIONS_LOG_KEY")
    without = shop_settings(tmp_path)
    with open_shared(without, clock) as ledger:
        text = night(ledger, without)

    assert public_key(without) != public_key(settings)
    assert signed_note.public_key(bytes.fromhex(KEY)) != public_key(without)
    assert signed_note.parse(text).signed_by(text.splitlines()[0], public_key(without))


def test_a_malformed_key_is_said_without_showing_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONVERSIONS_LOG_KEY", "not a key at all")

    with pytest.raises(SettingsError, match="CONVERSIONS_LOG_KEY is not 64 hex digits") as refused:
        checkpoints.signing_seed(shop_settings(tmp_path))
    assert "not a key at all" not in str(refused.value)


def test_nothing_is_signed_before_the_log_knows_the_key(ledger: Ledger, settings: Settings) -> None:
    assert runs.record_tree_head(ledger) is None
    assert files(settings) == []


def test_the_log_says_what_was_pinned(ledger: Ledger, settings: Settings) -> None:
    night(ledger, settings)

    with ledger.transaction() as connection:
        bodies = [body for (body,) in connection.execute(select(tables.leaf.c.body))]
    assert [body for body in bodies if '"kind":"pinned"' in body and public_key(settings).hex() in body]


def test_another_key_stops_the_run_until_it_is_rotated(ledger: Ledger, settings: Settings) -> None:
    night(ledger, settings)
    wanted = {checkpoints.PIN: signed_note.public_key(bytes(32)).hex()}
    with pytest.raises(SettingsError, match="rotate-key"):
        bindings.check_bindings(ledger, wanted)

    old = bindings.change(ledger, checkpoints.PIN, wanted[checkpoints.PIN], "the old one was lost")

    bindings.check_bindings(ledger, wanted)
    assert old == public_key(settings).hex()
    assert runs.record_tree_head(ledger) is None, "these settings have the old key"
    with ledger.transaction() as connection:
        newest = connection.execute(select(tables.leaf.c.body).order_by(tables.leaf.c.seq.desc())).scalars().first()
    assert newest
    assert all(said in newest for said in ("pin changed", old, wanted[checkpoints.PIN], "was lost"))


@pytest.mark.parametrize("name", [checkpoints.PIN, "shop"])
def test_there_is_nothing_to_rotate_where_nothing_changes(ledger: Ledger, settings: Settings, name: str) -> None:
    night(ledger, settings)

    with pytest.raises(Usage, match="nothing was changed"):
        bindings.change(ledger, name, public_key(settings).hex(), "why not")


def test_what_is_not_a_checkpoint_is_not_taken_for_one(ledger: Ledger, settings: Settings) -> None:
    text = night(ledger, settings)
    size = text.splitlines()[1]

    for spoilt in (text.replace("conversions/", ""), text.replace(f"\n{size}\n", f"\n0{size}\n"), text[:40], ""):
        with pytest.raises(ValueError, match="not a"):
            checkpoints.parse(spoilt)


# what the next run is told


@pytest.fixture
def used(settings: Settings, clock: Clock) -> Settings:
    """Two nights are over."""
    with open_shared(settings, clock) as ledger:
        night(ledger, settings)
        night(ledger, settings)
    return settings


def newest(settings: Settings) -> Path:
    return list(checkpoints.checkpoint_files(settings.checkpoints_path))[-1]


def resigned(settings: Settings, *, store_id: str | None = None, more: int = 0, root: bytes | None = None) -> None:
    """Put another checkpoint in the place of the newest."""
    path = newest(settings)
    told = checkpoints.parse(path.read_text())
    path.write_text(
        checkpoints.sign(
            store_id or told.store_id, told.size + more, root or told.root, checkpoints.signing_seed(settings)
        )
    )


def gone(settings: Settings) -> None:
    settings.store_path.unlink()
    settings.tail_path.unlink()


CONTRADICTIONS = {
    "another one": lambda settings: resigned(settings, store_id="0" * 32),
    "an older copy": lambda settings: resigned(settings, more=1),
    "differs": lambda settings: resigned(settings, root=bytes(32)),
    "is damaged": lambda settings: newest(settings).write_text("nothing of the sort"),
    "is gone": gone,
}


@pytest.mark.parametrize("said", CONTRADICTIONS)
def test_a_store_that_a_checkpoint_contradicts_is_not_opened(used: Settings, clock: Clock, said: str) -> None:
    CONTRADICTIONS[said](used)

    for opening in (open_shared, open_read_only):
        with pytest.raises(LedgerError, match=f"{said}.*(conversions restore|audit verify)"), opening(used, clock):
            pass
    assert used.store_path.exists() == (said != "is gone")


def test_a_store_that_has_grown_since_is_opened(used: Settings, clock: Clock) -> None:
    newest(used).unlink()

    with open_shared(used, clock) as ledger:
        assert night(ledger, used)


def test_a_checkpoint_is_never_written_over_by_another(used: Settings, clock: Clock) -> None:
    with open_shared(used, clock) as ledger:
        resigned(used, root=bytes(32))
        with pytest.raises(LedgerError, match="a different checkpoint of the same size"):
            runs.record_tree_head(ledger)


def test_a_directory_that_cannot_be_made_is_said_before_anything_is_sent(
    tmp_path: Path, settings: Settings, clock: Clock
) -> None:
    (tmp_path / "var-conversions.checkpoints").write_text("a file")

    with pytest.raises(SettingsError, match=r"store\.checkpoints"), open_shared(settings, clock):
        pass


def test_a_directory_that_cannot_be_written_is_said(
    used: Settings, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: path != used.checkpoints_path)

    with pytest.raises(SettingsError, match=r"store\.checkpoints"), open_shared(used, clock):
        pass


def test_what_a_restored_store_has_lost_is_set_aside_for_auditors(used: Settings) -> None:
    first, second = files(used)
    size = int(Path(first).stem)

    checkpoints.set_aside(used.checkpoints_path, size)

    assert files(used) == [first]
    (aside,) = used.checkpoints_path.glob("restored-at-*")
    assert [path.name for path in checkpoints.checkpoint_files(aside)] == [second]
    (used.checkpoints_path / second).write_text("of the next life")
    checkpoints.set_aside(used.checkpoints_path, size)
    assert len(list(used.checkpoints_path.glob("restored-at-*/*"))) == 2


# time stamps

TSA = "http://tsa.example/stamp"


@pytest.fixture
def stamping(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("CONVERSIONS_KEY", KEY)
    monkeypatch.setenv("CONVERSIONS_STORE__TIMESTAMP_URL", TSA)
    return shop_settings(tmp_path)


@pytest.fixture
def authority(tmp_path: Path) -> Path:
    """A time stamping authority of our own."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl, which plays the authority, is not installed")
    home = tmp_path / "tsa"
    home.mkdir()
    (home / "tsa.cnf").write_text(AUTHORITY.format(home=home))
    (home / "serial").write_text("01\n")
    openssl = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=Test TSA"]
    made: list[str | Path] = [
        "-keyout",
        home / "key.pem",
        "-out",
        home / "cert.pem",
        "-config",
        home / "tsa.cnf",
        "-extensions",
        "tsa",
    ]
    subprocess.run([*openssl, *made], check=True, capture_output=True)
    return home


AUTHORITY = """
[req]
distinguished_name = name
[name]
[tsa]
basicConstraints = CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = critical, timeStamping
[stamp]
dir = {home}
serial = {home}/serial
signer_cert = {home}/cert.pem
signer_key = {home}/key.pem
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256, sha512
accuracy = secs:1
ess_cert_id_alg = sha256
"""


def stamped(authority: Path, query: bytes) -> bytes:
    (authority / "query").write_bytes(query)
    said: list[str | Path] = ["-config", authority / "tsa.cnf", "-section", "stamp", "-queryfile", authority / "query"]
    subprocess.run(["openssl", "ts", "-reply", *said, "-out", authority / "reply"], check=True, capture_output=True)
    return (authority / "reply").read_bytes()


@responses.activate
def test_an_authority_dates_each_checkpoint_and_is_told_its_digest_alone(
    stamping: Settings, clock: Clock, authority: Path
) -> None:
    asked: list[bytes] = []

    def answer(request: object) -> tuple[int, dict[str, str], bytes]:
        asked.append(request.body)  # type: ignore[attr-defined]
        return 200, {"Content-Type": "application/timestamp-reply"}, stamped(authority, asked[-1])

    responses.add_callback(responses.POST, TSA, callback=answer)
    with open_shared(stamping, clock) as ledger:
        text = night(ledger, stamping)

    stamp = newest(stamping).with_suffix(".tsr")
    verify: list[str | Path] = ["-in", stamp, "-data", newest(stamping), "-CAfile", authority / "cert.pem"]
    assert subprocess.run(["openssl", "ts", "-verify", *verify], check=False, capture_output=True).returncode == 0
    assert len(asked[0]) < 100
    assert not any(line.encode() in asked[0] for line in text.splitlines() if len(line) > 8)  # not the size


@responses.activate
@pytest.mark.parametrize(
    "answer", [{"status": 500}, {"body": b"no time stamp"}, {"body": requests.ConnectionError()}, {"body": b""}]
)
def test_a_time_stamp_that_does_not_come_fails_no_run(
    stamping: Settings, clock: Clock, answer: dict[str, object], capsys: pytest.CaptureFixture[str]
) -> None:
    responses.add(responses.POST, TSA, **answer)  # type: ignore[arg-type]
    with open_shared(stamping, clock) as ledger:
        assert night(ledger, stamping)

    assert not newest(stamping).with_suffix(".tsr").exists()
    assert "no time stamp" in "".join(capsys.readouterr())


@responses.activate
def test_a_time_stamp_of_something_else_is_not_kept(stamping: Settings, clock: Clock, authority: Path) -> None:
    from rfc3161_client import TimestampRequestBuilder

    other = stamped(authority, TimestampRequestBuilder().data(b"something else").build().as_bytes())
    responses.add(responses.POST, TSA, body=other)
    with open_shared(stamping, clock) as ledger:
        assert night(ledger, stamping)

    assert not newest(stamping).with_suffix(".tsr").exists()


def test_a_time_stamp_is_of_what_was_asked_for_and_of_this_asking(authority: Path) -> None:
    from rfc3161_client import HashAlgorithm, TimestampRequestBuilder

    asked = TimestampRequestBuilder().data(b"this").hash_algorithm(HashAlgorithm.SHA256).build()
    answer = stamped(authority, asked.as_bytes())

    assert timestamp.covers(answer, b"this")
    assert timestamp.covers(answer, b"this", asked.nonce)
    assert not timestamp.covers(answer, b"that")
    assert not timestamp.covers(answer, b"this", 7)
