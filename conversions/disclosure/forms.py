"""The form in which listed data travel: hashed, as a keyed code, or in clear."""

from collections.abc import Iterable

from conversions.disclosure.policy import Class, Listing, Policy
from conversions.disclosure.schema import EVENTS

_FORMS = {"sha256-hex": "hashed", "wire-id": "keyed"}
"""By shape; every other shape is sent in clear."""


def form(listing: Listing) -> str:
    """Return ``hashed``, ``keyed`` or ``clear``."""
    return _FORMS.get(listing.shape, "clear")


def within_event(listing: Listing, kind: str) -> str:
    """Return the listing's path within an event of *kind*."""
    return listing.path.removeprefix(f"{EVENTS[kind]}[].")


def promised_forms(policy: Policy, kinds: Iterable[str]) -> dict[str, list[str]]:
    """Return the paths, within an event, of the data that the privacy policy names, by form."""
    found: dict[str, list[str]] = {}
    for kind in kinds:
        for listing in policy.listings(kind):
            if listing.class_ is Class.PROMISED:
                found.setdefault(form(listing), []).append(within_event(listing, kind))
    return found
