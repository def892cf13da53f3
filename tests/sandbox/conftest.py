"""A sandbox at a fixed time, and bodies as the platforms' documents show them."""

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
import requests

from conversions.sandbox import Options, Sandbox

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
GOOGLE = "/v1/events:ingest"
META = "/v26.0/555000111222/events"
DIGEST = "d00d0a7c6d491b3782fd78b410748048859e16467faa0651f060978d4bb343cc"

Json = dict[str, Any]


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **step: float) -> None:
        self.now += timedelta(**step)


class Client:
    """Posts to a sandbox over real HTTP."""

    def __init__(self, sandbox: Sandbox, session: requests.Session) -> None:
        self.sandbox = sandbox
        self.session = session

    def post(self, path: str, body: object, **headers: str) -> requests.Response:
        data = body if isinstance(body, bytes) else orjson.dumps(body)
        headers = {"Content-Type": "application/json", **{k.replace("_", "-"): v for k, v in headers.items()}}
        return self.session.post(self.sandbox.url + path, data=data, headers=headers)

    def google(self, *events: Json, **more: Any) -> requests.Response:
        return self.post(GOOGLE, ingest(*events, **more))

    def meta(self, *events: Json, path: str = META, **more: Any) -> requests.Response:
        return self.post(path, {"data": list(events), **more})

    def get(self, path: str, **headers: str) -> requests.Response:
        return self.session.get(self.sandbox.url + path, headers=headers)

    def received(self, platform: str) -> Json:
        report: Json = self.get("/_sandbox/received").json()[platform]
        return report


def eventually(happened: Callable[[], object]) -> None:
    """Wait for what another thread does."""
    while not happened():
        time.sleep(0.001)


def transaction(number: str = "order-1", **changes: Any) -> Json:
    """One event for Google; None takes a field out."""
    event = {
        "transactionId": number,
        "eventTimestamp": "2026-11-21T22:59:59Z",
        "eventSource": "WEB",
        "conversionValue": 49.9,
        "currency": "DKK",
        "userData": {"userIdentifiers": [{"emailAddress": DIGEST}]},
    }
    return {name: value for name, value in {**event, **changes}.items() if value is not None}


def ingest(*events: Json, **changes: Any) -> Json:
    """A whole body for Google; None takes a field out."""
    body = {
        "destinations": [
            {
                "operatingAccount": {"accountType": "GOOGLE_ADS", "accountId": "1234567890"},
                "productDestinationId": "987654321",
            }
        ],
        "encoding": "HEX",
        "events": list(events),
    }
    return {name: value for name, value in {**body, **changes}.items() if value is not None}


def purchase(number: str = "order-1", *, custom: Json | None = None, **changes: Any) -> Json:
    """One event for Meta; None takes a field out."""
    event = {
        "event_name": "Purchase",
        "event_time": int(NOW.timestamp()) - 3600,
        "event_id": number,
        "action_source": "physical_store",
        "user_data": {"em": [DIGEST]},
        "custom_data": {"currency": "DKK", "value": 49.9, "order_id": number, **(custom or {})},
    }
    return {name: value for name, value in {**event, **changes}.items() if value is not None}


def website(number: str = "order-1", **changes: Any) -> Json:
    """One event for Meta, as a web shop's server would report it."""
    return purchase(number, action_source="website", event_source_url="https://shop.example/tak", **changes)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def session() -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.trust_env = False
        yield session


@pytest.fixture
def running(clock: Clock, session: requests.Session) -> Iterator[Callable[..., Client]]:
    """Starts sandboxes, and stops them after the test."""
    started: list[Sandbox] = []

    def start(*faults: str, **options: Any) -> Client:
        sandbox = Sandbox(faults=faults, options=Options(**options), clock=clock)
        started.append(sandbox.__enter__())
        return Client(sandbox, session)

    yield start
    session.close()
    for sandbox in started:
        sandbox.__exit__(None, None, None)


@pytest.fixture
def client(running: Callable[..., Client]) -> Client:
    """A client of a sandbox without faults."""
    return running()
