"""Text about the platforms' additional reports: warnings, match rates, quality scores."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from conversions.anomalies import match_rate, platform_warnings
from conversions.cli.output import show, show_prose, show_table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from zoneinfo import ZoneInfo

    from conversions.anomalies.match_rate import Course
    from conversions.disclosure.policy import Policy
    from conversions.ledger.late_results.quality_scores import Score
    from conversions.ledger.outbox.platform_warnings import PlatformWarning


@dataclass(frozen=True, slots=True)
class PlatformNotes:
    """Warnings, match rates and quality scores in the store."""

    warnings: "Sequence[PlatformWarning]"
    courses: "Mapping[str, Course]"
    scores: "Sequence[Score]"
    policy: "Policy | None"
    """The approved policy."""

    def json(self) -> dict[str, Any]:
        """Their part of ``status --json``."""
        return {
            "warnings": [{**w._asdict(), "advice": platform_warnings.sentence(w, self.policy)} for w in self.warnings],
            "match_rates": {name: _course(course) for name, course in self.courses.items()},
            "scores": [score._asdict() for score in self.scores],
        }


def show_notes(notes: PlatformNotes, zone: "ZoneInfo") -> None:
    """Print each as a sentence or a table row."""
    for warning in notes.warnings:
        show_prose(platform_warnings.sentence(warning, notes.policy))
    for name, course in notes.courses.items():
        show_prose(match_rate.sentence(name, course))
    if notes.scores:
        show()
        rows = [
            [score.destination, score.name, f"{score.value:g}", f"{score.at.astimezone(zone):%Y-%m-%d}"]
            for score in notes.scores
        ]
        show_table(["rated by the platform, for information", "", "", f"on ({zone.key})"], rows)


def _course(course: "Course") -> dict[str, dict[str, int]]:
    spans = {"last_30_days": course.latest, "30_days_before": course.before, "earlier": course.earlier}
    return {name: counts._asdict() for name, counts in spans.items()}
