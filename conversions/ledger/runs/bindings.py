"""What the store rests on, recorded at first use: another key, shop, id scheme or account is never an accident."""

from collections.abc import Mapping

from sqlalchemy import insert, select, update

from conversions.errors import SettingsError, Usage
from conversions.ledger import log
from conversions.ledger.runs.runs import operator
from conversions.ledger.schema import tables
from conversions.ledger.store import Ledger

CONSEQUENCES = {
    "key": "every order would get a new id on the wire, and objections would not be found",
    "shop": "every order would count as new",
    "id scheme": "every order would get a new id on the wire",
    "log key": "the log's checkpoints would not verify with the key that auditors hold; to change it on purpose, "
    "`conversions audit rotate-key`",
}


def check(ledger: Ledger, settings_values: Mapping[str, str]) -> None:
    """Raise SettingsError where *wanted* differs from what was pinned, with old and new."""
    pinned = values(ledger)
    before = {value: name for name, value in pinned.items() if name.startswith("destination ")}
    for name, now in settings_values.items():
        if name not in pinned and now in before:
            raise SettingsError(
                f"{name} is the place that this store knows as {before[now]}: under a new name every order would go "
                "there again. Put the old name back in the settings."
            )
        then = pinned.get(name, now)
        if then != now:
            meaning = CONSEQUENCES.get(name, "orders already sent there would be sent again, to another place")
            raise SettingsError(
                f"{name} is {now!r}, this store was used with {then!r}: {meaning}. Put the old one back in the "
                "settings or the environment; or give the new one a store.url of its own (a destination: a section); "
                f"or, if the change is meant, `{_command(name)}`."
            )


def _command(name: str) -> str:
    match name.split():
        case ["destination", section]:
            return f"conversions adopt --destination {section} --reason TEXT"
        case ["log", "key"]:
            return "conversions audit rotate-key --reason TEXT"
        case _:
            return f"conversions adopt --{name} --reason TEXT"


def record(ledger: Ledger, wanted: Mapping[str, str]) -> None:
    """Pin what is not pinned yet, and say so in the log."""
    pinned, now = values(ledger), ledger.now_us
    fresh = {name: value for name, value in wanted.items() if name not in pinned}
    if fresh:
        with ledger.transaction() as connection:
            rows = [{"name": name, "value": value, "since_us": now} for name, value in fresh.items()]
            connection.execute(insert(tables.pin), rows)
            log.append(connection, "pinned", now, {"pins": pinned | fresh}, epoch=ledger.epoch)


def change(ledger: Ledger, name: str, value: str, reason: str) -> str:
    """Pin *name* to another *value*, for a *reason* that the log keeps; what it was before.

    Raises Usage where it is not pinned yet, or to that very value.
    """
    with ledger.transaction() as connection:
        before = connection.execute(select(tables.pin.c.value).where(tables.pin.c.name == name)).scalar()
        if before is None or before == value:
            state = "is what it is already" if before else "is not recorded yet; the first run does that"
            raise Usage(f"The {name} {state}: nothing was changed.")
        now = ledger.now_us
        connection.execute(update(tables.pin).where(tables.pin.c.name == name).values(value=value, since_us=now))
        facts = {"pin": name, "old": before, "new": value, "reason": reason, "operator": operator()}
        log.append(connection, "pin changed", now, facts, epoch=ledger.epoch)
    return str(before)


def values(ledger: Ledger) -> dict[str, str]:
    """What is pinned, by name."""
    with ledger.transaction() as connection:
        rows = connection.execute(select(tables.pin.c.name, tables.pin.c.value))
        return {str(name): str(value) for name, value in rows}
