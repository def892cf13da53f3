"""The sentence of a statement, in the words of the catalogue; times are in the shop's zone, which is named."""

import re
import shlex
from datetime import date, datetime
from zoneinfo import ZoneInfo

from babel.dates import format_date, get_timezone_location

from conversions import catalogue
from conversions.audit.explain.statement import Statement
from conversions.catalogue import Language
from conversions.model.conversion import Money

PARTS = {"why": "explain_why", "what": "explain_do", "outcome": "explain_outcomes"}
"""Parts of sentences by their section of the catalogue: they contain other facts."""
SECTIONS = {
    "meaning": "explain_http",
    "purpose": "explain_purposes",
    "source": "explain_sources",
    "reason": "reasons",
    "state": "states",
    "not_eligible": "not_eligible",
}
"""Words by their section of the catalogue."""


def sentence(statement: Statement, zone: ZoneInfo, language: Language = Language.ENGLISH) -> str:
    """The sentence of *statement* in *language*."""
    texts, facts = catalogue.messages(language), statement.facts
    template = str(texts["explain"][statement.code])
    for name in PARTS.keys() & facts.keys():
        template = template.replace(f"{{{name}}}", texts[PARTS[name]][str(facts[name])])
    words = {name: _words(name, fact, zone, language) for name, fact in facts.items()}
    in_commands = {f"{name}_typed": shlex.quote(str(fact)) for name, fact in facts.items()}
    return template.format(**words, **in_commands)


def _words(name: str, fact: object, zone: ZoneInfo, language: Language) -> str:
    match fact:
        case None:
            return ""
        case Money():
            return f"{fact.amount:f} {fact.currency}"
        case datetime():
            local = fact.astimezone(zone)
            return f"{_day(local.date(), language)} {local:%H:%M} ({_city(zone, language)})"
        case date():
            return _day(fact, language)
        case list() if name == "fields":
            named = (re.split("[,;]", catalogue.text("fields", path, language))[0] for path in fact)
            return ", ".join(dict.fromkeys(f"{words[:1].lower()}{words[1:]}" for words in named))
        case list():
            return ", ".join(dict.fromkeys(_words(name, item, zone, language) for item in fact))
        case (first, last):
            return " to ".join(dict.fromkeys(_words(name, day, zone, language) for day in (first, last)))
        case str() if name == "detail":
            return catalogue.detail(fact, language)
        case str() if name in SECTIONS:
            return catalogue.text(SECTIONS[name], fact, language)
        case _:
            return str(fact)


def _city(zone: ZoneInfo, language: Language) -> str:
    return str(get_timezone_location(zone, locale=language.locale, return_city=True))


def _day(day: date, language: Language) -> str:
    return str(format_date(day, "long", locale=language.locale))
