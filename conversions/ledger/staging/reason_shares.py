"""The share of new orders and rows that are not sent, by reason, compared with the usual share of the shop.

A run counts an order when it first reads it, or when the reason has changed; it counts a bad row with new damage.
Orders that were sent before are no evidence: they prove an earlier mapping, not the present one.
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
from conversions.ledger.schema.views import COLUMNS, standing
from conversions.ledger.store import Ledger
from conversions.model.conversion import Reason
from conversions.statistics.binomial import RARE, at_least

ALL = ""
"""The key for the total, with or without a reason."""
MIN_JUDGEMENTS, MIN_FIRST_JUDGEMENTS = 8, 3
"""So many latest judgements are compared with the earlier ones; without history, so many must share one reason."""
WINDOW_SIZES = (MIN_JUDGEMENTS, 16, 32)
"""Numbers of latest judgements: a larger window shows a smaller share."""
RETENTION = timedelta(days=400)
USUAL_SHARE_OF_ORDERS = 0.5
"""Without history, half of the orders may be cancelled, without an address or without consent, …"""
BAD_ROW_REASONS = frozenset(
    {
        Reason.WRONG_FIELD_COUNT,
        Reason.CELL_TOO_LARGE,
        Reason.NOT_TEXT,
        Reason.NO_ORDER_NUMBER,
        Reason.BAD_ORDER_NUMBER,
        Reason.BAD_AMOUNT,
        Reason.OTHER_CURRENCY,
        Reason.BAD_DATE,
        Reason.CONFLICT,
    }
)
ROW_REASONS = BAD_ROW_REASONS | {
    Reason.SEVERAL_ROWS,
    Reason.REFUND_ROW,
    Reason.UNFINISHED_LINE,
    Reason.AMBIGUOUS_AMOUNT,
}
USUAL_SHARE_OF_ROWS = 0.05
"""… and one in twenty rows may be bad."""
NEW_STATUS = "new_status"
NEW_STATUS_PERIOD = timedelta(days=28)
"""A status counts as new for so long; the statuses of the first run never do."""
_WAITS = f"({COLUMNS['state']}) IN ('pending', 'deferred')"
_IS_NEW_JUDGEMENT = f"""(k.id IS NULL OR coalesce(a.status, '') <> coalesce(s.status, '')
    OR (x.state IN ('withheld', 'quarantined') AND coalesce(d.reason, '') <> x.reason)
    OR ({_WAITS} AND d.reason IS NOT NULL))"""
_IS_NEW_STATUS = """(s.status IS NOT NULL AND EXISTS (SELECT 1 FROM judgement_count)
    AND NOT EXISTS (SELECT 1 FROM status_word w WHERE w.word = s.status AND w.since_us <= :learned_us))"""
_COUNTS = text(f"""
    SELECT p.position, CASE WHEN d.reason = :not_completed AND {_IS_NEW_STATUS} THEN :new_status ELSE d.reason END,
        count(*), count(*) FILTER (WHERE {_IS_NEW_JUDGEMENT})
    FROM order_row s LEFT JOIN known_row n ON n.id = s.id LEFT JOIN sale a ON a.id = n.sale CROSS JOIN place p
    JOIN draft d ON d.id = (s.id - 1) * (SELECT count(*) FROM place) + p.position + 1
    {standing(f"= a.id << {DESTINATION_BITS} | p.destination")}
    WHERE coalesce(n.unchanged, 0) = 0 AND (k.id IS NULL OR {_WAITS}
    OR (x.state IN ('withheld', 'quarantined') AND x.reason NOT IN (:refused, :maybe))) GROUP BY 1, 2
""")
_INSERT_STATUSES = text("""
    INSERT INTO status_word(word, since_us)
    SELECT DISTINCT s.status, CASE WHEN EXISTS (SELECT 1 FROM judgement_count) THEN :now_us ELSE 0 END
    FROM order_row s WHERE s.status IS NOT NULL ON CONFLICT (word) DO NOTHING
""")


@dataclass(frozen=True, slots=True)
class RunJudgements:
    """The new judgements of one run."""

    counts: Counter[str]
    odd: set[str] = field(default_factory=set)
    """Reasons with an unusual share: they do not count as usual later."""


@dataclass(frozen=True, slots=True)
class Share:
    """The share of one reason among the latest judgements."""

    reason: str
    hits: int
    total: int
    usual: float | None
    """Share among the earlier judgements, 0 to 1; None where they are too few."""

    @property
    def share(self) -> float:
        """0 to 1."""
        return self.hits / self.total

    @property
    def unusual(self) -> bool:
        """True if chance does not explain the share: at twice the usual odds it happens less than once in 10,000."""
        if self.usual is None and self.hits == self.total:
            return self.total >= MIN_FIRST_JUDGEMENTS
        without_history = USUAL_SHARE_OF_ROWS if self.reason in BAD_ROW_REASONS else USUAL_SHARE_OF_ORDERS
        usual = without_history if self.usual is None else self.usual
        doubled = 2 * usual / (1 + usual)  # the share at twice the odds
        return self.total >= MIN_JUDGEMENTS and at_least(self.hits, self.total, doubled) < RARE


@dataclass(frozen=True, slots=True)
class ReadJudgements:
    """Orders of one run that were not sent before, by reason and in total (``ALL``)."""

    new: Counter[str]
    all_orders: Counter[str]
    """All of them: those that had the same reason before, too."""


def count_judgements(ledger: Ledger, shop: str, bad_rows: Mapping[str, int]) -> ReadJudgements:
    """Count the judgements of this run, before staging. *bad_rows* are the new ones.

    Where destinations differ, the one with the higher count is used.
    """
    parameters = {
        "shop": shop,
        "refused": Reason.REFUSED_BY_PLATFORM,
        "maybe": Reason.MAYBE_RECEIVED,
        "not_completed": Reason.NOT_COMPLETED,
        "new_status": NEW_STATUS,
        "learned_us": ledger.now_us - NEW_STATUS_PERIOD // timedelta(microseconds=1),
    }
    sides: dict[int, tuple[Counter[str], Counter[str]]] = {}
    with ledger.transaction() as connection:
        for position, reason, orders, new in connection.execute(_COUNTS, parameters):
            for side, count in zip(sides.setdefault(position, (Counter(), Counter())), (new, orders), strict=True):
                side.update(dict.fromkeys(_keys(reason), count))
    newest, all_orders = (_highest(pair[side] for pair in sides.values()) for side in (0, 1))
    return ReadJudgements(newest + Counter(bad_rows) + Counter({ALL: sum(bad_rows.values())}), all_orders)


def _keys(reason: str | None) -> list[str]:
    """Return the keys that an order counts for; a new status also counts as not completed."""
    if reason is None:
        return [ALL]
    return [ALL, reason, Reason.NOT_COMPLETED] if reason == NEW_STATUS else [ALL, reason]


def _highest(sides: Iterable[Counter[str]]) -> Counter[str]:
    return reduce(or_, sides, Counter())


def unusual_shares(ledger: Ledger, counts: Counter[str], reasons: Iterable[str]) -> list[Share]:
    """Return the shares of *reasons* among the latest judgements, *counts* first, that are unusual for this shop."""
    return unusual_shares_among([RunJudgements(counts), *_runs(ledger)], reasons)


def unusual_shares_among(runs: list[RunJudgements], reasons: Iterable[str]) -> list[Share]:
    """Do the work of ``unusual_shares`` on *runs*, the latest first."""
    shares: dict[str, Share] = {}
    latest, _ = next(_split(runs))
    wanted = [reason for reason in reasons if latest[reason]]
    for newest, earlier in _split(runs):
        for reason in wanted:
            share = Share(reason, newest[reason], newest[ALL], _usual(earlier, reason))
            is_over = 2 * latest[reason] * share.total < share.hits * latest[ALL]  # corrected, or it was chance
            if reason not in shares and share.unusual and not is_over:
                shares[reason] = share
    return list(shares.values())


def count_recent_bad_rows(ledger: Ledger, days: int) -> int:
    """Count the bad rows that were new in the runs of the last *days*."""
    since = ledger.now_us - timedelta(days=days) // timedelta(microseconds=1)
    t, r = tables.judgement_count.c, tables.run.c
    recent = select(r.id).where(r.started_us > since)
    query = select(func.coalesce(func.sum(t.judged), 0)).where(t.run.in_(recent), t.reason.in_(map(str, ROW_REASONS)))
    with ledger.transaction() as connection:
        return int(connection.execute(query).scalar_one())


def save_counts(ledger: Ledger, run: Run, counts: Mapping[str, int], odd: Collection[str]) -> None:
    """Store the judgements of this run, and delete expired ones.

    The unusual reasons (*odd*) never become usual by themselves: a person must accept them.
    """
    odd = {*odd, *([Reason.NOT_COMPLETED] if NEW_STATUS in odd else [])}
    rows = [
        {"run": run.id, "reason": reason, "judged": count, "odd": int(reason in odd)}
        for reason, count in counts.items()
        if count
    ]
    before = ledger.now_us - RETENTION // timedelta(microseconds=1)
    with ledger.transaction() as connection:
        connection.execute(_INSERT_STATUSES, {"now_us": ledger.now_us})
        if rows:
            connection.execute(insert(tables.judgement_count), rows)
        old = select(tables.run.c.id).where(tables.run.c.started_us < before)
        connection.execute(delete(tables.judgement_count).where(tables.judgement_count.c.run.in_(old)))


def _runs(ledger: Ledger) -> list[RunJudgements]:
    """Return the judgements of earlier runs, the latest first."""
    t, runs = tables.judgement_count.c, dict[int, RunJudgements]()
    query = select(t.run, t.reason, t.judged, t.odd).order_by(t.run.desc())
    with ledger.transaction() as connection:
        for run, reason, count, odd in connection.execute(query):
            judgement = runs.setdefault(run, RunJudgements(Counter()))
            judgement.counts[reason] = count
            if odd:
                judgement.odd.add(reason)
    return list(runs.values())


def _split(runs: list[RunJudgements]) -> Iterator[tuple[Counter[str], list[RunJudgements]]]:
    """Yield the latest judgements and the earlier runs for each window size; a run is never split."""
    for size in WINDOW_SIZES:
        running_totals = accumulate(run.counts[ALL] for run in runs)
        latest = 1 + next((nth for nth, total in enumerate(running_totals) if total >= size), len(runs))
        yield sum((run.counts for run in runs[:latest]), Counter()), runs[latest:]


def _usual(earlier: list[RunJudgements], reason: str) -> float | None:
    """Return the usual share by the rule of succession: one more hit in two more trials, so that it is never 0."""
    counts = [run.counts for run in earlier if reason not in run.odd]
    hits, total = sum(count[reason] for count in counts), sum(count[ALL] for count in counts)
    return None if total < MIN_JUDGEMENTS else (hits + 1) / (total + 2)
