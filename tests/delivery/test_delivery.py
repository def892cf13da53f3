"""Delivery: everything that waits is sent once its intent is on disk, whatever the platforms answer."""

import asyncio
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import orjson
import pytest
from sqlalchemy import Connection, select

from conversions import delivery
from conversions.delivery import MAX_IDLE_ROUNDS, Delivery
from conversions.delivery.open_queue import open_queue
from conversions.delivery.queue import DestinationQueue
from conversions.delivery.rate_limit import acquire, rate_limiter
from conversions.delivery.waits import Waits
from conversions.destinations.base import Envelope, Limits
from conversions.errors import (
    DisclosureError,
    Interrupted,
    LedgerError,
    Refused,
    SettingsError,
    Stopped,
    Throttled,
    Unauthorised,
    Unavailable,
)
from conversions.ledger import outbox as requests
from conversions.ledger.batches import contents, parts
from conversions.ledger.outbox import ClaimedBatch, RequestTemplate, ValidatedBatch
from conversions.ledger.schema import tables
from conversions.ledger.subjects import suppressions
from conversions.model.conversion import Conversion, Money
from conversions.model.receipt import FailedItem, Next, Outcome, Receipt
from conversions.observe.progress import Silent
from conversions.settings import MetaSettings
from conversions.transport.not_sent import Cause, NotSent
from tests.ledger.builders import (
    LOST,
    NOW,
    RECEIVED,
    REFUSED,
    THROTTLED,
    UNSENT,
    Clock,
    Night,
    another_look,
    night_in,
    orders,
    sighting,
    subject,
)

Answer = Receipt | Exception | Callable[[bytes], Receipt]


class Platform:
    """A destination that answers as it was told, in order, and then takes everything."""

    name, kind, recipient, target = "meta", "meta", "Meta Ireland", "555"
    url = "https://meta.example/events"
    route: str | None = None
    identity_rule = "meta/2026"
    limits = Limits(1000, 500_000, timedelta(days=7), timedelta(0), timedelta(days=6))
    headers: dict[str, str] = {"Content-Type": "application/json"}  # noqa: RUF012

    def check_credentials(self) -> None: ...

    def authorise(self) -> None: ...

    def __init__(self, *answers: Answer, store: Path | None = None) -> None:
        self.sent: list[bytes] = []
        self.most_at_once = 0
        self._answers = iter(answers)
        self._under_way = 0
        self._turn = threading.Lock()
        self._store = store

    def event(self, conversion: Conversion) -> bytes:
        raise NotImplementedError

    def adjusted_event(self, event: bytes, value: Money) -> bytes | None:
        raise NotImplementedError

    def advice(self, code: str) -> str | None:
        return None

    def envelope(self, upload_tag: str) -> Envelope:
        return Envelope(b'{"data":[', b'],"upload_tag":' + orjson.dumps(upload_tag) + b"}")

    def send(self, body: bytes, events: int) -> Receipt:
        assert len(orjson.loads(body)["data"]) == events
        with self._turn:
            self.sent.append(body)
            self._under_way += 1
            self.most_at_once = max(self.most_at_once, self._under_way)
            answer = next(self._answers, RECEIVED)
        try:
            self._look_into_the_store(body)
            return self._say(answer, body)
        finally:
            with self._turn:
                self._under_way -= 1

    def _say(self, answer: Answer, body: bytes) -> Receipt:
        match answer:
            case Receipt():
                return answer
            case Exception():
                raise answer
            case _:
                return answer(body)

    def _look_into_the_store(self, body: bytes) -> None:
        """No attempt without its intent: exactly these bytes, committed, and once for each time that they are sent."""
        if self._store is None:
            return
        with another_look(self._store) as connection:
            intended = [
                row.prefix + b",".join(bodies_of(connection, row.id)) + row.suffix
                for row in connection.execute(select(tables.request))
            ]
        with self._turn:
            assert intended.count(body) >= self.sent.count(body), "sent before its intent was committed"


def bodies_of(connection: Connection, request: int) -> list[bytes]:
    """The bytes of the events of a request, in the order of the wire."""
    places = parts.places(connection, [request])[request]
    stored = contents.bodies(connection, places)
    return [body for at in places if (body := stored[at]) is not None]


@pytest.fixture
def night(tmp_path: Path) -> Iterator[Night]:
    with night_in(tmp_path, Clock()) as night:
        yield night


def lane(night: Night, platform: Platform, name: str = "meta", **changed: Any) -> DestinationQueue:
    outbox = night.outbox(name, max_events=changed.pop("max_events", 10), check=changed.pop("check", listed))
    return DestinationQueue(platform, outbox, **{"in_flight": 1, "requests_per_minute": 0} | changed)


def listed(body: bytes, events: int) -> tuple[str, ...]:
    """A gate that lets everything pass."""
    return ("data[].id",)


def delivered(night: Night, *lanes: DestinationQueue, **changed: Any) -> list[float]:
    """Send until every lane has ended; the waits, which pass at once."""
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)
        night.clock.forward(seconds=seconds)

    arguments: dict[str, Any] = {"deadline": NOW + timedelta(hours=4), "on_received": lambda _: None, "sleep": sleep}
    Delivery(night.ledger, night.run, **arguments | changed).deliver(lanes)
    return waits


def states(night: Night, destination: str = "meta") -> dict[str, int]:
    """How many orders stand where."""
    found = list(night.states(destination).values())
    return {state: found.count(state) for state in found}


def ids(body: bytes) -> list[str]:
    return [event["id"] for event in orjson.loads(body)["data"]]


def attempts(night: Night) -> list[tuple[str, int, str | None]]:
    r = tables.request.c
    return [tuple(row) for row in night.all(select(r.purpose, r.attempt, r.outcome).order_by(r.id))]


# all is well


@pytest.mark.parametrize("in_flight", [1, 3])
def test_everything_that_waits_is_sent_once_in_full_requests(night: Night, in_flight: int) -> None:
    night.stage(*orders(25))
    platform, received = Platform(store=night.path), list[int]()

    one = lane(night, platform, in_flight=in_flight)
    waits = delivered(night, one, on_received=received.append)

    assert sorted(i for body in platform.sent for i in ids(body)) == sorted(f"c-A-{i}" for i in range(25))
    assert sorted(map(len, map(ids, platform.sent))) == [5, 10, 10]
    assert (states(night), one.stop_reason, one.received, sum(received), waits) == ({"received": 25}, None, 25, 25, [])


def test_nothing_to_send_sends_nothing(night: Night) -> None:
    platform = Platform()
    one = lane(night, platform)

    assert delivered(night, one) == []
    assert (platform.sent, one.stop_reason) == ([], None)


@pytest.mark.parametrize("in_flight", [1, 2, 4])
def test_so_many_requests_are_under_way_at_once_and_no_more(night: Night, in_flight: int) -> None:
    night.stage(*orders(8 * in_flight))
    together = threading.Barrier(in_flight)
    platform = Platform(*[lambda _: (together.wait(), RECEIVED)[1]] * 8 * in_flight)

    delivered(night, lane(night, platform, in_flight=in_flight, max_events=1))

    assert platform.most_at_once == in_flight
    assert states(night) == {"received": 8 * in_flight}


def test_no_order_is_claimed_twice_while_others_are_looked_at_elsewhere(night: Night) -> None:
    night.stage(*orders(40))
    platform = Platform(THROTTLED, LOST, store=night.path)

    async def elsewhere(outbox: RequestTemplate, claimed: ClaimedBatch) -> ValidatedBatch:
        await asyncio.sleep(0)
        return requests.validate(outbox, claimed)

    delivered(night, lane(night, platform, in_flight=4, max_events=5), validate=elsewhere)

    assert states(night) == {"received": 40}
    assert len(platform.sent) == 8 + 2


def test_two_destinations_are_served_side_by_side(night: Night) -> None:
    night.stage(*orders(2))
    together = threading.Barrier(2)
    google, meta = (Platform(*[lambda _: (together.wait(), RECEIVED)[1]] * 2) for _ in range(2))

    delivered(night, lane(night, google, "google", max_events=1), lane(night, meta, "meta", max_events=1))

    assert (len(google.sent), len(meta.sent)) == (2, 2)


# patience


def test_what_is_throttled_is_sent_again_after_the_time_that_the_platform_names(night: Night) -> None:
    night.stage(*orders(3))
    platform = Platform(THROTTLED, replace(THROTTLED, wait=7.0), store=night.path)

    assert delivered(night, lane(night, platform)) == [30.0, 7.0]
    assert attempts(night) == [("first", 1, "refused"), ("retry", 2, "refused"), ("retry", 3, "received")]
    assert platform.sent == platform.sent[:1] * 3


def test_every_attempt_names_the_one_that_it_repeats(night: Night) -> None:
    night.stage(*orders(1))

    delivered(night, lane(night, Platform(THROTTLED, LOST)))

    r = tables.request.c
    assert [tuple(row) for row in night.all(select(r.id, r.parent).order_by(r.id))] == [(1, None), (2, 1), (3, 2)]


def test_without_a_named_time_the_wait_doubles_with_jitter_up_to_a_bound(
    night: Night, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "MAX_IDLE_ROUNDS", 12)
    night.stage(*orders(1))

    waits = delivered(night, lane(night, Platform(*[UNSENT] * 11)))

    assert len(waits) == 11
    for n, wait in enumerate(waits, start=1):
        longest = min(300, 2**n)
        assert longest / 2 <= wait <= longest
    assert len({wait / min(300, 2**n) for n, wait in enumerate(waits, start=1)}) > 1, "no jitter"


def test_of_several_answers_the_longest_wait_counts(night: Night) -> None:
    night.stage(*orders(2))
    together = threading.Barrier(2)
    first = threading.Event()

    def long(_: bytes) -> Receipt:
        together.wait()
        first.set()
        return THROTTLED

    def short(_: bytes) -> Receipt:
        together.wait()
        first.wait()
        return UNSENT

    waits = delivered(night, lane(night, Platform(long, short), in_flight=2, max_events=1))

    assert waits == [30.0]


def test_while_the_platform_asks_to_wait_nobody_begins_another_request(night: Night) -> None:
    night.stage(*orders(20))
    platform = Platform(*[THROTTLED] * 3)
    begun: list[int] = []

    async def sleep(seconds: float) -> None:
        begun.append(len(platform.sent))

    delivered(night, lane(night, platform, in_flight=3, max_events=1), sleep=sleep)

    assert begun[0] <= 3
    assert states(night) == {"received": 20}


def test_patience_ends_after_rounds_in_which_nothing_was_taken(night: Night) -> None:
    night.stage(*orders(3))
    platform = Platform(*[UNSENT] * 100)
    one = lane(night, platform)

    waits = delivered(night, one)

    assert (len(platform.sent), len(waits)) == (MAX_IDLE_ROUNDS, MAX_IDLE_ROUNDS - 1)
    assert isinstance(one.stop_reason, Unavailable)
    assert "ConnectionRefusedError" in str(one.stop_reason)
    assert states(night) == {"pending": 3}


def test_patience_begins_anew_with_every_round_that_the_platform_takes_something(night: Night) -> None:
    night.stage(*orders(MAX_IDLE_ROUNDS * 2))
    platform = Platform(*[UNSENT, RECEIVED] * MAX_IDLE_ROUNDS * 2)
    one = lane(night, platform, max_events=1)

    delivered(night, one)

    assert one.stop_reason is None
    assert states(night) == {"received": MAX_IDLE_ROUNDS * 2}


@pytest.mark.parametrize(("answer", "kind"), [(THROTTLED, Throttled), (LOST, Unavailable), (UNSENT, Unavailable)])
def test_who_ends_impatient_says_whether_it_was_refused_or_unanswered(
    night: Night, answer: Receipt, kind: type[Exception]
) -> None:
    night.stage(*orders(1))
    one = lane(night, Platform(*[answer] * 100))

    delivered(night, one)

    assert type(one.stop_reason) is kind


def test_a_wait_beyond_the_deadline_is_not_begun(night: Night) -> None:
    night.stage(*orders(3))
    platform = Platform(replace(THROTTLED, wait=6 * 3600.0))
    one = lane(night, platform)

    assert delivered(night, one) == []
    assert isinstance(one.stop_reason, Throttled)
    assert "asks to wait 6 hours" in str(one.stop_reason)
    assert states(night) == {"pending": 3}


def test_after_the_deadline_no_attempt_begins_and_the_rest_waits(night: Night) -> None:
    night.stage(*orders(4))

    def late(_: bytes) -> Receipt:
        night.clock.forward(hours=4)
        return RECEIVED

    platform = Platform(RECEIVED, late)
    one = lane(night, platform, max_events=1)
    delivered(night, one)

    assert len(platform.sent) == 2
    assert states(night) == {"received": 2, "pending": 2}
    assert isinstance(one.stop_reason, Unavailable)
    assert "deadline" in str(one.stop_reason)


def test_a_deadline_that_passes_when_nothing_is_left_is_no_matter(night: Night) -> None:
    night.stage(*orders(1))

    def late(_: bytes) -> Receipt:
        night.clock.forward(hours=4)
        return RECEIVED

    one = lane(night, Platform(late))
    delivered(night, one)

    assert (states(night), one.stop_reason) == ({"received": 1}, None)


# unanswered


def test_what_got_no_answer_is_resent_byte_for_byte(night: Night) -> None:
    night.stage(*orders(3))
    platform = Platform(LOST, store=night.path)

    delivered(night, lane(night, platform))

    assert platform.sent == platform.sent[:1] * 2
    assert attempts(night) == [("first", 1, "unknown"), ("resend", 2, "received")]


def test_what_stays_unanswered_stays_unknown(night: Night) -> None:
    night.stage(*orders(3))
    one = lane(night, Platform(*[LOST] * 100))

    delivered(night, one)

    assert states(night) == {"unknown": 3}
    assert one.stop_reason is not None


@pytest.mark.parametrize(
    "second", [THROTTLED, UNSENT, replace(RECEIVED, outcome=Outcome.REFUSED, next=Next.STOP_REFUSED)]
)
def test_a_resend_that_is_refused_says_nothing_of_the_first_attempt(night: Night, second: Receipt) -> None:
    night.stage(*orders(3))

    delivered(night, lane(night, Platform(LOST, *[second] * 100)))

    assert states(night) == {"unknown": 3}


def test_what_no_run_had_an_answer_for_goes_before_what_is_new(night: Night) -> None:
    night.stage(sighting("old"))
    delivered(night, lane(night, Platform(*[LOST] * 100)))
    night.begin()
    night.stage(sighting("new"))
    platform = Platform(store=night.path)

    delivered(night, lane(night, platform))

    assert [ids(body) for body in platform.sent] == [["c-old"], ["c-new"]]
    assert states(night) == {"received": 2}


def test_an_objection_while_the_lane_waits_is_heard(night: Night) -> None:
    night.stage(sighting("1", subject=subject("anna")), sighting("2"))
    platform = Platform(THROTTLED)

    async def sleep(seconds: float) -> None:
        suppressions.add(night.ledger, (subject("anna"),), None)

    delivered(night, lane(night, platform), sleep=sleep)

    assert [ids(body) for body in platform.sent] == [["c-1", "c-2"], ["c-2"]]
    assert night.states() == {"1": "withheld", "2": "received"}


# never answered


def silent(*bad: str) -> Callable[[bytes], Receipt]:
    """A platform that one order breaks, every time."""
    return lambda body: LOST if {*bad} & {*ids(body)} else RECEIVED


@pytest.mark.parametrize("in_flight", [1, 8])
@pytest.mark.parametrize("bad", [["c-A-3"], ["c-A-0", "c-A-1"], ["c-A-39"], ["c-A-2", "c-A-17", "c-A-38"]])
def test_an_order_that_is_never_answered_stops_no_other(night: Night, bad: list[str], in_flight: int) -> None:
    night.stage(*orders(40))
    platform = Platform(*[silent(*bad)] * 1000, store=night.path)
    one = lane(night, platform, max_events=4, in_flight=in_flight)

    delivered(night, one)

    assert states(night) == {"received": 40 - len(bad), "unknown": len(bad)}
    assert {f"c-{number}" for number, state in night.states().items() if state == "unknown"} == set(bad)
    assert isinstance(one.stop_reason, Unavailable)
    assert len(platform.sent) < 10 + 20 * len(bad)


def test_an_order_that_is_never_answered_stops_no_other_on_any_night(night: Night) -> None:
    for n in range(1, 4):
        night.stage(*orders(40 * n))
        delivered(night, lane(night, Platform(*[silent("c-A-3")] * 1000), max_events=4))

        assert states(night) == {"received": 40 * n - 1, "unknown": 1}
        night.begin()


def test_one_among_many_that_is_never_answered_is_found_in_few_requests(night: Night) -> None:
    night.stage(*orders(1000))
    platform = Platform(*[silent("c-A-700")] * 1000)

    delivered(night, lane(night, platform, max_events=500))

    assert states(night) == {"received": 999, "unknown": 1}
    assert len(platform.sent) < 40
    assert {purpose for purpose, *_ in attempts(night)} == {"first", "resend"}


def test_who_never_answers_is_told_from_a_platform_that_is_down(night: Night) -> None:
    night.stage(*orders(8))
    one = lane(night, Platform(*[silent("c-A-3")] * 1000), max_events=4)

    delivered(night, one)

    assert "meta accepted 7 orders, and gives no answer for 1 (ReadTimeout)" in str(one.stop_reason)


@pytest.mark.parametrize(("n", "in_flight"), [(10, 1), (1000, 1), (1000, 4)])
def test_a_platform_that_is_down_gets_few_requests_whole(night: Night, n: int, in_flight: int) -> None:
    night.stage(*orders(n))
    platform = Platform(*[LOST] * 1000)
    one = lane(night, platform, in_flight=in_flight)

    waits = delivered(night, one)

    assert len(platform.sent) <= MAX_IDLE_ROUNDS * in_flight
    assert len(waits) == MAX_IDLE_ROUNDS - 1
    assert {len(ids(body)) for body in platform.sent} == {10}
    assert len(set(platform.sent)) <= 3 * in_flight
    assert isinstance(one.stop_reason, Unavailable)


def test_a_platform_that_goes_down_midway_gets_few_requests_more(night: Night) -> None:
    night.stage(*orders(1000))
    platform = Platform(*[RECEIVED] * 5, *[LOST] * 1000)

    delivered(night, lane(night, platform))

    assert len(platform.sent) <= 5 + 1 + MAX_IDLE_ROUNDS


def test_a_lost_answer_is_asked_for_again_at_once(night: Night) -> None:
    night.stage(*orders(30))
    platform = Platform(LOST)

    delivered(night, lane(night, platform))

    assert platform.sent[0] == platform.sent[1]
    assert len(platform.sent) == 4


# one bad order


def refusing(*bad: str, named: bool = False) -> Callable[[bytes], Receipt]:
    """A platform that refuses a whole request for one bad order, and may say which."""

    def say(body: bytes) -> Receipt:
        at_fault = [i for i, number in enumerate(ids(body)) if number in bad]
        if not at_fault:
            return RECEIVED
        culprits = tuple(FailedItem(i, "INVALID_VALUE", "value") for i in at_fault) if named else ()
        return replace(REFUSED, failed_items=culprits)

    return say


BAD = [["c-A-0"], ["c-A-9"], ["c-A-4", "c-A-5"], ["c-A-0", "c-A-3", "c-A-9"], [f"c-A-{i}" for i in range(7)]]


@pytest.mark.parametrize("in_flight", [1, 4])
@pytest.mark.parametrize("named", [True, False])
@pytest.mark.parametrize("bad", BAD)
def test_bad_orders_are_taken_out_and_every_good_one_is_received(
    night: Night, bad: list[str], named: bool, in_flight: int
) -> None:
    night.stage(*orders(10))
    platform = Platform(*[refusing(*bad, named=named)] * 100, store=night.path)
    one = lane(night, platform, in_flight=in_flight)

    delivered(night, one)

    found = night.states()
    assert {f"c-{number}" for number, state in found.items() if state == "quarantined"} == set(bad)
    assert {state for number, state in found.items() if f"c-{number}" not in bad} <= {"received"}
    assert (one.isolation.refused, one.received, one.stop_reason) == (len(bad), 10 - len(bad), None)


def test_named_culprits_cost_one_more_request(night: Night) -> None:
    night.stage(*orders(10))
    platform = Platform(*[refusing("c-A-3", "c-A-7", named=True)] * 100)

    delivered(night, lane(night, platform))

    assert [len(ids(body)) for body in platform.sent] == [10, 8]
    assert attempts(night) == [("first", 1, "refused"), ("rest", 2, "received")]
    held = night.held("A-3")
    assert (held.reason, held.detail) == ("refused_by_platform", "400/100 INVALID_VALUE value")


def test_where_none_is_named_halves_find_it_in_few_requests(night: Night) -> None:
    night.stage(*orders(128))
    platform = Platform(RECEIVED, *[refusing("c-A-105")] * 100)

    delivered(night, lane(night, platform, max_events=64))

    assert len(platform.sent) == 1 + 1 + 2 * 6
    assert {purpose for purpose, *_ in attempts(night)[2:]} == {"half"}
    assert night.held("A-105").detail == "400/100"


def test_a_search_among_unanswered_orders_leaves_the_good_ones_unanswered_until_they_are_received(night: Night) -> None:
    night.stage(*orders(4))
    platform = Platform(LOST, *[refusing("c-A-2")] * 100, store=night.path)

    delivered(night, lane(night, platform))

    assert night.states() == {"A-0": "received", "A-1": "received", "A-2": "quarantined", "A-3": "received"}


# what stops a destination


ENDINGS = [
    (Next.STOP_CREDENTIALS, Unauthorised, 77),
    (Next.STOP_REFUSED, Refused, 70),
    (Next.STOP_QUOTA, Throttled, 75),
]


@pytest.mark.parametrize(("then", "kind", "code"), ENDINGS)
def test_what_stops_one_destination_never_stops_the_other(
    night: Night, then: Next, kind: type[Exception], code: int
) -> None:
    night.stage(*orders(30))
    stopped = lane(night, Platform(replace(RECEIVED, outcome=Outcome.REFUSED, next=then, code="401")), "google")
    other = lane(night, Platform())

    assert delivered(night, stopped, other) == []

    assert len(stopped.destination.sent) == 1  # type: ignore[attr-defined]
    assert isinstance(stopped.stop_reason, kind)
    assert stopped.stop_reason.exit_code == code
    assert "google" in str(stopped.stop_reason)
    assert "401" in str(stopped.stop_reason)
    assert (states(night, "google"), states(night, "meta"), other.stop_reason) == (
        {"pending": 30},
        {"received": 30},
        None,
    )


def test_a_destination_out_of_reach_never_stops_the_other(night: Night) -> None:
    night.stage(*orders(30))
    down, other = lane(night, Platform(*[UNSENT] * 100), "google"), lane(night, Platform())

    delivered(night, down, other)

    assert (states(night, "google"), states(night, "meta"), other.stop_reason) == (
        {"pending": 30},
        {"received": 30},
        None,
    )


def test_a_credential_that_cannot_be_had_is_logged_as_not_sent_and_stops_its_destination(night: Night) -> None:
    night.stage(*orders(30))
    one, other = lane(night, Platform(Unauthorised("No key file.")), "google"), lane(night, Platform())

    delivered(night, one, other)

    assert str(one.stop_reason) == "No key file."
    r = tables.request.c
    row = night.one(select(r.outcome, r.code).where(r.destination == one.template.destination_id))
    assert (row.outcome, row.code) == ("not_sent", "no credentials")
    assert (states(night, "google"), states(night, "meta")) == ({"pending": 30}, {"received": 30})


def test_the_graver_reason_stays_where_several_answers_stop_a_lane(night: Night) -> None:
    night.stage(*orders(2))
    together = threading.Barrier(2)
    stop = replace(RECEIVED, outcome=Outcome.REFUSED, next=Next.STOP_CREDENTIALS)
    answers = [lambda _: (together.wait(), stop)[1], lambda _: (together.wait(), UNSENT)[1]]
    one = lane(night, Platform(*answers), in_flight=2, max_events=1)

    assert delivered(night, one) == []
    assert isinstance(one.stop_reason, Unauthorised)


# a first night


def test_a_first_night_is_one_request_and_the_rest_waits(night: Night) -> None:
    night.stage(*orders(30))
    platform = Platform()
    one = lane(night, platform, in_flight=4, canary=True)

    delivered(night, one)

    assert len(platform.sent) == 1
    assert (states(night), one.stop_reason) == ({"received": 10, "pending": 20}, None)


@pytest.mark.parametrize("named", [True, False])
def test_a_bad_order_of_the_first_night_is_found_the_same_night(night: Night, named: bool) -> None:
    night.stage(*orders(30))
    one = lane(night, Platform(*[refusing("c-A-3", named=named)] * 100), canary=True)

    delivered(night, one)

    assert states(night) == {"received": 9, "quarantined": 1, "pending": 20}


def test_a_first_night_that_meets_trouble_tries_again(night: Night) -> None:
    night.stage(*orders(30))
    one = lane(night, Platform(THROTTLED, LOST), canary=True)

    delivered(night, one)

    assert (states(night), one.stop_reason) == ({"received": 10, "pending": 20}, None)


def test_a_first_night_on_which_the_platform_is_down_says_so(night: Night) -> None:
    night.stage(*orders(30))
    one = lane(night, Platform(*[UNSENT] * 100), canary=True)

    delivered(night, one)

    assert isinstance(one.stop_reason, Unavailable)


# what stops the run


@contextmanager
def handlers_kept() -> Iterator[None]:
    before = [signal.getsignal(one) for one in (signal.SIGTERM, signal.SIGINT)]
    yield
    assert [signal.getsignal(one) for one in (signal.SIGTERM, signal.SIGINT)] == before


@pytest.mark.parametrize("told", [signal.SIGTERM, signal.SIGINT])
def test_a_run_told_to_stop_settles_what_is_under_way_and_begins_nothing_more(
    night: Night, told: signal.Signals
) -> None:
    night.stage(*orders(20))
    stop = asyncio.Event()
    together = threading.Barrier(2)

    def stopping(_: bytes) -> Receipt:
        together.wait()
        os.kill(os.getpid(), told)
        until(stop.is_set)
        return RECEIVED

    def other(_: bytes) -> Receipt:
        together.wait()
        until(stop.is_set)
        return RECEIVED

    platform = Platform(stopping, other)
    one = lane(night, platform, in_flight=2, max_events=1)
    with handlers_kept():
        delivered(night, one, stop=stop)

    assert len(platform.sent) == 2
    assert states(night) == {"received": 2, "pending": 18}
    assert isinstance(one.stop_reason, Stopped)
    assert isinstance(one.stop_reason, Interrupted) is (told == signal.SIGINT)
    assert "told to stop" in str(one.stop_reason)


def until(condition: Callable[[], bool]) -> None:
    """The main thread hears of a signal a moment later."""
    while not condition():
        os.sched_yield()


def test_a_lane_that_waits_wakes_up_when_the_run_is_told_to_stop(night: Night) -> None:
    night.stage(*orders(3))

    def stopping(_: bytes) -> Receipt:
        threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGTERM)).start()
        return replace(THROTTLED, wait=3600.0)

    one = lane(night, Platform(stopping))
    delivered(night, one, sleep=None)

    assert states(night) == {"pending": 3}
    assert one.stop_reason is not None


def test_a_platform_whose_date_is_days_off_gets_no_more_and_the_other_goes_on(night: Night) -> None:
    night.stage(*orders(20))
    far = replace(RECEIVED, date="Wed, 25 Nov 2026 05:15:00 GMT")
    off, other = lane(night, Platform(far), max_events=5), lane(night, Platform(), "google")

    delivered(night, off, other)

    assert isinstance(off.stop_reason, SettingsError)
    assert "meta says 2026-11-25 05:15" in str(off.stop_reason)
    assert (states(night), states(night, "google")) == ({"received": 5, "pending": 15}, {"received": 20})


def forbidding(word: bytes) -> Callable[[bytes, int], tuple[str, ...]]:
    def check(body: bytes, events: int) -> tuple[str, ...]:
        if word in body:
            raise DisclosureError("data[].name is not listed there")
        return ("data[].id",)

    return check


def test_bytes_that_may_not_leave_stop_all_but_settle_what_is_under_way(night: Night) -> None:
    night.stage(*orders(10))
    stop = asyncio.Event()

    def slow(_: bytes) -> Receipt:
        until(stop.is_set)
        return RECEIVED

    bad = lane(night, Platform(), max_events=1, check=forbidding(b"c-A-3"))
    other = lane(night, Platform(slow), "google", max_events=1)
    with pytest.raises(DisclosureError):
        delivered(night, bad, other, stop=stop)

    assert states(night) == {"received": 3, "pending": 7}
    assert states(night, "google") == {"received": 1, "pending": 9}
    assert all("c-A-3" not in ids(body) for body in bad.destination.sent)  # type: ignore[attr-defined]
    assert {outcome for *_, outcome in attempts(night)} == {"received"}


def test_a_store_taken_over_by_another_run_stops_all_and_nothing_more_is_sent(night: Night) -> None:
    night.stage(*orders(10))

    def taken_over(_: bytes) -> Receipt:
        with night_in(night.path.parents[1], Clock()):
            return RECEIVED

    one, other = lane(night, Platform(taken_over), max_events=1), lane(night, Platform(), "google", max_events=10)
    with pytest.raises(LedgerError, match="taken over"):
        delivered(night, one, other)

    assert len(one.destination.sent) == 1  # type: ignore[attr-defined]
    assert states(night) == {"in_flight": 1, "pending": 9}


def test_a_failure_that_nobody_foresaw_is_raised_and_leaves_its_request_open_for_the_next_run(night: Night) -> None:
    night.stage(*orders(3))
    other = lane(night, Platform(), "google")

    with pytest.raises(ZeroDivisionError):
        delivered(night, lane(night, Platform(ZeroDivisionError())), other)

    assert (states(night), states(night, "google")) == ({"in_flight": 3}, {"received": 3})
    night.begin()
    requests.recover(night.ledger)
    assert states(night) == {"unknown": 3}


# opening a lane


META = MetaSettings(dataset_id="555", action_source="physical_store")  # type: ignore[call-arg]


def opened(night: Night, section: MetaSettings) -> DestinationQueue:
    _, meta = night.numbers
    target = SimpleNamespace(destination=Platform(), settings=section, gate=SimpleNamespace(check=listed))
    return open_queue(target, meta, night.ledger, 7)


def test_a_lane_takes_its_limits_from_platform_and_settings(night: Night) -> None:
    one = opened(night, META.model_copy(update={"in_flight": 5, "requests_per_minute": 60}))

    box = one.template
    assert (one.in_flight, one.requests_per_minute, one.canary) == (5, 60, False)
    assert (box.max_events, box.max_bytes, box.resend_us) == (1000, 500_000, 6 * 86_400_000_000)
    assert (box.url, box.recipient, box.rules, box.headers) == (
        "https://meta.example/events",
        "Meta Ireland",
        "meta/2026",
        '{"Content-Type":"application/json"}',
    )
    assert box.prefix + box.suffix == b'{"data":[],"upload_tag":"conversions-run-7"}'


def test_a_first_batch_is_small_until_something_was_received(night: Night) -> None:
    section = META.model_copy(update={"first_batch": 50})
    night.stage(*orders(3))

    first = opened(night, section)
    delivered(night, lane(night, Platform()))
    later = opened(night, section)

    assert (first.canary, first.template.max_events) == (True, 50)
    assert (later.canary, later.template.max_events) == (False, 1000)


def test_a_rehearsal_needs_no_first_night(night: Night) -> None:
    one = opened(night, META.model_copy(update={"first_batch": 50, "endpoint": "http://127.0.0.1:8085"}))

    assert (one.canary, one.template.max_events) == (False, 1000)


def test_what_was_sent_first_is_never_more_than_the_platform_takes(night: Night) -> None:
    assert opened(night, META.model_copy(update={"first_batch": 5000})).template.max_events == 1000


# what it waits for


class Announced(Silent):
    """Remembers each announcement, as long as it lasts."""

    def __init__(self) -> None:
        self.sentences: list[str] = []

    def wait(self, sentence: str, seconds: float) -> AbstractContextManager[None]:
        self.sentences.append(sentence)
        return nullcontext()


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (replace(THROTTLED, wait=90.0), "until 06:16:30 (Europe/Copenhagen): it asks to wait"),
        (replace(LOST, code="503", wait=60.0), "until 06:16:00 (Europe/Copenhagen): it asks to wait"),
        (
            replace(UNSENT, wait=60.0, not_sent=NotSent(Cause.NO_DNS, "graph.facebook.com", 443)),
            "until 06:16:00 (Europe/Copenhagen): no DNS answer for graph.facebook.com",
        ),
    ],
)
def test_a_wait_says_for_whom_until_when_in_the_shops_zone_and_why(night: Night, answer: Receipt, why: str) -> None:
    night.stage(*orders(3))
    progress = Announced()
    waits = Waits(progress, night.clock, ZoneInfo("Europe/Copenhagen"))
    began = f"{night.clock().astimezone(waits.zone):%H:%M:%S}"
    delivered(night, lane(night, Platform(answer)), waits=waits)
    assert (began, progress.sentences) == ("06:15:00", [f"Waits for Meta {why}"])


def test_a_slow_rate_limit_is_announced_and_a_fast_one_is_not(night: Night) -> None:
    night.stage(*orders(3))
    progress = Announced()
    waits = Waits(progress, night.clock, ZoneInfo("Europe/Copenhagen"))
    slow, fast = (rate_limiter(limit) for limit in (20, 300))
    queue = lane(night, Platform(), requests_per_minute=20)

    async def use_up() -> None:
        for limiter in (slow, fast):
            await acquire(limiter, asyncio.Event())
        with waits.limit(queue, slow), waits.limit(replace(queue, requests_per_minute=300), fast):
            pass

    asyncio.run(use_up())
    assert progress.sentences == [
        "Waits for Meta until 06:15:03 (Europe/Copenhagen): the limit of 20 requests a minute"
    ]


@pytest.mark.parametrize("cause", list(Cause))
def test_a_network_at_fault_is_told_as_such_and_the_orders_wait(night: Night, cause: Cause) -> None:
    night.stage(*orders(3))
    unsent = replace(UNSENT, code=str(cause), not_sent=NotSent(cause, "graph.facebook.com", 443))
    queue = lane(night, Platform(*[unsent] * 50))
    delivered(night, queue)
    assert isinstance(queue.stop_reason, Unavailable)
    assert ("This machine cannot reach Meta" in str(queue.stop_reason)) is (cause is not Cause.NO_TOKEN)
    assert states(night) == {"pending": 3}


def test_a_web_page_in_the_place_of_the_platform_is_told_as_such(night: Night) -> None:
    night.stage(*orders(3))
    queue = lane(night, Platform(*[replace(LOST, code="200/WEB_PAGE", http_status=200)] * 50))
    delivered(night, queue)
    assert "a web page answered in its place" in str(queue.stop_reason)
    assert states(night) == {"unknown": 3}
