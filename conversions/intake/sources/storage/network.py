"""Errors of the network that a driver raises, itself or as what they were raised from."""

from collections.abc import Iterator

from conversions.intake.sources.shop_api.failures import Failure
from conversions.transport import unreachable
from conversions.transport.causes import cause_of
from conversions.transport.not_sent import Cause, NotSent


def chain(error: BaseException | None) -> Iterator[BaseException]:
    """Yield *error* and what it was raised from."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def failure(error: Exception, place: str, host: str, port: int) -> Failure | None:
    """Return the failure of a connection to *place*; None where *error* is no error of the network."""
    # What came first knows most: aiohttp's own errors have the types of the standard library without their attributes.
    for inner in reversed([*chain(error)]):
        cause = Cause.NO_DNS if type(inner).__name__ == "gaierror" else cause_of(inner)
        if cause is not Cause.OTHER:
            return Failure(unreachable.sentence(place, NotSent(cause, host, port)), passing=True)
    return None
