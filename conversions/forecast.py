"""What a run would do with what is read, order by order, before anything is staged: nothing is written."""

from conversions import ages, reconcile, restating
from conversions.delivery.opening import first_batch
from conversions.house import House
from conversions.ledger import Ledger, accounts, judging, lost
from conversions.ledger.accounts import Account
from conversions.ledger.corrections import Corrections
from conversions.night import counted_once
from conversions.report import DestinationSide


def foresee(house: House, ledger: Ledger, numbers: list[int]) -> dict[str, DestinationSide]:
    """Where every order that was read would end, by destination."""
    doubtful, now = lost.doubt(ledger, counted_once(house)), int(ledger.clock().timestamp())
    foreseen, changed = [Account() for _ in house.views], [Corrections() for _ in house.views]
    for page in judging.judged(ledger, house.settings.shop):
        accounts.forecast(foreseen, page, now, doubtful)
        restating.foresee(house, ledger, page, changed)
    stops, sides = reconcile.stops(house, ledger), {}
    for view, section, number, account, found in zip(
        house.views, house.sections, numbers, foreseen, changed, strict=True
    ):
        name = view.destination.name
        side = sides[name] = DestinationSide(account, stops.get(name), corrections=found)
        side.too_old_at, side.too_old = ages.first_too_old(account, view.rules), ages.too_old(account, view.rules)
        side.first_batch = first_batch(section, ledger, number)
    return sides
