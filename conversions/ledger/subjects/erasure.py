"""Erase a person's data from the ledger (GDPR art. 17) and open recipient notices (art. 19).

An erased order keeps its number, its day, its id at the platform and the state ``erased``, so it is never sent again.
The keyed subject stays on the suppression list.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import Connection, insert, text

from conversions.ledger import log, runs
from conversions.ledger.schema import tables
from conversions.ledger.schema.tables import DESTINATION_BITS, MAX_DESTINATIONS, REVISION_BITS
from conversions.ledger.states import State
from conversions.ledger.store import Ledger
from conversions.ledger.subjects import records, redaction, suppressions
from conversions.ledger.subjects.suppressions import SuppressionKind

SALE_BITS = DESTINATION_BITS + REVISION_BITS
DELIVERIES_OF = f"BETWEEN j.value << {DESTINATION_BITS} AND j.value << {DESTINATION_BITS} | {MAX_DESTINATIONS - 1}"
EVENTS_OF = f"BETWEEN j.value << {SALE_BITS} AND j.value << {SALE_BITS} | {(1 << SALE_BITS) - 1}"
"""Key ranges of the deliveries and of the events of the sale ``j.value``."""
NOTICE = "erase"

_EVENTS = text(f"SELECT e.id FROM json_each(:sales) j JOIN event e ON e.id {EVENTS_OF} ORDER BY e.id")
_RECIPIENTS = text(f"""
    SELECT DISTINCT r.recipient FROM request r WHERE r.destination IN (
        SELECT d.destination FROM json_each(:sales) j JOIN delivery d ON d.id {DELIVERIES_OF}
        WHERE d.attempted OR d.revision > 0
    ) ORDER BY 1
""")
_CLOSE = text(f"""
    UPDATE delivery SET state = '{State.ERASED}', reason = NULL, detail = NULL, value_minor = NULL,
    value_currency = NULL, value_exponent = NULL, stated_minor = 0, due_minor = NULL, fingerprint = NULL,
    ready_at = NULL, expires_at = NULL, first_attempt_us = NULL, decision = NULL, subject = NULL, accepted_minor = NULL
    WHERE id IN (
        SELECT d.id FROM json_each(:sales) j JOIN delivery d ON d.id {DELIVERIES_OF}
    )
""")
_CLOSE_ELSEWHERE = text(f"""
    INSERT INTO delivery(
        id, sale, destination, run, day, state, revision, stated_minor, stated_currency, stated_exponent, attempted
    ) SELECT j.value << {DESTINATION_BITS} | p.id, j.value, p.id, max(d.run), max(d.day), '{State.ERASED}', 0, 0,
        max(d.stated_currency), max(d.stated_exponent), 0
    FROM json_each(:sales) j CROSS JOIN destination p JOIN delivery d ON d.id {DELIVERIES_OF}
    WHERE NOT EXISTS (SELECT 1 FROM delivery x WHERE x.id = j.value << {DESTINATION_BITS} | p.id)
    GROUP BY j.value, p.id
""")
"""Close the order at destinations that have not read it yet, so that it is not sent there either."""
_CLOSE_REVISIONS = text(f"""
    UPDATE revision SET state = '{State.ERASED}', detail = NULL, unconfirmed = 0, old_minor = 0, new_minor = 0
    WHERE id IN (
        SELECT v.id FROM json_each(:sales) j JOIN revision v ON v.id {EVENTS_OF}
    )
""")
_CLEAR_SALES = text(
    "UPDATE sale SET purchased_us = NULL, status = NULL WHERE id IN (SELECT value FROM json_each(:sales))"
)
_DELETE_AMOUNTS = text("DELETE FROM latest_amount WHERE sale IN (SELECT value FROM json_each(:sales))")
_ORDER_NUMBERS = text("SELECT a.order_no FROM json_each(:sales) j JOIN sale a ON a.id = j.value")
_REPORTS = text("""SELECT id, report FROM run WHERE report LIKE '%"order":%'""")
_REPORT = "UPDATE run SET report = ? WHERE id = ?"
_CLEAR_ACCESS_LOG = text("UPDATE look SET subject = NULL WHERE subject = :subject")


@dataclass(frozen=True, slots=True)
class ErasureSummary:
    """Counts of one person's erasure."""

    orders: int
    events: int
    recipients: tuple[str, ...]
    """Recipients of the person's data; each has an open notice."""


def erase_subject(ledger: Ledger, subject: bytes, case: str) -> ErasureSummary:
    """Erase a person's data. The caller holds the run lock, and calls ``redaction.wipe`` afterwards.

    Every attempt must be settled. A repeated erasure without new data changes nothing. Raises LedgerError where another
    run has taken over the store.
    """
    fresh = suppressions.add(ledger, subject, None, SuppressionKind.ERASURE, case)
    with ledger.transaction() as connection:
        sales = records.sales_of(connection, subject)
        if not (sales or fresh):
            return ErasureSummary(0, 0, ())
        parameters = {"sales": orjson.dumps(sales).decode()}
        events = list(connection.execute(_EVENTS, parameters).scalars())
        recipients = tuple(connection.execute(_RECIPIENTS, parameters).scalars())
        redaction.redact(connection, events)
        for statement in (_CLOSE, _CLOSE_ELSEWHERE, _CLOSE_REVISIONS, _CLEAR_SALES, _DELETE_AMOUNTS):
            connection.execute(statement, parameters)
        _remove_from_reports(connection, set(connection.execute(_ORDER_NUMBERS, parameters).scalars()))
        connection.execute(_CLEAR_ACCESS_LOG, {"subject": subject})
        _record(connection, ledger, case, events, recipients)
    return ErasureSummary(len(sales), len(events), recipients)


def _record(
    connection: Connection, ledger: Ledger, case: str, events: Sequence[int], recipients: Iterable[str]
) -> None:
    """Store the log entry, the erasure and one recipient notice per recipient."""
    now, operator = ledger.now_us, runs.operator()
    covered = redaction.ranges(connection, events)
    facts = {"basis": "art17", "case": case, "events": covered, "count": len(events), "operator": operator}
    leaf = log.append(connection, "erasure", now, facts, epoch=ledger.epoch)
    row = {"case_no": case, "at_us": now, "operator": operator, "events": len(events), "leaf": leaf}
    erasure = connection.execute(insert(tables.erasure).values(**row).returning(tables.erasure.c.id)).scalar_one()
    notices = [{"erasure": erasure, "recipient": name, "what": NOTICE, "opened_us": now} for name in recipients]
    if notices:
        connection.execute(insert(tables.task), notices)


def _remove_from_reports(connection: Connection, orders: set[str]) -> None:
    """Remove *orders* from stored run reports, which name some orders with their values."""
    reports = connection.execute(_REPORTS).all() if orders else ()
    for run, report in reports:
        cleaned = orjson.dumps(_without(orjson.loads(report), orders)).decode()
        if cleaned != report:
            connection.exec_driver_sql(_REPORT, (cleaned, run))


def _without(value: Any, orders: set[str]) -> Any:
    """*value* without the list items that name one of *orders*."""
    if isinstance(value, dict):
        return {key: _without(child, orders) for key, child in value.items()}
    if isinstance(value, list):
        return [
            _without(item, orders) for item in value if not (isinstance(item, dict) and item.get("order") in orders)
        ]
    return value
