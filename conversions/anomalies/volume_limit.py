"""More new orders than a shop has in a night: a wrong window, or a mapping gone wrong."""

from collections.abc import Mapping

from conversions.model.finding import Finding, stop


def volume_limit_exceeded(new: Mapping[str, tuple[int, int | None]]) -> list[Finding]:
    """One for each destination that would get more orders than its ``max_new``: *new* has both by its name."""
    return [
        stop("large", _sentence(name, waiting, most), count=waiting, accept=f"large={waiting}", destination=name)
        for name, (waiting, most) in new.items()
        if most is not None and most < waiting
    ]


def _sentence(name: str, waiting: int, most: int) -> str:
    return (
        f"{waiting} new orders would go to {name}, more than max_new = {most}: nothing is sent. Look at them with "
        f"`conversions plan`; if they are right, `conversions run --accept large={waiting} --reason TEXT`."
    )
