"""What would go wrong tonight, found by day: nothing is sent, nothing is written, unless the platforms are to be asked.

Each finding is a value: what was looked at, what was found, what to do next.
"""

from collections.abc import Iterator

from conversions.doctor import credentials, environment, policy_fit
from conversions.doctor.check_result import CheckResult, Level
from conversions.doctor.online import check
from conversions.doctor.source import source
from conversions.ledger import Clock
from conversions.settings import Settings

__all__ = ["CheckResult", "Level", "check", "examine"]


def examine(settings: Settings, clock: Clock) -> Iterator[CheckResult]:
    """Look at everything that a run rests on, one finding after the other; nobody is asked."""
    yield from environment.environment(settings)
    yield environment.key(settings)
    yield environment.clock(settings, clock)
    yield from environment.store(settings, clock)
    yield from source(settings, clock)
    for name, section in settings.destinations.items():
        yield from credentials.check(name, section)
    yield from policy_fit.check(settings)
