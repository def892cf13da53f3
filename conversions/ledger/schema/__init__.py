"""The tables of the store, the schema version and its migrations."""

from conversions.ledger.schema.version import OLDER, REVISION, check_not_newer, check_version, current, migrate

__all__ = ["OLDER", "REVISION", "check_not_newer", "check_version", "current", "migrate"]
