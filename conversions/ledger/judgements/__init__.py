"""The history of judgements: why an order was not sent, under which rules, and since when.

A row is never rewritten; an erasure or retention blanks it, and leaves its commitment.
"""

from conversions.ledger.judgements.blank import blank
from conversions.ledger.judgements.record import is_new_basis, record, record_standing

__all__ = ["blank", "is_new_basis", "record", "record_standing"]
