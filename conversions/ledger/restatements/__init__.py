"""Values that changed after sending: which may be restated, and the outbox that sends them."""

from conversions.ledger.restatements.outbox import claim, close_expired, has_open, intend, refused_later, settle

__all__ = ["claim", "close_expired", "has_open", "intend", "refused_later", "settle"]
