"""The matrix of design §3: its rows, its columns, and a night in which the one is read on top of the other.

The columns are made as they come about: an order waits because a run had no time or a platform refused the token, it is
unknown because the answer was lost, expired because it waited too long.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from decimal import Decimal

from tests.e2e.said import DOMAIN, Json, Said
from tests.e2e.shop import NAMES, Row, Shop

HUNDRED, EIGHTY, NOUGHT = Decimal(100), Decimal(80), Decimal(0)
MAYBE = "maybe_received"
REFUSED = "refused_by_platform"


@dataclass(frozen=True, slots=True)
class Case:
    """A row of the matrix: what the source says now of an order of 100 DKK."""

    change: Row = field(default_factory=dict)
    due: Decimal = HUNDRED
    """What the platforms should hold."""
    withheld: str | None = None
    """Why it would not be sent, had it not been sent yet."""
    objection: bool = False


VALUE = {
    "amount changed": Case({"total": "80.00"}, EIGHTY),
    "partly refunded": Case({"refunded": "20.00"}, EIGHTY),
}
NO_VALUE = {
    "refunded": Case({"refunded": "100.00"}, NOUGHT, "amount_not_above_zero"),
    "amount 0": Case({"total": "0.00"}, NOUGHT, "amount_not_above_zero"),
    "cancelled": Case({"status": "cancelled"}, NOUGHT, "not_completed"),
}
OTHERWISE = {
    "address changed": Case({"billing_email": f"bo@{DOMAIN}"}),
    "products changed": Case({"product_ids": "SKU-8|SKU-9"}),
}
FORBIDDEN = {
    "consent_denied": Case({"ads_consent": "no"}, withheld="consent_denied"),
    "address gone": Case({"billing_email": ""}, withheld="no_email"),
    "objection": Case(objection=True, withheld="objection"),
    "consent denied and amount changed": Case({"ads_consent": "no", "total": "80.00"}, withheld="consent_denied"),
}
SAME = {"same": Case()}
ROWS = SAME | VALUE | NO_VALUE | OTHERWISE | FORBIDDEN


Column = Callable[..., None]


def new(shop: Shop, *numbers: str) -> None:
    """The ledger has never met the orders."""


def waiting(shop: Shop, *numbers: str) -> None:
    """They were staged, and the run had no time to send them."""
    shop.configure(deadline="0s")
    _first_night(shop, numbers, 75, "pending")
    assert shop.requests() == 0
    shop.configure()


def refused(shop: Shop, *numbers: str) -> None:
    """They were on the wire, and the platforms conclusively did not take them."""
    shop.sandbox.use_faults(["expired-token"])
    _first_night(shop, numbers, 77, "pending")
    shop.sandbox.use_faults([])
    shop.sandbox.reset()


def sent(shop: Shop, *numbers: str) -> None:
    _first_night(shop, numbers, 0, "sent")


def unknown(shop: Shop, *numbers: str) -> None:
    """The platforms took them, and the answers were lost."""
    shop.configure(deadline="1s")
    shop.sandbox.use_faults(["lost"])
    _first_night(shop, numbers, 75, "unknown")
    shop.sandbox.use_faults([])
    shop.configure()


def rejected(shop: Shop, *numbers: str) -> None:
    """As diagnostics will find later: taken, and then not recorded."""
    sent(shop, *numbers)
    shop.sql("UPDATE delivery SET state = 'rejected'")


def expired(shop: Shop, *numbers: str) -> None:
    """They waited until they were too old for both, which an age limit of a day makes them at once."""
    waiting(shop, *numbers)
    shop.configure(destinations={name: {"max_age_days": 1} for name in NAMES})
    said = shop.run()
    assert_counts(said, {"expired": len(numbers) or 1}, code=1)
    assert said.at("meta")["needs_a_person"]["expired"] == (len(numbers) or 1)
    assert_counts(shop.run(), {"expired": len(numbers) or 1})
    assert shop.requests() == 0
    shop.configure()


DAY = "2026-11-20"
THEN = {"purchased_at": f"{DAY} 12:00:00"}
"""However late it is by now."""
NOT_SENT_YET = (new, waiting, refused)
SET_ASIDE = (rejected, expired)


def _first_night(shop: Shop, numbers: Iterable[str], code: int, bucket: str) -> None:
    rows = [shop.order(number) for number in numbers or ("1001",)]
    shop.orders(*rows)
    assert_counts(shop.run(), {bucket: len(rows)}, code=code)


def the_night(shop: Shop, case: Case, *arguments: str) -> Said:
    """The same order is read again."""
    if case.objection:
        shop.objection(shop.order()["billing_email"])
    shop.orders(shop.order(**case.change))
    return planned_and_run(shop, *arguments)


def planned_and_run(shop: Shop, *arguments: str) -> Said:
    """What the plan says, and writes nothing for, is what the run then does."""
    requests, kept = shop.requests(), shop.store_bytes()
    plan = shop.plan(*arguments)
    assert (shop.requests(), shop.store_bytes()) == (requests, kept)
    said = shop.run(*arguments)
    for name in NAMES:
        assert outlook(plan.at(name)) == outlook(said.at(name)), name
    return said


def outlook(side: Json) -> Json:
    """What is new or unanswered is what goes; a plan foresees that all of it is received."""
    kept = ("read", "already_sent", "withheld", "quarantined", "rejected", "deferred", "expired", "changed", "changes")
    return {key: side[key] for key in kept} | {"goes": side["sent"] + side["pending"] + side["unknown"]}


def assert_counts(said: Said, expected: Json, code: int = 0) -> None:
    assert said.code == code, said
    for name in NAMES:
        assert said.counts(name) == expected, name
        assert said.at(name)["difference"] == 0


def assert_changed(said: Said, new: Decimal) -> None:
    """The old value and the new one are shown, and nothing was restated."""
    expected = [] if new == HUNDRED else [("1001", HUNDRED, new, "DKK")]
    for name in NAMES:
        side = said.at(name)
        shown = [(c["order"], Decimal(c["old"]), Decimal(c["new"]), c["currency"]) for c in side["changes"]]
        assert (shown, side["changed"], side["restated"]) == (expected, len(expected), 0), name


def assert_nothing_more(shop: Shop) -> None:
    """Another run sends nothing, and stays calm about it."""
    before = shop.requests()
    again = shop.run()
    assert again.code == 0, again
    assert shop.requests() == before


def assert_counted_once(shop: Shop, *, arrivals: int = 1) -> None:
    for name in NAMES:
        received = shop.received(name)
        counted = (received["events"], received["distinct"], received["duplicates"], received["double_counted"])
        assert counted == (arrivals, 1, arrivals - 1, 0), name


def assert_states(shop: Shop, state: str, orders: int = 1) -> None:
    assert shop.states() == {name: {state: orders} for name in NAMES}
