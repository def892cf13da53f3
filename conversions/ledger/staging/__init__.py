"""Staging: the source snapshot, its evaluation against the ledger, and the rows that follow."""

from conversions.ledger.staging.write import destination_id, stage

__all__ = ["destination_id", "stage"]
