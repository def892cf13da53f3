"""What Google says later of a request it took, as the reference of ``requestStatus:retrieve`` has it."""

from datetime import timedelta
from typing import Any

import orjson
import pytest

from conversions.destinations.google.diagnostics import FAILED, FIXES, PREFIX, REASONS, parse_status
from conversions.model.late_result import Diagnosis, EventOutcome, ReasonPolicy, RequestStatus
from conversions.transport.http import Answer
from tests.sandbox.test_google import SCHEMAS, misfits

LATER = Diagnosis(RequestStatus.PROCESSING)


def answered(status: int, body: object) -> Diagnosis:
    content = body if isinstance(body, bytes) else orjson.dumps(body)
    return parse_status(Answer(status, {}, content), 3)


def told(status: str, *counts: dict[str, Any], events: str | None = "3") -> Diagnosis:
    """The answer about a request with one destination."""
    one: dict[str, Any] = {"requestStatus": status}
    one |= {"eventsIngestionStatus": {"recordCount": events}} if events else {}
    one |= {"errorInfo": {"errorCounts": list(counts)}} if counts else {}
    body = {"requestStatusPerDestination": [one]}
    assert list(misfits(body, SCHEMAS["RetrieveRequestStatusResponse"])) == []
    return answered(200, body)


def count(reason: str, *positions: int, events: int | None = None) -> dict[str, Any]:
    """One row of ``errorCounts``; without positions as before v1.9."""
    row: dict[str, Any] = {"reason": reason, "recordCount": str(len(positions) if events is None else events)}
    return row | ({"recordIndices": list(positions)} if positions else {})


def refused(status: int, reason: str, canonical: str = "INVALID_ARGUMENT") -> Diagnosis:
    violation = {"field": "request_id", "description": "personal prose", "reason": reason}
    detail = {"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": [violation]}
    return answered(status, {"error": {"code": status, "status": canonical, "message": "", "details": [detail]}})


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("SUCCESS", RequestStatus.SUCCESS),
        ("PARTIAL_SUCCESS", RequestStatus.PARTIAL_SUCCESS),
        ("FAILED", RequestStatus.FAILED),
        ("PROCESSING", RequestStatus.PROCESSING),
        ("REQUEST_STATUS_UNKNOWN", RequestStatus.PROCESSING),
    ],
)
def test_every_status_is_understood(status: str, expected: RequestStatus) -> None:
    assert told(status).status is expected


@pytest.mark.parametrize("status", ["FAILURE", "SOMETHING_NEWER", ""])
def test_a_status_that_the_schema_lacks_is_the_guides_word_or_asked_about_again(status: str) -> None:
    found = answered(200, {"requestStatusPerDestination": [{"requestStatus": status}]}).status
    assert found is (RequestStatus.FAILED if status == "FAILURE" else RequestStatus.PROCESSING)


UNMATCHED, DUPLICATE, REJECTED, SETUP, CONSENT, UNLISTED = (
    ReasonPolicy(fate)
    for fate in (
        EventOutcome.UNMATCHED,
        EventOutcome.DUPLICATE,
        EventOutcome.REJECTED,
        EventOutcome.SETUP,
        EventOutcome.CONSENT,
        EventOutcome.UNLISTED,
    )
)
ROWS = [
    ("CLICK_NOT_FOUND", UNMATCHED),
    ("DUPLICATE_TRANSACTION_ID", DUPLICATE),
    ("DUPLICATE_GCLID", DUPLICATE),
    ("TOO_RECENT_CLICK", ReasonPolicy(EventOutcome.DEFERRED, timedelta(hours=6))),
    ("DESTINATION_TOO_RECENTLY_CREATED", ReasonPolicy(EventOutcome.DEFERRED, timedelta(hours=6))),
    ("INTERNAL_ERROR", ReasonPolicy(EventOutcome.DEFERRED, timedelta(hours=1))),
    ("EVENT_TOO_OLD", REJECTED),
    ("EXPIRED_CLICK", REJECTED),
    ("CONVERSION_PRECEDES_CLICK", REJECTED),
    ("INVALID_CLICK", REJECTED),
    ("INVALID_GCLID", REJECTED),
    ("INVALID_GBRAID", REJECTED),
    ("INVALID_WBRAID", REJECTED),
    ("INVALID_AD_IDENTIFIERS", REJECTED),
    ("INVALID_OPERATING_ACCOUNT_FOR_CLICK", REJECTED),
    ("INVALID_EVENT", REJECTED),
    ("INVALID_FORMAT", REJECTED),
    ("DENIED_CONSENT", CONSENT),
    ("NO_CONSENT", SETUP),
    ("UNKNOWN_CONSENT", CONSENT),
    ("DESTINATION_ACCOUNT_ENHANCED_CONVERSIONS_TERMS_NOT_SIGNED", SETUP),
    ("EXTERNAL_ATTRIBUTION_DATA_MISSING", SETUP),
    ("ONE_PER_CLICK_CONVERSION_ACTION_NOT_PERMITTED_WITH_BRAID", SETUP),
    ("INVALID_MERCHANT_ID", SETUP),
    ("INVALID_CUSTOM_VARIABLE", SETUP),
    ("CUSTOM_VARIABLE_NOT_ENABLED", SETUP),
    ("INSUFFICIENT_MATCHED_TRANSACTIONS", REJECTED),
    ("USER_IDENTIFIER_DECRYPTION_ERROR", REJECTED),
    ("MATCH_ID_NOT_FOUND", REJECTED),
    ("TOO_RECENT_CALL", REJECTED),
]


@pytest.mark.parametrize(("reason", "ruling"), ROWS)
def test_every_reason_of_the_reference_has_a_ruling(reason: str, ruling: ReasonPolicy) -> None:
    [finding] = told("PARTIAL_SUCCESS", count(PREFIX + reason, 0, 2)).findings
    assert (finding.reason, finding.policy) == (reason, ruling)
    assert (finding.events, finding.positions) == (2, frozenset({0, 2}))


def test_the_one_reason_with_another_prefix_keeps_its_name() -> None:
    name = "PROCESSING_ERROR_OPERATING_ACCOUNT_MISMATCH_FOR_AD_IDENTIFIER"
    [finding] = told("PARTIAL_SUCCESS", count(name, 0)).findings
    assert (finding.reason, finding.policy) == (name, REJECTED)


def test_a_reason_younger_than_the_table_is_one_of_its_own_under_its_name() -> None:
    row = count(PREFIX + "INVENTED_TOMORROW", 1)
    body = {"requestStatusPerDestination": [{"requestStatus": "FAILED", "errorInfo": {"errorCounts": [row]}}]}
    [finding] = answered(200, body).findings
    assert (finding.reason, finding.policy) == ("INVENTED_TOMORROW", UNLISTED)


@pytest.mark.parametrize("reason", ["processing_error_reason_denied_consent", "DENIED_CONSENT", "denied_consent"])
def test_a_name_is_known_however_it_is_spelt(reason: str) -> None:
    [finding] = partly(count(reason, 0)).findings
    assert (finding.reason, finding.policy) == ("DENIED_CONSENT", CONSENT)


def test_a_number_in_place_of_a_name_leaves_the_rest_readable() -> None:
    found = partly(FIRST_OF_THREE, {"reason": 77, "recordCount": "1", "recordIndices": [2]})
    assert [(f.reason, f.policy) for f in found.findings][1:] == [("OTHER", UNLISTED)]
    assert found.names_all(3)


def test_a_younger_name_of_consent_is_about_consent() -> None:
    [finding] = partly(count(PREFIX + "AD_USER_DATA_CONSENT_MISSING", 0)).findings
    assert finding.policy == CONSENT


def test_what_was_taken_with_a_part_of_it_ignored_is_counted_by_kind() -> None:
    rows = [
        {"reason": "PROCESSING_WARNING_REASON_INTERNAL_ERROR", "recordCount": "2"},
        {"reason": "processing_warning_reason_internal_error", "recordIndices": [0]},
        {"reason": "ida@kunde.example", "recordCount": "1"},
        "nonsense",
    ]
    body = {"requestStatusPerDestination": [{"requestStatus": "SUCCESS", "warningInfo": {"warningCounts": rows}}]}
    found = answered(200, body)
    assert (found.status, found.warnings) == (RequestStatus.SUCCESS, {"INTERNAL_ERROR": 3, "OTHER": 1})


@pytest.mark.parametrize("info", [None, 5, "x", [], {"warningCounts": 5}])
def test_warnings_of_another_form_make_nothing_else_unreadable(info: object) -> None:
    body = {"requestStatusPerDestination": [{"requestStatus": "SUCCESS", "warningInfo": info}]}
    assert answered(200, body) == Diagnosis(RequestStatus.SUCCESS)


def test_prose_in_place_of_a_name_is_not_repeated() -> None:
    row = {"reason": "ida@kunde.example was refused", "recordCount": "1", "recordIndices": [0]}
    body = {"requestStatusPerDestination": [{"requestStatus": "FAILED", "errorInfo": {"errorCounts": [row]}}]}
    assert answered(200, body).findings[0].reason == "OTHER"


@pytest.mark.parametrize(
    ("diagnosis", "reason", "fate"),
    [
        (told("FAILED"), FAILED, EventOutcome.SETUP),
        (told("FAILED", {"reason": PREFIX + "NO_CONSENT"}), "NO_CONSENT", EventOutcome.SETUP),
        (told("FAILED", {"reason": PREFIX + "INVALID_EVENT"}), "INVALID_EVENT", EventOutcome.REJECTED),
        (
            told("FAILED", {"reason": PREFIX + "INVALID_EVENT"}, {"reason": PREFIX + "NO_CONSENT"}),
            FAILED,
            EventOutcome.SETUP,
        ),
        (told("FAILED", count(PREFIX + "INVALID_EVENT", events=10**25)), "INVALID_EVENT", EventOutcome.REJECTED),
    ],
)
def test_a_request_that_failed_as_a_whole_failed_for_the_one_reason_given_or_for_a_person_to_find(
    diagnosis: Diagnosis, reason: str, fate: EventOutcome
) -> None:
    [finding] = diagnosis.findings
    assert (finding.reason, finding.policy.outcome, set(finding.positions)) == (reason, fate, {0, 1, 2})
    assert diagnosis.names_all(3)


@pytest.mark.parametrize("most", [4, 2**53, 10**25])
def test_a_count_of_more_events_than_there_were_says_nothing(most: int) -> None:
    found = told(
        "PARTIAL_SUCCESS", {"reason": PREFIX + "INVALID_EVENT", "recordCount": str(most), "recordIndices": [1]}
    )
    assert (found.findings, found.names_all(3)) == ((), False)


@pytest.mark.parametrize("reason", FIXES)
def test_a_remedy_belongs_to_a_reason_of_the_account_or_to_a_question_that_is_not_allowed(reason: str) -> None:
    assert reason == FAILED or (reason, SETUP) in ROWS or refused(403, reason).status is RequestStatus.PERMISSION_DENIED


@pytest.mark.parametrize(
    ("reason", "status", "expected"),
    [("REQUEST_TOO_OLD", 400, RequestStatus.TOO_OLD), ("INVALID_REQUEST_ID", 400, RequestStatus.NOT_FOUND)],
)
def test_a_request_without_a_status_says_why(reason: str, status: int, expected: RequestStatus) -> None:
    assert refused(status, reason) == Diagnosis(expected, f"{status}/{reason}")


def test_a_request_that_is_not_found_is_not_known_there() -> None:
    assert refused(404, "NOT_FOUND", "NOT_FOUND").status is RequestStatus.NOT_FOUND


@pytest.mark.parametrize(("status", "reason"), [(429, "RESOURCE_EXHAUSTED"), (503, "")])
def test_any_other_refusal_is_no_answer(status: int, reason: str) -> None:
    found = refused(status, reason, "UNAVAILABLE")
    assert (found.status, found.code) == (RequestStatus.NO_ANSWER, f"{status}/{reason or 'UNAVAILABLE'}")


@pytest.mark.parametrize("reason", ["PERMISSION_DENIED", "SERVICE_DISABLED", "INVENTED_TOMORROW"])
def test_a_question_that_is_not_allowed_is_for_a_person_to_mend(reason: str) -> None:
    assert refused(403, reason, "PERMISSION_DENIED") == Diagnosis(RequestStatus.PERMISSION_DENIED, f"403/{reason}")


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"error":1}'])
def test_a_page_from_something_in_between_is_no_answer(body: bytes) -> None:
    assert answered(502, body) == Diagnosis(RequestStatus.NO_ANSWER, "502")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"requestStatusPerDestination": []},
        {"requestStatusPerDestination": [{}]},
        {"requestStatusPerDestination": [{"requestStatus": "PROCESSING", "unknown": {"to": ["us"]}}]},
    ],
)
def test_an_empty_answer_is_asked_for_again(body: object) -> None:
    assert answered(200, body).status is RequestStatus.PROCESSING


@pytest.mark.parametrize("body", [b"", b"<html>", b'{"requestStatusPerDestination":7}'])
def test_an_answer_that_cannot_be_read_is_asked_for_again(body: bytes) -> None:
    assert answered(200, body) == Diagnosis(RequestStatus.PROCESSING, "UNREADABLE")


# what of it can be mapped to orders


@pytest.mark.parametrize(
    "diagnosis",
    [
        told("SUCCESS"),
        told("SUCCESS", events=None),
        told("PARTIAL_SUCCESS", count("PROCESSING_ERROR_REASON_CLICK_NOT_FOUND", 0, 2)),
        told("FAILED", count("PROCESSING_ERROR_REASON_CLICK_NOT_FOUND", 0, 1, 2)),
        told("SUCCESS", count("PROCESSING_ERROR_REASON_CLICK_NOT_FOUND", events=0)),
        told("FAILED", count("PROCESSING_ERROR_REASON_INVALID_EVENT", events=3)),
        told("FAILED", count(PREFIX + "INVALID_EVENT", 0, 1), count(PREFIX + "CLICK_NOT_FOUND", 2)),
        told("FAILED", count(PREFIX + "INVALID_EVENT", 0, 1, 2), count(PREFIX + "INVALID_FORMAT", 1)),
    ],
)
def test_it_says_of_every_event_what_became_of_it(diagnosis: Diagnosis) -> None:
    assert diagnosis.names_all(3)


@pytest.mark.parametrize(
    "diagnosis",
    [
        told("PARTIAL_SUCCESS"),
        told("SUCCESS", events="4"),
        told("PARTIAL_SUCCESS", count("PROCESSING_ERROR_REASON_CLICK_NOT_FOUND", events=2)),
        told("PARTIAL_SUCCESS", count("PROCESSING_ERROR_REASON_CLICK_NOT_FOUND", 0, events=2)),
        told("PARTIAL_SUCCESS", count("PROCESSING_ERROR_REASON_CLICK_NOT_FOUND", 0, 3)),
        told("PARTIAL_SUCCESS", count("PROCESSING_ERROR_REASON_CLICK_NOT_FOUND", -1)),
        told("FAILED", count(PREFIX + "INVALID_EVENT", 0)),
        told("FAILED", count(PREFIX + "INVALID_EVENT", events=2), count(PREFIX + "CLICK_NOT_FOUND", events=1)),
        told("PARTIAL_SUCCESS", count(PREFIX + "INVALID_EVENT", 7, events=3)),
        told("PARTIAL_SUCCESS", count(PREFIX + "INVALID_EVENT", events=0)),
    ],
)
def test_it_does_not_say_so(diagnosis: Diagnosis) -> None:
    assert not diagnosis.names_all(3)


FIRST_OF_THREE = count(PREFIX + "CLICK_NOT_FOUND", 0)


def partly(*counts: object) -> Diagnosis:
    """As the schema does not have it."""
    one = {"requestStatus": "PARTIAL_SUCCESS", "errorInfo": {"errorCounts": list(counts)}}
    return answered(200, {"requestStatusPerDestination": [one]})


def test_null_is_absent() -> None:
    one = {"requestStatus": "SUCCESS", "eventsIngestionStatus": None, "errorInfo": {"errorCounts": None}}
    assert answered(200, {"requestStatusPerDestination": [one]}) == Diagnosis(RequestStatus.SUCCESS)


def test_a_count_without_a_reason_is_of_one_that_nobody_knows() -> None:
    found = partly(FIRST_OF_THREE, {"recordCount": "1", "recordIndices": [2]})
    assert found.names_all(3)
    assert [(f.reason, f.policy) for f in found.findings][1:] == [("OTHER", UNLISTED)]


@pytest.mark.parametrize(
    "row",
    [
        {"reason": PREFIX + "INVALID_EVENT", "recordCount": "1", "recordIndices": None},
        {"reason": PREFIX + "INVALID_EVENT", "recordCount": "many", "recordIndices": [1]},
        {"reason": PREFIX + "INVALID_EVENT", "recordIndices": [1, "two"]},
        {"reason": PREFIX + "INVALID_EVENT"},
        {"reason": 7, "recordCount": "1"},
        None,
        "one",
    ],
)
def test_where_a_count_cannot_be_read_nothing_was_recorded_for_sure(row: object) -> None:
    found = partly(FIRST_OF_THREE, row)
    assert not found.names_all(3)
    assert not partly(row).names_all(3)
    assert found.findings[0].positions == {0}


@pytest.mark.parametrize("row", [{}, 7, {"recordCount": "many"}])
def test_what_cannot_be_read_says_nothing_of_an_order_that_is_alone(row: object) -> None:
    assert not partly(row).names_all(1)


@pytest.mark.parametrize(("positions", "stops"), [((0, 1), "NO_CONSENT"), ((0,), None)])
def test_a_reason_of_the_account_counts_from_over_half_of_the_request(
    positions: tuple[int, ...], stops: str | None
) -> None:
    assert told("PARTIAL_SUCCESS", count(PREFIX + "NO_CONSENT", *positions)).setup(3) == stops
    assert told("PARTIAL_SUCCESS", count(PREFIX + "DENIED_CONSENT", *positions)).setup(3) is None


def test_every_reason_that_google_publishes_is_in_the_table() -> None:
    published = {reason.removeprefix(PREFIX) for reason in SCHEMAS["ErrorCount"]["properties"]["reason"]["enum"]}
    assert published - set(REASONS) == {"UNSPECIFIED"}
