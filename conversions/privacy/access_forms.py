"""The answer to a data subject, as HTML for the person or as JSON for another system."""

from datetime import UTC, datetime, tzinfo
from decimal import Decimal
from typing import Any

from babel.dates import format_date
from babel.lists import format_list
from babel.numbers import format_decimal

from conversions.catalogue import Language, messages
from conversions.disclosure.fields import Field
from conversions.privacy.access import AccessAnswer, ClosedRequest
from conversions.privacy.disclosed_events import DisclosedEvent
from conversions.reports import render

AMOUNTS = frozenset(
    {"conversionValue", "cartData.items[].unitPrice", "custom_data.value", "custom_data.contents[].item_price"}
)


def html(answer: AccessAnswer, language: Language, zone: tzinfo) -> str:
    """A self-contained page; days and instants are in the shop's *zone*."""

    def shown(field: Field) -> str:
        match field.path:
            case "eventTimestamp":
                return _day(datetime.fromisoformat(field.value))
            case "event_time":
                return _day(datetime.fromtimestamp(field.value, UTC))
            case path if path in AMOUNTS:
                return str(format_decimal(Decimal(str(field.value)), "#,##0.00##", locale=language.locale))
            case _:
                return str(field.value)

    def _day(instant: datetime) -> str:
        return str(format_date(instant.astimezone(zone).date(), "long", locale=language.locale))

    return render.render("access.html", language, zone, answer=answer, shown=shown, named=named(answer, language))


def named(answer: AccessAnswer, language: Language) -> dict[str, str]:
    """The data that the privacy policy names, in words, by the form in which they are sent."""
    names = messages(language)["promised"]
    return {
        form: str(format_list(list(dict.fromkeys(names.get(path, path) for path in paths)), locale=language.locale))
        for form, paths in (answer.forms or {}).items()
    }


def document(answer: AccessAnswer, language: Language) -> dict[str, Any]:
    """A JSON document with the same content; instants are ISO 8601 UTC, ``event`` is the exact text that was sent."""
    texts = messages(language)
    return {
        "answered_at": answer.at.isoformat(),
        "rehearsal": answer.rehearsal,
        "controller": answer.controller,
        "contact": answer.contact,
        "kept_days": answer.kept_days,
        "purpose": texts["purpose"]["measure"],
        "forms": answer.forms,
        "recipients": {sent.recipient: texts["roles"].get(sent.recipient, "") for sent in answer.sent},
        "sent": [_sent_event(sent, texts) for sent in answer.sent],
        "not_sent": [
            {
                "order": n.order_no,
                "purchase_day": n.day,
                "recipient": n.recipient,
                "state": n.state,
                "reason": n.reason,
                "why": texts["reasons_for_buyers"].get(n.reason, texts["reasons"].get(n.reason)),
            }
            for n in answer.not_sent
        ],
        "policies": [
            {"version": p.version, "effective": p.effective, "quoted_from": p.quoted_from, "quote": p.quote}
            for p in answer.policies
        ],
        "objections": [
            {"kind": e.kind, "since": e.since, "removed_at": e.removed, "case": e.case, "reason": e.reason}
            for e in answer.entries
        ],
        "erasures": [_closed(e) for e in answer.erasures],
        "rectifications": [
            {**_closed(r), "whose": "order" if r.own else "address", "orders": list(r.orders)}
            for r in answer.rectifications
        ],
        "purged": answer.purged and {"before": answer.purged.before, "recipients": list(answer.purged.recipients)},
        "lost": answer.lost and {"since": answer.lost[0], "until": answer.lost[1]},
        "look_ups": [
            {"at": access.at, "purpose": access.purpose, "sentence": texts["purposes"].get(access.purpose)}
            for access in answer.accesses
        ],
        "rights": texts["access"]["rights_list"],
    }


def _closed(request: ClosedRequest) -> dict[str, Any]:
    told = [{"recipient": n.recipient, "told_at": n.closed} for n in request.notices]
    return {"at": request.at, "case": request.case, "recipients": told}


def _sent_event(sent: DisclosedEvent, texts: dict[str, Any]) -> dict[str, Any]:
    return {
        "order": sent.order_no,
        "purchase_day": sent.day,
        "recipient": sent.recipient,
        "own_address": sent.own,
        "attempts": [
            {
                "at": t.at,
                "outcome": t.outcome,
                "legal_basis": t.legal_basis,
                "policy_version": t.policy_version,
                "request": t.request,
            }
            for t in sent.transfers
        ],
        "event": sent.event,
        "fields": [
            {
                "path": f.path,
                "what": texts["fields"].get(f.path, f.what),
                "value": f.value,
                "form": f.form,
                "class": f.class_,
            }
            for f in sent.fields
        ],
    }
