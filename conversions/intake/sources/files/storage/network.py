"""Errors of the network that a driver raises, itself or as what they were raised from."""

from socket import gaierror

from conversions.transport.causes import cause_of, chain
from conversions.transport.not_sent import Cause, NotSent


def not_sent(error: Exception, host: str, port: int) -> NotSent | None:
    """Return why there is no connection to *host*; None where *error* is no error of the network."""
    # What came first knows most: aiohttp's own errors have the types of the standard library without their attributes.
    for inner in reversed([*chain(error)]):
        cause = Cause.NO_DNS if isinstance(inner, gaierror) else cause_of(inner)
        if cause is not Cause.OTHER:
            return NotSent(cause, host, port)
    return None
