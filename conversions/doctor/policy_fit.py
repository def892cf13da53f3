"""Where the settings, the shop's privacy policy and the platforms do not fit."""

from collections.abc import Iterator

from conversions.destinations import open_destination
from conversions.disclosure.policy import Policy, load_policy
from conversions.doctor import tag_overlap
from conversions.doctor.check_result import CheckResult, note, ok, problem, stopped
from conversions.errors import ConversionsError
from conversions.settings import DestinationSettings, MetaSettings, Settings

LEGITIMATE_INTEREST = (
    "Orders are sent on legitimate interest. The Danish data protection authority held in 2024 (Telmore, 2023-31-0007)"
    " that customers' e-mail addresses could not go to Meta's audiences on that basis, and Google's EU user consent"
    " policy asks for consent."
)


def check(settings: Settings) -> Iterator[CheckResult]:
    """The legal basis, and what each destination would send against what the policy lists."""
    yield _legal_basis(settings)
    try:
        policy = load_policy(settings.resolve(settings.privacy.policy))
    except ConversionsError as error:
        yield stopped("policy", error)
        return
    yield ok("policy", f"Policy {policy.version} holds since {policy.effective}.")
    for name, section in settings.destinations.items():
        yield _fit(name, section, policy)
        yield from _asked(name, section)
        yield from tag_overlap.check(name, section, rehearsal=settings.rehearsal)
        if not settings.rehearsal:
            yield from _guarded(name, section)


def _legal_basis(settings: Settings) -> CheckResult:
    if settings.privacy.legal_basis == "legitimate_interest":
        return note("privacy", LEGITIMATE_INTEREST, 'Keep the balancing test at hand, or set legal_basis = "consent".')
    if settings.source.columns.consent is None:
        return problem(
            "privacy", "Only recorded consent is sent, and no column holds it.", "Map source.columns.consent."
        )
    return ok("privacy", "Only orders with recorded consent are sent.")


def _fit(name: str, section: DestinationSettings, policy: Policy) -> CheckResult:
    try:
        recipient = open_destination(name, section, policy).recipient
    except ConversionsError as error:
        return stopped(name, error)
    return ok(name, f"Everything that would leave to {recipient} is listed in policy {policy.version}.")


def _asked(name: str, section: DestinationSettings) -> Iterator[CheckResult]:
    """What a platform wants and the shop has not promised."""
    if isinstance(section, MetaSettings) and section.action_source == "website":
        yield note(
            name,
            "Meta wants the buyer's user agent for website events, which may not leave: they may count for less.",
            'action_source = "physical_store" is the documented route for offline uploads.',
        )
    if section.precision == "exact":
        yield note(
            name,
            'precision = "exact" sends the time of a purchase; a policy that promises the date does not cover it.',
            'Set precision = "day", or have the privacy policy name the time.',
        )


def _guarded(name: str, section: DestinationSettings) -> Iterator[CheckResult]:
    """Guards against ordinary mistakes that are off."""
    off = [guard for guard in ("not_before", "max_new", "first_batch") if getattr(section, guard) is None]
    if off:
        yield note(name, f"{', '.join(off)} not set: nothing limits a first night or a mapping gone wrong.")
