"""Bindings of the store to key, shop, id scheme and accounts; recorded at first use, so no change is accidental."""

from collections.abc import Mapping

from sqlalchemy import insert, select, update

from conversions.errors import SettingsError, Usage
from conversions.ledger import log
from conversions.ledger.log import bound
from conversions.ledger.schema import tables
from conversions.ledger.store import Ledger
from conversions.process.operator import operator

CONSEQUENCES = {
    "key": "Google and Meta would count all earlier orders again, and objections would not be found",
    "shop": "Google and Meta would count all earlier orders again",
    "id scheme": "Google and Meta would count all earlier orders again",
    "log key": "the log's checkpoints would not verify with the key that auditors hold; to change it on purpose, "
    "`conversions audit rotate-key`",
}


def check_bindings(ledger: Ledger, settings_values: Mapping[str, str]) -> None:
    """Raise SettingsError, with every old and new value, where *settings_values* differ from the bindings."""
    if found := differences(ledger, settings_values):
        raise SettingsError("\n".join(found))


def differences(ledger: Ledger, settings_values: Mapping[str, str]) -> list[str]:
    """Return a sentence for each of *settings_values* that differs from the binding, with the command to accept it."""
    recorded = values(ledger)
    recorded_names = {value: name for name, value in recorded.items() if name.startswith("destination ")}
    changed = {name for name, new in settings_values.items() if recorded.get(name, new) != new}
    sentences = []
    for name, new in settings_values.items():
        if name == "log key" and "key" in changed:
            continue  # `adopt --key` changes it, too
        old = recorded.get(name, new)
        if name not in recorded and new in recorded_names:
            sentences.append(
                f"{name} has the account that this store knows as {recorded_names[new]}: under a new name every order "
                "would go there again. Put the old name back in the settings."
            )
        elif old != new:
            consequence = CONSEQUENCES.get(name, "orders already sent would be sent again, to another account")
            sentences.append(
                f"{name} is {new!r}, this store was used with {old!r}: {consequence}. Put the old value back in the "
                "settings or the environment; or give the new one its own store.url (a destination: its own section); "
                f"or, if you intend the change, `{_command(name)}`."
            )
    return sentences


def _command(name: str) -> str:
    match name.split():
        case ["destination", section]:
            return f"conversions adopt --destination {section} --reason TEXT"
        case ["log", "key"]:
            return "conversions audit rotate-key --reason TEXT"
        case _:
            return f"conversions adopt --{name} --reason TEXT"


def record_bindings(ledger: Ledger, settings_values: Mapping[str, str]) -> None:
    """Record bindings that the store does not have yet, and log them."""
    recorded, now = values(ledger), ledger.now_us
    new = {name: value for name, value in settings_values.items() if name not in recorded}
    if new:
        with ledger.transaction() as connection:
            rows = [{"name": name, "value": value, "since_us": now} for name, value in new.items()]
            connection.execute(insert(tables.pin), rows)
            bound.bind(connection, "pin", tables.pin.c.name.in_(new))
            log.append(connection, "pinned", now, {"pins": recorded | new}, epoch=ledger.epoch)


def change(ledger: Ledger, name: str, value: str, reason: str) -> str:
    """Change the binding *name* to *value*, log it with *reason*, and return the former value.

    Raises Usage where there is no such binding yet, or it has this value already.
    """
    with ledger.transaction() as connection:
        old = connection.execute(select(tables.pin.c.value).where(tables.pin.c.name == name)).scalar()
        if old is None or old == value:
            state = "has this value already" if old else "is not recorded yet; the first run does that"
            raise Usage(f"The {name} {state}: nothing was changed.")
        now = ledger.now_us
        with bound.changed(connection, "pin", tables.pin.c.name == name):
            connection.execute(update(tables.pin).where(tables.pin.c.name == name).values(value=value, since_us=now))
        facts = {"pin": name, "old": old, "new": value, "reason": reason, "operator": operator()}
        log.append(connection, "pin changed", now, facts, epoch=ledger.epoch)
    return str(old)


def values(ledger: Ledger) -> dict[str, str]:
    """Every binding's value, by name."""
    with ledger.transaction() as connection:
        rows = connection.execute(select(tables.pin.c.name, tables.pin.c.value))
        return {str(name): str(value) for name, value in rows}
