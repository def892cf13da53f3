"""Migrate a store in one transaction, which commits only where orders, money and events are what they were."""

from typing import Any

from sqlalchemy import Connection, text

from conversions import __version__
from conversions.errors import LedgerError
from conversions.ledger import runs, schema
from conversions.ledger.batches.old_links import old_commitments
from conversions.ledger.log import bound
from conversions.ledger.log.merkle import root_of
from conversions.ledger.maintenance import migration_totals
from conversions.observe.progress import Progress

_EVENTS = text("SELECT count(*) FROM event")


def migrate(connection: Connection, progress: Progress) -> dict[str, Any]:
    """Migrate inside the caller's transaction; return the facts of the log entry ``upgraded``.

    Raises LedgerError where control totals differ: the caller rolls back.
    """
    before, totals = schema.current(connection), migration_totals.before(connection)
    times = 1 if before >= schema.SEALED_SINCE else 2  # sealed in batches, then read batch by batch
    with progress.track("upgrading events", times * connection.execute(_EVENTS).scalar_one()) as advance:
        schema.migrate(connection, advance)
    if differences := migration_totals.differences(totals, migration_totals.after(connection)):
        raise LedgerError(
            f"The upgrade would change what the store says ({', '.join(differences)} differ), so nothing was changed. "
            "`conversions audit verify` of the version that the store was used with checks it; report this."
        )
    facts = {"from": before, "to": schema.REVISION, "version": __version__, "operator": runs.operator()}
    if before >= schema.SEALED_SINCE:
        return facts
    return {**facts, "links": root_of([root_of(batch) for batch in old_commitments(connection)]).hex()}


def bind_rows(connection: Connection, facts: dict[str, Any]) -> None:
    """Bind every row of a store whose schema did not, so that the next leaf states every set.

    The log of a newer store states them already: to bind them again would hide that one was altered.
    """
    if facts["from"] < schema.BOUND_SINCE:
        bound.bind_everything(connection)
