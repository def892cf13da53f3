"""A request that did not leave this machine, and why, as a code; ``unreachable`` has the words."""

from dataclasses import dataclass
from enum import StrEnum


class Cause(StrEnum):
    """Why no byte of a request left."""

    NO_DNS = "no_dns"
    REFUSED = "refused"
    UNREACHABLE = "unreachable"
    """No route to the network or the host."""
    BLOCKED = "blocked"
    """This machine itself forbids the connection."""
    TIMEOUT = "timeout"
    RESET = "reset"
    """The connection was closed before it was encrypted."""
    NO_TLS = "no_tls"
    CERTIFICATE_UNKNOWN = "certificate_unknown"
    """Signed by an authority that this machine does not know."""
    CERTIFICATE_EXPIRED = "certificate_expired"
    CERTIFICATE_NOT_YET_VALID = "certificate_not_yet_valid"
    CERTIFICATE_OF_ANOTHER = "certificate_of_another"
    """For another host name."""
    CERTIFICATE_INVALID = "certificate_invalid"
    PROXY_WANTS_LOGIN = "proxy_wants_login"
    PROXY_REFUSED = "proxy_refused"
    PROXY_UNREACHABLE = "proxy_unreachable"
    """There is no connection to the proxy itself."""
    PROXY_FAILED = "proxy_failed"
    """The proxy did not get a connection, or does not answer as a proxy does."""
    WEB_PAGE = "web_page"
    """A sign-in page or a block page answered in the place of the token server."""
    NO_TOKEN = "no_token"  # noqa: S105
    """The network works; the token server gives no token right now."""
    MALFORMED = "malformed"
    """The address or a header is malformed."""
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class NotSent:
    """No byte of the request left: no address, no connection, or no TLS."""

    cause: Cause
    host: str = ""
    """Whom no connection could be opened to: the server, or a proxy; empty where the request itself is malformed."""
    port: int = 0

    @property
    def why(self) -> str:
        """The cause as a code."""
        return str(self.cause)
