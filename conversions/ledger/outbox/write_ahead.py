"""Commit one attempt before its first byte is sent: the request, its events, and the leaf of the log."""

from hashlib import sha256

from sqlalchemy import Connection, insert, text

from conversions.ledger import log
from conversions.ledger.batches import parts
from conversions.ledger.outbox.work import Attempt, ClaimedBatch, Intent, RequestTemplate, ValidatedBatch
from conversions.ledger.runs import Run
from conversions.ledger.schema import tables


def commit(connection: Connection, run: Run, template: RequestTemplate, intent: Intent) -> Attempt:
    """Write the attempt, in the caller's transaction.

    Raises LedgerError where another run has taken over the store.
    """
    batch = intent.batch
    number = connection.execute(text("SELECT coalesce(max(id), 0) + 1 FROM request")).scalar_one()
    shared = {"run": run.id, **_shared_fields(template, batch), "policy": run.policy}
    facts = {"request": number, **shared, **_leaf_fields(run, template, intent.validated)}
    leaf = log.append(connection, "intent", intent.at_us, facts, epoch=run.epoch)
    row = {"id": number, **shared, **_row_fields(template), "intended_us": intent.at_us, "leaf": leaf}
    connection.execute(insert(tables.request).values(**row))
    parts.write(connection, number, [event.place for event in batch.claimed])
    return Attempt(number, intent.validated.body, batch.events, batch.work)


def _shared_fields(template: RequestTemplate, batch: ClaimedBatch) -> dict[str, object]:
    """Return the fields that the row and the leaf have in common."""
    return {
        "parent": batch.work.parent,
        "purpose": batch.work.purpose,
        "attempt": batch.work.attempt,
        "recipient": template.recipient,
        "url": template.url,
        "route": template.route,
        "events": len(batch.events),
        "rules": template.rules,
    }


def _row_fields(template: RequestTemplate) -> dict[str, object]:
    """Return the envelope; the events are stored apart, so that they can be erased."""
    return {
        "destination": template.destination_id,
        "headers": template.headers,
        "prefix": template.prefix,
        "suffix": template.suffix,
    }


def _leaf_fields(run: Run, template: RequestTemplate, validated: ValidatedBatch) -> dict[str, object]:
    """Return what the log proves about the body without storing any of it."""
    return {
        "destination": template.name,
        "bytes": len(validated.body),
        "paths": list(validated.paths),
        "policy_version": run.policy_version,
        "legal_basis": run.legal_basis,
        "envelope": sha256(b"\0".join([template.headers.encode(), template.prefix, template.suffix])).hexdigest(),
        "commitments": validated.commitments,
    }
