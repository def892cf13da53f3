"""A plan: a run that stops at the barrier, on a store that nothing is written to."""

from functools import partial

from conversions import ages, guard, reconcile, restating
from conversions.accounting import source_side
from conversions.barrier import most
from conversions.delivery.opening import first_batch
from conversions.house import House, open_house
from conversions.ledger import Clock, Ledger, accounts, days, judging, lost, open_read_only, told
from conversions.ledger.accounts import Account
from conversions.ledger.corrections import Corrections
from conversions.ledger.sightings import open_sightings
from conversions.night import check, counted_once
from conversions.observe.progress import SILENT, Progress
from conversions.patience import seldom_collected
from conversions.reading import read
from conversions.report import DestinationSide, Report
from conversions.settings import Settings
from conversions.wish import Wish, today


def foresee(settings: Settings, wish: Wish, clock: Clock, progress: Progress = SILENT) -> Report:
    """What ``pipeline.send`` would do now: nothing leaves, nothing is written, no lock is taken.

    Raises what ``send`` would raise before its first claim.
    """
    house = open_house(settings, wish.only, clock)
    house.source.check()
    with seldom_collected(), open_read_only(settings, clock, rehearsal=settings.rehearsal) as ledger:
        window = check(house, ledger, wish)
        numbers = judging.known_numbers(ledger, house.names)
        sightings = open_sightings(ledger, numbers)
        with progress.track("reading", None) as advance:
            reading = read(house.source, window, sightings, partial(map, house.disguise), lambda _: None, advance)
        odd = guard.refused(guard.odd(ledger, settings.shop, window, house.names, numbers), wish.accepted)
        few = told.news(ledger, days.findings(ledger, window, today(settings, ledger), settings.closed_days))
        news = guard.bad_rows(reading) + [one.sentence for one in few if one.exit_code]
        sides = _foreseen(house, ledger, numbers)
        waiting = [side.account.counts["pending"] for side in sides.values()]
        mistakes = odd + guard.too_many(most(house, waiting), wish.accept_large)
        return Report(None, window, source_side(reading, sightings), sides, news, mistakes)


def _foreseen(house: House, ledger: Ledger, numbers: list[int]) -> dict[str, DestinationSide]:
    """Where every order that was read would end, by destination."""
    doubtful, now = lost.doubt(ledger, counted_once(house)), int(ledger.clock().timestamp())
    foreseen, changed = [Account() for _ in house.views], [Corrections() for _ in house.views]
    for page in judging.judged(ledger, house.settings.shop):
        accounts.forecast(foreseen, page, now, doubtful)
        restating.foresee(house, ledger, page, changed)
    stops, sides = reconcile.stops(house, ledger), {}
    for view, section, number, account, found in zip(
        house.views, house.sections, numbers, foreseen, changed, strict=True
    ):
        name = view.destination.name
        side = sides[name] = DestinationSide(account, stops.get(name), corrections=found)
        side.too_old_at, side.too_old = ages.first_too_old(account, view.rules), ages.too_old(account, view.rules)
        side.first_batch = first_batch(section, ledger, number)
    return sides
