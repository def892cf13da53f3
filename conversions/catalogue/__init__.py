"""The words for people, in English and Danish. The store, the log and ``--json`` have codes; their wording is here."""

import tomllib
from enum import StrEnum
from functools import cache
from importlib.resources import files
from typing import Any


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
    """Every text of *language*, by section and code; each language has the same."""
    catalogue = files("conversions.catalogue").joinpath(f"{language}.toml")
    return tomllib.loads(catalogue.read_text(encoding="utf-8"))


def text(section: str, code: str, language: Language = Language.ENGLISH) -> str:
    """The words for *code*; the code itself where the catalogue does not know it, such as a platform's own."""
    return str(messages(language)[section].get(code, code))


def has(section: str, code: str) -> bool:
    """Whether *section* has words for *code*."""
    return code in messages(Language.ENGLISH)[section]


def reason(code: str, language: Language = Language.ENGLISH) -> str:
    """Why an order, or a row, is not sent."""
    return text("reasons", code, language)


def detail(said: str, language: Language = Language.ENGLISH) -> str:
    """What is known besides: a platform's codes, and ours after a semicolon."""
    return "; ".join(text("details", part, language) for part in said.split(";"))


def explained(code: str | None, said: str | None) -> tuple[str, str]:
    """A reason and its details, for a table; empty where there is none."""
    return reason(code or ""), detail(said or "")
