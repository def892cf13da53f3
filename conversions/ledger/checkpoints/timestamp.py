"""RFC 3161 time stamps: an authority confirms when a checkpoint existed; it receives the digest only.

To verify one: ``openssl ts -verify -in N.tsr -data N.checkpoint -CAfile ROOTS``.
"""

import hashlib
from typing import TYPE_CHECKING

import structlog

if TYPE_CHECKING:
    from conversions.transport.route import Route

HEADERS = {"Content-Type": "application/timestamp-query", "Accept": "application/timestamp-reply"}
TIMEOUT = (5.0, 15.0)


def request_timestamp(url: str, content: bytes, route: "Route") -> bytes | None:
    """The authority's time stamp of *content*; None and a warning where there is no valid answer.

    A missing time stamp does not fail a run: the checkpoint is valid without it.
    """
    try:
        from rfc3161_client import HashAlgorithm, TimestampRequestBuilder
    except ImportError:
        structlog.get_logger().warning("no time stamp", why="install `conversions[timestamps]`")
        return None
    from conversions.transport import http  # only here, since every command opens the ledger

    request = TimestampRequestBuilder().data(content).hash_algorithm(HashAlgorithm.SHA256).build()
    headers = HEADERS | {"User-Agent": http.USER_AGENT}
    answer = http.post(http.Session(route), url, request.as_bytes(), headers, TIMEOUT)
    if isinstance(answer, http.Answer) and answer.status == 200 and covers(answer.body, content, request.nonce):
        return answer.body
    why = f"status {answer.status}" if isinstance(answer, http.Answer) else answer.why
    structlog.get_logger().warning("no time stamp", why=why)
    return None


def covers(response: bytes, content: bytes, nonce: int | None = None) -> bool:
    """Whether *response* is a time stamp of *content*, with *nonce* if given."""
    from rfc3161_client import decode_timestamp_response

    try:
        info = decode_timestamp_response(response).tst_info
    except ValueError:
        return False
    return info.message_imprint.message == hashlib.sha256(content).digest() and nonce in {None, info.nonce}
