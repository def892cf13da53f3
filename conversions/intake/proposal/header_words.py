"""What the names of columns mean, in English, Danish and German; ``header_words.toml`` has the patterns."""

import re
import tomllib
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files

from conversions.model.subject import holds_address
from conversions.settings.values import ad_consent_name

MAX_NAME_CHARACTERS = 60
_CAMEL_CASE = re.compile(r"(?<=[a-zæøå])(?=[A-ZÆØÅ])")
_MARKS = re.compile(r"[^\w.]+|_")
_CONSENT = re.compile(r"consent|samtykke|opt ?in")
_PARTS = re.compile(
    r"sub ?total|delsum|\bnet|netto|tax|vat\b|moms|ship|fragt|deliver|lever|discount|rabat|fee|gebyr|price|pris|cost"
    r"|weight|vægt|due|payout|fulfil|birth|fødsel|seller|sælger|staff|employee"
)
"""In names of columns that have other amounts, days and people than the purchase."""
_PERSONAL_NUMBER = re.compile(r"\d{6}")


def rank(field: str, name: str) -> int | None:
    """Return how well *name* fits our column *field*, 0 is best; None where it does not."""
    words = _words(name)
    return next((nth for nth, pattern in enumerate(_patterns()[field]) if pattern.fullmatch(words)), None)


def is_of_a_part(name: str) -> bool:
    """Return whether *name* says that its cells are of something beside the purchase, such as its shipping."""
    return _PARTS.search(_words(name)) is not None


def known(header: Sequence[str]) -> int:
    """Return how many of our columns *header* names."""
    return sum(any(rank(field, name) is not None for name in header) for field in _patterns())


def may_be_written(name: str) -> bool:
    """Return whether *name* may be a column's: it is text, and holds nothing of a person."""
    return (
        0 < len(name) <= MAX_NAME_CHARACTERS
        and name.isprintable()
        and not holds_address(name)
        and _PERSONAL_NUMBER.search(name) is None
    )


def consents(header: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return the columns that may hold consent to ads, and those whose consent is about newsletters or messages."""
    maybe: list[str] = []
    others: list[str] = []
    for name in filter(may_be_written, header):
        try:
            ad_consent_name(name)
        except ValueError:
            others.append(name)
        else:
            if _CONSENT.search(_words(name)):
                maybe.append(name)
    return maybe, others


def _words(name: str) -> str:
    text = _CAMEL_CASE.sub(" ", name).casefold().replace("#", " number ").replace("e-mail", "email")
    return " ".join(_MARKS.sub(" ", text).replace(".", " ").split())


@cache
def _patterns() -> Mapping[str, Sequence[re.Pattern[str]]]:
    text = files("conversions.intake.proposal").joinpath("header_words.toml").read_text(encoding="utf-8")
    return {field: [re.compile(each) for each in patterns] for field, patterns in tomllib.loads(text).items()}
