"""The tables of the store, the schema version and its migrations."""

from conversions.ledger.schema.version import OLDER, REVISION, check, check_not_newer, current, migrate

__all__ = ["OLDER", "REVISION", "check", "check_not_newer", "current", "migrate"]
