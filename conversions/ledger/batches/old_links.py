"""The links of events from before schema 0007, whose requests commit to the bytes alone: what binds them since."""

from collections.abc import Iterator, Mapping

from sqlalchemy import Connection, select

from conversions.ledger.batches.contents import Contents, read
from conversions.ledger.batches.form import Form, erased_link, link_commitment
from conversions.ledger.batches.links import links
from conversions.ledger.schema import tables

_OLD = select(tables.blob.c.batch).where(tables.blob.c.form == Form.BYTES).order_by(tables.blob.c.batch)


def old_commitments(connection: Connection) -> Iterator[list[bytes]]:
    """Yield the link commitments of each batch from before schema 0007, in the order of the batches."""
    for batch in connection.execute(_OLD).scalars().all():
        contents = read(connection, [batch])
        yield commitments(contents[batch], links(connection, kept(contents[batch]), contents))


def kept(contents: Contents) -> list[int]:
    """Return the keys of the events that are not erased."""
    return [event for event, body in zip(contents.events, contents.bodies, strict=True) if body is not None]


def commitments(contents: Contents, linked: Mapping[int, bytes]) -> list[bytes]:
    """Return the link commitment of each event, by position; *linked* has the links of those that are not erased."""
    form = contents.form
    return [
        erased_link(form, salts) if body is None else link_commitment(form, salts, linked.get(event, b""))
        for event, body, salts in zip(contents.events, contents.bodies, contents.salts, strict=True)
    ]
