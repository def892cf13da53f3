"""What retention has purged, so that no paper says of it that nothing was sent."""

from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection, func, select, text

from conversions.ledger.schema import tables
from conversions.ledger.schema.dialect import json_text
from conversions.ledger.schema.tables import POSITION_BITS
from conversions.model.receipt import Outcome

_BEFORE = select(func.max(json_text(tables.leaf.c.body, "before"))).where(tables.leaf.c.body.like('%"kind":"purge"%'))
_RECIPIENTS = text(f"""
    SELECT n.recipient FROM (SELECT DISTINCT recipient FROM request) n WHERE EXISTS (
        SELECT 1 FROM request r JOIN request_part x ON x.request = r.id
        JOIN batch b ON b.id = x.place >> {POSITION_BITS}
        WHERE r.recipient = n.recipient AND coalesce(r.outcome, '') <> '{Outcome.NOT_SENT}' AND b.day < :before
    ) ORDER BY 1
""")


@dataclass(frozen=True, slots=True)
class PurgedPurchases:
    """Purchases whose data were purged: the store does not know any more of whom they were."""

    before: date
    """They were made before this day, in the shop's zone."""
    recipients: tuple[str, ...]
    """Recipients of some of them."""


def purged_purchases(connection: Connection) -> PurgedPurchases | None:
    """What retention has purged after it was sent, or may have been; None where there is no such purchase."""
    before = connection.execute(_BEFORE).scalar()
    recipients = tuple(connection.execute(_RECIPIENTS, {"before": before}).scalars()) if before else ()
    return PurgedPurchases(date.fromisoformat(before), recipients) if before and recipients else None
