"""Before a run begins: whether this machine's clock can be believed.

By a false one orders become too old, and verdicts are not waited for any more, both for good.
"""

from datetime import datetime, timedelta

from conversions.ledger import Ledger, runs
from conversions.run.runtime import Runtime
from conversions.transport import clock_skew

MAX_GAP = timedelta(hours=36)
"""A nightly job waits 24 hours of it by itself; a jump of the rest is less than ``clocks.MOST``."""


def check_after_gap(runtime: Runtime, ledger: Ledger) -> bool:
    """Ask the platforms the time where no run was begun lately by this clock, or ever; whether they were asked.

    A machine that was off and a clock that jumped look alike. Raises SettingsError where the clock is days off.
    """
    last, now = runs.last_begun(ledger), ledger.clock()
    if last is not None and abs(now - last) <= MAX_GAP:
        return False
    ask(runtime, now)
    return True


def ask(runtime: Runtime, now: datetime) -> None:
    """Ask every platform of *house* the time. Raises SettingsError where *now* is days off."""
    clock_skew.check({view.destination.name: view.destination.url for view in runtime.destinations}, now)
