"""Refusals that a person mends: every one that the settings or the account can meet has a sentence of its own."""

import pytest

from conversions.destinations.google import advice as google_advice
from conversions.destinations.google import responses as google_responses
from conversions.destinations.meta import advice as meta_advice
from conversions.destinations.meta import responses as meta_responses
from conversions.destinations.responses import CONFIG, CREDENTIALS

ELSEWHERE = {
    # Ours, and no setting can cause them: the program is at fault, or what is asked for is another product's.
    "LINKED_ACCOUNT_ONLY_ALLOWED_WITH_DATA_PARTNER_LOGIN_ACCOUNT",
    "DUPLICATE_DESTINATION_REFERENCE",
    "TOO_MANY_DESTINATIONS",
    "TOO_MANY_EVENTS",
    "INVALID_REQUEST_ID",
    "REQUEST_TOO_OLD",
}


def of_accounts() -> list[str]:
    """The reasons of the verdict table that accounts, terms and settings can meet: the first of its two paragraphs."""
    first, _, _ = google_responses._REASONS[CONFIG].partition("\n\n")
    return [*first.split(), *google_responses._REASONS[CREDENTIALS].split()]


@pytest.mark.parametrize("reason", sorted(set(of_accounts()) - ELSEWHERE))
def test_google(reason: str) -> None:
    assert google_advice.by_code(f"400/INVALID_ARGUMENT/{reason}")


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("401/UNAUTHENTICATED/ACCESS_TOKEN_EXPIRED", "new key for the service account"),
        ("401/UNAUTHENTICATED", "new key for the service account"),
        ("403/PERMISSION_DENIED/SERVICE_DISABLED", "Enable the Data Manager API"),
        ("403/PERMISSION_DENIED/ACCESS_TOKEN_SCOPE_INSUFFICIENT", "lack the scope"),
        ("403/PERMISSION_DENIED/USER_PROJECT_DENIED", "quota_project"),
        ("403/PERMISSION_DENIED", "Access and security"),
        ("403/PERMISSION_DENIED/SOMETHING_NEW", "Access and security"),
        ("404/NOT_FOUND", "conversion_action_id"),
    ],
)
def test_googles_most_particular_name_decides(code: str, says: str) -> None:
    assert says in (google_advice.by_code(code) or "")


@pytest.mark.parametrize("code", ["400/INVALID_ARGUMENT", "400", "503/UNAVAILABLE", "no credentials"])
def test_what_no_click_mends_has_none(code: str) -> None:
    assert google_advice.by_code(code) is None
    assert meta_advice.by_code(code) is None


@pytest.mark.parametrize("code", sorted(c for c, v in meta_responses.CODES.items() if v in {CREDENTIALS, CONFIG}))
def test_meta(code: int) -> None:
    assert meta_advice.by_code(f"400/{code}")
    assert meta_advice.by_code(f"400/{code}/9999999")


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("401/190/463", "Generate access token"),
        ("400/100/33", "dataset_id"),
        ("400/1870092", "Business Tools terms"),
        ("403/200", "assign the dataset"),
    ],
)
def test_metas_subcode_decides_where_it_says_more(code: str, says: str) -> None:
    assert says in (meta_advice.by_code(code) or "")
    assert meta_advice.by_code("400/100/2804003") is None
    assert meta_advice.by_code("200") is None
