"""Things that come too late: after the platform's window, and after the value was changed on purpose."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest import mock

from conversions.destinations.google.client import Google
from conversions.ledger import outbox as requests
from conversions.ledger import restatements
from conversions.ledger.outbox import Attempt
from tests.faults.year import CALM, Year, open_year


def no_answer_for_days(directory: str) -> int:
    """A shop whose Meta answers nothing on the first day and on the fifth; the tenth is past its window."""
    with open_year(Path(directory), 0) as year:
        year.shop.trade({})
        for faults in (("lost", *CALM), ("lost", *CALM), CALM):
            year.night(faults)
            year.time.now += timedelta(days=5)
        return leave(Path(directory), year, frozenset({"unknown"}))


def retry_after_restatement(directory: str) -> int:
    """A request of the first night is tried once more when other values have just been told on purpose."""
    with open_year(Path(directory), 0) as year, _first_requests_again():
        year.shop.trade({})
        year.night(CALM)
        year.time.now += timedelta(hours=3)
        year.night(CALM)
        year.shop.reprice(year.shop.sales[:20])
        year.night(CALM, "--restate", "--yes")
        year.complaints += [] if year.restated() else ["nothing was restated"]
        return leave(Path(directory), year)


@contextmanager
def _first_requests_again() -> Iterator[None]:
    """Whenever a restatement was received, Google's first request asks to be sent again."""
    first: list[tuple[Any, ...]] = []
    intend, settle, google = requests.intend, restatements.settle, Google.send
    inboxes: list[Google] = []

    def remember(ledger: Any, run: Any, outbox: Any, *claimed: Any) -> Any:
        if outbox.name == "google" and not first:
            first.append((outbox, *claimed))
        return intend(ledger, run, outbox, *claimed)

    def send(self: Google, body: bytes, events: int) -> Any:
        inboxes.append(self)
        return google(self, body, events)

    def try_again(ledger: Any, run: Any, *attempted: Any) -> Any:
        settled = settle(ledger, run, *attempted)
        attempt = intend(ledger, run, *first[0])
        if isinstance(attempt, Attempt):
            requests.settle(ledger, run, attempt, inboxes[-1].send(attempt.body, len(attempt.events)))
        return settled

    with (
        mock.patch.object(requests, "intend", remember),
        mock.patch.object(restatements, "settle", try_again),
        mock.patch.object(Google, "send", send),
    ):
        yield


def leave(home: Path, year: Year, also: frozenset[str] = frozenset()) -> int:
    """What is wrong, in ``complaints.json``."""
    (home / "complaints.json").write_text(json.dumps([*year.complaints, *year.judge(also)]))
    return 0
