"""Stage the source snapshot page by page; no order is claimed before the last page is written.

An order that is ready to be sent stands as its batch says: nothing is written for it but its event and its place. Most
orders of a later reading are as they were, and nothing is written for them either; the others go through
``transitions``, one by one.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, insert, select, text

from conversions.errors import LedgerError
from conversions.ledger import judgements, log
from conversions.ledger.batches.buyers import set_buyers
from conversions.ledger.batches.seal import seal
from conversions.ledger.schema import tables
from conversions.ledger.schema.tables import DESTINATION_BITS, MAX_DESTINATIONS
from conversions.ledger.staging import first_reading
from conversions.ledger.staging.evaluate import KEY, ROWS_PER_PAGE, evaluate_page, pages
from conversions.ledger.staging.known_orders import KnownOrders, mark_unchanged
from conversions.ledger.staging.known_rows import IS_KNOWN, KNOWN
from conversions.ledger.standing import make_exceptions, readings
from conversions.ledger.store import Ledger

_INSERT_SALES = text("""
    INSERT INTO sale(
        shop, order_no, shown_no, purchased_us, status, first_run, subject, minor, currency, exponent
    ) SELECT :shop, s.order_no, s.shown_no, s.purchased_us, s.status, :run, s.subject, s.minor, s.currency, s.exponent
    FROM order_row s WHERE s.id > :after AND s.id <= :upto AND s.id NOT IN (SELECT id FROM known_row) ORDER BY s.id
""")
_NOTE_NEW = text("""
    INSERT INTO known_row(id, sale, unchanged) SELECT s.id, a.id, 0
    FROM order_row s JOIN sale a ON a.shop = :shop AND a.order_no = s.order_no
    WHERE s.id > :after AND s.id <= :upto AND s.id NOT IN (SELECT id FROM known_row)
""")
_PAGE = "n.unchanged = 0 AND n.id > :after AND n.id <= :upto"
_OF_PAGE = f"{_PAGE} AND s.id = n.id AND sale.id = n.sale"
_UPDATE_STATUSES = text(f"""
    UPDATE sale SET status = s.status, shown_no = CASE WHEN sale.purchased_us IS NULL THEN NULL ELSE s.shown_no END
    FROM known_row n CROSS JOIN order_row s WHERE {_OF_PAGE}
    AND (
        (sale.status IS NULL) <> (s.status IS NULL) OR sale.status <> s.status
        OR coalesce(sale.shown_no, '') <> coalesce(s.shown_no, '')
    )
""")
_IS_ERASED = f"""
    EXISTS (
        SELECT 1 FROM exception x WHERE x.state = 'erased'
        AND x.id BETWEEN sale.id << {DESTINATION_BITS} AND sale.id << {DESTINATION_BITS} | {MAX_DESTINATIONS - 1}
    )
"""
_SET_PURCHASE_TIMES = text(f"""
    UPDATE sale SET purchased_us = s.purchased_us FROM known_row n CROSS JOIN order_row s WHERE {_OF_PAGE}
    AND sale.purchased_us IS NULL AND NOT {_IS_ERASED}
""")
"""For sales that an older version of the program stored without a time."""
_OTHER_VALUE = "(a.minor IS NULL OR a.minor <> s.minor OR a.currency <> s.currency OR a.exponent <> s.exponent)"
_REVALUED = text(f"""
    SELECT k.id {KNOWN} CROSS JOIN delivery_place k WHERE {_PAGE} AND {IS_KNOWN}
    AND k.id BETWEEN a.id << {DESTINATION_BITS} AND a.id << {DESTINATION_BITS} | {MAX_DESTINATIONS - 1}
    AND k.place IS NOT NULL AND {_OTHER_VALUE}
""")
"""Orders that were sealed with another value than the source states now: it stays theirs."""
_UPDATE_VALUES = text(f"""
    UPDATE sale SET minor = s.minor, currency = s.currency, exponent = s.exponent
    FROM known_row n CROSS JOIN order_row s WHERE {_OF_PAGE} AND {_OTHER_VALUE.replace("a.", "sale.")}
    AND NOT {_IS_ERASED}
""")
_OTHER_BUYERS = text(f"""
    SELECT a.id, s.subject {KNOWN} WHERE {_PAGE} AND {IS_KNOWN} AND s.subject IS NOT NULL
    AND (a.subject IS NULL OR a.subject <> s.subject)
    AND EXISTS (
        SELECT 1 FROM place p WHERE NOT EXISTS (SELECT 1 FROM delivery_place k WHERE k.id = {KEY})
    )
""")
"""Sales that the ledger had, with their buyers now, where a destination reads the order for the first time."""
_COUNT_DRAFTS = text(f"""
    SELECT count(*) * (SELECT count(*) FROM place) FROM known_row n WHERE {_PAGE}
""")
_READ = text("SELECT sale FROM known_row WHERE id > :after AND id <= :upto")
_PLACES = text("SELECT destination FROM place")
_JUDGED = text(f"""
    SELECT x.id FROM known_row n CROSS JOIN place p CROSS JOIN exception x
    WHERE {_PAGE} AND x.id = n.sale << {DESTINATION_BITS} | p.destination
    AND (x.state IN ('withheld', 'quarantined', 'rejected', 'expired') OR x.reason IS NOT NULL)
    AND (x.judged_run = :run OR :anew = 1) ORDER BY x.id
""")
"""Orders that this run judged otherwise than the last one, and, with *anew*, all that stand against sending."""


def stage(ledger: Ledger, run: int, shop: str, limits: Mapping[int, int]) -> Iterator[int]:
    """Write the snapshot page by page; yield the number of orders in each page.

    *limits* are the events of one request, by destination.
    """
    orders = pages(ledger)
    for after in orders:
        with ledger.transaction() as connection:
            log.check_epoch(connection, ledger.epoch)
            now = int(ledger.clock().timestamp())
            page = {"shop": shop, "after": after, "upto": after + ROWS_PER_PAGE, "run": run, "now": now}
            _update_sales(connection, page)
            first = first_reading.stage(connection, page)
            known = KnownOrders(connection, run, now)
            if first.orders < connection.execute(_COUNT_DRAFTS, page).scalar_one():
                mark_unchanged(connection, page)
                for evaluation in evaluate_page(connection, after, run=run):
                    known.add(evaluation)
                known.write()
            first_reading.set_other_terms(connection, seal(connection, run, [*first.events, *known.events], limits))
            judged = connection.execute(_JUDGED, page | {"anew": int(judgements.is_new_basis(connection))})
            changed = {*judged.scalars().all(), *known.changed}
            judgements.record(connection, ledger.now_us, sorted(changed), run=run)
        yield min(ROWS_PER_PAGE, orders.stop - after)


def _update_sales(connection: Connection, page: Mapping[str, Any]) -> None:
    """Write what the source says of each sale, and that this run has read it."""
    for statement in (_INSERT_SALES, _NOTE_NEW, _UPDATE_STATUSES, _SET_PURCHASE_TIMES):
        connection.execute(statement, page)
    make_exceptions(connection, connection.execute(_REVALUED, page).scalars().all())
    connection.execute(_UPDATE_VALUES, page)
    set_buyers(connection, {row.id: row.subject for row in connection.execute(_OTHER_BUYERS, page)})
    destinations = connection.execute(_PLACES).scalars().all()
    readings.remember(connection, page["run"], page["after"], destinations, _sales(connection, page))


def _sales(connection: Connection, page: Mapping[str, Any]) -> Sequence[int]:
    return connection.execute(_READ, page).scalars().all()


def destination_id(ledger: Ledger, name: str) -> int:
    """Return the destination id in the ledger; a new destination gets one.

    Raises LedgerError where there is no room for another: its keys would be those of other orders.
    """
    with ledger.transaction() as connection:
        t = tables.destination
        number = connection.execute(select(t.c.id).where(t.c.name == name)).scalar()
        if number is None:
            number = connection.execute(insert(t).values(name=name).returning(t.c.id)).scalar_one()
        if number >= MAX_DESTINATIONS:
            raise LedgerError(
                f"This store has had {MAX_DESTINATIONS - 1} destinations and cannot hold more. Give {name} the name of "
                "one that is not used any more, then `conversions adopt --destination NAME --reason TEXT`."
            )
        return int(number)
