"""The access token of the application default credentials: fetched at first use, renewed before it expires.

Only the token comes from google-auth. Its ``AuthorizedSession`` would add headers that the audit log does not record,
renew during a request, and write bodies to its debug log.
"""

from threading import Lock
from typing import Any
from urllib.parse import urlsplit

from conversions.destinations.google import credentials
from conversions.errors import Unauthorised
from conversions.transport.http import TIMEOUT_SECONDS, Session, is_web_page, not_connected
from conversions.transport.not_sent import Cause, NotSent
from conversions.transport.route import Route

SCOPE = "https://www.googleapis.com/auth/datamanager"


class Token:
    """The access token of one destination, by way of *route*."""

    def __init__(self, route: Route) -> None:
        self._route = route
        self._credentials: Any = None
        self._lock = Lock()

    def get(self) -> str | NotSent:
        """Return the token, valid for at least three minutes. Raises Unauthorised where Google gives none."""
        from google.auth.exceptions import GoogleAuthError

        request = _request(self._route)
        try:
            with self._lock:
                return self._refresh(request)
        except credentials.ProgramNotAllowed:
            raise _no_token(
                f"their file names a program, which runs only with {credentials.ALLOW_PROGRAMS}=1"
            ) from None
        except (GoogleAuthError, OSError, ValueError, TypeError, LookupError, AttributeError) as error:
            # google-auth reads an answer that is no JSON object without a check
            if request.web_page:
                return NotSent(Cause.WEB_PAGE, request.host, 443)
            if not_sent := not_connected(error):
                return not_sent
            if _is_temporary(error):
                return NotSent(Cause.NO_TOKEN, request.host, 443)
            raise _no_token(_why(error)) from None

    def check(self) -> None:
        """Raise Unauthorised where no credentials are configured. Makes no request."""
        file = credentials.file()
        if file is None and not credentials.on_google_cloud():
            raise _no_token("there are no credentials")
        if file is not None and not file.is_file():
            raise _no_token("their file is missing")

    def _refresh(self, request: Any) -> str:
        if self._credentials is None:
            self._credentials = credentials.load(SCOPE)
        if not self._credentials.valid:
            self._credentials.refresh(request)
        return str(self._credentials.token)


def _request(route: Route) -> Any:
    """Return the only way on which google-auth may ask a server: our session, and our limits of time."""
    from google.auth.transport.requests import Request

    class OurRequest(Request):
        host = ""
        web_page = False

        def __call__(self, url: str, *args: Any, **kwargs: Any) -> Any:
            self.host = urlsplit(url).hostname or ""
            answer = super().__call__(url, *args, **kwargs | {"timeout": TIMEOUT_SECONDS})  # type: ignore[no-untyped-call]
            self.web_page = is_web_page(answer.status, answer.headers)
            return answer

    return OurRequest(session=Session(route))


def _is_temporary(error: Exception) -> bool:
    from google.auth.exceptions import TransportError

    return isinstance(error, TransportError) or bool(getattr(error, "retryable", False))


def _why(error: Exception) -> str:
    from google.auth.exceptions import RefreshError

    match error:
        case RefreshError():
            return "Google does not accept them"
        case FileNotFoundError():
            return "there are no credentials"
        case OSError():
            return "their file cannot be read"
        case _:
            return f"their file has another form, {type(error).__name__}"


def _no_token(cause: str) -> Unauthorised:
    return Unauthorised(
        f"Google's application default credentials give no access token ({cause}). Set GOOGLE_APPLICATION_CREDENTIALS "
        "to a valid key file of the service account, or to the configuration file of Workload Identity Federation; "
        "then run `conversions doctor --online`."
    )
