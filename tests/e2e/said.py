"""What a command left behind: exit code, JSON, and the one sentence; and what must never be in it."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]

KEY = "8f3b1d5e7a9c0b2d4f6e8a1c3b5d7f90" * 2
TOKEN = "EAABcanaryTOKENcanaryTOKENcanary0123456789"
DOMAIN = "kunde.example"
"""Of every buyer's address, so that one search finds each of them."""

ATTENTION, USAGE, DATA, NO_INPUT, REFUSES, STORE, TRY_AGAIN, CREDENTIALS, CONFIG = 1, 2, 65, 66, 70, 74, 75, 77, 78
"""Exit codes, as design §6 has them."""

NO_SENTENCE = ("Days: ", "reading: ", "staging: ", "sending: ", "Waits for ")
"""How lines begin that say which days are meant, or how far the work has come."""
BUCKETS = ("sent", "already_sent", "pending", "withheld", "quarantined", "rejected", "deferred", "expired", "unknown")


@dataclass(frozen=True, slots=True)
class Said:
    """What a command left behind."""

    command: str
    code: int
    out: str
    err: str

    @property
    def json(self) -> Json:
        """What it printed; its exit code is in it, too."""
        assert self.out, self.err
        document: Json = json.loads(self.out)
        assert document["exit_code"] == self.code, self
        return document

    def at(self, destination: str) -> Json:
        """One destination of a run or a plan."""
        side: Json = self.json["destinations"][destination]
        return side

    def counts(self, destination: str) -> Json:
        """The buckets of one destination that are not empty; reasons where there are some."""
        return {bucket: self.at(destination)[bucket] for bucket in BUCKETS if self.at(destination)[bucket]}

    @property
    def sentence(self) -> str:
        """The one clear sentence on stderr; with ``--json`` it is on stdout, too."""
        lines = [line for line in self.err.strip().splitlines() if not line.startswith(NO_SENTENCE)]
        assert self.out == "" or self.json["sentence"] == lines[0], self
        assert len(lines) == 1, self
        assert "Internal error" not in self.err
        assert lines[0].endswith("."), self
        return lines[0]


def stopped(said: Said, code: int, *words: str) -> None:
    """It said why in one sentence, with *words* in it, and exited as design §6 has it."""
    assert said.code == code, said
    told = " ".join(said.json["needs_a_person"]) if said.out and "needs_a_person" in said.json else said.sentence
    for word in words:
        assert word in told, said


def assert_no_secret(name: str, content: str | bytes, digests: Iterable[str] = ()) -> None:
    """Fail where an address, the key, a token or a digest can be read, in UTF-8 or UTF-16."""
    data = content.encode(errors="surrogateescape") if isinstance(content, str) else content
    folded = data.lower()
    for secret in (DOMAIN, KEY, TOKEN, *digests):
        for form in (secret.lower().encode(), secret.lower().encode("utf-16-le")):
            assert form not in folded, f"{name} holds {secret}"
    assert bytes.fromhex(KEY) not in data, f"{name} holds the key"
