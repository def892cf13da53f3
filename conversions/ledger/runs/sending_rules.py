"""The sending rules: the settings that decide who or what may be sent. A person approves them, like the policy.

Settings of operation (path, deadline, look-back, limits) are no rules. Key, shop and accounts are bindings.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any

import orjson

from conversions import keys
from conversions.model.subject import holds_address
from conversions.settings import Settings, SourceBase
from conversions.settings.source_format import Format
from conversions.transport.route import open_route

NAMES = (
    "timezone",
    "privacy.legal_basis",
    "source.columns.email",
    "source.columns.status",
    "source.columns.consent",
    "source.columns.ad_personalization",
    "source.columns.currency",
    "source.columns.product_ids",
    "source.columns.purchased_at",
    "source.columns.cancelled_at",
    "source.columns.quantities",
    "source.columns.unit_prices",
    "source.columns.test",
    "source.completed",
    "source.consent_granted",
    "source.consent_denied",
    "source.currency",
    "source.currency_aliases.*",
    "source.format.*",
    "source.product_separator",
    "source.test_values",
    "source.query",
    "source.preset",
    "source.table_prefix",
    "source.view",
    "source.naive_times",
    "source.bounds",
    "source.renewals",
    "source.unpaid",
    "source.consent_meta",
    "source.ad_personalization_meta",
    "source.consent_attribute",
    "source.ad_personalization_attribute",
    "source.money",
    "source.product_id",
    "source.sku_fallback",
    "source.bundled",
    "source.order_key",
    "destinations.*.not_before",
    "destinations.*.precision",
)
"""The settings that are rules; a further one is one more line. An absent value counts as "not set".

Other columns are no rules: the checks of what was read notice other numbers and other amounts (exit 65).
"""
ROUTE = ("proxy", "no_proxy", "ca_file")
"""The rules that decide who can read requests on their way; ``ca_file`` is the digest of its contents."""
EXCLUSIONS = "source.exclude_addresses"
"""The rule about the addresses that are left out: their number and a keyed digest, never an address."""
_DEFAULTS = {f"source.format.{name}": field.default for name, field in Format.model_fields.items()} | {
    "source.test_values": sorted(SourceBase.model_fields["test_values"].default)
}
"""A setting that is absent, as in the settings of an earlier release, is the same rule as its default."""
_ADDRESS = re.compile(r"[^\s'\"]*(?:@|%40)[^\s'\"]*")

SendingRules = dict[str, Any]
"""Value by name, sorted by name. Values are texts, numbers, or sorted lists of texts."""
Changes = dict[str, tuple[Any, Any]]
"""Old and new value by name; None is "not set"."""
Seal = Callable[[str], str]
"""Replaces the addresses in a value by a keyed digest of the value."""


def present_rules(settings: Settings, exclusions: str | None) -> SendingRules:
    """Return the rules of *settings*. *exclusions* describes the addresses that are left out, without an address.

    Raises SettingsError where ``ca_file`` cannot be used: its contents count, not its name.
    """
    route = {name: value for name, value in open_route(settings).public.items() if value}
    more = route | ({EXCLUSIONS: exclusions} if exclusions else {})
    return dict(sorted({**rules_of(settings.public_text(), seal(settings)), **more}.items()))


def rules_of(public_text: str, seal_value: Seal) -> SendingRules:
    """Return the rules in a settings document of the store, also of an earlier release."""
    values = {name: _canonical(value, seal_value) for name, value in _leaves(orjson.loads(public_text))}
    return {
        name: value
        for name, value in sorted(values.items())
        if _is_rule(name) and value not in (None, [], _DEFAULTS.get(name))
    }


def seal(settings: Settings) -> Seal:
    """Return the function that seals a value: the log and the store's documents never hold an address."""

    def sealed(value: str) -> str:
        digest = keys.mac(keys.derive(settings.first_key, "sending-rules/1"), value.encode())[:8].hex()
        masked = _ADDRESS.sub("[address]", value)
        return f"{'[address]' if holds_address(masked) else masked} (hmac {digest})"

    return lambda value: sealed(value) if holds_address(value) else value


def changes(old: SendingRules, new: SendingRules) -> Changes:
    """Return the rules that differ. A destination that is new, or that the settings no longer name, is no change."""
    names = [name for name in sorted({*old, *new}) if _destination(name) not in _destinations(old) ^ _destinations(new)]
    return {name: (old.get(name), new.get(name)) for name in names if old.get(name) != new.get(name)}


def merged(old: SendingRules, new: SendingRules) -> SendingRules:
    """Return *new* with the rules of destinations that only *old* names: they apply when it returns."""
    gone = _destinations(old) - _destinations(new)
    return dict(sorted({**{name: old[name] for name in old if _destination(name) in gone}, **new}.items()))


def in_words(value: Any) -> str:
    """Return a rule's value for people."""
    return "not set" if value is None else orjson.dumps(value).decode()


def change_in_words(name: str, old: Any, new: Any) -> str:
    """Return one changed rule for people."""
    return f"{name}: {in_words(old)} → {in_words(new)}"


def _leaves(table: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in table.items():
        if isinstance(value, dict):
            yield from _leaves(value, f"{prefix}{name}.")
        else:
            yield prefix + name, value


def _is_rule(name: str) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in NAMES)


def _canonical(value: Any, seal_value: Seal) -> Any:
    """The order of a list has no meaning in a rule."""
    if isinstance(value, list):
        return sorted(seal_value(str(each)) for each in value)
    return seal_value(value) if isinstance(value, str) else value


def _destination(name: str) -> str | None:
    return name.split(".")[1] if name.startswith("destinations.") else None


def _destinations(rules: SendingRules) -> set[str | None]:
    return {_destination(name) for name in rules} - {None}
