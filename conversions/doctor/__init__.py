"""What would go wrong tonight, found by day: nothing is sent, nothing is written, unless the platforms are to be asked.

Each finding is a value: what was looked at, what was found, what to do next.
"""

from collections.abc import Iterator

from conversions.doctor import credentials, machine, promises, times
from conversions.doctor.finding import Finding, Level
from conversions.doctor.online import ask
from conversions.ledger import Clock
from conversions.settings import Settings

__all__ = ["Finding", "Level", "ask", "examine"]


def examine(settings: Settings, clock: Clock) -> Iterator[Finding]:
    """Look at everything that a run rests on, one finding after the other; nobody is asked."""
    yield from machine.environment(settings)
    yield machine.key(settings)
    yield machine.clock(settings, clock)
    yield from machine.store(settings, clock)
    yield from machine.source(settings, clock)
    yield from times.of(settings, clock)
    for name, section in settings.destinations.items():
        yield from credentials.of(name, section)
    yield from promises.of(settings)
