"""The words for people, in English and Danish; the store, the log and ``--json`` have codes instead."""

import tomllib
from enum import StrEnum
from functools import cache
from importlib.resources import files
from typing import Any

APPROVE = "`conversions policy approve --by NAME --reason TEXT`"
"""The command without which a changed policy, or a changed setting about who or what may be sent, sends nothing."""


class Language(StrEnum):
    """A language that the catalogue has."""

    DANISH = "da"
    ENGLISH = "en"

    @property
    def locale(self) -> str:
        """How days and numbers are written."""
        return {"da": "da_DK", "en": "en_GB"}[self]


@cache
def messages(language: Language) -> dict[str, Any]:
    """Return every text of *language*, by section and code. Each language has the same codes."""
    catalogue = files("conversions.catalogue").joinpath(f"{language}.toml")
    return tomllib.loads(catalogue.read_text(encoding="utf-8"))


def text(section: str, code: str, language: Language = Language.ENGLISH) -> str:
    """Return the words for *code*, or *code* itself where the catalogue does not have it, such as a platform's code."""
    return str(messages(language)[section].get(code, code))


def has(section: str, code: str) -> bool:
    """Whether *section* has words for *code*."""
    return code in messages(Language.ENGLISH)[section]


def reason(code: str, language: Language = Language.ENGLISH) -> str:
    """Return the words for the reason why an order or a row is not sent."""
    return text("reasons", code, language)


def detail(codes: str, language: Language = Language.ENGLISH) -> str:
    """Return the words for a stored detail: codes of a platform or ours, separated by semicolons."""
    return "; ".join(text("details", part, language) for part in codes.split(";"))


def explained(code: str | None, codes: str | None) -> tuple[str, str]:
    """Return the words for a reason and for its detail; empty where there is none."""
    return reason(code or ""), detail(codes or "")
