"""What the disclosure policy lets each platform know about the products of an order, and from which purchase day on."""

from dataclasses import replace

from conversions.disclosure.schema import CARTS
from conversions.ledger import Ledger
from conversions.ledger.runs import listed_since
from conversions.run.runtime import DestinationRules, Runtime


def with_first_days(runtime: Runtime, ledger: Ledger) -> Runtime:
    """Return *runtime* with the first purchase days of quantities and unit prices, as approved in the store."""
    destinations = tuple(_with_first_days(each, runtime, ledger) for each in runtime.destinations)
    return replace(runtime, destinations=destinations)


def _with_first_days(rules: DestinationRules, runtime: Runtime, ledger: Ledger) -> DestinationRules:
    kind, policy, zone = rules.destination.kind, runtime.policy, runtime.settings.zone
    quantity_from, unit_price_from = (
        listed_since.first_day(ledger, policy, listed_since.Listed(kind, path), zone)
        for path in (CARTS[kind].quantity, CARTS[kind].unit_price)
    )
    cart = replace(rules.order_rules.cart, quantity_from=quantity_from, unit_price_from=unit_price_from)
    return replace(rules, order_rules=replace(rules.order_rules, cart=cart))
