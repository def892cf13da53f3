"""Tables, their version, and the migrations that lead to it."""

from conversions.ledger.schema.version import OLDER, REVISION, check, check_not_newer, current, migrate

__all__ = ["OLDER", "REVISION", "check", "check_not_newer", "current", "migrate"]
