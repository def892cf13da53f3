"""How long a query must wait until the shop has the points for it: a leaky bucket, whose numbers every answer has.

Source: Shopify's "GraphQL Admin API rate limits", read 2026-11-30. What a query costs is not documented in full, so it
is taken from the answer to the last one of its kind.
"""

from math import isfinite, nan

from conversions.intake.sources.shop_api.values import Json

MAX_PAUSE_SECONDS = 60.0
"""A full bucket takes about twenty seconds."""


class Pace:
    """The points of one shop, as its last answer said."""

    def __init__(self) -> None:
        self._available: float | None = None
        self._rate = 0.0
        self._costs: dict[str, float] = {}

    def pause(self, kind: str) -> float:
        """Return the seconds until another query of this kind can be paid; 0 where the shop said no numbers."""
        if self._available is None or self._rate <= 0:
            return 0.0
        cost = self._costs.get(kind, max(self._costs.values(), default=0.0))
        return min(max((cost - self._available) / self._rate, 0.0), MAX_PAUSE_SECONDS)

    def waited(self, seconds: float) -> None:
        """Count the points that came back meanwhile."""
        if self._available is not None:
            self._available += seconds * self._rate

    def learn(self, kind: str, said: Json) -> None:
        """Take the numbers of an answer to a query of this kind."""
        extensions = said.get("extensions")
        cost = extensions.get("cost") if isinstance(extensions, dict) else None
        status = cost.get("throttleStatus") if isinstance(cost, dict) else None
        if not isinstance(cost, dict) or not isinstance(status, dict):
            return
        numbers = cost.get("requestedQueryCost"), status.get("currentlyAvailable"), status.get("restoreRate")
        try:
            price, available, rate = (float(str(number)) for number in numbers)
        except ValueError:
            price = available = rate = nan
        if isfinite(price + available + rate):
            self._costs[kind], self._available, self._rate = price, available, rate
        else:
            self._available = None
