"""Words of ``conversions source preview``."""

from collections.abc import Sequence
from decimal import Decimal

from conversions import catalogue
from conversions.catalogue import Language
from conversions.cli.report import SETTING_OF
from conversions.doctor.preview import SENDABLE, PreviewWarning, Result


def word(code: str, language: Language, **facts: object) -> str:
    """Return a text of the catalogue."""
    return catalogue.text("preview", code, language).format(**facts)


def sentence(warning: PreviewWarning, language: Language) -> str:
    """Return what a warning says."""
    return catalogue.text("preview_warnings", warning.code, language).format(**warning.facts)


def result_words(result: Result, language: Language) -> str:
    """Return what becomes of an order at one platform."""
    bucket, reason = result
    words = catalogue.text("preview_results", bucket, language)
    return (
        words
        if reason is None or bucket == "already_sent"
        else f"{words}: {catalogue.reason(reason, language)}{SETTING_OF.get(reason, '')}"
    )


def outcome(names: Sequence[str], results: Sequence[Result], language: Language) -> str:
    """Return "sendable to google, meta"; where all platforms withhold an order for one reason, they are not named."""
    by_result: dict[str, list[str]] = {}
    for name, result in zip(names, results, strict=True):
        by_result.setdefault(result_words(result, language), []).append(name)
    sendable = {result_words(result, language) for result in results if result[0] in SENDABLE}
    if len(by_result) == 1 and not sendable:
        return next(iter(by_result))
    return "; ".join(
        f"{words} ({', '.join(places)})" if words in sendable else f"{', '.join(places)}: {words}"
        for words, places in by_result.items()
    )


def amount_text(amount: Decimal | None, hidden: str) -> str:
    """Return *amount*, or *hidden* where it may not be printed."""
    return hidden if amount is None else f"{amount:f}"
