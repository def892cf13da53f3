"""Two shapes of ``--json``: a monitor that was written for schema 1 reads what it read before."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from conversions import catalogue
from conversions.catalogue.former_texts import EARLIER, NOT_ELIGIBLE, REASONS
from conversions.cli.json_schema import document
from conversions.model.conversion import Reason

RELEASE = Path(__file__).parents[1] / "ledger" / "third_release" / "conversions.db"
"""A store of the last release with schema 1; its runs kept their own documents."""
CODES = {"withheld": REASONS, "quarantined": REASONS, "not_possible": NOT_ELIGIBLE}


def former_documents() -> list[dict[str, Any]]:
    with closing(sqlite3.connect(f"file:{RELEASE}?mode=ro&immutable=1", uri=True)) as store:
        rows = store.execute("SELECT report FROM run WHERE command = 'run' AND report IS NOT NULL ORDER BY id")
        return [json.loads(report) for (report,) in rows]


def coded(value: Any, texts: dict[str, str] | None = None) -> Any:
    """*value*, a document of schema 1, as the program makes it now."""
    if isinstance(value, dict):
        renamed = {"values_doubted": "values_unconfirmed"} | (texts or {})
        return {renamed.get(key, key): coded(each, CODES.get(key)) for key, each in value.items()}
    if isinstance(value, list):
        return [coded(each) for each in value]
    return value.replace(*EARLIER) if isinstance(value, str) else value


def texts_of(value: Any) -> Iterator[str]:
    match value:
        case dict():
            yield from value
            yield from (text for each in value.values() for text in texts_of(each))
        case list():
            yield from (text for each in value for text in texts_of(each))
        case str():
            yield value


@pytest.mark.parametrize("former", former_documents())
def test_a_document_of_the_last_release_is_what_schema_1_still_gives(former: dict[str, Any]) -> None:
    assert document({"schema": 2, **coded(former)}, 1) == former


@pytest.mark.parametrize("former", former_documents())
def test_schema_2_has_codes_and_the_words_of_each_beside_them(former: dict[str, Any]) -> None:
    shown = document(coded(former), 2)

    assert shown["schema"] == 2
    words = shown.pop("sentences", {})
    assert words.items() <= {code: catalogue.reason(code) for code in Reason}.items() | words.items()
    sides = former["destinations"].values()
    texts = {text for side in sides for bucket in ("withheld", "quarantined") for text in side[bucket]}
    assert {REASONS[text] for text in texts} <= set(words)
    assert texts & set(texts_of(shown)) <= {"erased", "objection"}, "words that are their own code"


def test_a_reason_that_stands_alone_has_its_words_beside_it() -> None:
    problem = {"order_no": "1", "state": "expired", "reason": "too_old", "detail": "400 BAD;earlier_unanswered"}

    assert document({"problems": [problem]}, 2)["problems"] == [problem | {"sentence": "too old for this platform"}]
    assert document([problem], 1) == [
        problem | {"reason": "too old for this platform", "detail": "400 BAD; an earlier attempt was never answered"}
    ]


def test_what_a_person_wrote_is_no_code() -> None:
    attempt = {"request_id": 3, "reason": "too_old", "operator": "erased;earlier_unanswered"}

    assert document([attempt], 1) == document([attempt], 2) == [attempt]
