"""What the checks use: the orders that were read and not yet staged, and the store."""

from dataclasses import dataclass
from datetime import date
from functools import cached_property

from conversions import catalogue
from conversions.ledger import Ledger
from conversions.ledger.staging import bad_rows, reason_shares
from conversions.ledger.staging.bad_rows import BadRows
from conversions.ledger.staging.reason_shares import ReadJudgements, Share
from conversions.model.conversion import Reason, Window
from conversions.model.read_counts import ReadCounts
from conversions.model.run_request import RunRequest, today
from conversions.settings import Settings


@dataclass(frozen=True)
class Evidence:
    """The orders of one run as the checks see them, before staging."""

    ledger: Ledger
    settings: Settings
    request: RunRequest
    window: Window
    counts: ReadCounts
    destinations: dict[int, str]
    """The names of the destinations by their ids in the store; a new destination has the id 0."""

    @cached_property
    def today(self) -> date:
        """The present day in the shop's zone."""
        return today(self.settings.zone, self.ledger.clock())

    @cached_property
    def bad_rows(self) -> BadRows:
        """The bad rows, and which of them are new."""
        return bad_rows.summarize(self.ledger)

    @cached_property
    def judgements(self) -> ReadJudgements:
        """The reasons of the orders and rows that are judged for the first time."""
        return reason_shares.count_judgements(self.ledger, self.settings.shop, self.bad_rows.new)


def explain_reason(evidence: Evidence, reason: Reason, field: str | None = None) -> str:
    """Return the column at fault, its content if it is not personal, and the correction; *field* is our column."""
    explain = evidence.counts.explain
    return explain(reason, field) if explain else f"Why: {catalogue.reason(reason)}."


def usual_share(share: Share) -> str:
    """Return the usual share of this shop as text."""
    return "the usual share is not known yet" if share.usual is None else f"usually {share.usual:.0%}"
