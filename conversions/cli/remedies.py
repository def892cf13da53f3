"""What a person does about an order that needs one: the platform's advice for its code, or the usual remedy."""

from typing import TYPE_CHECKING

from conversions import catalogue
from conversions.destinations.google import advice as google_advice
from conversions.destinations.meta import advice as meta_advice

if TYPE_CHECKING:
    from collections.abc import Mapping

    from conversions.ledger.queries.overview import Problem
    from conversions.settings import DestinationSettings


def remedy(problem: "Problem", destinations: "Mapping[str, DestinationSettings]") -> str:
    """Return what to do about *problem*; *destinations* are those of the settings, by name."""
    settings = destinations.get(problem.destination)
    by_code = {"google": google_advice.by_code, "meta": meta_advice.by_code}.get(settings.kind) if settings else None
    advice = by_code(problem.detail) if by_code and problem.detail else None
    code = next(c for c in (problem.reason, problem.state, "other") if c and catalogue.has("remedies", c))
    return " ".join(text for text in (advice, catalogue.text("remedies", code)) if text)
