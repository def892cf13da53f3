"""The present, as every command hands it to the library; tests hand over another."""

from datetime import UTC, datetime


def now() -> datetime:
    """Aware, UTC."""
    return datetime.now(UTC)
