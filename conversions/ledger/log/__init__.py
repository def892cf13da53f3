"""The audit log: an RFC 6962 tree of entries, and the tail file that keeps its tree heads outside the store."""

from conversions.ledger.log.entries import append, check_epoch, entry, root_at, root_with

__all__ = ["append", "check_epoch", "entry", "root_at", "root_with"]
