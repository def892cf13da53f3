"""The questions of ``conversions init`` about a shop system that has the orders."""

from collections.abc import Callable
from dataclasses import replace

from conversions.cli.output import say
from conversions.cli.source_answers import ShopAnswers
from conversions.errors import Usage

Ask = Callable[..., str | None]
"""Asks a question; the texts after it are the only answers, besides Enter."""

RENEWALS = "Renewals of subscriptions are orders that no click caused: withhold or send"
PRODUCTS = "IDs in your product catalogues at the platforms: product, {} or sku"
SENT_BEFORE = """\
Were orders of this shop sent to these accounts before, such as from an export? Each would count twice under another
number.
  {0:6}  yes, under the number that customers see
  id      yes, under the shop system's id, or under one where both are the same
  Enter   no"""
CONSENT = "Key of the order's {} with the consent to ads; docs/{}.md shows how to record one (none: Enter)"
RENEWALS_OPEN = (
    "One question is open: renewals of subscriptions are withheld until source.renewals says withhold or send; "
    "no click caused them."
)
NUMBERS = (
    "Orders that were sent under other numbers count a second time. Where a store of those runs exists, use it here "
    "(store.url) and run `conversions adopt --numbers --reason TEXT` after the first plan."
)


def ask_shop(given: ShopAnswers, ask: Ask, *, consent: bool) -> ShopAnswers:
    """Ask for the missing answers; *consent*: only orders with a recorded consent are sent."""
    number, variant, details = (
        ("name", "variant", "additional details") if given.kind == "shopify" else ("number", "variation", "meta data")
    )
    order_key = given.order_key
    if order_key is None:
        say(SENT_BEFORE.format(number))
        order_key = ask(f"{number}, id or Enter", number, "id")
        if order_key:
            say(NUMBERS)
    return replace(
        given,
        order_key=order_key,
        renewals=given.renewals or ask(RENEWALS, "withhold", "send"),
        product_id=given.product_id or ask(PRODUCTS.format(variant), "product", variant, "sku"),
        consent=given.consent or (ask(CONSENT.format(details, given.kind.partition("-")[0])) if consent else None),
    )


def given_shop(woocommerce: str | None, shopify: str | None, **answers: str | None) -> ShopAnswers | None:
    """Return what the options say about the shop. Raises Usage where they say something, but not which shop."""
    if woocommerce and shopify:
        raise Usage("--woocommerce and --shopify name two shops: leave one out. Nothing was written.")
    if woocommerce:
        return ShopAnswers("woocommerce", woocommerce, **answers)
    if shopify:
        return ShopAnswers("shopify", shopify, **answers)
    if names := [f"--{name.replace('_', '-')}" for name, answer in answers.items() if answer]:
        say_what = " and ".join(names)
        raise Usage(
            f"{say_what} say something of a shop: add --woocommerce URL or --shopify NAME. Nothing was written."
        )
    return None
