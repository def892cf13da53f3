"""``conversions source preview --json``: codes, with their words beside them."""

from collections import Counter
from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo

from conversions import catalogue
from conversions.catalogue import Language
from conversions.cli.source_preview_words import result_words, sentence
from conversions.doctor.preview import Preview, PreviewWarning, Result
from conversions.intake.preview import PreviewRow

SCHEMA = 1


def document(preview: Preview, zone: ZoneInfo, language: Language) -> dict[str, Any]:
    """Return the preview as one document; null stands for a cell that may not be printed."""
    counts, reading = preview.counts, preview.reading
    return {
        "schema": SCHEMA,
        "source": preview.source,
        "found": preview.found,
        "timezone": str(zone),
        "since": preview.window.since,
        "until": preview.window.until,
        "days": reading.days,
        "rows_read": counts.rows,
        "orders": counts.orders,
        "repeated": counts.repeated,
        "outside_window": counts.outside_window,
        "unreadable": counts.quarantined.total(),
        "sendable": preview.sendable,
        "skipped_files": counts.skipped_files,
        "rows": [_row(preview, row, results, zone, language) for row, results in preview.rows],
        "counts": {
            "status": [{"status": word, "orders": n} for word, n in reading.statuses.counts()],
            "currency": [
                {"currency": currency or None, "orders": shape.orders, "amount": shape.printed_total(currency)}
                for currency, shape in reading.amounts.items()
            ],
            "address": {str(state): n for state, n in Counter(reading.addresses.states).items()},
            "orders_of_one_address": reading.addresses.most,
            "results": [
                {"orders": n, "destinations": _results(preview.destinations, results, language)}
                for results, n in preview.outcomes.most_common()
            ],
            "unreadable": [
                {
                    "reason": each.reason,
                    "column": each.field,
                    "rows": each.rows,
                    "example": each.example,
                    "text": catalogue.reason(each.reason, language),
                    "sentence": each.sentence,
                }
                for each in preview.unreadable
            ],
        },
        "warnings": [
            *[_warning(each, language) for each in preview.warnings],
            *[{"code": each.code, "count": each.count, "text": each.sentence} for each in preview.findings],
        ],
        "notes": [_warning(each, language) for each in preview.notes],
        "exit_code": int(preview.exit_code),
    }


def _row(
    preview: Preview, row: PreviewRow, results: tuple[Result, ...], zone: ZoneInfo, language: Language
) -> dict[str, Any]:
    where = {"place": row.place, "order": row.number, "shown_number": row.shown_number}
    unreadable = {
        "reason": row.reason,
        "column": row.field,
        "text": catalogue.reason(row.reason, language) if row.reason else None,
    }
    if not row.is_order:
        return {**where, "unreadable": unreadable}
    local = row.purchased_at.astimezone(zone) if row.purchased_at else None
    return {
        **where,
        "purchased_at": local,
        "day_only": row.ends_day,
        "status": row.status,
        "completed": row.completed,
        "amount": row.amount,
        "refunded": row.refunded,
        "currency": row.currency,
        "products": [{"id": p.id, "quantity": p.quantity, "unit_price": p.unit_price} for p in row.products],
        "consent": row.consent,
        "address": row.address,
        "orders_of_address": row.orders_of_address,
        "unreadable": unreadable if row.reason else None,
        "older_row": not results and not row.reason,
        "destinations": _results(preview.destinations, results, language),
    }


def _results(names: list[str], results: tuple[Result, ...], language: Language) -> Mapping[str, Any]:
    return {
        name: {"state": bucket, "reason": reason, "text": result_words((bucket, reason), language)}
        for name, (bucket, reason) in zip(names, results, strict=False)
    }


def _warning(warning: PreviewWarning, language: Language) -> dict[str, Any]:
    return {"code": warning.code, "count": warning.facts.get("count"), "text": sentence(warning, language)}
