"""Everything that the settings name except the source: opened once, and checked for contradictions."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from conversions import keys
from conversions.destinations import open_destination
from conversions.destinations.base import Destination
from conversions.disclosure.gate import Gate
from conversions.disclosure.policy import Policy, load_policy
from conversions.disclosure.schema import CARTS
from conversions.errors import SettingsError, Usage
from conversions.ledger import checkpoints
from conversions.ledger.checkpoints import signed_note
from conversions.ledger.runs import RunMetadata
from conversions.model.conversion import EventMaker, Window
from conversions.model.rules import CartRules, Rules
from conversions.settings import DestinationSettings, Settings
from conversions.transport.route import Route, open_route

WEB_TAG_WINDOW = timedelta(hours=42)
"""Meta de-duplicates a Pixel's event within 48 hours of its receipt; the margin is for a run that starts late."""


@dataclass(frozen=True, slots=True)
class DestinationRules:
    """One destination with its settings, its rules for orders, and its disclosure gate."""

    destination: Destination
    order_rules: Rules
    gate: Gate
    settings: DestinationSettings

    @property
    def name(self) -> str:
        """The name in the settings."""
        return self.destination.name


@dataclass(frozen=True, slots=True)
class Runtime:
    """The settings, the policy and the destinations of one run."""

    settings: Settings
    policy: Policy
    destinations: tuple[DestinationRules, ...]
    bindings: dict[str, str]
    """What the store is bound to: key, shop, destinations."""
    route: Route
    """How requests leave this machine."""

    @property
    def names(self) -> list[str]:
        """The destinations' names, in the settings' order."""
        return [rules.name for rules in self.destinations]

    @property
    def rules(self) -> Iterable[tuple[Rules, EventMaker]]:
        """For the intake: the rules and the event function of each destination."""
        return [(rules.order_rules, rules.destination.event) for rules in self.destinations]

    def run_metadata(self, command: str, window: Window, reason: str | None) -> RunMetadata:
        """Return what the log records about a run when it begins."""
        settings = self.settings
        return RunMetadata(
            command=command,
            window=window,
            settings=settings.public_text(),
            policy=self.policy.text,
            policy_version=self.policy.version,
            legal_basis=settings.privacy.legal_basis,
            zone=settings.zone,
            reason=reason,
        )


def build_runtime(settings: Settings, only: str | None = None, policy: Policy | None = None) -> Runtime:
    """Open what the settings name, without a request to any platform; read the policy file unless *policy* is given.

    Raises SettingsError, and Usage where *only* is not the name of a destination.
    """
    key = settings.secret_key
    policy = policy or load_policy(settings.resolve(settings.privacy.policy))
    sections, route = _sections(settings, only), open_route(settings)
    destinations = tuple(
        _destination_rules(settings, key, open_destination(name, section, policy, route), section, policy)
        for name, section in sections.items()
    )
    _refuse_duplicates(destinations)
    bindings = _bindings(settings, destinations, key)
    return Runtime(settings=settings, policy=policy, destinations=destinations, bindings=bindings, route=route)


def _sections(settings: Settings, only: str | None) -> dict[str, DestinationSettings]:
    if only is None:
        return dict(settings.destinations)
    if only not in settings.destinations:
        raise Usage(f"There is no destination {only!r}; the settings name {', '.join(settings.destinations)}.")
    return {only: settings.destinations[only]}


def _refuse_duplicates(destinations: tuple[DestinationRules, ...]) -> None:
    """Raise SettingsError where two sections name the same target: it would count every order twice."""
    names: dict[tuple[str, str], str] = {}
    for rules in destinations:
        name, target = rules.name, (rules.destination.kind, rules.destination.target)
        if target in names:
            raise SettingsError(f"destinations.{names[target]} and destinations.{name} are the same place; keep one.")
        names[target] = name


def _destination_rules(
    settings: Settings, key: bytes, destination: Destination, section: DestinationSettings, policy: Policy
) -> DestinationRules:
    with_pixel = section.kind == "meta" and section.also_reported_by == "same"
    rules = Rules(
        kind=destination.kind,
        target=destination.target,
        identity_rule=destination.identity_rule,
        min_age=destination.limits.min_age,
        max_age=destination.limits.max_age,
        not_before=None if settings.rehearsal else section.not_before,
        cart=CartRules(product_ids=_lists_products(destination, settings, policy)),
        precision=section.precision,
        reference=section.reference,
        legal_basis=settings.privacy.legal_basis,
        also_reported_within=WEB_TAG_WINDOW if with_pixel else None,
        zone=settings.zone,
        shop=settings.shop,
        wire_key=keys.derive(key, keys.WIRE_ID_SCHEME),
        # Always from the first key: under another key, a refused order would look corrected.
        fingerprint_key=keys.derive(settings.first_key, "fingerprint/1"),
    )
    return DestinationRules(destination, rules, Gate(policy, destination.kind), section)


def _lists_products(destination: Destination, settings: Settings, policy: Policy) -> bool:
    """Raise SettingsError where the policy lists product IDs that no column of the source holds."""
    kind = destination.kind
    listed = any(policy.lists(kind, path) for path in CARTS[kind].product_ids)
    if listed and settings.source.columns.product_ids is None:
        raise SettingsError(
            f"destinations.{destination.name}: the disclosure policy lists product IDs, but no column holds them. Set "
            "source.columns.product_ids, or leave the product paths out of the policy."
        )
    return listed


def _bindings(settings: Settings, destinations: tuple[DestinationRules, ...], key: bytes) -> dict[str, str]:
    targets = {
        f"destination {rules.name}": f"{rules.destination.kind} {rules.destination.target} "
        f"{rules.order_rules.reference}"
        for rules in destinations
    }
    log_key = signed_note.public_key(checkpoints.signing_seed(settings)).hex()
    shop = {"key": keys.check_value(key), "shop": settings.shop, "id scheme": keys.WIRE_ID_SCHEME}
    return {**shop, checkpoints.PIN: log_key, **targets}
