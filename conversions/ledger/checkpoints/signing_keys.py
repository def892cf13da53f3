"""The keys that sign checkpoints: the present one, and for some time after a rotation the former one, too.

A verifier that knows only the former key accepts checkpoints during the overlap, and has that time to learn the new
one. The log has each change of the key with its time; the settings have the private keys.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

import orjson
from sqlalchemy import Connection, select

from conversions import keys
from conversions.ledger.checkpoints import signed_note
from conversions.ledger.schema import tables
from conversions.ledger.store import instant
from conversions.settings import Settings

PIN = "log key"
"""Name of the binding that holds the public key of the checkpoints, 64 hex characters."""


@dataclass(frozen=True, slots=True)
class FormerKey:
    """A key that signed checkpoints before the present one."""

    public: str
    """64 hex characters."""
    until: datetime
    """End of its overlap: aware, UTC."""
    seed: bytes | None
    """The private key; None where the settings do not have it."""

    def __repr__(self) -> str:
        return f"FormerKey({self.public!r}, {self.until!r})"


def signing_seed(settings: Settings) -> bytes:
    """Seed of the private key for checkpoints: a key of its own, or one derived from the shop's key."""
    return settings.secret_log_key or keys.derive(settings.secret_key, keys.LOG_KEY)


def former_keys(connection: Connection, settings: Settings) -> list[FormerKey]:
    """The former keys of the log, the one changed last first, each with the end of its overlap."""
    body = tables.leaf.c.body
    changes = select(body).where(body.contains('"kind":"pin changed"')).order_by(tables.leaf.c.seq.desc())
    entries = [entry for (text,) in connection.execute(changes) if (entry := orjson.loads(text))["pin"] == PIN]
    if not entries:
        return []
    held = {signed_note.public_key(seed).hex(): seed for seed in _held(settings)}
    overlap = timedelta(days=settings.store.checkpoint_key_overlap_days)
    found = {entry["old"]: instant(entry["t"]) + overlap for entry in reversed(entries)}
    found.pop(entries[0]["new"], None)
    return [FormerKey(public, until, held.get(public)) for public, until in reversed(found.items())]


def overlapping_seeds(connection: Connection, settings: Settings, now: datetime) -> list[bytes]:
    """Seeds of the former keys that still sign at *now*, as far as the settings have them."""
    since = connection.execute(select(tables.pin.c.since_us).where(tables.pin.c.name == PIN)).scalar()
    if since is None or now >= instant(since) + timedelta(days=settings.store.checkpoint_key_overlap_days):
        return []  # without reading the log
    return [key.seed for key in former_keys(connection, settings) if key.seed is not None and now < key.until]


def _held(settings: Settings) -> list[bytes]:
    """Every private key that may have signed: named ones, and those that earlier releases derived."""
    derived = [keys.derive(key, keys.LOG_KEY) for key in (settings.secret_key, *settings.secret_former_keys)]
    return [*settings.secret_former_log_keys, *derived]
