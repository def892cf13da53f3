"""Object stores with the API of Amazon S3, through s3fs.

Key, region and endpoint come from the environment or the files of the AWS tools, as botocore reads them; the proxy and
its authority only from the settings, as for everything that this program asks.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from conversions.errors import SettingsError
from conversions.intake.sources.files.storage import network
from conversions.intake.sources.files.storage.address import Address
from conversions.intake.sources.files.storage.driver import FileState, FileSystem
from conversions.intake.sources.files.storage.pattern import Info
from conversions.intake.sources.shop_api.failures import Failure
from conversions.transport import unreachable
from conversions.transport.causes import ProxyAnswer, cause_of, chain
from conversions.transport.http import instant
from conversions.transport.not_sent import Cause, NotSent
from conversions.transport.object_store import authorities, code_of, encrypted, endpoint, open_files
from conversions.transport.route import Route

MISSING = (
    "source.path is on S3, but the driver is not installed. Install `conversions[s3]` in place of `conversions`, then "
    "`conversions doctor`."
)
_KEY = (
    "does not know the key in AWS_ACCESS_KEY_ID, or it is disabled ({code}). Correct it in .env; for another provider "
    "than AWS, set AWS_ENDPOINT_URL there, too."
)
_SENTENCES = {
    "NoSuchBucket": "does not exist ({code}). Correct source.path; for another provider than AWS, set AWS_ENDPOINT_URL "
    "in .env.",
    "InvalidAccessKeyId": _KEY,
    "InvalidClientTokenId": _KEY,
    "SignatureDoesNotMatch": "does not accept AWS_SECRET_ACCESS_KEY ({code}). Copy it again into .env.",
    "ExpiredToken": "does not accept the session token, which has expired ({code}). Get a new AWS_SESSION_TOKEN.",
    "RequestTimeTooSkewed": "says that this machine's clock is wrong ({code}). Set the clock.",
    "InvalidObjectState": "has an archived object ({code}). Restore it, or leave it out of source.path.",
    "PermanentRedirect": "is in another region ({code}). Set AWS_DEFAULT_REGION in .env.",
    "AuthorizationHeaderMalformed": "is in another region ({code}). Set AWS_DEFAULT_REGION in .env.",
    **dict.fromkeys(
        ("AccessDenied", "403", "AllAccessDisabled", "AccountProblem"),
        "refuses this key ({code}). Allow it s3:ListBucket on the bucket and s3:GetObject on the files of source.path.",
    ),
}
"""By the code of S3's answer: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html."""
_CHANGED = frozenset({"PreconditionFailed", "412", "InvalidRange", "416"})
_NO_KEY = frozenset(
    {"NoCredentialsError", "PartialCredentialsError", "CredentialRetrievalError", "TokenRetrievalError"}
)
_NO_SETTING = frozenset({"ProfileNotFound", "ConfigParseError", "NoRegionError", "InvalidRegionError"})
_LOST = frozenset(
    {
        *("IncompleteRead", "IncompleteReadError", "ClientPayloadError", "ResponseStreamingError"),
        *("ConnectionClosedError", "ServerDisconnectedError", "ConnectionResetError"),
    }
)


class S3:
    """One bucket."""

    def __init__(self, address: Address, route: Route) -> None:
        self._bucket, self._route = address.host, route
        self.shown = address.shown
        self.pattern = address.host + address.path
        self._endpoint = endpoint(address.host)
        self._authorities = authorities(route, self)

    def connect(self) -> FileSystem:
        """Return the file system of all buckets. Raises SettingsError where s3fs is missing, or the way is open."""
        try:
            import s3fs  # noqa: F401
        except ImportError:
            raise SettingsError(MISSING) from None
        files = open_files(self._route, self._authorities, self._endpoint)
        if not encrypted(files):
            raise SettingsError(
                "AWS_ENDPOINT_URL begins with http://, which would show the orders to the network. Write https://."
            )
        return files

    def list(self, files: FileSystem, folder: str) -> Iterable[Info]:
        """Return what is in a folder; a bucket that does not exist is no empty one."""
        try:
            return files.ls(folder, detail=True)  # type: ignore[no-any-return]
        except FileNotFoundError as error:
            if code_of(error) == "NoSuchBucket":
                raise OSError from error
            raise

    def state(self, files: FileSystem, path: str) -> tuple[FileState, datetime | None]:
        """Return size, date and ETag of an object, and the date of the answer."""
        bucket, _, key = path.partition("/")
        head = files.call_s3("head_object", Bucket=bucket, Key=key)
        now = instant(head["ResponseMetadata"]["HTTPHeaders"].get("date", ""))
        return FileState(head["ContentLength"], head["LastModified"], head["ETag"]), now

    def open(self, files: FileSystem, path: str) -> Any:
        """Return a handle that reads by ranges, all of one ETag."""
        return files.open(path, "rb", cache_type="none")

    def failure(self, error: Exception) -> Failure:
        """Return what an error of botocore or aiohttp means."""
        place, names = f"The bucket {self._bucket}", {type(each).__name__ for each in chain(error)}
        if code := code_of(error):
            return _answered(place, code, self._endpoint)
        if names & _NO_KEY:
            return Failure(
                f"{place} cannot be asked without a key. Put AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY into .env."
            )
        if names & _NO_SETTING:
            return Failure(f"{place} cannot be asked ({type(error).__name__}). Correct the AWS_ variables in .env.")
        if "ProxyConnectionError" in names:
            return self._proxy_failure(error)
        if names & _LOST:
            return Failure(f"{place} closed the connection.", passing=True)
        if found := network.not_sent(error, *_host_and_port(self._endpoint)):
            return Failure(unreachable.sentence("the bucket", found), passing=True)
        return Failure(f"{place} cannot be read ({type(error).__name__}).", passing=True)

    def _proxy_failure(self, error: Exception) -> Failure:
        """Return the failure of the proxy: its answer, or that there is none."""
        statuses = (getattr(each, "status", None) for each in chain(error))
        status = next((each for each in statuses if isinstance(each, int)), None)
        if status is None:
            not_sent = NotSent(Cause.PROXY_UNREACHABLE, *_host_and_port(self._route.proxy or ""))
        else:
            not_sent = NotSent(cause_of(ProxyAnswer(status)), *_host_and_port(self._endpoint))
        return Failure(unreachable.sentence("the bucket", not_sent), passing=True)


def _answered(place: str, code: str, endpoint: str) -> Failure:
    """Return the failure for an answer of the store with this code."""
    if code in _CHANGED:
        return Failure(f"{place} has a file that changed while it was read.", passing=True, wait=float("inf"))
    if code in {"404", "NoSuchKey"}:
        return Failure(f"{place} has a file no more that it listed.", passing=True, wait=float("inf"))
    if code in _SENTENCES:
        return Failure(f"{place} at {_host_and_port(endpoint)[0]} {_SENTENCES[code].format(code=code)}")
    return Failure(f"{place} cannot be read at the moment ({code}).", passing=True)


def _host_and_port(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    return parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
