"""Everything that the settings name, opened once and checked against each other: source, destinations, rules, gates."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import timedelta

from conversions import keys
from conversions.conversion import Reason, Window
from conversions.convert import Rules
from conversions.destinations import open_destination
from conversions.disclosure import Gate, Policy, load_policy
from conversions.errors import SettingsError, Usage
from conversions.identity import SUBJECT
from conversions.ledger import Clock, checkpoints, note
from conversions.ledger.runs import Occasion
from conversions.ledger.sightings import Resolved, Sightings
from conversions.reading import Disguise, Former, View
from conversions.settings import DestinationSettings, Settings
from conversions.sources import open_source
from conversions.sources.base import Source
from conversions.sources.content import PURPOSE

WEB_TAG_WINDOW = timedelta(hours=42)
"""Meta de-duplicates a Pixel's event within 48 hours of its receipt; the margin is for a night that starts late."""


@dataclass(frozen=True, slots=True)
class House:
    """What one run works with."""

    settings: Settings
    policy: Policy
    source: Source
    views: tuple[View, ...]
    sections: tuple[DestinationSettings, ...]
    disguise: Disguise
    keyed: Callable[[str], bytes]
    """A digest that says nothing without the key, by which damaged rows are known again."""
    pins: dict[str, str]

    @property
    def names(self) -> list[str]:
        """The destinations' names, in the settings' order."""
        return [view.destination.name for view in self.views]

    def resolve(self, sightings: Sightings, settled: Collection[str]) -> Resolved:
        """See ``Sightings.resolve``: which of several rows of one order counts, by this shop's settings."""
        ranked = self.settings.source.columns.updated_at is not None
        return sightings.resolve(settled, self.settings.shop, self.keyed, ranked=ranked)

    def heed(self, listed: Mapping[bytes, Reason]) -> None:
        """Withhold the orders of whoever was *listed* while the store had a former key."""
        subject_keys = tuple(keys.derive(key, SUBJECT) for key in self.settings.secret_former_keys)
        self.disguise.former = Former(subject_keys, listed if subject_keys else {})

    def occasion(self, command: str, window: Window, reason: str | None) -> Occasion:
        """What the log keeps of a run's circumstances."""
        settings = self.settings
        return Occasion(
            command=command,
            window=window,
            settings=settings.public_text(),
            policy=self.policy.text,
            policy_version=self.policy.version,
            legal_basis=settings.privacy.legal_basis,
            reason=reason,
        )


def open_house(settings: Settings, only: str | None, clock: Clock, policy: Policy | None = None) -> House:
    """Open what the settings name; nothing is read or sent yet. *policy* is read where it is not handed over.

    Raises SettingsError, or Usage where *only* is no destination's name.
    """
    key = settings.secret_key
    policy = policy or load_policy(settings.resolve(settings.privacy.policy))
    sections = _wanted(settings, only)
    views = tuple(_view(name, section, settings, policy, key) for name, section in sections.items())
    _different(views)
    return House(
        settings=settings,
        policy=policy,
        source=_source(settings, clock, key),
        views=views,
        sections=tuple(sections.values()),
        disguise=Disguise(views, keys.derive(key, SUBJECT), keys.derive(_first(settings, key), "product/1"), clock()),
        keyed=_digest(keys.derive(_first(settings, key), "bad row/1")),
        pins=_pins(settings, views, key),
    )


def _source(settings: Settings, clock: Clock, key: bytes) -> Source:
    """Under the first key for ever: under another, all damage that was seen would look new."""
    first = keys.derive(_first(settings, key), PURPOSE)
    return open_source(settings.source, zone=settings.zone, resolve=settings.resolve, clock=clock, key=first)


def _different(views: tuple[View, ...]) -> None:
    """Two sections for one place would count every order there twice."""
    places: dict[tuple[str, str], str] = {}
    for view in views:
        name, place = view.destination.name, (view.destination.kind, view.destination.target)
        if place in places:
            raise SettingsError(f"destinations.{places[place]} and destinations.{name} are the same place; keep one.")
        places[place] = name


def _wanted(settings: Settings, only: str | None) -> dict[str, DestinationSettings]:
    if only is None:
        return dict(settings.destinations)
    if only not in settings.destinations:
        raise Usage(f"There is no destination {only!r}; the settings name {', '.join(settings.destinations)}.")
    return {only: settings.destinations[only]}


def _view(name: str, section: DestinationSettings, settings: Settings, policy: Policy, key: bytes) -> View:
    destination = open_destination(name, section, policy)
    with_pixel = section.kind == "meta" and section.also_reported_by == "same"
    rules = Rules(
        kind=destination.kind,
        target=destination.target,
        identity_rule=destination.identity_rule,
        min_age=destination.limits.min_age,
        max_age=destination.limits.max_age,
        not_before=None if settings.rehearsal else section.not_before,
        precision=section.precision,
        reference=section.reference,
        legal_basis=settings.privacy.legal_basis,
        also_reported_within=WEB_TAG_WINDOW if with_pixel else None,
        zone=settings.zone,
        shop=settings.shop,
        wire_key=keys.derive(key, keys.WIRE_ID_SCHEME),
        # Of the first key for ever: under another, what a platform once refused would look corrected.
        fingerprint_key=keys.derive(_first(settings, key), "fingerprint/1"),
    )
    return View(destination, rules, Gate(policy, destination.kind))


def _first(settings: Settings, key: bytes) -> bytes:
    """The first key that this shop had."""
    return [key, *settings.secret_former_keys][-1]


def _digest(key: bytes) -> Callable[[str], bytes]:
    return lambda text: keys.mac(key, text.encode("utf-8", "surrogateescape"))[:16]


def _pins(settings: Settings, views: tuple[View, ...], key: bytes) -> dict[str, str]:
    where = {
        f"destination {v.destination.name}": f"{v.destination.kind} {v.destination.target} {v.rules.reference}"
        for v in views
    }
    log_key = note.public_key(checkpoints.seed_of(settings)).hex()
    own = {"key": keys.check_value(key), "shop": settings.shop, "id scheme": keys.WIRE_ID_SCHEME}
    return {**own, checkpoints.PIN: log_key, **where}
