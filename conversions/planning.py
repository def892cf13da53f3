"""A plan: a run that stops at the barrier, on a store that nothing is written to."""

from functools import partial

from conversions import finding, forecast, guards, levels
from conversions.accounting import of_platforms, source_side
from conversions.barrier import most
from conversions.errors import Unauthorised
from conversions.finding import Finding
from conversions.guards.evidence import gather
from conversions.guards.volume import too_many
from conversions.house import House, open_house
from conversions.ledger import Clock, judging, open_read_only
from conversions.ledger.sightings import open_sightings
from conversions.night import check
from conversions.observe.progress import SILENT, Progress
from conversions.patience import seldom_collected
from conversions.reading import read
from conversions.report import Report
from conversions.settings import Settings
from conversions.wish import Wish


def foresee(settings: Settings, wish: Wish, clock: Clock, progress: Progress = SILENT) -> Report:
    """What ``pipeline.send`` would do now: nothing leaves, nothing is written, no lock is taken.

    Raises what ``send`` would raise before its first claim. A credential that is missing is a note: a plan judges data
    and settings.
    """
    wish.days(settings, clock())
    house = open_house(settings, wish.only, clock)
    house.source.check()
    with seldom_collected(), open_read_only(settings, clock, rehearsal=settings.rehearsal) as ledger:
        window = check(house, ledger, wish)
        numbers = judging.known_numbers(ledger, house.names)
        sightings = open_sightings(ledger, numbers)
        with progress.track("reading", None) as advance:
            reading = read(house.source, window, sightings, partial(map, house.disguise), house.resolve, advance)
        named = dict(zip(numbers, house.names, strict=True))
        evidence = gather(ledger, settings, wish, window, reading, named)
        amounts = levels.judge(house, ledger, window, evidence.today)
        found = finding.answered([*guards.findings(evidence), *amounts.findings], wish.accepted)
        if not finding.stopping(found):
            levels.withhold(house, ledger, amounts, wish.accepted.get(levels.CODE, ()))
        sides = forecast.foresee(house, ledger, numbers)
        waiting = [side.account.counts["pending"] for side in sides.values()]
        found += finding.answered(too_many(most(house, waiting)), wish.accepted)
        found += of_platforms(ledger, evidence.today) + _without_credentials(house)
        source = source_side(reading, sightings)
        return Report(None, window, source, sides, found, stopped=finding.stopping(found))


def _without_credentials(house: House) -> list[Finding]:
    found = []
    for view in house.views:
        try:
            view.destination.check_credentials()
        except Unauthorised as error:
            name = view.destination.name
            found.append(finding.note("credentials", f"{error} A run would end with 77.", destination=name))
    return found
