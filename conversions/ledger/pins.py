"""What the store rests on, recorded at first use: another key, shop, id scheme or account is never an accident."""

from collections.abc import Mapping

from sqlalchemy import insert, select

from conversions.errors import SettingsError
from conversions.ledger import tables
from conversions.ledger.store import Ledger

MEANING = {
    "key": "every order would get a new id on the wire, and objections would not be found",
    "shop": "every order would count as new",
    "id scheme": "every order would get a new id on the wire",
}


def check(ledger: Ledger, wanted: Mapping[str, str]) -> None:
    """Raise SettingsError where *wanted* differs from what was pinned, with old and new."""
    held = _held(ledger)
    before = {value: name for name, value in held.items() if name.startswith("destination ")}
    for name, now in wanted.items():
        if name not in held and now in before:
            raise SettingsError(
                f"{name} is the place that this store knows as {before[now]}: under a new name every order would go "
                "there again. Put the old name back in the settings."
            )
        then = held.get(name, now)
        if then != now:
            meaning = MEANING.get(name, "orders already sent there would be sent again, to another place")
            raise SettingsError(
                f"{name} is {now!r}, this store was used with {then!r}: {meaning}. Put the old one back in the "
                "settings or the environment; or give the new one a store.url of its own (a destination: a section)."
            )


def record(ledger: Ledger, wanted: Mapping[str, str]) -> None:
    """Pin what is not pinned yet."""
    held = _held(ledger)
    fresh = [{"name": n, "value": v, "since_us": ledger.now_us} for n, v in wanted.items() if n not in held]
    if fresh:
        with ledger.transaction() as connection:
            connection.execute(insert(tables.pin), fresh)


def _held(ledger: Ledger) -> dict[str, str]:
    with ledger.transaction() as connection:
        rows = connection.execute(select(tables.pin.c.name, tables.pin.c.value))
        return {str(name): str(value) for name, value in rows}
