"""What was read beside what the store holds: snapshot, evaluation, and the rows that follow from it."""

from conversions.ledger.staging.write import destination_id, stage

__all__ = ["destination_id", "stage"]
