"""Papers for people: both languages say the same, and nothing in them runs."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from conversions.catalogue import Language, messages
from conversions.destinations.google.client import Google
from conversions.destinations.meta.client import Meta
from conversions.disclosure.schema import EVENTS, SCHEMA
from conversions.ledger.restatements.eligibility import NotEligible
from conversions.ledger.staging.reason_shares import NEW_STATUS
from conversions.ledger.states import State
from conversions.ledger.subjects.suppressions import SuppressionKind
from conversions.model.conversion import Reason
from conversions.model.late_result import RequestStatus
from conversions.model.receipt import Outcome
from conversions.privacy import access_forms
from conversions.privacy.access import AccessAnswer
from conversions.reports import render

DANISH, ENGLISH = messages(Language.DANISH), messages(Language.ENGLISH)
NOW = datetime(2026, 11, 22, 5, 15, tzinfo=UTC)
COPENHAGEN = ZoneInfo("Europe/Copenhagen")
TEMPLATES = Path(render.__file__).parent / "templates"


def keys(table: dict[str, Any], under: str = "") -> Iterator[str]:
    for name, value in table.items():
        if isinstance(value, dict):
            yield from keys(value, f"{under}{name}/")
        else:
            yield under + name


def test_both_languages_have_the_same_texts() -> None:
    assert sorted(keys(DANISH)) == sorted(keys(ENGLISH))


@pytest.mark.parametrize("words", [DANISH, ENGLISH], ids=["da", "en"])
class TestEverythingHasWords:
    def test_states_outcomes_and_kinds(self, words: dict[str, Any]) -> None:
        assert set(words["states"]) >= set(State)
        assert set(words["outcomes"]) >= set(Outcome) - {Outcome.NOT_SENT}
        assert set(words["kinds"]) == set(SuppressionKind)

    def test_recipients_and_legal_bases(self, words: dict[str, Any]) -> None:
        assert set(words["roles"]) == {Google.recipient, Meta.recipient}
        assert set(words["bases"]) == {"consent", "legitimate_interest"}

    def test_reasons_are_reasons(self, words: dict[str, Any]) -> None:
        assert set(words["reasons"]) == {*Reason, NEW_STATUS}
        assert set(words["reasons_for_buyers"]) <= set(Reason)
        assert set(words["not_eligible"]) == set(NotEligible)
        assert set(RequestStatus) < set(words["statuses"])

    def test_every_field_of_an_event_that_can_leave(self, words: dict[str, Any]) -> None:
        prefixes = {kind: f"{events}[]." for kind, events in EVENTS.items()}
        inside = {
            path.removeprefix(prefixes[kind])
            for kind, paths in SCHEMA.items()
            for path in paths
            if path.startswith(prefixes[kind])
        }
        assert set(words["fields"]) == inside
        assert set(words["promised"]) <= inside

    def test_nothing_is_called_anonymous(self, words: dict[str, Any]) -> None:
        said = words["access"]["hashed_note"].lower()
        assert "pseudonym" in said
        assert "not anonymous" in said or "ikke anonymisering" in said


def empty(**changed: Any) -> AccessAnswer:
    nothing: dict[str, Any] = {
        "at": NOW,
        "rehearsal": False,
        "controller": None,
        "contact": None,
        "kept_days": 400,
        "sent": [],
        "not_sent": [],
        "policies": [],
        "forms": {"hashed": ["user_data.em[]"], "clear": ["custom_data.value"]},
        "entries": [],
        "erasures": [],
        "rectifications": [],
        "purged": None,
        "lost": None,
        "accesses": [],
    }
    return AccessAnswer(**nothing | changed)


@pytest.mark.parametrize(
    ("language", "said", "day"),
    [(Language.DANISH, "Vi fandt intet", "22. nov. 2026"), (Language.ENGLISH, "We found nothing", "22 Nov 2026")],
)
def test_where_nothing_is_held_it_says_so(language: Language, said: str, day: str) -> None:
    page = access_forms.html(empty(), language, COPENHAGEN)
    assert said in page
    assert day in page
    assert f'<html lang="{language}">' in page


def test_controller_contact_and_retention_are_the_shops() -> None:
    page = access_forms.html(
        empty(controller="Te & Krus ApS, Aarhus", contact="databeskyttelse", kept_days=365), Language.DANISH, COPENHAGEN
    )
    assert "Te &amp; Krus ApS, Aarhus" in page
    assert "databeskyttelse" in page
    assert "365 dage efter købet" in page


def test_a_page_runs_nothing_and_loads_nothing() -> None:
    page = access_forms.html(empty(), Language.ENGLISH, COPENHAGEN).lower()
    assert "default-src 'none'" in page
    for forbidden in ("<script", "javascript:", "src=", "href=", "@import", "url("):
        assert forbidden not in page


def test_no_template_switches_escaping_off() -> None:
    for template in TEMPLATES.iterdir():
        text = template.read_text(encoding="utf-8")
        assert not re.search(r"\|\s*safe|autoescape|Markup", text), template.name
