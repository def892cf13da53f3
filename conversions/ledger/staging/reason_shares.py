"""What share of a shop's new orders and rows come to nothing, and what share usually does.

An order is judged anew by the run that first reads it, and where it is held back for another reason than before; a bad
row, where its damage was never met. What was sent before is no evidence: it proves an earlier mapping, not today's.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import reduce
from itertools import accumulate
from operator import or_

from sqlalchemy import delete, func, insert, select, text

from conversions.ledger.runs import Run
from conversions.ledger.schema import tables
from conversions.ledger.schema.tables import DESTINATION_BITS
from conversions.ledger.store import Ledger
from conversions.model.conversion import Reason
from conversions.statistics.binomial import RARE, at_least

ALL = ""
"""The key of how many were judged, whatever came of it."""
ENOUGH, FIRST = 8, 3
"""So many newest judgements are held against the earlier ones; without history all of so many must share one fate."""
WIDER = (ENOUGH, 16, 32)
"""A smaller share shows among more of them."""
KEPT = timedelta(days=400)
HALF = 0.5
"""Where nothing is known yet of a shop: half of its orders may be cancelled, without an address, or of no consent, …"""
SPOILT = frozenset(
    {
        Reason.WRONG_FIELD_COUNT,
        Reason.CELL_TOO_LARGE,
        Reason.NOT_TEXT,
        Reason.NO_ORDER_NUMBER,
        Reason.BAD_ORDER_NUMBER,
        Reason.BAD_AMOUNT,
        Reason.BAD_DATE,
        Reason.CONFLICT,
    }
)
OF_ROWS = SPOILT | {Reason.SEVERAL_ROWS, Reason.REFUND_ROW, Reason.UNFINISHED_LINE, Reason.AMBIGUOUS_AMOUNT}
FEW = 0.05
"""… and one in twenty of its rows may be spoilt."""
NEW_STATUS = "new_status"
LEARNED = timedelta(days=28)
"""A status is a new one for so long; those of the first run are not."""
_FRESH = """(x.id IS NULL OR a.status IS NOT s.status
    OR (x.state IN ('withheld', 'quarantined') AND coalesce(d.reason, '') <> x.reason)
    OR (x.state IN ('pending', 'deferred') AND d.reason IS NOT NULL))"""
_NEW_STATUS = """(s.status IS NOT NULL AND EXISTS (SELECT 1 FROM judgement_count)
    AND NOT EXISTS (SELECT 1 FROM status_word w WHERE w.word = s.status AND w.since_us <= :learned_us))"""
_JUDGED = text(f"""
    SELECT p.position, CASE WHEN d.reason = :not_completed AND {_NEW_STATUS} THEN :new_status ELSE d.reason END,
        count(*), count(*) FILTER (WHERE {_FRESH})
    FROM temp.order_row s CROSS JOIN temp.place p
    JOIN temp.draft d ON d.id = (s.id - 1) * (SELECT count(*) FROM temp.place) + p.position + 1
    LEFT JOIN sale a ON a.shop = :shop AND a.order_no = s.order_no
    LEFT JOIN delivery x ON x.id = a.id << {DESTINATION_BITS} | p.destination
    WHERE x.id IS NULL OR x.state IN ('pending', 'deferred')
    OR (x.state IN ('withheld', 'quarantined') AND x.reason NOT IN (:refused, :maybe)) GROUP BY 1, 2
""")
_LEARN = text("""
    INSERT OR IGNORE INTO status_word(word, since_us)
    SELECT DISTINCT s.status, CASE WHEN EXISTS (SELECT 1 FROM judgement_count) THEN :now_us ELSE 0 END
    FROM temp.order_row s WHERE s.status IS NOT NULL
""")


@dataclass(frozen=True, slots=True)
class Judgement:
    """What one run judged anew."""

    counts: Counter[str]
    odd: set[str] = field(default_factory=set)
    """Reasons whose share was unusual: no evidence of what is usual."""


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
        """Whether chance does not explain it: even at twice the usual odds it would happen once in 10,000."""
        if self.usual is None and self.hits == self.of:
            return self.of >= FIRST
        usual = (FEW if self.reason in SPOILT else HALF) if self.usual is None else self.usual
        doubled = 2 * usual / (1 + usual)  # its odds
        return self.of >= ENOUGH and at_least(self.hits, self.of, doubled) < RARE


@dataclass(frozen=True, slots=True)
class Judgements:
    """What one reading makes of the orders that were not sent before, by reason and altogether (``ALL``)."""

    new: Counter[str]
    held: Counter[str]
    """Those that were judged so before, too."""


def judged(ledger: Ledger, shop: str, bad_rows: Mapping[str, int]) -> Judgements:
    """What this reading judges; before staging. *bad_rows* are the new ones.

    Where destinations judge otherwise, the one that holds back most counts.
    """
    asked = {
        "shop": shop,
        "refused": Reason.REFUSED_BY_PLATFORM,
        "maybe": Reason.MAYBE_RECEIVED,
        "not_completed": Reason.NOT_COMPLETED,
        "new_status": NEW_STATUS,
        "learned_us": ledger.now_us - LEARNED // timedelta(microseconds=1),
    }
    sides: dict[int, tuple[Counter[str], Counter[str]]] = {}
    with ledger.transaction() as connection:
        for position, reason, orders, new in connection.execute(_JUDGED, asked):
            for side, count in zip(sides.setdefault(position, (Counter(), Counter())), (new, orders), strict=True):
                side.update(dict.fromkeys(_keys(reason), count))
    news, held = (_most(one[side] for one in sides.values()) for side in (0, 1))
    return Judgements(news + Counter(bad_rows) + Counter({ALL: sum(bad_rows.values())}), held)


def _keys(reason: str | None) -> list[str]:
    """What an order counts as; one of a new status is not completed, too."""
    if reason is None:
        return [ALL]
    return [ALL, reason, Reason.NOT_COMPLETED] if reason == NEW_STATUS else [ALL, reason]


def _most(sides: Iterable[Counter[str]]) -> Counter[str]:
    return reduce(or_, sides, Counter())


def unusual(ledger: Ledger, counts: Counter[str], reasons: Iterable[str]) -> list[Share]:
    """The shares of *reasons* among the newest judgements, this run's and those before, that are not this shop's."""
    return unusual_among([Judgement(counts), *_runs(ledger)], reasons)


def unusual_among(runs: list[Judgement], reasons: Iterable[str]) -> list[Share]:
    """The same of *nights*, the newest first."""
    found: dict[str, Share] = {}
    latest, _ = next(_split(runs))
    wanted = [reason for reason in reasons if latest[reason]]
    for newest, earlier in _split(runs):
        for reason in wanted:
            share = Share(reason, newest[reason], newest[ALL], _usual(earlier, reason))
            over = 2 * latest[reason] * share.of < share.hits * latest[ALL]  # it is mended, or was chance
            if reason not in found and share.unusual and not over:
                found[reason] = share
    return list(found.values())


def spoilt_lately(ledger: Ledger, days: int) -> int:
    """How many bad rows the runs of the last *days* were the first to meet."""
    since = ledger.now_us - timedelta(days=days) // timedelta(microseconds=1)
    t, r = tables.judgement_count.c, tables.run.c
    recent = select(r.id).where(r.started_us > since)
    query = select(func.coalesce(func.sum(t.judged), 0)).where(t.run.in_(recent), t.reason.in_(map(str, OF_ROWS)))
    with ledger.transaction() as connection:
        return int(connection.execute(query).scalar_one())


def remember(ledger: Ledger, run: Run, counts: Mapping[str, int], odd: Collection[str]) -> None:
    """Keep what this run judged; what is older than the guards look is forgotten.

    What was found unusual (*odd*, reasons) never becomes usual by itself: a person says so.
    """
    odd = {*odd, *([Reason.NOT_COMPLETED] if NEW_STATUS in odd else [])}
    rows = [
        {"run": run.id, "reason": reason, "judged": count, "odd": int(reason in odd)}
        for reason, count in counts.items()
        if count
    ]
    before = ledger.now_us - KEPT // timedelta(microseconds=1)
    with ledger.transaction() as connection:
        connection.execute(_LEARN, {"now_us": ledger.now_us})
        if rows:
            connection.execute(insert(tables.judgement_count), rows)
        old = select(tables.run.c.id).where(tables.run.c.started_us < before)
        connection.execute(delete(tables.judgement_count).where(tables.judgement_count.c.run.in_(old)))


def _runs(ledger: Ledger) -> list[Judgement]:
    """What earlier runs judged, the newest first."""
    t, runs = tables.judgement_count.c, dict[int, Judgement]()
    query = select(t.run, t.reason, t.judged, t.odd).order_by(t.run.desc())
    with ledger.transaction() as connection:
        for run, reason, count, odd in connection.execute(query):
            judgement = runs.setdefault(run, Judgement(Counter()))
            judgement.counts[reason] = count
            if odd:
                judgement.odd.add(reason)
    return list(runs.values())


def _split(runs: list[Judgement]) -> Iterator[tuple[Counter[str], list[Judgement]]]:
    """The newest judgements and the earlier nights, at each of the sizes looked at; whole nights go together."""
    for size in WIDER:
        reached = accumulate(judgement.counts[ALL] for judgement in runs)
        wanted = 1 + next((nth for nth, judged in enumerate(reached) if judged >= size), len(runs))
        yield sum((judgement.counts for judgement in runs[:wanted]), Counter()), runs[wanted:]


def _usual(earlier: list[Judgement], reason: str) -> float | None:
    """One more than there were, of two more: what never happened may happen."""
    runs = [judgement.counts for judgement in earlier if reason not in judgement.odd]
    hits, judged = sum(judgement[reason] for judgement in runs), sum(judgement[ALL] for judgement in runs)
    return None if judged < ENOUGH else (hits + 1) / (judged + 2)
