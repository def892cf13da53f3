"""Counting takes everything unchecked and keeps nothing of it."""

from collections.abc import Callable

import pytest
import requests

from conversions.errors import Usage
from conversions.sandbox import Options, Sandbox
from tests.sandbox.conftest import Client, purchase, transaction

Running = Callable[..., Client]


def test_events_are_counted_by_their_ids_key(running: Running) -> None:
    client = running(counting=True)
    assert client.google(*(transaction(f"order-{i}") for i in range(7))).json()["requestId"]
    assert client.meta(*(purchase(f"order-{i}") for i in range(5))).json()["events_received"] == 5
    report = client.sandbox.received(bodies=True)
    assert report["mode"] == "counting"
    assert report["bodies"] == []
    for platform, events in (("google", 7), ("meta", 5)):
        counted = report[platform]
        assert (counted["requests"], counted["accepted_requests"], counted["events"]) == (1, 1, events)
        assert (counted["distinct"], counted["value"]) == (0, {})


def test_nothing_is_checked(running: Running) -> None:
    client = running(counting=True)
    assert client.post("/v1/events:ingest", b'nonsense "transactionId":').status_code == 200
    assert client.received("google")["events"] == 1


def test_request_ids_are_new_each_time(running: Running) -> None:
    client = running(counting=True)
    assert len({client.google(transaction()).json()["requestId"] for _ in range(3)}) == 3


def test_faults_strike_here_too(running: Running) -> None:
    client = running("503:googlex1", "lost:metax1", counting=True)
    assert client.google(transaction()).status_code == 503
    with pytest.raises(requests.ConnectionError):
        client.meta(purchase())
    assert client.received("meta")["events"] == 1


def test_nothing_can_be_poisoned_where_nothing_is_read() -> None:
    with pytest.raises(Usage, match="reads no event"):
        Sandbox(faults=["poison=x"], options=Options(counting=True))
