"""What the platforms said beside yes and no, for reading: warnings, matches, figures."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from conversions.anomalies import match_rate, platform_warnings
from conversions.cli.output import show, show_table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from conversions.anomalies.match_rate import Course
    from conversions.ledger.late_results.quality_scores import Score
    from conversions.ledger.outbox.platform_warnings import PlatformWarning


@dataclass(frozen=True, slots=True)
class PlatformNotes:
    """What the store keeps of it."""

    warnings: "Sequence[PlatformWarning]"
    courses: "Mapping[str, Course]"
    scores: "Sequence[Score]"

    def json(self) -> dict[str, Any]:
        """Its part of ``status --json``."""
        return {
            "warnings": [{**one._asdict(), "advice": platform_warnings.sentence(one)} for one in self.warnings],
            "match_rates": {name: _course(course) for name, course in self.courses.items()},
            "scores": [one._asdict() for one in self.scores],
        }


def show_notes(notes: PlatformNotes) -> None:
    """Each in a sentence or a line."""
    for one in notes.warnings:
        show(platform_warnings.sentence(one))
    for name, course in notes.courses.items():
        show(match_rate.sentence(name, course))
    if notes.scores:
        show()
        rows = [[one.destination, one.name, f"{one.value:g}", f"{one.at:%Y-%m-%d}"] for one in notes.scores]
        show_table(["rated by the platform, for information", "", "", "on (UTC)"], rows)


def _course(course: "Course") -> dict[str, dict[str, int]]:
    spans = {"last_30_days": course.latest, "30_days_before": course.before, "earlier": course.earlier}
    return {when: one._asdict() for when, one in spans.items()}
