"""The sentence about a platform that this machine cannot reach: the network is at fault, not the platform."""

from conversions import catalogue
from conversions.transport.not_sent import Cause, NotSent

ADVICE = {
    **dict.fromkeys((Cause.NO_DNS, Cause.UNREACHABLE), "network"),
    **dict.fromkeys((Cause.REFUSED, Cause.TIMEOUT, Cause.OTHER), "open"),
    **dict.fromkeys((Cause.RESET, Cause.NO_TLS), "tls"),
    **dict.fromkeys((Cause.CERTIFICATE_EXPIRED, Cause.CERTIFICATE_NOT_YET_VALID), "certificate_dates"),
    **dict.fromkeys((Cause.CERTIFICATE_OF_ANOTHER, Cause.CERTIFICATE_INVALID), "certificate"),
}
"""By cause, the code of the advice where it is not the cause itself."""


def sentence(name: str, not_sent: NotSent) -> str:
    """Return what happened to a request to *name*, what it means, and what to open or set."""
    why = reason(not_sent)
    if not_sent.cause is Cause.NO_TOKEN:
        return f"{name} cannot be asked at the moment: {why}."
    advice = _words("unreachable_advice", ADVICE.get(not_sent.cause, not_sent.cause), not_sent)
    return f"This machine cannot reach {name} ({why}). {advice}"


def reason(not_sent: NotSent) -> str:
    """Return why the request did not leave, as a part of a sentence."""
    return _words("unreachable", not_sent.cause, not_sent)


def _words(section: str, code: str, not_sent: NotSent) -> str:
    return catalogue.text(section, code).format(host=not_sent.host, port=not_sent.port, approve=catalogue.APPROVE)
