"""Values that changed after sending: which may be restated, and the outbox that sends them."""

from conversions.ledger.restatements.outbox import claim, intend, open_there, refused_later, settle, tidy

__all__ = ["claim", "intend", "open_there", "refused_later", "settle", "tidy"]
