"""Checks whether a web tag reports the same sales, so that they count twice."""

from collections.abc import Iterator

from conversions.doctor.check_result import CheckResult, note, ok
from conversions.settings import DestinationSettings, MetaSettings


def check_tag_overlap(name: str, section: DestinationSettings, *, rehearsal: bool) -> Iterator[CheckResult]:
    """Report the setting of one destination and its effect; a rehearsal cannot count anything twice."""
    tag = "a Meta Pixel" if isinstance(section, MetaSettings) else "a Google tag"
    match section.also_reported_by:
        case None if not rehearsal:
            yield note(name, f"Open question: does {tag} count these sales already? If so, each counts twice.", ANSWERS)
        case "none":
            yield ok(
                name,
                "The settings say that no web tag counts these sales. "
                f"If somebody adds {tag} later, every sale counts twice.",
            )
        case "other":
            yield note(
                name,
                f"The settings say that {tag} reports the same sales under other ids: each counts twice.",
                _advice_other(section),
            )
        case "same":
            yield note(
                name,
                f"The settings say that {tag} counts the same sales under their order numbers.",
                _advice_same(section),
            )


ANSWERS = (
    "Only one may count a sale: the tag or this program. If there is a tag, turn it off. Then set also_reported_by = "
    '"none". Where the tag must stay, docs/pixel.md explains "other" and "same".'
)


def _advice_other(section: DestinationSettings) -> str:
    if isinstance(section, MetaSettings):
        return 'Turn the Pixel\'s Purchase event off, or send to a dataset of its own; then also_reported_by = "none".'
    return "Use only one of the two conversion actions as a goal (Google Ads, Goals, Summary)."


def _advice_same(section: DestinationSettings) -> str:
    if isinstance(section, MetaSettings):
        return (
            "Meta recognises a repeat for 48 hours only: orders older than 42 hours are withheld, so do not skip a"
            " nightly run. An order number of digits only is sent as order-NUMBER: let the Pixel report the same text."
        )
    return (
        "Google counts a sale once only if the tag reports to the same conversion action, with the same transaction id."
        " An order number of digits only is sent as order-NUMBER: let the tag report the same text."
    )
