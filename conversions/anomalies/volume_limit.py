"""More new orders than ``max_new``: a wrong window, or a wrong mapping."""

from collections.abc import Mapping

from conversions.model.finding import Finding, stop


def volume_limit_exceeded(new: Mapping[str, tuple[int, int | None]]) -> list[Finding]:
    """Return a finding for each destination over its limit; *new* has the new orders and ``max_new`` by name."""
    return [
        stop("large", _sentence(name, waiting, limit), count=waiting, accept=f"large={waiting}", destination=name)
        for name, (waiting, limit) in new.items()
        if limit is not None and limit < waiting
    ]


def _sentence(name: str, waiting: int, limit: int) -> str:
    return (
        f"{waiting} new orders would go to {name}, more than max_new = {limit}: nothing is sent. Check them with "
        f"`conversions plan`; if they are right, `conversions run --accept large={waiting} --reason TEXT`."
    )
