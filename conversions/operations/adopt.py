"""Adopt a change of what the store is bound to: the operator confirms it, and the log keeps the old value and why."""

from collections.abc import Callable

from conversions import keys
from conversions.errors import SettingsError, Usage
from conversions.ledger import Clock, Ledger, checkpoints, open_ledger, require_store, runs
from conversions.ledger.maintenance import adopt as ledger_adopt
from conversions.ledger.runs import approvals, bindings
from conversions.ledger.staging.order_numbers import OrderNumberComparison, rename
from conversions.ledger.store import run_lock
from conversions.ledger.subjects import suppressions
from conversions.model.local_time import local_time
from conversions.model.run_request import RunRequest
from conversions.observe.progress import SILENT
from conversions.run import clock_check
from conversions.run.context import Scope, open_scope
from conversions.run.runtime import build_runtime
from conversions.settings import Settings

Read = Callable[[Scope], object]
"""Reads the window into the store's temporary tables, as ``run.staging.read_snapshot`` does."""

NOTHING_YET = ", and nothing that could be adopted; the first run records it"
MEANS = {
    "key": "Orders that were sent keep their ids, and are not sent again; new orders get ids under the new key.",
    "shop": "Every order counts as new from now on: orders that were sent under the old name are sent again if "
    "they are read. Check `conversions plan`, and set not_before, before the next run.",
    "destination": "Orders sent to the old place stay sent, and are not sent to the new one; orders that wait go "
    "there, and orders without an answer are sent again there and may count at both.",
    "store": "Its log goes on from here, and its checkpoints have a new origin: tell your auditors why. The store does "
    "not know what missing runs sent: orders that a platform could count twice become unknown, and `conversions "
    "decide` lists them.",
    "numbers": "They are the same sales, and sent orders stay sent; the store keeps their former numbers.",
    "clock": "Runs can go on. Orders that became too old by the wrong time stay so; `conversions decide` lists them.",
}


def adopt(settings: Settings, clock: Clock, name: str, reason: str) -> str:
    """Bind *name* ("key", "shop" or "destination NAME") to the value in the settings; return what that means.

    Raises Usage or SettingsError where it may not be adopted.
    """
    runtime = build_runtime(settings)
    if name not in runtime.bindings:
        raise Usage(f"There is no {name} in the settings; they name {', '.join(settings.destinations)}.")
    require_store(settings, NOTHING_YET)
    with open_ledger(settings, clock) as ledger:
        runs.acquire_epoch(ledger)
        _check(settings, ledger, name, runtime.bindings[name])
        before = bindings.change(ledger, name, runtime.bindings[name], reason)
        if name == "key" and bindings.values(ledger)[checkpoints.PIN] != runtime.bindings[checkpoints.PIN]:
            bindings.change(
                ledger, checkpoints.PIN, runtime.bindings[checkpoints.PIN], reason
            )  # it is derived from the key
        runs.record_tree_head(ledger)
    return f"{name} was {before!r} and is {runtime.bindings[name]!r}. {MEANS[name.split(maxsplit=1)[0]]}"


def adopt_numbers(settings: Settings, clock: Clock, request: RunRequest, reason: str, read: Read) -> str:
    """Accept the new numbers of known sales in the source; return what that means.

    Raises Usage where the days of *request* have no such sales.
    """
    runtime = build_runtime(settings)
    require_store(settings, NOTHING_YET)
    with open_ledger(settings, clock) as ledger:
        scope = open_scope(runtime, ledger, request, SILENT)
        runs.acquire_epoch(ledger)
        read(scope)
        window = scope.window
        renamed = rename(ledger, settings.shop, OrderNumberComparison(ledger, settings.shop, window).pairs(), reason)
        if not renamed:
            raise Usage(f"No order of {window.since} to {window.until} has another number now: nothing was changed.")
        runs.record_tree_head(ledger)
    return f"{renamed} orders have other numbers now. {MEANS['numbers']}"


def adopt_store(settings: Settings, clock: Clock, reason: str) -> str:
    """Accept the present store, even if the head file or the checkpoints know another one; return what that means."""
    require_store(settings, NOTHING_YET)
    with run_lock.hold(settings, clock, wait=0):
        ledger_adopt.adopt_store(settings, clock, reason)
    return f"The store {settings.store_path} is the one from now on. {MEANS['store']}"


def adopt_clock(settings: Settings, clock: Clock, reason: str) -> str:
    """Accept a log with an entry from the future, so that runs can go on; return what that means.

    Raises SettingsError where our clock differs from the platforms', Usage where there is no such entry.
    """
    runtime = build_runtime(settings)
    require_store(settings, NOTHING_YET)
    with open_ledger(settings, clock) as ledger:
        approvals.check_route(ledger, settings)
        clock_check.check_clock(runtime, clock())
        runs.acquire_epoch(ledger)
        entry_time = ledger_adopt.adopt_clock(ledger, reason)
        if entry_time is None:
            raise Usage("The log's newest entry is not in the future: nothing was changed.")
        runs.record_tree_head(ledger)
    return f"The log's newest entry was of {local_time(entry_time, settings.zone)}, and is of now. {MEANS['clock']}"


def _check(settings: Settings, ledger: Ledger, name: str, new: str) -> None:
    old = bindings.values(ledger).get(name, new)
    if name.startswith("destination ") and old.rpartition(" ")[2] != new.rpartition(" ")[2]:
        raise SettingsError(
            f"`reference` of a {name} that was used cannot change: the platform would count every order again under "
            "its other id. Put the old one back, or name a new destination."
        )
    former = {keys.check_value(key) for key in settings.secret_former_keys}
    if name == "key" and old != new and old not in former and suppressions.active(ledger):
        raise SettingsError(
            f"The suppression list has people under the old key ({old}), and their orders would be sent again. Put "
            "that key into CONVERSIONS_FORMER_KEYS; if it is lost, restore it from where you keep it."
        )
