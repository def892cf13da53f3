"""The log: an RFC 6962 tree of entries, and the file outside the store that remembers its heads."""

from conversions.ledger.log.entries import append, consistency, inclusion, root_at, still_ours

__all__ = ["append", "consistency", "inclusion", "root_at", "still_ours"]
