"""The clock check before a run begins.

With a wrong clock orders become too old and late results are given up, and neither can be undone.
"""

from datetime import datetime, timedelta

from conversions.ledger import Ledger, runs
from conversions.run.runtime import Runtime
from conversions.transport import clock_skew

MAX_GAP = timedelta(hours=36)
"""A nightly job has a gap of 24 hours; a clock that jumps by the other 12 is still within ``clock_skew.MAX_SKEW``."""


def check_after_gap(runtime: Runtime, ledger: Ledger) -> bool:
    """Check the clock if the last run began more than ``MAX_GAP`` ago, or never; return whether it was checked.

    A machine that was off looks like a clock that jumped. Raises SettingsError where our clock is days off.
    """
    last, now = runs.last_begun(ledger), ledger.clock()
    if last is not None and abs(now - last) <= MAX_GAP:
        return False
    check_clock(runtime, now)
    return True


def check_clock(runtime: Runtime, now: datetime) -> None:
    """Compare *now* with the clock of every platform. Raises SettingsError where it is days off."""
    urls = {rules.destination.name: rules.destination.url for rules in runtime.destinations}
    clock_skew.check_clock_skew(urls, now.astimezone(runtime.settings.zone), runtime.route)
