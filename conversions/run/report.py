"""What a run or a plan tells: the JSON that programs rely on (design §6), and what a person needs to know."""

from dataclasses import asdict, dataclass, field
from decimal import Decimal
from typing import Any

from conversions.errors import ConversionsError, Exit, worst
from conversions.ledger.queries.totals import BUCKETS, ControlTotals, ValueChange
from conversions.ledger.queries.unreported import Unreported
from conversions.ledger.restatements.eligibility import AdjustmentTotals, ValueChangeTotals
from conversions.model.conversion import Window
from conversions.model.finding import Finding, Level
from conversions.model.late_result import LateResults


@dataclass(slots=True)
class SourceSide:
    """The left side: what was read."""

    rows: int
    orders: int
    repeated: int
    outside_window: int
    quarantined: dict[str, int]
    values: dict[str, Decimal]
    """By currency, in currency units."""
    skipped_files: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class TooOld:
    """Orders that a platform does not take any more."""

    orders: int
    since: str
    """Purchase days, the oldest and the newest."""
    until: str
    at: str
    """When the newest of them became too old, in the shop's zone; with ``precision = "exact"`` within that day."""


@dataclass(slots=True)
class DestinationSide:
    """The right side: what became of it at one destination, by the ledger."""

    account: ControlTotals
    ending: ConversionsError | None = None
    news: Unreported = field(default_factory=Unreported)
    corrections: AdjustmentTotals = field(default_factory=AdjustmentTotals)
    """Of values that changed after sending."""
    late: LateResults = field(default_factory=LateResults)
    """What was learned of earlier requests before anything was sent."""
    seconds: float = 0.0
    """How long sending took."""
    left: int = 0
    """Orders that the next run goes on with."""
    too_old_at: str | None = None
    """When the first of what waits becomes too old, in the shop's zone; None where nothing waits."""
    too_old: TooOld | None = None
    """What a plan finds too old already."""
    first_batch: int | None = None
    """How many orders are all that leaves on this first night; None where it is none, or not set."""

    def exit_code(self, source: SourceSide) -> Exit:
        """What the exit code would be if there were only this destination."""
        codes = [Exit.OK]
        if self.difference(source) or any(self.money_difference(source).values()):
            codes.append(Exit.STORE)
        if self.ending is not None:
            codes.append(self.ending.exit_code)
        if self.news.urgent or self.late.for_a_person:
            codes.append(Exit.ATTENTION)
        return worst(codes)

    def difference(self, source: SourceSide) -> int:
        """Orders read and not accounted for: 0, or something is broken."""
        return source.orders - sum(self.account.counts[bucket] for bucket in BUCKETS)

    def money_difference(self, source: SourceSide) -> dict[str, Decimal]:
        """The same in money, by currency."""
        accounted = {currency: sum(values.values(), Decimal()) for currency, values in self.account.values.items()}
        currencies = sorted({*source.values, *accounted})
        return {c: source.values.get(c, Decimal()) - accounted.get(c, Decimal()) for c in currencies}

    def json(self, source: SourceSide) -> dict[str, Any]:
        """One destination of the document."""
        account = self.account
        currencies = sorted({*source.values, *account.values})
        return {
            "read": source.orders,
            **{bucket: account.counts[bucket] for bucket in BUCKETS if bucket not in account.reasons},
            **{bucket: dict(sorted(reasons.items())) for bucket, reasons in account.reasons.items()},
            "restated": self.corrections.made.orders,
            "changed": account.changed,
            "difference": self.difference(source),
            "value": {
                currency: {
                    "read": source.values.get(currency, Decimal()),
                    **{bucket: account.values[currency][bucket] for bucket in BUCKETS},
                }
                for currency in currencies
            },
            "days": {day: {b: counts[b] for b in BUCKETS if counts[b]} for day, counts in sorted(account.days.items())},
            "first_too_old_at": self.too_old_at,
            "too_old": None if self.too_old is None else asdict(self.too_old),
            "refused": [{"order": one.order_no, "said": one.code} for one in account.refused],
            "changes": [_change(change) for change in account.changes],
            "restatements": _corrections(self.corrections),
            "late_verdicts": self.late.json(),
            "needs_a_person": asdict(self.news),
            "seconds": round(self.seconds, 1),
            "stopped": None if self.ending is None else str(self.ending),
            "exit_code": int(self.exit_code(source)),
        }


@dataclass(slots=True)
class Report:
    """A whole run or plan."""

    run_id: int | None
    window: Window
    source: SourceSide
    destinations: dict[str, DestinationSide]
    findings: list[Finding] = field(default_factory=list)
    """What guards saw, whether or not a person knows it already."""
    stopped: bool = False
    """Whether a finding keeps everything from being sent."""
    checkpoint: str | None = None
    """The signed state of the log after it."""

    @property
    def exit_code(self) -> Exit:
        """The first that applies wins."""
        found = [one.exit_code for one in self.findings]
        return worst([*found, *(side.exit_code(self.source) for side in self.destinations.values())])

    @property
    def sentences(self) -> list[str]:
        """What guards saw that a person is called for, what stops the night first."""
        called = [one for one in self.findings if one.exit_code]
        return [one.sentence for one in sorted(called, key=lambda one: one.level is not Level.STOP)]

    @property
    def endings(self) -> list[str]:
        """What stopped a destination."""
        return [str(side.ending) for side in self.destinations.values() if side.ending is not None]

    @property
    def waiting(self) -> int:
        """Orders that are left to be sent, at all destinations."""
        counts = [side.account.counts for side in self.destinations.values()]
        return sum(count["pending"] + count["deferred"] + count["unknown"] for count in counts)

    def json(self) -> dict[str, Any]:
        """The document."""
        source = self.source
        return {
            "schema": 2,
            "run_id": self.run_id,
            "window": {"since": self.window.since.isoformat(), "until": self.window.until.isoformat()},
            "source": {
                "rows": source.rows,
                "orders": source.orders,
                "repeated": source.repeated,
                "outside_window": source.outside_window,
                "quarantined": dict(sorted(source.quarantined.items())),
                "left_for_later": source.skipped_files,
            },
            "destinations": {name: side.json(source) for name, side in self.destinations.items()},
            "needs_a_person": self.sentences,
            "findings": [one.json() for one in self.findings],
            "checkpoint": self.checkpoint,
            "exit_code": int(self.exit_code),
        }


def _corrections(found: AdjustmentTotals) -> dict[str, Any]:
    named = ("made", "possible", "waiting", "unknown", "refused")
    against = {str(reason): _sums(sums) for reason, sums in sorted(found.not_eligible.items())}
    return {**{name: _sums(getattr(found, name)) for name in named}, "not_possible": against}


def _sums(sums: ValueChangeTotals) -> dict[str, Any]:
    return {"orders": sums.orders, "old": dict(sums.old), "new": dict(sums.new)}


def _change(change: ValueChange) -> dict[str, Any]:
    return {
        "order": change.order_no,
        "currency": change.new.currency,
        "old": change.old.amount,
        "new": change.new.amount,
    }
