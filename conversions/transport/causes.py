"""Finds why a connection was not established.

Exception types, ``errno`` and OpenSSL's verification codes decide. Texts of exceptions do not: they contain URLs.
"""

import errno
import ssl
from collections.abc import Iterator
from http import HTTPStatus

from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError
from urllib3.util.ssl_match_hostname import CertificateError

from conversions.transport.not_sent import Cause


class ProxyAnswer(OSError):
    """A proxy opened no tunnel; *status* is its answer, 0 where that was none."""

    def __init__(self, status: int) -> None:
        super().__init__()
        self.status = status


_BY_ERRNO = dict.fromkeys(
    (errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN, errno.EHOSTDOWN, errno.EADDRNOTAVAIL), Cause.UNREACHABLE
) | dict.fromkeys((errno.EACCES, errno.EPERM, errno.EAFNOSUPPORT), Cause.BLOCKED)
_BY_VERIFY_CODE = {
    **dict.fromkeys((2, 7, 18, 19, 20, 21), Cause.CERTIFICATE_UNKNOWN),
    9: Cause.CERTIFICATE_NOT_YET_VALID,
    10: Cause.CERTIFICATE_EXPIRED,
    **dict.fromkeys((62, 64), Cause.CERTIFICATE_OF_ANOTHER),
}
"""By OpenSSL's ``X509_V_ERR`` codes: no issuer or another of that name, self-signed, dates, host name."""


_BY_TYPE: tuple[tuple[type[BaseException] | tuple[type[BaseException], ...], Cause], ...] = (
    (NameResolutionError, Cause.NO_DNS),
    (CertificateError, Cause.CERTIFICATE_OF_ANOTHER),
    ((ssl.SSLZeroReturnError, ssl.SSLEOFError, ConnectionResetError, BrokenPipeError), Cause.RESET),
    (ssl.SSLError, Cause.NO_TLS),
    ((ConnectTimeoutError, TimeoutError), Cause.TIMEOUT),
    (ConnectionRefusedError, Cause.REFUSED),
)
"""In this order: the first type that fits decides."""


def chain(error: BaseException | None) -> Iterator[BaseException]:
    """Yield *error* and what it was raised from."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def cause_of(error: BaseException) -> Cause:
    """Return why *error* ended a connection before it was established."""
    match error:
        case ProxyAnswer():
            return _of_proxy(error.status)
        case NewConnectionError(__cause__=BaseException() as inner) if not isinstance(error, NameResolutionError):
            return cause_of(inner)
        case ssl.SSLCertVerificationError():
            return _BY_VERIFY_CODE.get(error.verify_code, Cause.CERTIFICATE_INVALID)
    by_type = next((cause for types, cause in _BY_TYPE if isinstance(error, types)), None)
    return by_type or _BY_ERRNO.get(getattr(error, "errno", None) or 0, Cause.OTHER)


def _of_proxy(status: int) -> Cause:
    if status == HTTPStatus.PROXY_AUTHENTICATION_REQUIRED:
        return Cause.PROXY_WANTS_LOGIN
    return Cause.PROXY_REFUSED if 400 <= status < 500 else Cause.PROXY_FAILED
