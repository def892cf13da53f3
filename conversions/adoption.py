"""What a store rests on may change on purpose: a person says so, and the log keeps who, why, and what it was before."""

from functools import partial

from conversions import keys, timekeeping
from conversions.errors import SettingsError, Usage
from conversions.house import open_house
from conversions.ledger import Clock, Ledger, adopting, checkpoints, judging, lock, objections, open_ledger, pins, runs
from conversions.ledger.renumbering import Renumbering, rename
from conversions.ledger.sightings import open_sightings
from conversions.night import check
from conversions.reading import read
from conversions.settings import Settings
from conversions.wish import Wish

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
    house = open_house(settings, None, clock)
    if name not in house.pins:
        raise Usage(f"There is no {name} in the settings; they name {', '.join(settings.destinations)}.")
    _check_store(settings)
    with open_ledger(settings, clock) as ledger:
        runs.take_over(ledger)
        _check(settings, ledger, name, house.pins[name])
        before = pins.change(ledger, name, house.pins[name], reason)
        if name == "key" and pins.held(ledger)[checkpoints.PIN] != house.pins[checkpoints.PIN]:
            pins.change(ledger, checkpoints.PIN, house.pins[checkpoints.PIN], reason)  # it is made of the key
        runs.remember(ledger)
    return f"{name} was {before!r} and is {house.pins[name]!r}. {MEANS[name.split(maxsplit=1)[0]]}"


def adopt_numbers(settings: Settings, clock: Clock, wish: Wish, reason: str) -> str:
    """Let the sales that stand under other numbers in the source be the known ones; returns what that means.

    Raises Usage where there are none in the days of *wish*.
    """
    house = open_house(settings, None, clock)
    _check_store(settings)
    with open_ledger(settings, clock) as ledger:
        window = check(house, ledger, wish)
        runs.take_over(ledger)
        sightings = open_sightings(ledger, judging.known_numbers(ledger, house.names))
        read(house.source, window, sightings, partial(map, house.disguise), house.resolve, lambda _: None)
        pairs = Renumbering(ledger, settings.shop, window).pairs()
        renamed = rename(ledger, settings.shop, pairs, reason)
        if not renamed:
            raise Usage(f"No order of {window.since} to {window.until} stands under another number: nothing changed.")
        runs.remember(ledger)
    return f"{renamed} orders have other numbers now. {MEANS['numbers']}"


def adopt_store(settings: Settings, clock: Clock, reason: str) -> str:
    """Let the store that is there be the right one, whatever the tail file and the checkpoints remember."""
    with lock.hold(settings, clock, wait=0):
        adopting.adopt(settings, clock, reason)
    return f"The store {settings.store_path} is the one from now on. {MEANS['store']}"


def adopt_clock(settings: Settings, clock: Clock, reason: str) -> str:
    """Let the log go on from now, where its newest entry was made by a clock that was ahead; returns what that means.

    Raises SettingsError where the platforms tell another time, Usage where there is no such entry.
    """
    house = open_house(settings, None, clock)
    _check_store(settings)
    with open_ledger(settings, clock) as ledger:
        timekeeping.ask(house, clock())
        runs.take_over(ledger)
        written = adopting.go_on_from_now(ledger, reason)
        if written is None:
            raise Usage("The log's newest entry is not of later than now: nothing was changed.")
        runs.remember(ledger)
    return f"The log's newest entry was of {written:%Y-%m-%d %H:%M} UTC, and is of now. {MEANS['clock']}"


def _check_store(settings: Settings) -> None:
    if not settings.store_path.exists():
        raise Usage("There is no store yet, and nothing that could be adopted; the first run records it.")


def _check(settings: Settings, ledger: Ledger, name: str, now: str) -> None:
    held = pins.held(ledger).get(name, now)
    if name.startswith("destination ") and held.rpartition(" ")[2] != now.rpartition(" ")[2]:
        raise SettingsError(
            f"`reference` of a {name} that was used cannot change: the platform would count every order again under "
            "its other id. Put the old one back, or name a new destination."
        )
    former = {keys.check_value(key) for key in settings.secret_former_keys}
    if name == "key" and held != now and held not in former and objections.in_force(ledger):
        raise SettingsError(
            f"People are on the list of objections under the old key ({held}), and would be sent again. Put that key "
            "into CONVERSIONS_FORMER_KEYS; if it is lost, restore it from where you keep it."
        )
