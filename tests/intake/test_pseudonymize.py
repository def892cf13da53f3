"""The pseudonymiser: rows without an address, and buyers who were suppressed under a former key."""

from datetime import UTC, date, datetime
from decimal import Decimal

from conversions.intake.identity import subject
from conversions.intake.order import Order
from conversions.intake.pseudonymize import MAX_PRODUCTS_PER_ORDER, NO_CURRENCY, FormerKeys, Pseudonymizer
from conversions.ledger.staging.snapshot import OrderRow, SnapshotBatch
from conversions.model.conversion import Consent, Reason
from tests.intake.test_convert import GOOGLE_RULES

KEY, FORMER, PRODUCTS = b"k" * 32, b"f" * 32, b"p" * 32
NOW = datetime(2026, 11, 22, 5, tzinfo=UTC)
ADDRESS = "ida@example.org"
ORDER = Order(
    number="1001",
    email=ADDRESS,
    amount=Decimal("249.90"),
    refunded=Decimal("49.90"),
    currency="DKK",
    product_ids=("CD-1", "BOOK-7"),
    purchased_at=datetime(2026, 11, 20, 12, tzinfo=UTC),
    purchase_day=date(2026, 11, 20),
    window_day=date(2026, 11, 20),
    completed=True,
    consent=Consent.GRANTED,
    ad_personalization=Consent.GRANTED,
    rank=(0, 1),
)


def batch(*orders: Order, former: FormerKeys | None = None) -> SnapshotBatch:
    pseudonymizer = Pseudonymizer([(GOOGLE_RULES, lambda _: b"{}")], KEY, PRODUCTS, NOW)
    if former is not None:
        pseudonymizer.former = former
    return pseudonymizer(orders)


def row(order: Order) -> OrderRow:
    (cells,) = batch(order).orders
    return OrderRow(*cells)


def test_no_row_holds_the_address() -> None:
    assert ADDRESS not in repr(batch(ORDER))
    assert row(ORDER).subject == subject(ADDRESS, KEY)


def test_a_row_states_what_is_left_after_refunds() -> None:
    assert (row(ORDER).minor, row(ORDER).currency, row(ORDER).refunded) == (20000, "DKK", 4990)


def test_a_status_that_is_no_sale_goes_with_its_order() -> None:
    pending = row(ORDER._replace(completed=False, status_word=b"8 bytes."))

    assert (pending.completed, pending.status) == (False, b"8 bytes.")
    assert row(ORDER).status is None


def test_products_are_the_same_in_any_order() -> None:
    many = tuple(f"P-{nth}" for nth in range(MAX_PRODUCTS_PER_ORDER + 1))

    assert row(ORDER).products == row(ORDER._replace(product_ids=("BOOK-7", "CD-1"))).products
    assert len(row(ORDER._replace(product_ids=many)).products) == 8 * MAX_PRODUCTS_PER_ORDER


def test_a_cell_that_is_no_currency_is_not_kept() -> None:
    assert row(ORDER._replace(currency=ADDRESS)).currency == NO_CURRENCY


def test_each_destination_gets_a_draft() -> None:
    reason, quarantined, due, *_, event = batch(ORDER).drafts[0]

    assert (reason, quarantined, due, event) == (None, 0, 20000, b"{}")


def test_a_buyer_listed_under_a_former_key_is_withheld() -> None:
    listed = subject(ADDRESS, FORMER)
    assert isinstance(listed, bytes)
    former = FormerKeys((FORMER,), {listed: Reason.OBJECTION})

    drafts = batch(ORDER, ORDER._replace(email="bo@example.org"), former=former).drafts

    assert [draft[0] for draft in drafts] == [Reason.OBJECTION, None]
