"""Checks of what auditors rely on: the places outside that get checkpoints, and former keys that still sign them."""

from collections.abc import Iterator

from conversions.distribution import states, try_places
from conversions.doctor.check_result import CheckResult, note, ok, problem, stopped
from conversions.errors import ConversionsError, Exit
from conversions.ledger import Clock, open_read_only
from conversions.ledger.checkpoints import FormerKey, former_keys, signed_note
from conversions.model.local_time import local_time
from conversions.settings import Settings

ABOUT = "checkpoints"


def check_places(settings: Settings) -> Iterator[CheckResult]:
    """Show each place of ``store.checkpoint_to``, and what it lacks; this asks none of them."""
    try:
        for state in states(settings):
            if state.known.failed:
                yield note(ABOUT, state.sentence)
            else:
                last = f"the last one arrived on {state.known.at}" if state.known.at else "none was handed over yet"
                yield ok(ABOUT, f"Each run hands its checkpoint to {state.shown}; {last}.")
    except ConversionsError as error:
        yield stopped(ABOUT, error)


def check_places_online(settings: Settings) -> Iterator[CheckResult]:
    """Hand the newest checkpoint to each place; one that has it already confirms that."""
    try:
        for shown, why in try_places(settings):
            if why:
                yield problem(
                    ABOUT,
                    f"{shown} does not take the newest checkpoint ({why}).",
                    "Correct it, or store.checkpoint_to; then `conversions doctor --online`.",
                    Exit.ATTENTION,
                )
            else:
                yield ok(ABOUT, f"{shown} has the newest checkpoint.")
    except ConversionsError as error:
        yield stopped(ABOUT, error)


def check_former_keys(settings: Settings, clock: Clock) -> Iterator[CheckResult]:
    """Say until when a former key signs, that it is missing, or that it can be removed."""
    try:
        if not settings.store_path.exists():
            return
        with open_read_only(settings, clock) as ledger, ledger.transaction() as connection:
            former = former_keys(connection, settings)
        named = [signed_note.public_key(seed).hex() for seed in settings.secret_former_log_keys]
    except ConversionsError:
        return  # the check of the store reports it
    now = clock()
    signing = [key for key in former if now < key.until]
    for key in signing:
        yield _signing(key, settings)
    if over := len([public for public in named if public not in {key.public for key in signing}]):
        yield note(
            ABOUT,
            f"{over} of {len(named)} keys in CONVERSIONS_FORMER_LOG_KEYS sign{'s' if over == 1 else ''} nothing any "
            "more.",
            "Remove them from .env and from where you keep its copy.",
        )


def _signing(key: FormerKey, settings: Settings) -> CheckResult:
    until, shown = local_time(key.until, settings.zone), f"The former log key {key.public[:16]}…"
    if key.seed is not None:
        return ok(ABOUT, f"{shown} signs checkpoints, too, until {until}; then remove it from .env.")
    return note(
        ABOUT,
        f"{shown} would sign checkpoints, too, until {until}, but it is not there: a verifier that knows only that key "
        "refuses them.",
        "Put it into .env as CONVERSIONS_FORMER_LOG_KEYS; or, if it is lost, give your auditors the new key now.",
    )
