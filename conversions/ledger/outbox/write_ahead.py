"""One attempt on disk before its first byte is written: the request, its events, and the leaf of the log."""

from hashlib import sha256
from itertools import repeat

from sqlalchemy import Connection, insert, text

from conversions.ledger import log
from conversions.ledger.outbox.work import Attempt, ClaimedBatch, RequestTemplate, ValidatedBatch
from conversions.ledger.runs import Run
from conversions.ledger.schema import tables


def commit(
    connection: Connection,
    now_us: int,
    run: Run,
    outbox: RequestTemplate,
    claimed: ClaimedBatch,
    examined: ValidatedBatch,
) -> Attempt:
    """Write the attempt, at the instant that its orders know it by; in the caller's transaction.

    Raises LedgerError where the store is another run's now.
    """
    number = connection.execute(text("SELECT coalesce(max(id), 0) + 1 FROM request")).scalar_one()
    said = {"run": run.id, **_attempted(outbox, claimed), "policy": run.policy}
    facts = {"request": number, **said, **_disclosed(run, outbox, examined)}
    leaf = log.append(connection, "intent", now_us, facts, epoch=run.epoch)
    row = {"id": number, **said, **_apart(outbox), "intended_us": now_us, "leaf": leaf}
    connection.execute(insert(tables.request).values(**row))
    if rows := list(zip(repeat(number), range(len(claimed.events)), claimed.events)):
        connection.exec_driver_sql("INSERT INTO request_event VALUES (?, ?, ?)", rows)
    return Attempt(number, examined.body, claimed.events, claimed.work)


def _attempted(outbox: RequestTemplate, claimed: ClaimedBatch) -> dict[str, object]:
    """What row and leaf both say."""
    return {
        "parent": claimed.work.parent,
        "purpose": claimed.work.purpose,
        "attempt": claimed.work.attempt,
        "recipient": outbox.recipient,
        "url": outbox.url,
        "events": len(claimed.events),
        "rules": outbox.rules,
    }


def _apart(outbox: RequestTemplate) -> dict[str, object]:
    """The envelope of its bytes, which the events stay out of: they can be erased."""
    return {
        "destination": outbox.destination,
        "headers": outbox.headers,
        "prefix": outbox.prefix,
        "suffix": outbox.suffix,
    }


def _disclosed(run: Run, outbox: RequestTemplate, examined: ValidatedBatch) -> dict[str, object]:
    """What the log proves of the body without holding any of it."""
    return {
        "destination": outbox.name,
        "bytes": len(examined.body),
        "paths": list(examined.paths),
        "policy_version": run.policy_version,
        "legal_basis": run.legal_basis,
        "envelope": sha256(b"\0".join([outbox.headers.encode(), outbox.prefix, outbox.suffix])).hexdigest(),
        "commitments": examined.commitments,
    }
