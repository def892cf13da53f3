"""The log: an RFC 6962 tree of entries, and the file outside the store that remembers its heads."""

from conversions.ledger.log.entries import append, check_epoch, consistency, inclusion, root_at

__all__ = ["append", "check_epoch", "consistency", "inclusion", "root_at"]
