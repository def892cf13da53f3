"""How the program is broken: by putting something else in a function's place."""

from typing import Any


def swap(place: Any, name: str, new: Any) -> Any:
    """Put *new* in the place of what is there, and return that; what is gone cannot be broken."""
    old = getattr(place, name)
    setattr(place, name, new)
    return old
