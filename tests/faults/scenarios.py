"""Little worlds, each made for one promise: played with the program as it is, and with one that breaks the promise."""

import json
from collections.abc import Callable
from itertools import takewhile

from tests.faults import durable, points
from tests.faults.nights import DONE, open_nights
from tests.faults.oracle import judge
from tests.faults.season import open_season
from tests.faults.shop import POISON, Shop
from tests.faults.stations import Station
from tests.faults.variants import VARIANTS

Scenario = Callable[[Station, str | None], list[str]]
"""Plays it, with a broken variant or none; every violation, in words."""
SEASONS = 15


def seasons(station: Station, variant: str | None) -> list[str]:
    """Seasons of a few kills each, until one leaves something to complain of."""
    for seed in range(SEASONS if variant else 1):
        if complaints := open_season(station, seed, variant).play(kills=6):
            return complaints
    return []


def one_night(station: Station, variant: str | None) -> list[str]:
    """A night without trouble, but for two orders that are refused: nothing is left after it."""
    shop = station.open_shop()
    shop.trade()
    code = station.nights.whole(shop, variant)
    return [*([] if code in DONE else [f"the night ended {code}"]), *_judge(station, shop)]


def together(station: Station, variant: str | None) -> list[str]:
    """Two nights at once: exactly one of them sends."""
    shop = station.open_shop()
    shop.trade()
    station.platforms.misbehave("slow:googlex1=2", "slow:metax1=2", f"poison={POISON}")
    with open_nights() as others:
        station.nights.begin(shop, variant)
        _until_arrived(station, 2)
        with station.nights.paused():
            second = others.whole(shop, variant)
        first = station.nights.finished()
    codes = [] if (first in DONE, second) == (True, 75) else [f"P3 the nights ended {first} and {second}"]
    return [*codes, *_judge(station, shop)]


def objects_while_unanswered(station: Station, variant: str | None) -> list[str]:
    """The first answer of each platform is lost; before it could be asked again, a buyer in it objects."""
    shop = station.open_shop(senders=1)
    shop.trade()
    station.platforms.misbehave("lost:googlex1", "lost:metax1", "slow:googlex1=5", "slow:metax1=5", f"poison={POISON}")
    station.nights.begin(shop, variant)
    _until_arrived(station, 1)
    shop.object(shop.sales[0])
    station.nights.finished()
    station.platforms.misbehave(f"poison={POISON}")
    return [*station.nights.until_done(shop, variant), *_judge(station, shop)]


def objects_while_refused(station: Station, variant: str | None) -> list[str]:
    """The first request of each platform holds an order that is refused; before it is split, a buyer in it objects."""
    shop = station.open_shop(senders=1)
    shop.trade()
    station.platforms.misbehave("slow:googlex1=5", "slow:metax1=5", f"poison={POISON}")
    station.nights.begin(shop, variant)
    _until_arrived(station, 1)
    shop.object(shop.sales[10])
    station.nights.finished()
    station.platforms.misbehave(f"poison={POISON}")
    return [*station.nights.until_done(shop, variant), *_judge(station, shop)]


def erased_while_unanswered(station: Station, variant: str | None) -> list[str]:
    """A night without any answer; before the next one a buyer in it is erased."""
    shop = station.open_shop()
    shop.trade({})
    station.platforms.misbehave("lost")
    station.nights.whole(shop, variant)
    code = station.nights.erased(shop, shop.sales[10].email, variant)
    shop.forget(shop.sales[10])
    station.platforms.misbehave()
    ended = [f"the erasure ended {code}"] if code else []
    return [*ended, *station.nights.until_done(shop, variant), *_judge(station, shop)]


def reprices_what_a_request_left(station: Station, variant: str | None) -> list[str]:
    """Bodies too small for a batch, of which the first is refused for the day; the next export has other values."""
    shop = station.open_shop(senders=1)
    shop.room = 3_000
    shop.trade({})
    station.platforms.misbehave("quota-per-day")
    station.nights.whole(shop, variant)
    shop.reprice(shop.sales[10:20])
    station.platforms.misbehave()
    return [*station.nights.until_done(shop, variant), *_judge(station, shop)]


def denies_while_unanswered(station: Station, variant: str | None) -> list[str]:
    """The night is killed with its first requests under way; the next export says that a buyer in them denies."""
    shop = station.open_shop()
    shop.trade()
    station.platforms.misbehave("slow=20", f"poison={POISON}")
    station.nights.begin(shop, variant)
    _until_arrived(station, 2)
    station.nights.kill()
    shop.deny(shop.sales[0])
    station.platforms.misbehave(f"poison={POISON}")
    return [*station.nights.until_done(shop, variant), *_judge(station, shop)]


def reprices_while_unanswered(station: Station, variant: str | None) -> list[str]:
    """A night without any answer; the next export has other values for what was sent in vain, perhaps."""
    shop = station.open_shop()
    shop.trade({})
    station.platforms.misbehave("lost")
    station.nights.whole(shop, variant)
    shop.reprice(shop.sales[:5])
    station.platforms.misbehave()
    return [*station.nights.until_done(shop, variant), *_judge(station, shop)]


def struck_while_talking(station: Station, variant: str | None) -> list[str]:
    """Killed at each call that talks, until one leaves something to complain of."""
    talks = [point for point in points.learn(station) if point.night == 1 and point.call in {"sendto", "recvfrom"}]
    found = (complaint for point in talks for complaint in points.play(station, point, variant).complaints)
    return [one for one, _ in zip(found, range(1), strict=False)]


def disk_fails(station: Station, variant: str | None) -> list[str]:
    """The disk fails to sync, once each while requests leave, until one time leaves something to complain of."""
    syncs = [p for p in points.learn(station) if p.night == 2 and p.call == "fdatasync" and p.blow is points.Blow.EIO]
    found = (
        complaint for point in syncs[len(syncs) // 3 :] for complaint in points.play(station, point, variant).complaints
    )
    return [one for one, _ in zip(found, range(1), strict=False)]


def no_answer_for_days(station: Station, variant: str | None) -> list[str]:
    """No answer on the first day, none on the fifth; on the tenth Meta would count a resend as another sale."""
    return _apart(station, variant, "tests.faults.late:no_answer_for_days")


def retry_after_restatement(station: Station, variant: str | None) -> list[str]:
    """A request of the first night is tried once more when other values have just been told on purpose."""
    return _apart(station, variant, "tests.faults.late:retry_after_restatement")


def a_year(station: Station, variant: str | None, seed: int, nights: int, first: str = "2027-10-01") -> list[str]:
    """Nights on a clock of their own."""
    return _apart(station, variant, "tests.faults.year:play", seed=seed, nights=nights, first=first)


def _apart(station: Station, variant: str | None, play: str, **arguments: object) -> list[str]:
    """Something that plays in one process and leaves its complaints in a file."""
    station.open_shop()
    left = station.directory / "complaints.json"
    station.nights.fork(play, station.directory / "said.txt", variant, directory=str(station.directory), **arguments)
    station.nights.let_go()
    code = station.nights.finished(3600)
    return json.loads(left.read_text()) if left.exists() else [f"{play} ended {code}"]


OWN: dict[str, Scenario] = {
    "log_after_sending": struck_while_talking,
    "failed_sync_ignored": disk_fails,
    "synchronous_normal": durable.play,
    "no_lock": together,
    "no_lock_and_no_epoch": together,
    "refusal_swallowed": one_night,
    "a_fifth_field": one_night,
    "value_rounded": one_night,
    "address_in_a_log_line": one_night,
    "two_orders_under_one_id": one_night,
    "other_half_dropped": one_night,
    "log_rewritten": one_night,
    "objection_asked_at_staging_only": objects_while_refused,
    "objection_asked_once_for_a_batch": objects_while_refused,
    "objection_not_asked_on_resend": objects_while_unanswered,
    "position_off_by_one": objects_while_refused,
    "place_named_twice": one_night,
    "blob_not_synced": durable.play,
    "erased_event_resent": erased_while_unanswered,
    "blanked_position_sent": reprices_what_a_request_left,
    "denial_not_heard_on_resend": denies_while_unanswered,
    "lost_counts_as_refused": reprices_while_unanswered,
    "old_value_replaced_while_unanswered": reprices_while_unanswered,
    "old_retry_let_go": retry_after_restatement,
    "window_ignored": no_answer_for_days,
    "window_counted_anew": no_answer_for_days,
}
TEETH: dict[str, Scenario] = {variant: OWN.get(variant, seasons) for variant in VARIANTS}
"""Where each broken variant must be caught: in the world made for its promise, or by random kills and faults."""


def _until_arrived(station: Station, requests: int) -> None:
    for _ in takewhile(lambda _: station.platforms.arrived() < requests, iter(int, 1)):
        assert station.nights.ended(within=0.002) is None, "the night ended too early"


def _judge(station: Station, shop: Shop) -> list[str]:
    return judge(shop, station.platforms.received(bodies=True))
