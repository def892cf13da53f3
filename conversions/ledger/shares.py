"""What share of a shop's new orders and rows come to nothing, and what share usually does.

An order is judged anew on the night that first reads it, and where it is held back for another reason than before; a
bad row, where its damage was never met. What was sent before is no evidence: it proves an earlier mapping, not today's.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from itertools import accumulate

from sqlalchemy import delete, insert, select, text

from conversions.chances import RARE, at_least
from conversions.conversion import Reason
from conversions.ledger import tables
from conversions.ledger.runs import Run
from conversions.ledger.store import Ledger
from conversions.ledger.tables import DESTINATION_BITS

ALL = ""
"""The key of how many were judged, whatever came of it."""
ENOUGH, FIRST = 8, 3
"""So many newest judgements are held against the earlier ones; without history all of so many must share one fate."""
WIDER = (ENOUGH, 16, 32)
"""A smaller share shows among more of them."""
KEPT = timedelta(days=400)
_JUDGED = text(f"""
    SELECT p.position, d.reason, count(*) FROM temp.sighting s CROSS JOIN temp.place p
    JOIN temp.draft d ON d.id = (s.id - 1) * (SELECT count(*) FROM temp.place) + p.position + 1
    LEFT JOIN sale a ON a.shop = :shop AND a.order_no = s.order_no
    LEFT JOIN delivery x ON x.id = a.id << {DESTINATION_BITS} | p.destination
    WHERE x.id IS NULL OR (x.state IN ('withheld', 'quarantined') AND coalesce(d.reason, '') <> x.reason
        AND x.reason NOT IN (:refused, :maybe)) OR (x.state IN ('pending', 'deferred') AND d.reason IS NOT NULL)
    GROUP BY 1, 2
""")


@dataclass(frozen=True, slots=True)
class Share:
    """How many of the newest judgements came to nothing for one reason."""

    reason: str
    hits: int
    of: int
    usual: float | None
    """Of the earlier ones, 0 to 1; None: there are too few to say."""

    @property
    def share(self) -> float:
        """0 to 1."""
        return self.hits / self.of

    @property
    def unusual(self) -> bool:
        """Whether chance does not explain it: at more than twice the usual share it would happen once in 10,000."""
        if self.usual is None:
            return self.hits == self.of >= FIRST
        return self.of >= ENOUGH and at_least(self.hits, self.of, min(1.0, 2 * self.usual)) < RARE


def judged(ledger: Ledger, shop: str, bad_rows: Mapping[str, int]) -> Counter[str]:
    """What this reading judges anew, by reason and altogether (``ALL``); before staging.

    *bad_rows* are the new ones. Where destinations judge otherwise, the one that holds back most counts.
    """
    asked = {"shop": shop, "refused": Reason.REFUSED_BY_PLATFORM, "maybe": Reason.MAYBE_RECEIVED}
    sides: dict[int, Counter[str]] = {}
    with ledger.transaction() as connection:
        for position, reason, orders in connection.execute(_JUDGED, asked):
            side = sides.setdefault(position, Counter())
            side[ALL] += orders
            if reason is not None:
                side[reason] += orders
    most: Counter[str] = Counter()
    for side in sides.values():
        most |= side
    return most + Counter(bad_rows) + Counter({ALL: sum(bad_rows.values())})


def unusual(ledger: Ledger, tonight: Counter[str], reasons: Iterable[str]) -> list[Share]:
    """The shares of *reasons* among the newest judgements, tonight's and those before, that are not this shop's."""
    nights = [tonight, *_nights(ledger)]
    found: dict[str, Share] = {}
    latest, _ = next(_split(nights))
    for newest, earlier in _split(nights):
        for reason in reasons:
            share = Share(reason, newest[reason], newest[ALL], _usual(earlier, reason))
            over = 2 * latest[reason] * share.of < share.hits * latest[ALL]  # it is mended, or was chance
            if reason not in found and share.hits and share.unusual and not over:
                found[reason] = share
    return list(found.values())


def remember(ledger: Ledger, run: Run, tonight: Mapping[str, int]) -> None:
    """Keep what this run judged; what is older than the guards look is forgotten."""
    rows = [{"run": run.id, "reason": reason, "judged": count} for reason, count in tonight.items() if count]
    before = ledger.now_us - KEPT // timedelta(microseconds=1)
    with ledger.transaction() as connection:
        if rows:
            connection.execute(insert(tables.judgement_count), rows)
        old = select(tables.run.c.id).where(tables.run.c.started_us < before)
        connection.execute(delete(tables.judgement_count).where(tables.judgement_count.c.run.in_(old)))


def _nights(ledger: Ledger) -> list[Counter[str]]:
    """What earlier runs judged, the newest first."""
    t, nights = tables.judgement_count, dict[int, Counter[str]]()
    with ledger.transaction() as connection:
        for run, reason, count in connection.execute(select(t.c.run, t.c.reason, t.c.judged).order_by(t.c.run.desc())):
            nights.setdefault(run, Counter())[reason] = count
    return list(nights.values())


def _split(nights: list[Counter[str]]) -> Iterator[tuple[Counter[str], Counter[str]]]:
    """The newest judgements and all earlier ones, at each of the sizes that are looked at; whole nights go together."""
    for size in WIDER:
        reached = accumulate(night[ALL] for night in nights)
        wanted = 1 + next((nth for nth, judged in enumerate(reached) if judged >= size), len(nights))
        yield sum(nights[:wanted], Counter()), sum(nights[wanted:], Counter())


def _usual(earlier: Counter[str], reason: str) -> float | None:
    """One more than there were, of two more: what never happened may happen."""
    return None if earlier[ALL] < ENOUGH else (earlier[reason] + 1) / (earlier[ALL] + 2)
