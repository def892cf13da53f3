"""Signed notes, by the vector that the reference implementation publishes."""

import base64

import pytest

from conversions.ledger.checkpoints import signed_note

NAME = "PeterNeumann"
PUBLIC = base64.b64decode("ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW")[1:]
SEED = base64.b64decode("AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz")[1:]
TEXT = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
SIGNED = f"{TEXT}\n— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
"""As Go's sumdb/note has them in its tests: the key is published, too."""


def test_the_published_note_is_signed_by_the_published_key() -> None:
    parsed = signed_note.parse(SIGNED)

    assert parsed.text == TEXT
    assert parsed.signed_by(NAME, PUBLIC)


def test_the_published_key_makes_the_published_note() -> None:
    assert signed_note.public_key(SEED) == PUBLIC
    assert signed_note.sign(TEXT, NAME, SEED) == SIGNED


def test_the_published_key_has_the_published_spelling() -> None:
    assert (
        signed_note.verifier_key(NAME, PUBLIC) == "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
    )


def test_another_name_or_key_has_not_signed_it() -> None:
    parsed = signed_note.parse(SIGNED)

    assert not parsed.signed_by("another", PUBLIC)
    assert not parsed.signed_by(NAME, signed_note.public_key(bytes(32)))


@pytest.mark.parametrize("at", range(0, len(TEXT) - 2, 7))
def test_an_altered_text_is_not_signed(at: int) -> None:
    altered = TEXT[:at] + chr(ord(TEXT[at]) ^ 1) + TEXT[at + 1 :]
    try:
        parsed = signed_note.parse(SIGNED.replace(TEXT, altered))
    except ValueError:
        return
    assert not parsed.signed_by(NAME, PUBLIC)


def test_an_altered_signature_is_none() -> None:
    line = SIGNED.splitlines()[-1]
    for at in range(len("— PeterNeumann "), len(line)):
        altered = line[:at] + ("B" if line[at] == "A" else "A") + line[at + 1 :]
        try:
            parsed = signed_note.parse(SIGNED.replace(line, altered))
        except ValueError:
            continue
        assert not parsed.signed_by(NAME, PUBLIC), altered


def test_the_first_signature_by_a_key_counts() -> None:
    wrong = SIGNED.splitlines()[-1].replace("JnAM=", "JnAA=")

    assert signed_note.parse(f"{SIGNED}— other AAAAAAAA\n").signed_by(NAME, PUBLIC)
    assert not signed_note.parse(f"{TEXT}\n{wrong}\n{SIGNED.splitlines()[-1]}\n").signed_by(NAME, PUBLIC)


@pytest.mark.parametrize(
    "spoilt",
    [
        "",
        TEXT,
        f"{TEXT}\n",
        SIGNED[:-1],
        SIGNED.replace("—", "-"),
        SIGNED.replace("x08go", "x08g*"),
        SIGNED.replace("\n\n", "\n"),
        f"{SIGNED}\n",
        SIGNED.replace("problem,", "prob\tlem,"),
        f"{TEXT}\n— PeterNeumann AAAA\n",
        f"{TEXT}\n— Peter+Neumann x08go/ZJkuBS9UG/SffcvIAQ\n",
    ],
)
def test_what_is_not_a_signed_note_is_not_taken_for_one(spoilt: str) -> None:
    with pytest.raises(ValueError, match="not a"):
        signed_note.parse(spoilt)
