"""Checks before a run: what would stop or spoil it. Only the online check sends or writes anything.

Each result is a value: what was checked, what was found, and what to do next.
"""

from collections.abc import Iterator

from conversions.doctor import approvals, credentials, environment, network, online, outside, policy_fit, source
from conversions.doctor.check_result import CheckLevel, CheckResult
from conversions.ledger import Clock
from conversions.settings import Settings

__all__ = ["CheckLevel", "CheckResult", "check_offline", "check_online"]


def check_offline(settings: Settings, clock: Clock) -> Iterator[CheckResult]:
    """Check everything that a run needs, one result after the other, without a request to a platform."""
    yield from environment.check_variables(settings)
    yield environment.check_key(settings)
    yield environment.check_clock(settings, clock)
    yield from environment.check_metrics_file(settings)
    yield from environment.check_store(settings, clock)
    yield from outside.check_places(settings)
    yield from outside.check_former_keys(settings, clock)
    yield from network.check_network(settings)
    yield from source.check_source(settings, clock)
    for name, section in settings.destinations.items():
        yield from credentials.check_credentials(name, section)
    yield from policy_fit.check_policy_fit(settings, clock)
    yield from approvals.check_approvals(settings, clock)


def check_online(settings: Settings, clock: Clock) -> Iterator[CheckResult]:
    """Ask every platform, and hand the newest checkpoint to every place outside; creates the store if needed."""
    yield from online.check_online(settings, clock)
    yield from outside.check_places_online(settings)
