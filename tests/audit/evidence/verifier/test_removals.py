"""Which entries explain a payload that is gone."""

from datetime import UTC, datetime
from typing import Any

import pytest

from conversions.audit.evidence.verifier.payloads import Removed
from conversions.audit.evidence.verifier.refusal import Refused
from conversions.audit.evidence.verifier.removals import check_removals


def us(day: str) -> int:
    return int(datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp() * 1_000_000)


def removed(number: int, *, sent: str = "2026-08-01", seq: int = 5, commitment: bytes = b"") -> Removed:
    return Removed(number, commitment or bytes([number]), {"request": 1, "seq": seq, "t": us(sent)})


def purge(
    *events: list[int], seq: int = 90, at: str = "2026-11-01", before: str = "2026-08-22", count: int = 9
) -> dict[str, Any]:
    return {"kind": "purge", "seq": seq, "t": us(at), "before": before, "events": [*events], "count": count}


def erasure(*events: list[int], seq: int = 80, count: int = 9) -> dict[str, Any]:
    facts = {"kind": "erasure", "seq": seq, "t": us("2026-09-01"), "case": "17", "operator": "nina"}
    return facts | {"events": [*events], "count": count}


def test_a_payload_that_an_entry_names_is_explained_by_the_earliest() -> None:
    said = [*check_removals([removed(4), removed(7), removed(8)], [purge([4, 4], [7, 9]), erasure([8, 8], seq=80)])]

    assert said == [
        "An erasure (case 17, by nina) removed 1 event: entry 80 (2026-09-01 00:00 UTC).",
        "Retention removed 2 events of purchases before 2026-08-22: 1 entry, the first is entry 90 (2026-11-01 00:00 UTC).",
    ]


def test_the_entries_of_one_night_are_one_sentence() -> None:
    gone = [removed(4), removed(7)]

    assert [line[:66] for line in check_removals(gone, [purge([4, 4]), purge([7, 7], seq=91)])] == [
        "Retention removed 2 events of purchases before 2026-08-22: 2 entrie"[:66]
    ]


def test_the_same_event_in_several_attempts_is_counted_once() -> None:
    assert [*check_removals([removed(4), removed(4, seq=6)], [erasure([4, 4], count=1)])]


@pytest.mark.parametrize(
    ("gone", "entries", "said"),
    [
        ([removed(4)], [], "is gone, and no entry"),
        ([removed(4)], [erasure([1, 3], [5, 9])], "is gone, and no entry"),
        ([removed(10)], [erasure([1, 3], [5, 9])], "is gone, and no entry"),
        ([removed(4, seq=81)], [erasure([4, 4], seq=80)], "is gone, and no entry"),
        ([removed(4, sent="2026-11-01")], [purge([4, 4])], "is gone, and no entry"),
        ([removed(4), removed(4, commitment=b"other")], [erasure([4, 4])], "has the number of another one"),
        ([removed(4), removed(5)], [erasure([4, 5], count=1)], "entry 80 removed 1 events, not so many"),
        ([], [purge([4, 4], before="2026-08-25")], "entry 90 purges days that were not 70 days old"),
    ],
    ids=["none", "beside", "after", "sent later", "too new", "two commitments", "too many", "young purge"],
)
def test_what_no_entry_explains_is_refused(gone: list[Removed], entries: list[dict[str, Any]], said: str) -> None:
    with pytest.raises(Refused, match=said):
        [*check_removals(gone, entries)]


def test_an_erasure_may_be_of_any_day() -> None:
    assert [*check_removals([removed(4, sent="2026-08-31")], [erasure([4, 4])])]
