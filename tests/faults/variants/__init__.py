"""The program broken on purpose, once in each promise: what the oracle must notice. Only ever applied in a fork."""

from collections.abc import Callable
from types import FunctionType, ModuleType

from tests.faults.variants import books, persons, places, wire


def _of(module: ModuleType) -> dict[str, Callable[[], None]]:
    own = (one for one in vars(module).values() if isinstance(one, FunctionType))
    return {one.__name__: one for one in own if one.__module__ == module.__name__}


VARIANTS: dict[str, Callable[[], None]] = _of(books) | _of(wire) | _of(persons) | _of(places)
"""By name."""
