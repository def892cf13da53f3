"""The questions of ``conversions init`` about a WooCommerce shop."""

from collections.abc import Callable
from dataclasses import replace

from conversions.cli.output import say
from conversions.cli.scaffold import WooCommerceAnswers
from conversions.errors import Usage

Ask = Callable[..., str | None]
"""Asks a question; the texts after it are the only answers, besides Enter."""

SHOP = "Address of the WooCommerce shop that has the orders, such as https://shop.example (none, they are files: Enter)"
RENEWALS = "Renewals of subscriptions are orders that no click caused: withhold or send"
PRODUCTS = "IDs in your product catalogues at the platforms: product, variation or sku"
SENT_BEFORE = """\
Were orders of this shop sent to these accounts before, such as from an export? Each would count twice under another
number.
  number  yes, under the number that customers see
  id      yes, under WooCommerce's id, or under one where both are the same
  Enter   no"""
CONSENT = (
    "Key of the order's meta data with the consent to ads; docs/woocommerce.md shows how to record one (none: Enter)"
)
RENEWALS_OPEN = (
    "One question is open: renewals of subscriptions are withheld until source.renewals says withhold or send; "
    "no click caused them."
)
NUMBERS = (
    "Orders that were sent under other numbers count a second time. Where a store of those runs exists, use it here "
    "(store.url) and run `conversions adopt --numbers --reason TEXT` after the first plan."
)


def ask_shop(given: WooCommerceAnswers | None, ask: Ask, *, consent: bool) -> WooCommerceAnswers | None:
    """Ask for the missing answers; *consent*: only orders with a recorded consent are sent. None: there is no shop."""
    if given is None:
        url = ask(SHOP)
        if url is None:
            return None
        given = WooCommerceAnswers(url)
    order_key = given.order_key
    if order_key is None:
        say(SENT_BEFORE)
        order_key = ask("number, id or Enter", "number", "id")
        if order_key:
            say(NUMBERS)
    return replace(
        given,
        order_key=order_key,
        renewals=given.renewals or ask(RENEWALS, "withhold", "send"),
        product_id=given.product_id or ask(PRODUCTS, "product", "variation", "sku"),
        consent_meta=given.consent_meta or (ask(CONSENT) if consent else None),
    )


def given_shop(url: str | None, **answers: str | None) -> WooCommerceAnswers | None:
    """Return what the options say about the shop. Raises Usage where they say something, but not which shop."""
    if url:
        return WooCommerceAnswers(url, **answers)
    if names := [f"--{name.replace('_', '-')}" for name, answer in answers.items() if answer]:
        raise Usage(f"{' and '.join(names)} say something of a shop: add --woocommerce URL. Nothing was written.")
    return None
