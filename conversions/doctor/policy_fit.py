"""Checks that the settings, the shop's privacy policy and the platforms fit together."""

from collections.abc import Iterator

from conversions.catalogue import APPROVE
from conversions.destinations import open_destination
from conversions.disclosure.policy import Policy, load_policy
from conversions.doctor import cart_data, tag_overlap
from conversions.doctor.check_result import CheckResult, note, ok, problem, stopped
from conversions.doctor.promised_form import check_promised_form
from conversions.errors import ConversionsError
from conversions.ledger import Clock
from conversions.settings import DestinationSettings, MetaSettings, Settings

_CONSENT_SETTINGS = {"woocommerce": "source.consent_meta", "shopify": "source.consent_attribute"}
"""By kind of source, the setting that names where the consent is; every other kind maps a column."""
LEGITIMATE_INTEREST = (
    "Orders are sent on legitimate interest. The Danish data protection authority held in 2024 (Telmore, 2023-31-0007)"
    " that customers' e-mail addresses could not go to Meta's audiences on that basis, and Google's EU user consent"
    " policy asks for consent."
)


def check_policy_fit(settings: Settings, now: Clock) -> Iterator[CheckResult]:
    """Check the legal basis, and each destination against the policy."""
    yield _legal_basis(settings)
    try:
        policy = load_policy(settings.resolve(settings.privacy.policy))
    except ConversionsError as error:
        yield stopped("policy", error)
        return
    yield ok("policy", f"Policy {policy.version} is in force since {policy.effective}.")
    yield from check_promised_form(policy, sorted({section.kind for section in settings.destinations.values()}))
    yield from cart_data.check_cart_data(settings, policy, now)
    for name, section in settings.destinations.items():
        yield _listed(name, section, policy)
        yield from _unlisted_requirements(name, section)
        yield from tag_overlap.check_tag_overlap(name, section, rehearsal=settings.rehearsal)
        if not settings.rehearsal:
            yield from _limits(name, section)


def _legal_basis(settings: Settings) -> CheckResult:
    if settings.privacy.legal_basis == "legitimate_interest":
        return note(
            "privacy",
            LEGITIMATE_INTEREST,
            f'Keep the balancing test at hand, or set legal_basis = "consent", then {APPROVE}.',
        )
    if settings.source.columns.consent is None:
        setting = _CONSENT_SETTINGS.get(settings.source.kind, "source.columns.consent")
        return problem(
            "privacy",
            "Only orders with recorded consent are sent, but no column contains the consent.",
            f"Set {setting}, then {APPROVE}.",
        )
    return ok("privacy", "Only orders with recorded consent are sent.")


def _listed(name: str, section: DestinationSettings, policy: Policy) -> CheckResult:
    try:
        recipient = open_destination(name, section, policy).recipient
    except ConversionsError as error:
        return stopped(name, error)
    return ok(name, f"Policy {policy.version} lists everything that would be sent to {recipient}.")


def _unlisted_requirements(name: str, section: DestinationSettings) -> Iterator[CheckResult]:
    """Values that a platform asks for and the policy may not cover."""
    if isinstance(section, MetaSettings) and section.action_source == "website":
        yield note(
            name,
            "Meta asks for the buyer's user agent for website events, which is never sent: they may count for less.",
            'action_source = "physical_store" is the documented route for offline uploads.',
        )
    if section.precision == "exact":
        yield note(
            name,
            'precision = "exact" sends the time of a purchase; a policy that promises the date does not cover it.',
            f'Set precision = "day", then {APPROVE}; or have the privacy policy name the time.',
        )


def _limits(name: str, section: DestinationSettings) -> Iterator[CheckResult]:
    """Report the limits against ordinary mistakes that are not set."""
    unset = [limit for limit in ("not_before", "max_new", "first_batch") if getattr(section, limit) is None]
    if unset:
        yield note(name, f"{', '.join(unset)} not set: nothing limits a first run or a wrong mapping.")
