"""``scripts/faults``: as many faults as there is patience for, and a table of what came of them."""

import argparse
import random
import sys
from collections.abc import Iterable
from itertools import count

from rich.console import Console
from rich.table import Table

from tests.faults import false_alarms, false_year, load, points
from tests.faults.drawn import NIGHTS, SIZES, Situation
from tests.faults.guards import GUARDS
from tests.faults.points import Blow
from tests.faults.scenarios import TEETH, a_year
from tests.faults.season import open_season
from tests.faults.stations import Station, open_stations, spread
from tests.faults.tracing import STRACE, WITHOUT

WHAT = "Strike the nightly job in every way we know, and judge what came of it."
SEASON = 50
"""Kills."""
Row = tuple[str, str]
console = Console(stderr=True)


def main() -> int:
    """Print the table; 1 where something was violated or a broken variant survived."""
    wish = _wish()
    if wish.false_alarms or wish.false_year:
        return _false_alarms(wish)
    table, wrong = Table("what", "figure", title=f"Faults, seed {wish.seed}"), 0
    with open_stations(wish.stations) as stations:
        for part in (_points, _kills, _teeth, _years, _load):
            rows, violations = part(stations, wish)
            wrong += violations
            for row in rows:
                table.add_row(*row)
                console.print(*row, sep=": ")
    table.add_row("violations", str(wrong), style="bold")
    Console().print(table)
    return min(1, wrong)


def _wish() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/faults", description=WHAT)
    parser.add_argument("--points", default="150", help="how many system calls to strike at, or all; 0: none")
    parser.add_argument("--kills", type=int, default=500, help="at random moments while a third of all goes wrong")
    parser.add_argument("--years", type=int, default=1, help="of nights on a clock of their own")
    parser.add_argument("--nights", type=int, default=366, help="in such a year")
    parser.add_argument("--orders", type=int, default=100_000, help="to send while a third of all goes wrong; 0: none")
    parser.add_argument("--no-teeth", action="store_true", help="leave the broken variants out")
    parser.add_argument("--seed", type=int, default=random.randrange(10**6), help="of all that is left to chance")
    parser.add_argument("--false-alarms", action="store_true", help="only: --years of every shop in every situation")
    parser.add_argument("--false-year", choices=SIZES, help="only: --nights of such a shop by the command line")
    parser.add_argument("--stations", type=int, help="worlds at once; absent: one for each core")
    wish = parser.parse_args()
    alone = wish.false_alarms or wish.false_year
    if not alone and STRACE is None and (wish.points != "0" or not wish.no_teeth):
        parser.error(f"{WITHOUT}; without it, --points 0 --no-teeth")
    return wish


def _false_alarms(wish: argparse.Namespace) -> int:
    """How often somebody is called though nothing is wrong; 1 where people would stop reading what they are told."""
    if wish.false_year:
        found = false_year.play(wish.false_year, Situation(), wish.seed, min(wish.nights, NIGHTS))
        for day, code, said in found:
            console.print(f"{day}: {code} {said}", style="red")
        console.print(f"{len(found)} alarms in {wish.nights} nights of {wish.false_year}, seed {wish.seed}")
        return int(len(found) > false_alarms.MOST)
    table, wrong = Table(*false_alarms.HEADER, title=f"{wish.years} years of each, seed {wish.seed}"), 0
    for cell in false_alarms.cells(wish.years, wish.seed, GUARDS):
        table.add_row(*cell.row(), style="" if cell.good else "red")
        console.print(*cell.row(), sep=", ")
        wrong += not cell.good
    Console().print(table)
    return min(1, wrong)


def _points(stations: list[Station], wish: argparse.Namespace) -> tuple[list[Row], int]:
    if wish.points == "0":
        return [], 0
    known = points.learn(stations[0])
    chosen = known if wish.points == "all" else points.sample(known, int(wish.points), wish.seed)
    hits, violations = dict.fromkeys(Blow, 0), 0
    with console.status("points") as status:
        for nth, (point, struck) in enumerate(spread(stations, chosen, points.play), start=1):
            status.update(f"{nth} of {len(chosen)} points, {violations} violations")
            hits[point.blow] += struck.hit
            violations += _complain(point, struck.complaints)
    tried = ", ".join(f"{count} {blow}" for blow, count in hits.items())
    return [("fault points tried", f"{len(chosen)} of {len(known)}"), ("of them struck", tried)], violations


def _kills(stations: list[Station], wish: argparse.Namespace) -> tuple[list[Row], int]:
    kills, violations, seeds = 0, 0, count(wish.seed)

    def season(station: Station, seed: int) -> tuple[int, list[str]]:
        played = open_season(station, seed)
        complaints = played.play(SEASON)
        return played.kills, complaints

    while kills < wish.kills:
        batch = [next(seeds) for _ in range(min(len(stations) * 4, -(-(wish.kills - kills) // SEASON)))]
        for seed, (killed, complaints) in spread(stations, batch, season):
            kills += killed
            violations += _complain(f"season {seed}", complaints)
        console.print(f"{kills} kills, {violations} violations")
    return [("kills at random moments", str(kills))], violations


def _teeth(stations: list[Station], wish: argparse.Namespace) -> tuple[list[Row], int]:
    if wish.no_teeth:
        return [], 0
    found = dict(spread(stations, TEETH, lambda station, variant: TEETH[variant](station, variant)))
    survivors = [variant for variant, complaints in found.items() if not complaints]
    return [("broken variants caught", f"{len(found) - len(survivors)} of {len(found)}")], _complain(
        "survived", survivors
    )


def _years(stations: list[Station], wish: argparse.Namespace) -> tuple[list[Row], int]:
    seeds = range(wish.seed, wish.seed + wish.years)
    years = spread(stations, seeds, lambda station, seed: a_year(station, None, seed, wish.nights))
    violations = sum(_complain(f"year {seed}", complaints) for seed, complaints in years)
    return [("nights on a clock of their own", str(wish.years * wish.nights))], violations


def _load(stations: list[Station], wish: argparse.Namespace) -> tuple[list[Row], int]:
    if not wish.orders:
        return [], 0
    needed = load.one_bad_order(stations[0], 1000)
    rows = [("requests for one bad order of 1,000", ", ".join(f"{name} {n}" for name, n in needed.items()))]
    took = load.drain(stations[0].nights, stations[0].directory, wish.orders)
    what = f"{wish.orders:,} orders at 30 % faults"
    return [*rows, (what, f"{took.storm:.0f} s, {took.ratio:.1f} times as long as without")], 0


def _complain(of: object, complaints: Iterable[str]) -> int:
    for complaint in (found := list(complaints)):
        console.print(f"{of}: {complaint}", style="red")
    return len(found)


if __name__ == "__main__":
    sys.exit(main())
