"""Destinations of conversions: one package per platform; this module opens them."""

from decimal import Decimal
from typing import assert_never

from conversions.destinations.base import Destination
from conversions.destinations.google.client import Google
from conversions.destinations.meta.client import Meta
from conversions.disclosure.gate import Gate
from conversions.disclosure.policy import Policy
from conversions.disclosure.schema import CARTS
from conversions.errors import DisclosureError, SettingsError
from conversions.model.conversion import CartItem, Consent, Conversion
from conversions.settings import DestinationSettings, GoogleSettings, MetaSettings
from conversions.transport.route import DIRECT, Route


def open_destination(name: str, settings: DestinationSettings, policy: Policy, route: Route = DIRECT) -> Destination:
    """Open the destination of the settings section *name*, without sending anything or fetching a credential.

    Raises SettingsError where *policy* does not list what these settings would send: one message now is better than
    quarantining every order.
    """
    destination = _destination(name, settings, policy, route)
    envelope = destination.envelope("specimen")
    body = envelope.prefix + destination.event(sample_conversion(settings, policy)) + envelope.suffix
    try:
        Gate(policy, settings.kind).check(body, 1)
    except DisclosureError as error:
        raise SettingsError(f"destinations.{name}: {error}") from None
    return destination


def _destination(name: str, settings: DestinationSettings, policy: Policy, route: Route) -> Destination:
    match settings:
        case GoogleSettings():
            return Google(name, settings, policy, route)
        case MetaSettings():
            return Meta(name, settings, policy, route)
        case _:
            assert_never(settings)


def sample_conversion(settings: DestinationSettings, policy: Policy) -> Conversion:
    """Return a conversion without personal data that has every field that these settings and *policy* can send."""
    paths = CARTS[settings.kind]
    product_ids = ("specimen",) if any(policy.lists(settings.kind, path) for path in paths.product_ids) else ()
    quantity = 1 if policy.lists(settings.kind, paths.quantity) else None
    unit_price = Decimal(1) if policy.lists(settings.kind, paths.unit_price) else None
    return Conversion(
        wire_id="specimen-1" if settings.reference == "order_id" else f"c-{0:032x}",
        email_sha256="0" * 64,
        value=Decimal(1),
        currency="DKK",
        product_ids=product_ids,
        event_at=1_700_000_000,
        ready_at=0,
        expires_at=0,
        fingerprint=b"",
        ad_user_data=Consent.GRANTED,
        ad_personalization=Consent.GRANTED,
        cart=(CartItem("specimen", quantity, unit_price),) if quantity or unit_price else (),
    )
