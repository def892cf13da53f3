"""Attempts that differ from what was committed to, although each part is right."""

from hashlib import sha256
from typing import Any

import pytest

from conversions.audit.evidence.verifier.payloads import Payloads, amount, commitment
from conversions.audit.evidence.verifier.refusal import Refused
from conversions.audit.evidence.verifier.tree import root_of

EVENT = {"salt": "00" * 16, "event": '{"a":1}', "link": "11" * 32}
REQUEST = {"request": 4, "route": None, "headers": "h", "prefix": "[", "suffix": "]", "events": [EVENT]}
INTENT = {
    "kind": "intent",
    "seq": 9,
    "t": 0,
    "request": 4,
    "envelope": sha256(b"h\0[\0]").hexdigest(),
    "events": 1,
    "commitments": root_of([commitment(EVENT)]).hex(),
    "bytes": 9,
}


def compare(intent: dict[str, Any], *requests: dict[str, Any]) -> Payloads:
    payloads = Payloads()
    payloads.compare(iter([{"kind": "look"}, INTENT | intent]), iter(requests))
    return payloads


def test_what_was_committed_to_is_accepted() -> None:
    compared = compare({}, REQUEST)

    assert (compared.requests, compared.events, compared.removed, compared.opened) == (1, 1, [], [])


@pytest.mark.parametrize(
    ("intent", "request_", "said"),
    [
        ({"bytes": 10}, {}, "has another size"),
        ({"events": 2}, {}, "another number of events"),
        ({}, {"request": 5}, "request 4 is missing"),
        ({}, {"events": [EVENT | {"link": "12" * 32}]}, "other events than it had"),
        ({}, {"events": [{**EVENT, "opened": "[]", "link_salt": "00"}]}, "other events than it had"),
    ],
)
def test_what_differs_is_refused(intent: dict[str, Any], request_: dict[str, Any], said: str) -> None:
    with pytest.raises(Refused, match=said):
        compare(intent, REQUEST | request_)


def test_an_attempt_without_its_request_is_refused() -> None:
    with pytest.raises(Refused, match="request 4 is missing"):
        compare({})


@pytest.mark.parametrize(
    ("minor", "exponent", "text"),
    [(10150, 2, "101.50 DKK"), (5, 2, "0.05 DKK"), (7, 0, "7 DKK"), (-5, 3, "-0.005 DKK")],
)
def test_amounts_are_written_as_people_write_them(minor: int, exponent: int, text: str) -> None:
    assert amount(minor, "DKK", exponent) == text
