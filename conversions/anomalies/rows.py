"""Rows that could not become orders: all rows, unusually many, or contradicting rows of one order."""

from collections import Counter
from collections.abc import Iterator

from conversions.anomalies.evidence import Evidence, explain_reason, usual_share
from conversions.ledger.staging import reason_shares
from conversions.model.conversion import Reason
from conversions.model.finding import Finding, attention

CODES = ("unreadable_rows", "ambiguous_amounts", "row_per_item", "refund_rows", "file_cut_off")
REASONS_WITH_OWN_FINDING = frozenset(
    {Reason.SEVERAL_ROWS, Reason.REFUND_ROW, Reason.UNFINISHED_LINE, Reason.AMBIGUOUS_AMOUNT}
)
"""Reasons that have a finding of their own."""
NEXT_STEP = "`conversions status` lists them; correct the export or the settings, then `conversions run`."


def findings(evidence: Evidence) -> Iterator[Finding]:
    """Yield the findings about rows; new bad rows are reported by every run."""
    new = evidence.bad_rows.new
    yield from _unreadable(evidence, new)
    yield from _contradictions(evidence, new)
    if doubtful := new[Reason.AMBIGUOUS_AMOUNT]:
        explanation = explain_reason(evidence, Reason.AMBIGUOUS_AMOUNT, _field(evidence, Reason.AMBIGUOUS_AMOUNT))
        rows = "1 row has an amount" if doubtful == 1 else f"{doubtful} rows have amounts"
        sentence = f"{rows} that may be thousands or decimals; such orders are not sent. {explanation}"
        yield attention("ambiguous_amounts", sentence, count=doubtful, every_run=True)
    if cut_off := new[Reason.UNFINISHED_LINE]:
        file, _, row = evidence.bad_rows.places[Reason.UNFINISHED_LINE].rpartition(" row ")
        more = f" {cut_off - 1} more files stop in the same way." if cut_off > 1 else ""
        sentence = (
            f"{file} stops in the middle of row {row}; that order was not sent.{more} Was the export cut off? "
            "Export it again, whole; then `conversions run`."
        )
        yield attention("file_cut_off", sentence, count=cut_off, every_run=True)


def _unreadable(evidence: Evidence, new: Counter[str]) -> Iterator[Finding]:
    """Yield one finding if no row could be read, or one for each reason with an unusual share of new rows."""
    counts = evidence.counts
    bad = Counter({reason: rows for reason, rows in counts.quarantined.items() if reason != Reason.REFUND_ROW})
    reported = all(reason in REASONS_WITH_OWN_FINDING and new[reason] for reason in bad)  # by their own findings
    recent_bad_rows = new.total() or reason_shares.count_recent_bad_rows(
        evidence.ledger, evidence.settings.lookback_days
    )
    if bad and not reported and not counts.orders and (recent_bad_rows or not counts.outside_window):
        why = " ".join(explain_reason(evidence, Reason(each), _field(evidence, each)) for each, _ in bad.most_common(2))
        sentence = f"Nothing was sent: none of {bad.total()} rows could be read. {why} {NEXT_STEP}"
        yield attention("unreadable_rows", sentence, count=bad.total(), share=1.0, every_run=True)
        return
    for share in reason_shares.unusual_shares(
        evidence.ledger, evidence.judgements.new, [reason for reason in new if reason not in REASONS_WITH_OWN_FINDING]
    ):
        why = explain_reason(evidence, Reason(share.reason), _field(evidence, share.reason))
        count = f"{share.hits} of the {share.total} newest orders could not be read"
        sentence = f"{count}; {usual_share(share)}. {why} {NEXT_STEP}"
        details = {"about": share.reason, "share": share.share, "every_run": True}
        yield attention("unreadable_rows", sentence, count=share.hits, **details)


def _contradictions(evidence: Evidence, new: Counter[str]) -> Iterator[Finding]:
    lines = evidence.bad_rows.beside_orders
    if conflicting_rows := new[Reason.SEVERAL_ROWS] + (lines if lines > 1 else 0):
        sentence = (
            f"{conflicting_rows} rows have the number of another row and other values: is this a row per item, or per "
            'refund? Such orders are not sent. In files with a row per item, set layout = "items" in [source.format]. '
            "Otherwise export one row per order, with its whole total and all its products, or map "
            "source.columns.updated_at; then `conversions run`."
        )
        yield attention("row_per_item", sentence, count=conflicting_rows, every_run=True)
    if refunds := new[Reason.REFUND_ROW]:
        rows = "1 row is a refund" if refunds == 1 else f"{refunds} rows are refunds"
        sentence = (
            f"{rows} beside the row of the sale, which keeps its full value: is this a row per "
            "item, or per refund? Map source.columns.refunded on the sale's own row; then `conversions run`."
        )
        yield attention("refund_rows", sentence, count=refunds, every_run=True)


def _field(evidence: Evidence, reason: str) -> str | None:
    return evidence.bad_rows.fields.get(reason)
