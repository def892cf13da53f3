"""A request that is refused as a whole: the good orders leave, the bad are found, and settings at fault set nobody aside."""

import math
import random
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from conversions.delivery.isolation import FaultIsolation
from conversions.delivery.stop_reasons import MAX_CONSECUTIVE_REFUSALS
from conversions.errors import Refused
from conversions.ledger import outbox, restatements
from conversions.model.conversion import Reason
from conversions.model.receipt import FailedItem, Next, Outcome, Receipt
from tests.delivery.test_delivery import Platform, attempts, delivered, ids, lane, states
from tests.ledger.builders import LOST, RECEIVED, REFUSED, THROTTLED, Clock, Night, night_in, orders, sighting
from tests.ledger.queries.test_totals import force

DOUBTED = replace(REFUSED, next=Next.PROBE)
"""One event's fault or the settings': the code alone does not say."""


@pytest.fixture
def night(tmp_path: Path) -> Iterator[Night]:
    with night_in(tmp_path, Clock()) as night:
        yield night


def refusing(*bad: str, refusal: Receipt = DOUBTED) -> Callable[[bytes], Receipt]:
    """A platform that refuses a whole request for one bad order, and names none."""
    return lambda body: refusal if {*bad} & {*ids(body)} else RECEIVED


SIZES = [(n, i) for n in (2, 3, 4, 5, 7, 33) for i in sorted({0, n // 3, n // 2, n - 1})]
SIZES += [(600, 0), (1000, 999), (1030, 0), (2000, 1)]


@pytest.mark.parametrize("refusal", [REFUSED, DOUBTED])
@pytest.mark.parametrize(("n", "place"), SIZES)
def test_one_bad_order_costs_few_requests(night: Night, n: int, place: int, refusal: Receipt) -> None:
    night.stage(*orders(n))
    platform = Platform(*[refusing(f"c-A-{place}", refusal=refusal)] * 100)
    one = lane(night, platform, max_events=2000, in_flight=4)

    delivered(night, one)

    assert len(platform.sent) <= 2 * math.log2(n) + 5
    assert states(night) == {"received": n - 1, "quarantined": 1}
    assert night.held(f"A-{place}").detail == "400/100"
    assert one.stop_reason is None


@pytest.mark.parametrize("seed", range(12))
def test_whichever_are_bad_each_is_found_once_others_are_accepted(night: Night, seed: int) -> None:
    dice = random.Random(seed)
    n = dice.randint(4, 40)
    bad = {f"c-A-{i}" for i in dice.sample(range(n), dice.randint(1, n - 1))}
    night.stage(*orders(n))
    answers = [refusing(*bad, refusal=dice.choice([REFUSED, DOUBTED]))] * 400
    one = lane(
        night, Platform(*answers, store=night.path), max_events=dice.randint(1, 12), in_flight=dice.randint(1, 4)
    )

    delivered(night, one)

    if one.stop_reason is None:
        assert {f"c-{number}" for number, state in night.states().items() if state == "quarantined"} == bad
        assert states(night).get("received", 0) == n - len(bad)
    else:  # the three that were asked alone happened to be bad, and nothing was accepted before
        found = night.states()  # what was under way meanwhile may still be accepted
        assert set(found.values()) <= {"pending", "received"}
        assert not bad & {f"c-{number}" for number, state in found.items() if state == "received"}


# settings at fault


@pytest.mark.parametrize("refusal", [REFUSED, DOUBTED])
@pytest.mark.parametrize(("n", "in_flight"), [(4, 1), (10, 1), (1000, 1), (1000, 8)])
def test_where_all_are_refused_alike_and_none_accepted_settings_are_at_fault(
    night: Night, n: int, in_flight: int, refusal: Receipt
) -> None:
    night.stage(*orders(n))
    platform = Platform(*[refusal] * 100, store=night.path)
    one = lane(night, platform, max_events=1000, in_flight=in_flight)

    delivered(night, one)

    alone = min(n, 3 if refusal is DOUBTED else 16)
    assert sorted(map(len, map(ids, platform.sent))) == [1] * alone + [n]
    assert [purpose for purpose, *_ in attempts(night)] == ["first"] + ["alone"] * alone
    assert isinstance(one.stop_reason, Refused)
    assert "the settings are at fault, and no order is quarantined" in str(one.stop_reason)
    assert states(night) == {"pending": n}


@pytest.mark.parametrize(("n", "good"), [(4, 3), (4, 0), (10, 5), (16, 15)])
def test_where_the_code_blames_the_data_one_good_order_among_a_few_is_found(night: Night, n: int, good: int) -> None:
    night.stage(*orders(n))
    bad = {*everybody(n)} - {f"c-A-{good}"}
    one = lane(night, Platform(*[refusing(*bad, refusal=REFUSED)] * 100), max_events=1000)

    delivered(night, one)

    assert (states(night), one.stop_reason) == ({"received": 1, "quarantined": n - 1}, None)
    assert night.held(f"A-{good}").state == "received"


def naming(*bad: str, at_most: int = 10_000, code: str = "INVALID_VALUE") -> Callable[[bytes], Receipt]:
    """A platform that names so many of the orders at fault in one answer."""

    def say(body: bytes) -> Receipt:
        named = [i for i, number in enumerate(ids(body)) if number in bad][:at_most]
        return replace(REFUSED, failed_items=tuple(FailedItem(i, code, "cart") for i in named)) if named else RECEIVED

    return say


def everybody(n: int) -> list[str]:
    return [f"c-A-{i}" for i in range(n)]


@pytest.mark.parametrize(("n", "in_flight", "requests"), [(3, 1, 1), (10, 1, 1), (1000, 1, 1), (1000, 8, 8)])
def test_where_each_is_named_and_for_the_same_reason_settings_are_at_fault(
    night: Night, n: int, in_flight: int, requests: int
) -> None:
    night.stage(*orders(n))
    platform = Platform(*[naming(*everybody(n))] * 100, store=night.path)
    one = lane(night, platform, max_events=max(n // requests, 3), in_flight=in_flight)

    delivered(night, one)

    assert len(platform.sent) <= requests
    assert isinstance(one.stop_reason, Refused)
    assert "400/100 INVALID_VALUE cart" in str(one.stop_reason)
    assert "the settings are at fault, and no order is quarantined. `conversions doctor`" in str(one.stop_reason)
    assert states(night) == {"pending": n}


@pytest.mark.parametrize("in_flight", [1, 4])
@pytest.mark.parametrize("at_most", [1, 2, 7])
def test_settings_that_spoil_all_are_known_where_a_few_at_a_time_are_named(
    night: Night, at_most: int, in_flight: int
) -> None:
    night.stage(*orders(400))
    platform = Platform(*[naming(*everybody(400), at_most=at_most)] * 1000, store=night.path)
    one = lane(night, platform, max_events=100, in_flight=in_flight)

    delivered(night, one)

    assert len(platform.sent) < 24
    assert isinstance(one.stop_reason, Refused)
    assert "no order is quarantined" in str(one.stop_reason)
    assert states(night) == {"pending": 400}
    assert {night.held(f"A-{i}").detail for i in range(400)} == {None}


def test_settings_that_spoil_all_are_known_where_orders_are_sent_alone(night: Night) -> None:
    night.stage(*orders(200))
    platform = Platform(*[REFUSED] * 1000)
    one = lane(night, platform, max_events=1)

    delivered(night, one)

    assert len(platform.sent) == 3
    assert "no order is quarantined" in str(one.stop_reason)
    assert states(night) == {"pending": 200}


def test_who_was_set_aside_for_the_settings_and_never_answered_before_is_unanswered_again(night: Night) -> None:
    night.stage(sighting("old"))
    delivered(night, lane(night, Platform(*[LOST] * 100)))
    first = night.held("old").first_attempt_us
    night.begin()
    night.stage(sighting("old"), *orders(30))

    delivered(night, lane(night, Platform(*[REFUSED] * 100)))

    held = night.held("old")
    assert (held.state, held.reason, held.first_attempt_us) == ("unknown", None, first)
    assert states(night) == {"unknown": 1, "pending": 30}


def test_all_of_a_request_may_be_bad_once_others_were_accepted(night: Night) -> None:
    night.stage(*orders(20))
    bad = [f"c-A-{i}" for i in range(10, 20)]
    one = lane(night, Platform(*[naming(*bad)] * 100))

    delivered(night, one)

    assert (states(night), one.stop_reason) == ({"received": 10, "quarantined": 10}, None)


def test_all_of_a_request_may_be_bad_for_reasons_that_differ(night: Night) -> None:
    night.stage(*orders(10))
    culprits = tuple(FailedItem(i, "INVALID_VALUE", "cart" if i % 2 else "currency") for i in range(10))
    one = lane(night, Platform(replace(REFUSED, failed_items=culprits)))

    delivered(night, one)

    assert (states(night), one.stop_reason) == ({"quarantined": 10}, None)


@pytest.mark.parametrize("say", [naming("c-A-0", "c-A-1"), refusing("c-A-0", "c-A-1", refusal=REFUSED)])
@pytest.mark.parametrize("n", [1, 2])
def test_one_or_two_orders_alone_are_set_aside_for_a_code_of_the_data(
    night: Night, n: int, say: Callable[[bytes], Receipt]
) -> None:
    night.stage(*orders(n))
    one = lane(night, Platform(*[say] * 100))

    delivered(night, one)

    assert (states(night), one.stop_reason) == ({"quarantined": n}, None)


@pytest.mark.parametrize("say", [naming, refusing])
def test_what_an_earlier_run_left_may_be_bad_altogether_and_never_stops_what_is_new(
    night: Night, say: Callable[..., Callable[[bytes], Receipt]]
) -> None:
    bad = [f"bad-{i}" for i in range(5)]
    night.stage(*map(sighting, bad))
    delivered(night, lane(night, Platform(*[LOST] * 100)))
    night.begin()
    night.stage(*orders(30))
    one = lane(night, Platform(*[say(*(f"c-{number}" for number in bad))] * 100))

    delivered(night, one)

    assert (states(night), one.stop_reason) == ({"received": 30, "quarantined": 5}, None)


def test_the_three_that_are_asked_are_spread_and_others_every_run(night: Night) -> None:
    night.stage(*orders(90))
    asked = set[str]()
    for _ in range(4):
        platform = Platform(*[DOUBTED] * 100)
        delivered(night, lane(night, platform, max_events=90))
        places = sorted(int(ids(body)[0].rpartition("-")[2]) for body in platform.sent[1:])
        assert [place // 30 for place in places] == [0, 1, 2]
        asked |= {ids(body)[0] for body in platform.sent[1:]}
        night.stage(*orders(90))
    assert len(asked) > 3


def test_several_requests_under_way_are_one_doubt(night: Night) -> None:
    night.stage(*orders(400))
    platform = Platform(*[DOUBTED] * 100)
    one = lane(night, platform, max_events=10, in_flight=4)

    delivered(night, one)

    assert len(platform.sent) <= 4 + 3
    assert isinstance(one.stop_reason, Refused)
    assert "the settings are at fault, and no order is quarantined" in str(one.stop_reason)
    assert states(night) == {"pending": 400}


@pytest.mark.parametrize("n", [1, 2])
def test_too_few_to_tell_wait_for_others(night: Night, n: int) -> None:
    night.stage(*orders(n))
    one = lane(night, Platform(*[DOUBTED] * 100))

    delivered(night, one)

    assert isinstance(one.stop_reason, Refused)
    assert "the next run sends them with others" in str(one.stop_reason)
    assert states(night) == {"pending": n}


def test_a_lone_bad_order_is_found_once_others_are_sent_with_it(night: Night) -> None:
    bad = sighting("bad")
    night.stage(bad)
    delivered(night, lane(night, Platform(*[refusing("c-bad")] * 100)))
    night.stage(bad, sighting("good"))
    one = lane(night, Platform(*[refusing("c-bad")] * 100))

    delivered(night, one)

    assert (night.states(), one.stop_reason) == ({"bad": "quarantined", "good": "received"}, None)


def test_a_lone_order_without_an_answer_never_stops_what_is_new(night: Night) -> None:
    night.stage(sighting("old"))
    delivered(night, lane(night, Platform(*[LOST] * 100)))
    night.stage(*orders(30))
    one = lane(night, Platform(*[refusing("c-old")] * 100))

    delivered(night, one)

    assert states(night) == {"received": 30, "quarantined": 1}
    assert one.stop_reason is None


def test_after_something_was_accepted_nothing_is_in_doubt(night: Night) -> None:
    night.stage(*orders(20))
    platform = Platform(RECEIVED, *[refusing("c-A-12")] * 100)

    delivered(night, lane(night, platform))

    assert [len(ids(body)) for body in platform.sent] == [10, 10, 5, 2, 3, 1, 2, 5]
    assert "alone" not in {purpose for purpose, *_ in attempts(night)}


def test_events_that_are_refused_for_different_reasons_are_themselves_at_fault(night: Night) -> None:
    night.stage(*orders(12))
    others = [replace(DOUBTED, code=f"400/100/{i}") for i in range(3)]

    def say(body: bytes) -> Receipt:
        bad = [i for i in range(12) if i % 4 and f"c-A-{i}" in ids(body)]
        return others[bad[0] % 3] if bad else RECEIVED

    one = lane(night, Platform(*[say] * 200), max_events=12)
    delivered(night, one)

    assert states(night) == {"quarantined": 9, "received": 3}
    assert one.stop_reason is None


def test_a_code_of_the_data_decides_at_once(night: Night) -> None:
    night.stage(*orders(12))

    def say(body: bytes) -> Receipt:
        return (REFUSED if len(ids(body)) == 1 else DOUBTED) if "c-A-1" in ids(body) else RECEIVED

    one = lane(night, Platform(*[say] * 200), max_events=2)
    delivered(night, one)

    assert states(night) == {"quarantined": 1, "received": 11}


# what else may happen to a probe


@pytest.mark.parametrize("trouble", [LOST, THROTTLED])
def test_a_probe_that_meets_trouble_is_sent_again_like_any_other(night: Night, trouble: Receipt) -> None:
    night.stage(*orders(12))
    platform = Platform(DOUBTED, trouble, *[refusing("c-A-7")] * 100, store=night.path)
    one = lane(night, platform, max_events=12)

    delivered(night, one)

    assert states(night) == {"quarantined": 1, "received": 11}
    assert one.stop_reason is None


def test_probes_without_an_answer_decide_nothing(night: Night) -> None:
    night.stage(*orders(12))
    platform = Platform(DOUBTED, LOST, LOST, LOST, *[DOUBTED] * 100)
    one = lane(night, platform, max_events=12)

    delivered(night, one)

    assert isinstance(one.stop_reason, Refused)
    assert set(states(night)) <= {"pending", "unknown"}
    assert len(platform.sent) < 12


# budget


def test_a_platform_that_refuses_what_it_takes_in_parts_is_not_searched_for_ever(night: Night) -> None:
    night.stage(*orders(200))

    def say(body: bytes) -> Receipt:
        return REFUSED if len(ids(body)) > 1 else RECEIVED

    one = lane(night, Platform(*[say] * 1000), max_events=2)
    delivered(night, one)

    assert isinstance(one.stop_reason, Refused)
    assert sum(purpose == "half" for purpose, *_ in attempts(night)) <= MAX_CONSECUTIVE_REFUSALS
    assert states(night) == {"received": MAX_CONSECUTIVE_REFUSALS, "pending": 200 - MAX_CONSECUTIVE_REFUSALS}


def test_what_the_culprits_need_is_spent(night: Night) -> None:
    night.stage(*orders(400))
    one = lane(night, Platform(*[refusing(*(f"c-A-{i}" for i in range(0, 400, 20)))] * 1000), max_events=100)

    delivered(night, one)

    assert states(night) == {"received": 380, "quarantined": 20}
    assert one.isolation.requests > MAX_CONSECUTIVE_REFUSALS


@pytest.mark.parametrize("in_flight", [1, 4])
@pytest.mark.parametrize("bad", [range(0, 500, 7), range(72), range(428, 500)])
def test_orders_that_are_named_one_by_one_are_all_found(night: Night, bad: range, in_flight: int) -> None:
    night.stage(*orders(500))
    platform = Platform(*[naming(*(f"c-A-{i}" for i in bad), at_most=1)] * 1000, store=night.path)
    one = lane(night, platform, max_events=500, in_flight=in_flight)

    delivered(night, one)

    assert (states(night), one.stop_reason) == ({"received": 428, "quarantined": 72}, None)
    assert len(platform.sent) < 72 + 16


def test_a_search_that_finds_everything_bad_for_reasons_that_differ_is_given_up(night: Night) -> None:
    night.stage(*orders(200))
    platform = Platform(*[replace(REFUSED, code=f"400/100/{i}") for i in range(1000)])
    one = lane(night, platform, max_events=1)

    delivered(night, one)

    assert len(platform.sent) == MAX_CONSECUTIVE_REFUSALS
    assert isinstance(one.stop_reason, Refused)
    assert "Is the mapping right?" in str(one.stop_reason)
    assert states(night)["quarantined"] >= MAX_CONSECUTIVE_REFUSALS - 1


# patience that ends


def test_a_last_warning_is_heeded_once_and_then_ends_it(night: Night) -> None:
    night.stage(*orders(3))
    warning = Receipt(Outcome.REFUSED, Next.RETRY_ONCE, "400/613", 400, wait=60.0)
    platform = Platform(*[warning] * 100)
    one = lane(night, platform)

    assert delivered(night, one) == [60.0]
    assert len(platform.sent) == 2
    assert isinstance(one.stop_reason, Refused)
    assert states(night) == {"pending": 3}


@pytest.mark.parametrize(("book", "state"), [(outbox, "pending"), (restatements, "quarantined")])
def test_settings_that_refuse_new_values_put_no_order_back(night: Night, book: Any, state: str) -> None:
    night.stage(*orders(1))
    force(night, "A-0", state="quarantined", reason=Reason.REFUSED_BY_PLATFORM, settled_run=night.run.id)

    delivered(
        night, lane(night, Platform(), outbox=book, isolation=FaultIsolation(settings_at_fault=True), backlog=deque())
    )

    assert states(night) == {state: 1}
