"""What a store rests on may change on purpose: a person says so, and the log keeps who, why, and what it was before."""

from collections.abc import Callable

from conversions import keys
from conversions.errors import SettingsError, Usage
from conversions.ledger import Clock, Ledger, checkpoints, open_ledger, runs
from conversions.ledger.maintenance import adopt as adopting
from conversions.ledger.runs import bindings
from conversions.ledger.staging.order_numbers import OrderNumberComparison, rename
from conversions.ledger.store import run_lock
from conversions.ledger.subjects import suppressions
from conversions.model.run_request import RunRequest
from conversions.observe.progress import SILENT
from conversions.run import clock_check
from conversions.run.context import Scope, open_scope
from conversions.run.runtime import build_runtime
from conversions.settings import Settings

Read = Callable[[Scope], object]
"""Reads the window into the store's temporary tables; see ``run.staging.read_snapshot``."""

MEANS = {
    "key": "Orders that were sent keep their ids, and are not sent again; new orders get ids under the new key.",
    "shop": "Every order counts as new from now on: what was sent under the old name is sent again if it is read. Look "
    "at `conversions plan`, and set not_before, before the next run.",
    "destination": "Orders sent to the old place stay sent, and are not sent to the new one; what waits goes there, "
    "and what has no answer is sent again there and may count at both.",
    "store": "Its log goes on from here. What was sent by runs that it does not know is not known to be sent: orders "
    "that a platform could count twice become unknown, and `conversions decide` asks about them.",
    "numbers": "They are the same sales, and what was sent of them stays sent; their former numbers are remembered.",
    "clock": "Runs go on. Orders that became too old by the false time stay so; `conversions decide` lists them.",
}


def adopt(settings: Settings, clock: Clock, name: str, reason: str) -> str:
    """Pin *name* ("key", "shop" or "destination NAME") to what the settings say; returns what that means.

    Raises Usage or SettingsError where it may not be adopted.
    """
    runtime = build_runtime(settings)
    if name not in runtime.bindings:
        raise Usage(f"There is no {name} in the settings; they name {', '.join(settings.destinations)}.")
    _check_store(settings)
    with open_ledger(settings, clock) as ledger:
        runs.acquire_epoch(ledger)
        _check(settings, ledger, name, runtime.bindings[name])
        before = bindings.change(ledger, name, runtime.bindings[name], reason)
        if name == "key" and bindings.values(ledger)[checkpoints.PIN] != runtime.bindings[checkpoints.PIN]:
            bindings.change(ledger, checkpoints.PIN, runtime.bindings[checkpoints.PIN], reason)  # it is made of the key
        runs.record_tree_head(ledger)
    return f"{name} was {before!r} and is {runtime.bindings[name]!r}. {MEANS[name.split(maxsplit=1)[0]]}"


def adopt_numbers(settings: Settings, clock: Clock, request: RunRequest, reason: str, read: Read) -> str:
    """Let the sales that stand under other numbers in the source be the known ones; returns what that means.

    Raises Usage where there are none in the days of *wish*.
    """
    runtime = build_runtime(settings)
    _check_store(settings)
    with open_ledger(settings, clock) as ledger:
        scope = open_scope(runtime, ledger, request, SILENT)
        runs.acquire_epoch(ledger)
        read(scope)
        window = scope.window
        renamed = rename(ledger, settings.shop, OrderNumberComparison(ledger, settings.shop, window).pairs(), reason)
        if not renamed:
            raise Usage(f"No order of {window.since} to {window.until} stands under another number: nothing changed.")
        runs.record_tree_head(ledger)
    return f"{renamed} orders have other numbers now. {MEANS['numbers']}"


def adopt_store(settings: Settings, clock: Clock, reason: str) -> str:
    """Let the store that is there be the right one, whatever the tail file and the checkpoints remember."""
    with run_lock.hold(settings, clock, wait=0):
        adopting.adopt_store(settings, clock, reason)
    return f"The store {settings.store_path} is the one from now on. {MEANS['store']}"


def adopt_clock(settings: Settings, clock: Clock, reason: str) -> str:
    """Let the log go on from now, where its newest entry was made by a clock that was ahead; returns what that means.

    Raises SettingsError where the platforms tell another time, Usage where there is no such entry.
    """
    runtime = build_runtime(settings)
    _check_store(settings)
    with open_ledger(settings, clock) as ledger:
        clock_check.ask(runtime, clock())
        runs.acquire_epoch(ledger)
        written = adopting.adopt_clock(ledger, reason)
        if written is None:
            raise Usage("The log's newest entry is not of later than now: nothing was changed.")
        runs.record_tree_head(ledger)
    return f"The log's newest entry was of {written:%Y-%m-%d %H:%M} UTC, and is of now. {MEANS['clock']}"


def _check_store(settings: Settings) -> None:
    if not settings.store_path.exists():
        raise Usage("There is no store yet, and nothing that could be adopted; the first run records it.")


def _check(settings: Settings, ledger: Ledger, name: str, now: str) -> None:
    held = bindings.values(ledger).get(name, now)
    if name.startswith("destination ") and held.rpartition(" ")[2] != now.rpartition(" ")[2]:
        raise SettingsError(
            f"`reference` of a {name} that was used cannot change: the platform would count every order again under "
            "its other id. Put the old one back, or name a new destination."
        )
    former = {keys.check_value(key) for key in settings.secret_former_keys}
    if name == "key" and held != now and held not in former and suppressions.active(ledger):
        raise SettingsError(
            f"People are on the list of objections under the old key ({held}), and would be sent again. Put that key "
            "into CONVERSIONS_FORMER_KEYS; if it is lost, restore it from where you keep it."
        )
