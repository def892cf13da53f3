"""Whether token and dataset fit: what the answer to ``GET /dataset_quality`` says, and to an event that is too old.

Sources: Dataset Quality API and error references (read 2026-11-30). A request with one event older than seven days is
refused as a whole and nothing of it is processed (code 100, subcode 2804003); ``physical_store`` takes 62 days.
"""

from datetime import timedelta

from pydantic_core import from_json

from conversions.destinations.meta.responses import classify_response
from conversions.destinations.responses import ACCEPTED, RETRY, receipt
from conversions.model.receipt import Next, Receipt
from conversions.transport.http import Answer

OLD_EVENT_AGE = timedelta(days=30)
"""Far above seven days, so that no wrong clock makes the event new enough."""
TOO_OLD = "100/2804003"
TOKEN_CODES = frozenset({"102", "104", "190"})
"""Codes that are about the token alone; other refusals of a credential are about the dataset, too."""
_ABOUT_THE_QUESTION = frozenset({"3", "2500"})
"""Codes that refuse the question itself: a capability that the app lacks, a path that this version does not have."""
_NEXT_WITHOUT_VERDICT = frozenset({Next.PROBE, Next.ISOLATE})


def of_quality(answer: Answer) -> Receipt | None:
    """Classify the answer to a question for the dataset's quality; None where it says nothing about the dataset."""
    if answer.status == 200:
        return receipt(answer, ACCEPTED) if _has_scores(answer.body) else receipt(answer, RETRY, "UNREADABLE")
    refusal = classify_response(answer, 1)
    about_the_question = meta_code(refusal).partition("/")[0] in _ABOUT_THE_QUESTION
    return None if about_the_question or refusal.next in _NEXT_WITHOUT_VERDICT else refusal


def meta_code(refusal: Receipt) -> str:
    """Return Meta's code and subcode, without the HTTP status."""
    return refusal.code.partition("/")[2]


def _has_scores(body: bytes) -> bool:
    try:
        document = from_json(body)
    except ValueError:
        return False
    return isinstance(document, dict) and "error" not in document
