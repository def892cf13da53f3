"""The report of a run or a plan: the JSON that programs read, and the messages for the operator."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from decimal import Decimal
from typing import Any

from conversions.errors import ConversionsError, Exit, worst
from conversions.ledger.queries.totals import BUCKETS, ControlTotals, ValueChange
from conversions.ledger.queries.unreported import Unreported
from conversions.ledger.restatements.eligibility import AdjustmentTotals, ValueChangeTotals
from conversions.ledger.runs.approvals import Pending
from conversions.model.conversion import Window
from conversions.model.finding import Finding, FindingLevel
from conversions.model.late_result import LateResults


@dataclass(slots=True)
class SourceSide:
    """The left side of the balance: the orders that were read."""

    rows: int
    orders: int
    repeated: int
    outside_window: int
    quarantined: dict[str, int]
    values: dict[str, Decimal]
    """The sum of the amounts by currency, in currency units."""
    skipped_files: list[str] = field(default_factory=list)
    without_sku: int = 0
    """Lines that have no SKU, and are named by the product's number."""


@dataclass(frozen=True, slots=True)
class TooOld:
    """Orders that are too old for a platform."""

    orders: int
    since: str
    """The oldest and the newest (``until``) purchase day."""
    until: str
    limit_days: int
    """The platform's age limit."""
    at: str
    """When the newest became too old, in the shop's zone; with ``precision = "exact"`` some time within that day."""


@dataclass(slots=True)
class DestinationSide:
    """The right side of the balance: what became of the orders at one destination, by the ledger."""

    totals: ControlTotals
    stop_reason: ConversionsError | None = None
    unreported: Unreported = field(default_factory=Unreported)
    adjustments: AdjustmentTotals = field(default_factory=AdjustmentTotals)
    """The totals of orders with a value that changed after sending."""
    late: LateResults = field(default_factory=LateResults)
    """The late results of earlier requests, polled before the run sent anything."""
    seconds: float = 0.0
    """The duration of sending."""
    remaining: int = 0
    """Orders that the next run continues with."""
    too_old_at: str | None = None
    """When the first order that waits becomes too old, in the shop's zone; None where no order waits."""
    too_old: TooOld | None = None
    """Only in a plan: orders that are already too old."""
    first_batch: int | None = None
    """The size of the canary batch; None where the run sends without one."""

    def exit_code(self, source: SourceSide) -> Exit:
        """Return the exit code of a run with only this destination."""
        codes = [Exit.OK]
        if self.difference(source) or any(self.money_difference(source).values()):
            codes.append(Exit.STORE)
        if self.stop_reason is not None:
            codes.append(self.stop_reason.exit_code)
        if self.unreported.urgent or self.late.needs_a_person:
            codes.append(Exit.ATTENTION)
        return worst(codes)

    def difference(self, source: SourceSide) -> int:
        """Return how many orders were read and have no result: 0, or the store is damaged."""
        return source.orders - sum(self.totals.counts[bucket] for bucket in BUCKETS)

    def money_difference(self, source: SourceSide) -> dict[str, Decimal]:
        """Return the difference in money, by currency, in currency units."""
        accounted = {currency: sum(values.values(), Decimal()) for currency, values in self.totals.values.items()}
        currencies = sorted({*source.values, *accounted})
        return {c: source.values.get(c, Decimal()) - accounted.get(c, Decimal()) for c in currencies}

    def json(self, source: SourceSide) -> dict[str, Any]:
        """Return the part of the document for one destination."""
        totals = self.totals
        currencies = sorted({*source.values, *totals.values})
        return {
            "read": source.orders,
            **{bucket: totals.counts[bucket] for bucket in BUCKETS if bucket not in totals.reasons},
            **{bucket: dict(sorted(reasons.items())) for bucket, reasons in totals.reasons.items()},
            "restated": self.adjustments.made.orders,
            "changed": totals.changed,
            "difference": self.difference(source),
            "value": {
                currency: {
                    "read": source.values.get(currency, Decimal()),
                    **{bucket: totals.values[currency][bucket] for bucket in BUCKETS},
                }
                for currency in currencies
            },
            "days": {day: {b: counts[b] for b in BUCKETS if counts[b]} for day, counts in sorted(totals.days.items())},
            "first_too_old_at": self.too_old_at,
            "too_old": None if self.too_old is None else asdict(self.too_old),
            "refused": [{"order": refusal.order_no, "said": refusal.code} for refusal in totals.refused],
            "changes": [_change(change) for change in totals.changes],
            "restatements": _adjustments(self.adjustments),
            "late_verdicts": self.late.json(),
            "needs_a_person": asdict(self.unreported),
            "seconds": round(self.seconds, 1),
            "stopped": None if self.stop_reason is None else str(self.stop_reason),
            "exit_code": int(self.exit_code(source)),
        }


@dataclass(slots=True)
class Report:
    """The report of a whole run or plan."""

    run_id: int | None
    window: Window
    source: SourceSide
    destinations: dict[str, DestinationSide]
    findings: list[Finding] = field(default_factory=list)
    """Everything that the checks found, including what a person already knows."""
    stopped: bool = False
    """Whether a finding keeps every order from being sent."""
    states: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    """All orders of the store after the run, by destination and state; empty in a plan."""
    checkpoint: str | None = None
    """The signed checkpoint of the log after the run."""
    unapproved: list[str] = field(default_factory=list)
    """``policy`` and the names of the sending rules that no person has approved."""
    deleted_copies: list[str] = field(default_factory=list)
    """Names of the copies from before an upgrade that this run deleted, because they had expired."""
    pending: Pending | None = None
    """Only in a plan: what a person must approve before a run."""

    @property
    def exit_code(self) -> Exit:
        """The exit code by ``errors.PRECEDENCE``."""
        codes = [finding.exit_code for finding in self.findings]
        codes += [Exit.CONFIG] if self.pending else []
        return worst([*codes, *(side.exit_code(self.source) for side in self.destinations.values())])

    @property
    def sentences(self) -> list[str]:
        """What a person must approve, then the messages of findings that need a person; those that stop come first."""
        urgent = [finding for finding in self.findings if finding.exit_code]
        pending = [self.pending.sentence] if self.pending else []
        return pending + [
            finding.sentence for finding in sorted(urgent, key=lambda finding: finding.level is not FindingLevel.STOP)
        ]

    @property
    def stop_reasons(self) -> list[str]:
        """The messages of the errors that stopped a destination."""
        return [str(side.stop_reason) for side in self.destinations.values() if side.stop_reason is not None]

    @property
    def waiting(self) -> int:
        """How many orders wait, at all destinations together."""
        counts = [side.totals.counts for side in self.destinations.values()]
        return sum(count["pending"] + count["deferred"] + count["unknown"] for count in counts)

    def json(self) -> dict[str, Any]:
        """Return the document of ``run --json`` and ``plan --json``."""
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
                "without_sku": source.without_sku,
            },
            "destinations": {name: side.json(source) for name, side in self.destinations.items()},
            "needs_a_person": self.sentences,
            "states": self.states,
            "findings": [finding.json() for finding in self.findings],
            "checkpoint": self.checkpoint,
            "unapproved": self.unapproved,
            "pending_approval": self.pending.json() if self.pending else None,
            "exit_code": int(self.exit_code),
        }


def _adjustments(totals: AdjustmentTotals) -> dict[str, Any]:
    names = ("made", "possible", "waiting", "unknown", "refused")
    not_eligible = {str(reason): _sums(sums) for reason, sums in sorted(totals.not_eligible.items())}
    return {**{name: _sums(getattr(totals, name)) for name in names}, "not_possible": not_eligible}


def _sums(sums: ValueChangeTotals) -> dict[str, Any]:
    return {"orders": sums.orders, "old": dict(sums.old), "new": dict(sums.new)}


def _change(change: ValueChange) -> dict[str, Any]:
    return {
        "order": change.order_no,
        "currency": change.new.currency,
        "old": change.old.amount,
        "new": change.new.amount,
    }
