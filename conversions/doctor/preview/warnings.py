"""What looks wrong in a preview of the source, beside what the checks of a run find; codes, not words."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from conversions.intake.preview import Reading
from conversions.intake.preview.address_count import AddressState
from conversions.ledger.staging.reason_shares import NEW_STATUS
from conversions.model.conversion import Reason
from conversions.model.read_counts import ReadCounts

MIN_ORDERS = 3
"""Fewer orders are no evidence of a wrong mapping."""
SHARE = 3
"""One in so many orders is too much for one address, and enough for names in place of product IDs."""
INSTEAD_OF: Mapping[str, frozenset[str]] = {
    "no_finished_sale": frozenset({Reason.NOT_COMPLETED, NEW_STATUS}),
    "no_addresses": frozenset({Reason.NO_EMAIL}),
    "not_addresses": frozenset({Reason.UNUSABLE_EMAIL, Reason.ALREADY_A_DIGEST}),
    "product_names": frozenset({Reason.BAD_PRODUCT_ID}),
}
"""By warning, what a run's own findings of held back orders are about when it says the same."""
_RENEWALS = (Reason.RENEWAL, Reason.RENEWAL_UNDECIDED)


@dataclass(frozen=True, slots=True)
class PreviewWarning:
    """One thing that looks wrong, or that a person should know."""

    code: str
    facts: Mapping[str, Any] = field(default_factory=dict)


def warnings(reading: Reading, counts: ReadCounts, sendable: int, *, knows_amounts: bool) -> Iterator[PreviewWarning]:
    """Yield what looks wrong; *knows_amounts*: the store has this shop's usual amounts, which a run compares with."""
    rows = reading.orders + reading.unreadable.total()
    if unreadable := counts.quarantined.total():
        yield PreviewWarning("unreadable", {"count": unreadable, "of": rows})
    if reading.orders >= MIN_ORDERS:
        yield from _of_orders(reading)
        yield from () if knows_amounts else _minor_units(reading)
    if rows and not sendable:
        yield PreviewWarning("nothing_sendable")


def notes(without_sku: int, reasons: Counter[str]) -> Iterator[PreviewWarning]:
    """Yield what is no mistake but should be known; *reasons* are those of the orders that are withheld."""
    if without_sku:
        yield PreviewWarning("without_sku", {"count": without_sku})
    if reasons[Reason.NOT_PAID]:
        yield PreviewWarning("not_paid", {"count": reasons[Reason.NOT_PAID]})
    if count := sum(reasons[each] for each in _RENEWALS):
        yield PreviewWarning("renewals", {"count": count})


def _of_orders(reading: Reading) -> Iterator[PreviewWarning]:
    states, most = reading.addresses.states, reading.addresses.most
    usable = states[AddressState.OK]
    if not reading.completed:
        yield PreviewWarning("no_finished_sale", {"count": reading.orders})
    if states[AddressState.EMPTY] == reading.orders:
        yield PreviewWarning("no_addresses", {"count": reading.orders})
    elif not usable:
        yield PreviewWarning("not_addresses", {"count": reading.orders})
    if most >= MIN_ORDERS and SHARE * most >= usable:
        yield PreviewWarning("one_address", {"count": most, "of": usable})
    if reading.with_names and SHARE * reading.with_names >= reading.with_products:
        yield PreviewWarning("product_names", {"count": reading.with_names, "of": reading.with_products})


def _minor_units(reading: Reading) -> Iterator[PreviewWarning]:
    for currency, shape in reading.amounts.items():
        if currency and shape.may_be_minor_units(currency):
            yield PreviewWarning("minor_units", {"count": shape.positive, "currency": currency})
