"""Hands each checkpoint to the places outside that ``store.checkpoint_to`` names.

It runs after a run has ended, and changes nothing of it. A place that is slow, full or cannot be reached is told, and
gets what it lacks from the next run. A new place begins with the newest checkpoint, which covers all earlier ones.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from conversions import keys
from conversions.distribution.delivery import deliver
from conversions.distribution.places import Place, open_places
from conversions.ledger import Clock
from conversions.ledger.checkpoints import checkpoint_files, distributed
from conversions.ledger.checkpoints.distributed import Distributed
from conversions.settings import Settings
from conversions.transport.route import DIRECT, Route, open_route

SECONDS = 60.0
"""Limit for one place and run: the next run goes on."""
UNSAVED = "What the places for checkpoints have could not be written down ({why}); the next run sends it again."


@dataclass(frozen=True, slots=True)
class PlaceState:
    """What one place has, and what it lacks."""

    shown: str
    """Its address, without a login."""
    waiting: int
    """Checkpoints that it lacks."""
    known: Distributed

    @property
    def sentence(self) -> str:
        """Say that it lacks checkpoints, why, and what to do."""
        last = f"the last one that arrived is of {self.known.at}" if self.known.at else "none has arrived yet"
        number = f"{self.waiting} checkpoint{' has' if self.waiting == 1 else 's have'} not reached {self.shown}"
        return (
            f"{number} ({self.known.failed or 'not tried yet'}); {last}. The next run hands over what is missing. "
            "`conversions doctor --online` tries it now."
        )


def distribute(settings: Settings, clock: Clock) -> list[str]:
    """Hand to every place what it lacks; return a sentence for each that still lacks something.

    Raises SettingsError where the route outside cannot be used.
    """
    places = _open(settings, open_route(settings))
    if not places:
        return []
    directory = settings.checkpoints_path
    known = _known(settings, places)
    for key, place in places.items():
        known[key] = _hand_over(place, known[key], _files(directory, known[key].size), clock)
    try:
        distributed.save(directory, known)
    except OSError as error:
        return [*_sentences(settings, known, places), UNSAVED.format(why=error.strerror)]
    return _sentences(settings, known, places)


def states(settings: Settings) -> list[PlaceState]:
    """Return what each place has and lacks, by what runs wrote down; none is asked."""
    places = _open(settings, DIRECT)
    known = _known(settings, places)
    return [_state(settings, place, known[key]) for key, place in places.items()]


def try_places(settings: Settings) -> Iterator[tuple[str, str | None]]:
    """Hand the newest checkpoint to every place; yield its address, and why it did not arrive."""
    files = [*checkpoint_files(settings.checkpoints_path)][-1:]
    for place in _open(settings, open_route(settings)).values():
        yield place.shown, deliver(place, files, SECONDS).why if files else "no run has written a checkpoint yet"


def _open(settings: Settings, route: Route) -> dict[str, Place]:
    """The places, by the names under which they are known."""
    addresses = settings.store.checkpoint_to
    if not addresses:
        return {}
    key = keys.derive(settings.first_key, "checkpoint-place/1")
    places = open_places(addresses, route)
    return {keys.mac(key, place.address.encode())[:8].hex(): place for place in places}


def _known(settings: Settings, places: dict[str, Place]) -> dict[str, Distributed]:
    """What is known of each place; a new one lacks the newest checkpoint only."""
    directory = settings.checkpoints_path
    newest = max((int(path.stem) for path in checkpoint_files(directory)), default=0)
    known = distributed.load(directory)
    return {key: known.get(key, Distributed(max(newest - 1, 0))) for key in places}


def _files(directory: Path, size: int) -> list[Path]:
    return [path for path in checkpoint_files(directory) if int(path.stem) > size]


def _hand_over(place: Place, known: Distributed, files: list[Path], clock: Clock) -> Distributed:
    if not files:
        return replace(known, failed=None)
    delivered = deliver(place, files, SECONDS)
    if delivered.count:
        now = clock().isoformat(timespec="seconds")
        known = replace(known, size=int(files[delivered.count - 1].stem), at=now)
    return replace(known, failed=delivered.why)


def _state(settings: Settings, place: Place, known: Distributed) -> PlaceState:
    return PlaceState(place.shown, len(_files(settings.checkpoints_path, known.size)), known)


def _sentences(settings: Settings, known: dict[str, Distributed], places: dict[str, Place]) -> list[str]:
    states_ = [_state(settings, place, known[key]) for key, place in places.items()]
    return [state.sentence for state in states_ if state.waiting]
