"""A plan: a run that stops before it stages, on a store that nothing is written to."""

from functools import partial

from conversions.anomalies.volume_limit import too_many
from conversions.errors import Unauthorised
from conversions.intake.setup import open_intake
from conversions.ledger import Clock, open_read_only
from conversions.model import finding
from conversions.model.finding import Finding
from conversions.model.run_request import Wish
from conversions.observe.progress import SILENT, Progress
from conversions.process.gc_tuning import seldom_collected
from conversions.run import estimate
from conversions.run.balance import of_platforms, source_side
from conversions.run.context import open_scope
from conversions.run.report import Report
from conversions.run.runtime import House, open_house
from conversions.run.staging import most, read
from conversions.settings import Settings


def foresee(settings: Settings, wish: Wish, clock: Clock, progress: Progress = SILENT) -> Report:
    """What ``pipeline.send`` would do now: nothing leaves, nothing is written, no lock is taken.

    Raises what ``send`` would raise before its first claim. A missing credential is a note: a plan judges data and
    settings.
    """
    wish.days(settings.zone, clock())
    house = open_house(settings, wish.only)
    intake = open_intake(settings, house.rules, clock)
    intake.source.check()
    with seldom_collected(), open_read_only(settings, clock, rehearsal=settings.rehearsal) as ledger:
        scope = open_scope(house, ledger, wish, progress)
        said = read(scope, intake, partial(map, intake.pseudonymizer))
        sides = estimate.foresee(house, ledger, scope.numbers)
        waiting = [side.account.counts["pending"] for side in sides.values()]
        found = said.findings + finding.answered(too_many(most(house, waiting)), wish.accepted)
        found += of_platforms(ledger, scope.today) + _without_credentials(house)
        source = source_side(said.reading, said.sightings)
        return Report(None, scope.window, source, sides, found, stopped=finding.stopping(found))


def _without_credentials(house: House) -> list[Finding]:
    found = []
    for view in house.views:
        try:
            view.destination.check_credentials()
        except Unauthorised as error:
            found.append(finding.note("credentials", f"{error} A run would end with 77.", destination=view.name))
    return found
