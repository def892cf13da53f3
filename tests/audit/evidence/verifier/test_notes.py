"""Signed notes with several signatures: all of known keys are right, and those of unknown keys do not matter."""

from hashlib import sha256

import pytest

from conversions.audit.evidence.verifier.notes import Key, open_checkpoint, read_key
from conversions.audit.evidence.verifier.refusal import Refused
from conversions.ledger import checkpoints
from conversions.ledger.checkpoints import signed_note

STORE, ROOT = "ab" * 16, sha256(b"root").digest()
ORIGIN = f"conversions/{STORE}"
OLD, NEW, STRANGE = b"1" * 32, b"2" * 32, b"3" * 32


def key(seed: bytes, name: str = ORIGIN) -> Key:
    return read_key(signed_note.verifier_key(name, signed_note.public_key(seed)))


def note(*seeds: bytes, size: int = 7, name: str = ORIGIN) -> str:
    """A checkpoint with one signature for each seed."""
    signed = [checkpoints.sign(STORE, size, ROOT, seed) for seed in seeds]
    lines = [text.rpartition("\n\n")[2] for text in signed]
    return signed[0].rpartition("\n\n")[0] + "\n\n" + "".join(lines)


def test_a_checkpoint_is_signed_by_every_known_key_that_signed_it() -> None:
    opened = open_checkpoint(note(OLD, NEW, STRANGE).encode(), [key(NEW), key(OLD)], "it")

    assert (opened.origin, opened.size, opened.root) == (ORIGIN, 7, ROOT)
    assert opened.signers == [key(OLD), key(NEW)]


def test_a_signature_of_a_known_key_that_is_wrong_refuses_it_beside_a_right_one() -> None:
    forged = note(NEW, OLD).replace(note(OLD).splitlines()[-1], note(OLD, size=8).splitlines()[-1])

    with pytest.raises(Refused, match="its signature is wrong"):
        open_checkpoint(forged.encode(), [key(NEW), key(OLD)], "it")
    assert open_checkpoint(forged.encode(), [key(NEW)], "it").signers == [key(NEW)]


def test_a_checkpoint_of_unknown_keys_is_refused() -> None:
    with pytest.raises(Refused, match="not signed by a key of this log"):
        open_checkpoint(note(OLD, STRANGE).encode(), [key(NEW)], "it")


def test_a_log_signs_in_its_own_name() -> None:
    text = "conversions/another\n7\n" + note(NEW).splitlines()[2] + "\n"
    signed = signed_note.sign(text, ORIGIN, NEW)

    with pytest.raises(Refused, match="in the name of another log"):
        open_checkpoint(signed.encode(), [key(NEW)], "it")


def test_a_key_may_have_signed_under_a_former_name() -> None:
    assert open_checkpoint(note(NEW).encode(), [key(NEW, "conversions/other")], "it").origin == ORIGIN


@pytest.mark.parametrize(
    "altered",
    [
        lambda text: text[:-1],
        lambda text: text.replace("\n\n", "\n"),
        lambda text: text.replace("\n7\n", "\n07\n"),
        lambda text: text.replace("\n7\n", "\n-7\n"),
        lambda text: text.replace("\n7\n", "\n"),
        lambda text: text.replace("\u2014", "-"),
        lambda text: text + "no signature\n",
        lambda text: text.replace("\n7\n", "\n7\x1b\n"),
        lambda text: text[:-4] + "\n",
        lambda _: "",
    ],
    ids=["cut", "no blank line", "07", "-7", "no size", "hyphen", "no signature", "escape", "base64", "empty"],
)
def test_what_is_no_checkpoint_is_said_to_be_none(altered: object) -> None:
    with pytest.raises(Refused, match="it is not a checkpoint"):
        open_checkpoint(altered(note(NEW)).encode(), [key(NEW)], "it")  # type: ignore[operator]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "name",
        "name+00000000+AQ==",
        signed_note.verifier_key(ORIGIN, signed_note.public_key(NEW))[:-4],
        signed_note.verifier_key(ORIGIN, signed_note.public_key(NEW)).replace("+", "0+", 1),
        signed_note.verifier_key(ORIGIN, bytes([1, *bytes(31)])),
    ],
    ids=["empty", "name", "no key", "cut", "another name", "small order"],
)
def test_what_is_no_key_is_refused(text: str) -> None:
    with pytest.raises(Refused, match="is not a verifier key"):
        read_key(text)
