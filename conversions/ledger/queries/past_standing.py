"""What stood against sending on a day, by the history alone: today's settings play no part."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, text

from conversions.ledger.judgements.record import is_against
from conversions.ledger.store import instant, microseconds

_STOOD = text("""
    SELECT a.order_no, n.name, j.to_state, j.to_reason, j.rules, j.policy_version, j.run, j.at_us, d.day, r.started_us
    FROM judgement j JOIN delivery d ON d.id = j.delivery JOIN sale a ON a.id = d.sale
    JOIN destination n ON n.id = d.destination LEFT JOIN run r ON r.id = d.run
    WHERE j.at_us <= :at_us AND NOT EXISTS (
        SELECT 1 FROM judgement k WHERE k.delivery = j.delivery AND k.id > j.id AND k.at_us <= :at_us
    ) ORDER BY j.delivery
""")
_JUDGEMENT = text("""
    SELECT to_state, to_reason, rules, policy_version, at_us FROM judgement
    WHERE delivery = :delivery AND at_us <= :at_us ORDER BY id DESC LIMIT 1
""")


@dataclass(frozen=True, slots=True)
class PastJudgement:
    """The newest judgement of an order at a destination at an instant."""

    state: str
    reason: str | None
    rules: str
    """First digits of the digest of the rules that were approved then."""
    policy_version: str
    at: datetime
    """Aware, UTC."""


@dataclass(frozen=True, slots=True)
class Standing:
    """One order at one destination, as it stood at an instant, and why."""

    order_no: str
    destination: str
    day: str
    """Day of purchase, in the shop's zone."""
    state: str
    reason: str | None
    since: datetime
    """When it was judged so; aware, UTC."""
    last_seen: datetime | None
    """When a run read the order last; aware, UTC."""
    run: int | None
    """The run that judged; None: an operator."""
    rules: str
    """First digits of the digest of the rules that were approved then."""
    policy_version: str


def standing_on(connection: Connection, at: datetime) -> list[Standing]:
    """Return what stood against sending at *at*, by order. Orders erased or past retention are not among them."""
    rows = connection.execute(_STOOD, {"at_us": microseconds(at)})
    return [_standing(row) for row in rows if is_against(row.to_state, row.to_reason)]


def judgement_on(connection: Connection, delivery: int, at: datetime) -> PastJudgement | None:
    """Return the newest judgement of *delivery* at the instant *at*; None where it had never stood against sending."""
    row = connection.execute(_JUDGEMENT, {"delivery": delivery, "at_us": microseconds(at)}).one_or_none()
    if row is None:
        return None
    return PastJudgement(row.to_state, row.to_reason, row.rules, row.policy_version, instant(row.at_us))


def _standing(row: Row[Any]) -> Standing:
    return Standing(
        row.order_no,
        row.name,
        row.day,
        row.to_state,
        row.to_reason,
        instant(row.at_us),
        None if row.started_us is None else instant(row.started_us),
        row.run,
        row.rules,
        row.policy_version,
    )
