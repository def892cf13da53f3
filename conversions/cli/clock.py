"""The clock that every command passes to the library; tests pass another one."""

from datetime import UTC, datetime


def now() -> datetime:
    """The present instant, aware UTC."""
    return datetime.now(UTC)
