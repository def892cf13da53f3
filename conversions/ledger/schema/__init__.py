"""The tables of the store, the schema version and its migrations."""

from conversions.ledger.schema.version import (
    BOUND_SINCE,
    OLDER,
    REVISION,
    SEALED_SINCE,
    check_not_newer,
    check_version,
    current,
    migrate,
)

__all__ = ["BOUND_SINCE", "OLDER", "REVISION", "SEALED_SINCE", "check_not_newer", "check_version", "current", "migrate"]
