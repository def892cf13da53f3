"""Everything but the orders that the settings name, opened once and checked against each other."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from conversions import keys
from conversions.destinations import open_destination
from conversions.destinations.base import Destination
from conversions.disclosure.gate import Gate
from conversions.disclosure.policy import Policy, load_policy
from conversions.errors import SettingsError, Usage
from conversions.ledger import checkpoints
from conversions.ledger.checkpoints import signed_note
from conversions.ledger.runs import RunMetadata
from conversions.model.conversion import EventMaker, Window
from conversions.model.rules import Rules
from conversions.settings import DestinationSettings, Settings

WEB_TAG_WINDOW = timedelta(hours=42)
"""Meta de-duplicates a Pixel's event within 48 hours of its receipt; the margin is for a run that starts late."""


@dataclass(frozen=True, slots=True)
class DestinationRules:
    """One destination, the rules by which it sees an order, and the gate before it."""

    destination: Destination
    rules: Rules
    gate: Gate
    settings: DestinationSettings

    @property
    def name(self) -> str:
        """As in the settings."""
        return self.destination.name


@dataclass(frozen=True, slots=True)
class Runtime:
    """What one run works with."""

    settings: Settings
    policy: Policy
    destinations: tuple[DestinationRules, ...]
    bindings: dict[str, str]
    """What the store is to be bound to."""

    @property
    def names(self) -> list[str]:
        """The destinations' names, in the settings' order."""
        return [view.name for view in self.destinations]

    @property
    def rules(self) -> Iterable[tuple[Rules, EventMaker]]:
        """For the intake: each destination's rules, and how its events are made."""
        return [(view.rules, view.destination.event) for view in self.destinations]

    def run_metadata(self, command: str, window: Window, reason: str | None) -> RunMetadata:
        """What the log keeps of a run's circumstances."""
        settings = self.settings
        return RunMetadata(
            command=command,
            window=window,
            settings=settings.public_text(),
            policy=self.policy.text,
            policy_version=self.policy.version,
            legal_basis=settings.privacy.legal_basis,
            reason=reason,
        )


def build_runtime(settings: Settings, only: str | None = None, policy: Policy | None = None) -> Runtime:
    """Open what the settings name; nothing is sent yet. *policy* is read from its file where it is not handed over.

    Raises SettingsError, or Usage where *only* is no destination's name.
    """
    key = settings.secret_key
    policy = policy or load_policy(settings.resolve(settings.privacy.policy))
    sections = _sections(settings, only)
    views = tuple(_destination_rules(name, section, settings, policy, key) for name, section in sections.items())
    _refuse_duplicates(views)
    return Runtime(settings=settings, policy=policy, destinations=views, bindings=_bindings(settings, views, key))


def _sections(settings: Settings, only: str | None) -> dict[str, DestinationSettings]:
    if only is None:
        return dict(settings.destinations)
    if only not in settings.destinations:
        raise Usage(f"There is no destination {only!r}; the settings name {', '.join(settings.destinations)}.")
    return {only: settings.destinations[only]}


def _refuse_duplicates(views: tuple[DestinationRules, ...]) -> None:
    """Two sections for one place would count every order there twice."""
    places: dict[tuple[str, str], str] = {}
    for view in views:
        name, place = view.name, (view.destination.kind, view.destination.target)
        if place in places:
            raise SettingsError(f"destinations.{places[place]} and destinations.{name} are the same place; keep one.")
        places[place] = name


def _destination_rules(
    name: str, section: DestinationSettings, settings: Settings, policy: Policy, key: bytes
) -> DestinationRules:
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
        fingerprint_key=keys.derive(settings.first_key, "fingerprint/1"),
    )
    return DestinationRules(destination, rules, Gate(policy, destination.kind), section)


def _bindings(settings: Settings, views: tuple[DestinationRules, ...], key: bytes) -> dict[str, str]:
    where = {f"destination {v.name}": f"{v.destination.kind} {v.destination.target} {v.rules.reference}" for v in views}
    log_key = signed_note.public_key(checkpoints.signing_seed(settings)).hex()
    own = {"key": keys.check_value(key), "shop": settings.shop, "id scheme": keys.WIRE_ID_SCHEME}
    return {**own, checkpoints.PIN: log_key, **where}
