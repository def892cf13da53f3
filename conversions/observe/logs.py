"""Log lines on stderr: plain text, or one JSON object per line where ``CONVERSIONS_LOG_FORMAT=json`` asks for them.

No log line contains personal data or a secret, even if a caller passes one: the last step before rendering accepts
plain values only, and withholds values that look like an address, its digest, a key or a token. Log lines of libraries
are dropped, since they may quote data.
"""

import logging
import os
import re
import sys
from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal
from pathlib import PurePath
from typing import Any

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from conversions.observe.printable import printable

LOG_FORMAT = "CONVERSIONS_LOG_FORMAT"
WITHHELD = "[withheld]"
SECRET_NAME = re.compile(r"e_?mail|token|secret|password|authorization|subject|(^|_)key$", re.IGNORECASE)
SECRET_TEXT = re.compile(r"@|%40|access_token|bearer |\bEAA\w{16}|[0-9a-f]{64}", re.IGNORECASE)


def start(level: int = logging.INFO) -> None:
    """Configure the log lines of this process. *level* is a level of ``logging``."""
    logging.basicConfig(handlers=[logging.NullHandler()])
    structlog.configure(
        processors=[structlog.contextvars.merge_contextvars, structlog.processors.add_log_level, *_rendering()],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),
        cache_logger_on_first_use=False,
    )


def as_json() -> bool:
    """Whether the environment asks for JSON, for a collector of logs."""
    return os.environ.get(LOG_FORMAT) == "json"


def _rendering() -> list[Processor]:
    if as_json():
        return [structlog.processors.TimeStamper("iso", utc=True), redact, structlog.processors.JSONRenderer()]
    colors = sys.stderr.isatty() and "NO_COLOR" not in os.environ
    return [redact, _escape, structlog.dev.ConsoleRenderer(colors=colors, pad_event_to=0)]


def _escape(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    return {name: printable(value) if isinstance(value, str) else value for name, value in event.items()}


def redact(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Keep plain values that look neither personal nor secret. Of an exception only the class is kept."""
    plain = {name: _plain(name, value) for name, value in event.items() if name not in {"exc_info", "stack_info"}}
    if event.get("exc_info"):
        failure = sys.exc_info()[0] if event["exc_info"] is True else type(event["exc_info"])
        plain["error"] = failure.__name__ if failure else WITHHELD
    return plain


def _plain(name: str, value: Any) -> Any:
    if SECRET_NAME.search(name):
        return WITHHELD
    match value:
        case None | bool() | int() | float():
            return value
        case str() | PurePath() | date() | timedelta() | Decimal():
            return WITHHELD if SECRET_TEXT.search(str(value)) else str(value)
        case Mapping():
            return {str(_plain("", key)): _plain(str(key), each) for key, each in value.items()}
        case tuple() if hasattr(value, "_fields"):  # an order is a named tuple
            return type(value).__name__
        case list() | tuple() | set() | frozenset():
            return [_plain(name, each) for each in value]
        case _:
            return type(value).__name__
