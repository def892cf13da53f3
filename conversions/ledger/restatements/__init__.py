"""Restatements: which changed values can be sent as adjustments, and the outbox that sends them."""

from conversions.ledger.restatements.outbox import claim, close_expired, has_open, intend, revert_refused, settle

__all__ = ["claim", "close_expired", "has_open", "intend", "revert_refused", "settle"]
