"""What a bundle holds of the attempts to send: envelope, events and, for chosen orders, whose they are."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import orjson
from sqlalchemy import Connection, select

from conversions.audit.evidence.bundle_log import EntryRange
from conversions.audit.evidence.bundle_writer import line
from conversions.ledger.batches import parts
from conversions.ledger.batches.contents import Contents, batch_of, position_of, read
from conversions.ledger.batches.form import Form, bytes_salt, erased_value, link_commitment, link_salt
from conversions.ledger.batches.links import links
from conversions.ledger.schema import tables
from conversions.ledger.schema.tables import SALE_OF_EVENT


@dataclass(slots=True)
class RequestLines:
    """Makes the lines of the attempts, and records which events are opened and which have no payload."""

    chosen: frozenset[int]
    """Sales whose links are opened."""
    removed: list[int] = field(default_factory=list)
    """Keys of events without payload."""
    opened: dict[int, set[str]] = field(default_factory=dict)
    """The numbers under which the events of each chosen sale are opened."""

    def lines(self, log: Connection, of: EntryRange) -> Iterator[bytes]:
        """Yield one line for each attempt of the entries *of*."""
        request = tables.request.c
        query = select(request.id, request.route, request.headers, request.prefix, request.suffix)
        query = query.where(request.leaf.between(of.first, of.last)).order_by(request.leaf)
        for row in log.execute(query).all():
            envelope = {"headers": row.headers, "prefix": row.prefix.decode(), "suffix": row.suffix.decode()}
            yield line({"request": row.id, "route": row.route, **envelope, "events": [*self._events(log, row.id)]})

    def _events(self, log: Connection, request: int) -> Iterator[dict[str, Any]]:
        """Yield what proves each event of a request."""
        places = parts.places(log, [request])[request]
        contents = read(log, {batch_of(at) for at in places})
        keys = [contents[batch_of(at)].events[position_of(at)] for at in places]
        linked = links(log, keys, contents)
        for key, at in zip(keys, places, strict=True):
            yield self._event(key, contents[batch_of(at)], position_of(at), linked.get(key, b""))

    def _event(self, key: int, batch: Contents, position: int, linked: bytes) -> dict[str, Any]:
        """Salt, bytes and the commitment to the link; where the payload is gone, its leaf value and its number."""
        form, salts, body = batch.form, batch.salts[position], batch.bodies[position]
        if body is None:
            self.removed.append(key)
            return {"number": key, "commitment": erased_value(form, salts).hex()}
        shown = {"salt": bytes_salt(form, salts).hex(), "event": body.decode()}
        if form is Form.BYTES:
            return shown
        sale = key >> SALE_OF_EVENT
        if sale not in self.chosen:
            return {**shown, "link": link_commitment(form, salts, linked).hex()}
        self.opened.setdefault(sale, set()).add(orjson.loads(linked)[0])
        return {**shown, "link_salt": link_salt(form, salts).hex(), "opened": linked.decode()}
