"""What guards look at: a reading that is resolved and not yet staged, beside what the store holds."""

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
    """One reading, as the checks see it; nothing is staged yet."""

    ledger: Ledger
    settings: Settings
    request: RunRequest
    window: Window
    reading: ReadCounts
    destinations: dict[int, str]
    """Names by the store's id; a destination that the store does not know yet has the id 0."""

    @cached_property
    def today(self) -> date:
        """In the shop's zone."""
        return today(self.settings.zone, self.ledger.clock())

    @cached_property
    def bad_rows(self) -> BadRows:
        """Damaged rows, and which of them are new."""
        return bad_rows.summarize(self.ledger)

    @cached_property
    def judgements(self) -> ReadJudgements:
        """What comes of the orders and rows that are judged for the first time."""
        return reason_shares.count_judgements(self.ledger, self.settings.shop, self.bad_rows.new)


def sentence_of(evidence: Evidence, reason: Reason, field: str | None = None) -> str:
    """Which column it is, what it holds where that may be told, and how to mend it; *field* is our column."""
    explain = evidence.reading.explain
    return explain(reason, field) if explain else f"Why: {catalogue.reason(reason)}."


def usually(share: Share) -> str:
    """What this shop is used to."""
    return "nothing is known yet of what is usual here" if share.usual is None else f"usually {share.usual:.0%}"
