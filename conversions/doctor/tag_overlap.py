"""The question that decides whether sales are counted twice: does a web tag report them, too."""

from collections.abc import Iterator

from conversions.doctor.check_result import CheckResult, note, ok
from conversions.settings import DestinationSettings, MetaSettings


def check(name: str, section: DestinationSettings, *, rehearsal: bool) -> Iterator[CheckResult]:
    """The answer of one destination, and which one is safe; in a rehearsal nobody else can count."""
    tag = "a Meta Pixel" if isinstance(section, MetaSettings) else "a Google tag"
    match section.also_reported_by:
        case None if not rehearsal:
            yield note(name, f"Open question: does {tag} count these sales already? If so, each counts twice.", ANSWERS)
        case "none":
            yield ok(name, f"No web tag counts these sales, the settings say: {tag} that begins to counts them twice.")
        case "other":
            yield note(
                name,
                f"The settings say that {tag} reports the same sales under other ids: each counts twice.",
                _one(section),
            )
        case "same":
            yield note(
                name, f"The settings say that {tag} counts the same sales under their order numbers.", _once(section)
            )


ANSWERS = (
    'Set also_reported_by: "none" is safe once no tag counts them, so turn one off or send here not at all; '
    '"other": it uses its own ids, and one of the two has to go; "same": it uses the order number, which then leaves.'
)


def _one(section: DestinationSettings) -> str:
    if isinstance(section, MetaSettings):
        return 'Turn the Pixel\'s Purchase event off, or send to a dataset of its own; then also_reported_by = "none".'
    return "Use only one of the two conversion actions as a goal (Google Ads, Goals, Summary)."


def _once(section: DestinationSettings) -> str:
    if isinstance(section, MetaSettings):
        return (
            "Meta recognises a repeat for 48 hours only: orders older than 42 are withheld, so miss no night; a "
            "number of digits alone leaves as order-NUMBER, so let the Pixel report that."
        )
    return (
        "Google counts once only where the tag reports to this very conversion action, with the same transaction id: a "
        "number of digits alone leaves as order-NUMBER, so let the tag report that."
    )
