"""The origin: the first line of a checkpoint, which names one history of one log.

A restored or adopted store continues another history than the one that its newer checkpoints told, so it gets a new
origin, ``conversions/STORE/BRANCH``. The branch is the beginning of the hash of the entry "restored", which names the
former origin, size and root; so the origin follows from the log alone. The signer's name has no branch: the key that
auditors hold stays the same (c2sp.org/tlog-checkpoint lets the two differ).
"""

import re

import orjson
from sqlalchemy import Connection, select

from conversions.ledger.log.merkle import leaf_hash
from conversions.ledger.schema import tables

FORMER_ORIGIN = "remembered_origin"
"""The fact of an entry "restored" that begins a new origin; entries of earlier releases do not have it."""
ORIGIN = re.compile(r"conversions/(?P<store>[0-9a-f]{32})(?:/(?P<branch>[0-9a-f]{16}))?")
_RESTORED = '"kind":"restored"'


def signer(store_id: str) -> str:
    """Name of the signer of a log's checkpoints, and the origin of a log that was never restored."""
    return f"conversions/{store_id}"


def origin_after(store_id: str, restored: bytes) -> str:
    """The origin that begins with the entry *restored*, canonical JSON."""
    return f"{signer(store_id)}/{leaf_hash(restored).hex()[:16]}"


def current_origin(connection: Connection, store_id: str) -> str:
    """The origin of the log as it stands."""
    body = tables.leaf.c.body
    newest = select(body).where(body.contains(_RESTORED)).order_by(tables.leaf.c.seq.desc()).limit(1)
    restored = connection.execute(newest).scalar()
    begins = restored is not None and FORMER_ORIGIN in orjson.loads(restored)
    return origin_after(store_id, restored.encode()) if begins and restored else signer(store_id)
