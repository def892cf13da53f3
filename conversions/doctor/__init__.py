"""What would go wrong tonight, found by day: nothing is sent, nothing is written, unless the platforms are to be asked.

Each finding is a value: what was looked at, what was found, what to do next.
"""

from collections.abc import Iterator

from conversions.doctor import credentials, environment, policy_fit
from conversions.doctor.check_result import Finding, Level
from conversions.doctor.online import ask
from conversions.doctor.source import source
from conversions.ledger import Clock
from conversions.settings import Settings

__all__ = ["Finding", "Level", "ask", "examine"]


def examine(settings: Settings, clock: Clock) -> Iterator[Finding]:
    """Look at everything that a run rests on, one finding after the other; nobody is asked."""
    yield from environment.environment(settings)
    yield environment.key(settings)
    yield environment.clock(settings, clock)
    yield from environment.store(settings, clock)
    yield from source(settings, clock)
    for name, section in settings.destinations.items():
        yield from credentials.of(name, section)
    yield from policy_fit.of(settings)
