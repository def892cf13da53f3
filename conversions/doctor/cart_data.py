"""Quantity, unit price and product IDs: what the published privacy policy must say first, and what each choice means.

Google's reports of products: support.google.com/google-ads/answer/14943675. Meta: "Custom data parameters" (2026).
"""

import re
from collections.abc import Iterator

from conversions import catalogue
from conversions.catalogue import Language
from conversions.disclosure.policy import Policy
from conversions.disclosure.schema import CARTS
from conversions.doctor.check_result import CheckResult, note, ok
from conversions.errors import ConversionsError
from conversions.ledger import Clock, open_read_only
from conversions.ledger.runs import listed_since, policies
from conversions.ledger.runs.listed_since import Listed
from conversions.model.rules import CartRules
from conversions.settings import Columns, Settings

_NAMED = {
    "quantities": re.compile(r"antal|mængde|quantit", re.IGNORECASE),
    "unit prices": re.compile(r"pris(?!m)|price", re.IGNORECASE),
}
"""By part: words of the quoted sentence that name it."""

_WITHOUT_PRODUCTS = {
    "google": "Google gets no products: it reports each sale with its value, and nothing by product.",
    "meta": "Meta gets no products: ads from a catalogue cannot learn which product was bought.",
}
_IDS_ONLY = {
    "google": "Google gets product IDs without quantity and unit price together: it reports each sale with its value, "
    "but its reports of products need ID, quantity and price, and warns that they are missing.",
    "meta": "Meta gets product IDs without their quantity: ads from a catalogue need both; the price is optional.",
}
_WHOLE = {
    "google": "Google gets ID, quantity and unit price of each product, for purchases {since}. It reports products "
    "only under the IDs that they have in Merchant Center: compare product_ids with the feed.",
    "meta": "Meta gets ID and quantity of each product, for purchases {since}. Ads from a catalogue need the IDs that "
    "the catalogue has.",
}


def disclosed_cart(settings: Settings, policy: Policy) -> CartRules:
    """Return what any destination may know of the products of an order, whatever its day."""

    def listed(kind: str, *paths: str) -> bool:
        return any(policy.lists(kind, path) for path in paths)

    carts = [(section.kind, CARTS[section.kind]) for section in settings.destinations.values()]
    return CartRules(
        product_ids=any(listed(kind, *cart.product_ids) for kind, cart in carts),
        quantity_from=policy.effective if any(listed(kind, cart.quantity) for kind, cart in carts) else None,
        unit_price_from=policy.effective if any(listed(kind, cart.unit_price) for kind, cart in carts) else None,
    )


def check_cart_data(settings: Settings, policy: Policy, now: Clock) -> Iterator[CheckResult]:
    """Say what the published privacy policy must say, then what the policy's choice means at each platform."""
    cart = disclosed_cart(settings, policy)
    listed = {"quantities": cart.quantity_from is not None, "unit prices": cart.unit_price_from is not None}
    if cart.product_ids:
        yield from _sentence(settings, policy, [part for part, is_listed in listed.items() if is_listed])
    if not settings.source.reads_changes:  # a shop system has both, and no setting maps them
        yield from _columns(settings.source.columns, listed)
    for kind in dict.fromkeys(section.kind for section in settings.destinations.values()):
        yield _meaning(settings, policy, kind, now)


def _sentence(settings: Settings, policy: Policy, listed: list[str]) -> Iterator[CheckResult]:
    """Propose the sentence, unless the quoted one names everything that is listed."""
    unnamed = [part for part in listed if not _NAMED[part].search(policy.quote)]
    proposal = f"Before they are listed, the published privacy policy must say: {_proposal(settings)}"
    how = "Publish the sentence, quote it, list the paths in a new version, approve it: docs/cart-data.md."
    if not listed:
        yield note("policy", f"Quantities and unit prices are not listed, so they are not sent. {proposal}", how)
    elif unnamed:
        sentence = f"Policy {policy.version} lists {' and '.join(unnamed)}, which its sentence does not name."
        yield note("policy", f"{sentence} {proposal}", how)
    else:
        yield ok(
            "policy",
            f"The sentence names {' and '.join(listed)}. They are sent for purchases from the day of their approval "
            "on; what was sent without them stays without them.",
        )


def _proposal(settings: Settings) -> str:
    kinds = {section.kind for section in settings.destinations.values()}
    texts = []
    for language in (Language.DANISH, Language.ENGLISH):
        names = [catalogue.text("cart_sentence", kind, language) for kind in ("google", "meta") if kind in kinds]
        text = catalogue.text("cart_sentence", "text", language)
        texts.append(text.replace("{recipients}", catalogue.text("cart_sentence", "and", language).join(names)))
    return " / ".join(f"“{text}”" for text in texts)


def _columns(columns: Columns, listed: dict[str, bool]) -> Iterator[CheckResult]:
    mapped = {"quantities": columns.quantities, "unit prices": columns.unit_prices}
    for part, is_listed in listed.items():
        setting = f"source.columns.{part.replace(' ', '_')}"
        if is_listed and mapped[part] is None:
            yield note(
                "source", f"The policy lists {part}, but no column holds them: none are sent.", f"Map {setting}."
            )
        elif mapped[part] is not None and not is_listed:
            yield note("source", f"{setting} is mapped, but the policy does not list {part}: they are not sent.")


def _meaning(settings: Settings, policy: Policy, kind: str, now: Clock) -> CheckResult:
    cart = CARTS[kind]
    if not any(policy.lists(kind, path) for path in cart.product_ids):
        return note("policy", _WITHOUT_PRODUCTS[kind])
    needed = (cart.quantity, cart.unit_price) if kind == "google" else (cart.quantity,)
    if not all(policy.lists(kind, path) for path in needed):
        return note("policy", _IDS_ONLY[kind])
    return ok("policy", _WHOLE[kind].format(since=_since(settings, policy, [Listed(kind, p) for p in needed], now)))


def _since(settings: Settings, policy: Policy, listed: list[Listed], now: Clock) -> str:
    """Return from which purchase day on everything *listed* is sent, as far as the store has an approval."""
    try:
        with open_read_only(settings, now, rehearsal=settings.rehearsal) as ledger:
            approved = policies.approved(ledger)
            days = [listed_since.first_day(ledger, policy, each, settings.zone) for each in listed]
    except ConversionsError:
        return "from the day of the approval on"
    if approved is None or approved.sha256 != policy.sha256:
        return f"from the day of the approval on, and not from before {policy.effective}"
    return f"from {max(filter(None, days))} on"
