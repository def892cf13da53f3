"""What was read beside what the store holds: snapshot, evaluation, and the rows that follow from it."""

from conversions.ledger.staging.write import number_of, stage

__all__ = ["number_of", "stage"]
