"""What an operator does about a refusal by Google: where to click, or what to set.

By the names in Google's answers: ``ErrorReason`` of API v1.9 (2026-11-04), reasons of the domain googleapis.com,
``google.rpc.Code``.
"""

from conversions.catalogue import APPROVE
from conversions.model.late_result import of_consent

KEY = (
    "Make a new key for the service account (Google Cloud console, IAM & Admin, Service accounts, Keys) and set "
    "GOOGLE_APPLICATION_CREDENTIALS to the path of its file."
)
SCOPE = (
    "These credentials lack the scope https://www.googleapis.com/auth/datamanager, like every login of a person: use a "
    "service account's key file."
)
API = (
    "Enable the Data Manager API in the credentials' Cloud project (Google Cloud console, APIs & Services, Library), "
    "and wait some minutes."
)
PROJECT = (
    "Give the service account the role Service Usage Consumer on the project in quota_project (Google Cloud console, "
    "IAM & Admin, IAM), or remove quota_project."
)
ACCESS = (
    "Add the service account's e-mail as a user of the Google Ads account in operating_account_id, with access "
    "Standard (Google Ads, Admin, Access and security). If it has access through a manager account, set "
    "login_account_id to that account."
)
LOGIN = "Set login_account_id to the manager account that has the service account as a user, or remove the setting."
ACCOUNT = "Set operating_account_id to the Google Ads account itself, not to a manager or Analytics account."
ACTION = (
    "Compare conversion_action_id with the ctId in the action's address (Google Ads, Goals, Summary, the action), and "
    "operating_account_id with the account that owns the action."
)
KIND = (
    'Make a conversion action with the source "Website (Import from clicks)" (Google Ads, Goals, New conversion '
    "action) and set conversion_action_id to its ctId."
)
SOURCE = "Set event_source to the kind of events that the conversion action counts; for a web shop it is WEB."
TERMS = "An administrator of the Google Ads account must accept the customer data terms (Google Ads, Goals, Settings)."
LEADS = (
    "Turn on enhanced conversions for leads in the account that owns the conversion action (Google Ads, Goals, "
    "Settings)."
)
FORBIDDEN = "Google's policies do not allow enhanced conversions for this account: ask Google's support first."
POLITICAL = (
    "An administrator must answer the question about political advertising in the EU (Google Ads, Admin, Account "
    "settings)."
)
FRESH = "The conversion action is too new: try again in six hours."
CONSENT = (
    "Check that source.columns.consent maps the shop's consent column, that the disclosure policy lists the consent "
    f"paths (after a change: {APPROVE}), and the consent settings of the Google Ads account."
)
MERCHANT = "Set merchant_id to the number of the Merchant Center account that is linked to the Google Ads account."

ADVICE = {
    "CREDENTIALS_MISSING": KEY,
    "ACCESS_TOKEN_EXPIRED": KEY,
    "ACCESS_TOKEN_TYPE_UNSUPPORTED": KEY,
    "ACCOUNT_STATE_INVALID": KEY,
    "UNAUTHENTICATED": KEY,
    "ACCESS_TOKEN_SCOPE_INSUFFICIENT": SCOPE,
    "SERVICE_DISABLED": API,
    "USER_PROJECT_DENIED": PROJECT,
    "CONSUMER_INVALID": PROJECT,
    "PERMISSION_DENIED": ACCESS,
    "OPERATING_ACCOUNT_LOGIN_ACCOUNT_MISMATCH": LOGIN,
    "DESTINATION_ACCOUNT_TYPE_MISMATCH": ACCOUNT,
    "MISMATCHED_ACCOUNT_TYPE": ACCOUNT,
    "NOT_FOUND": ACTION,
    "INVALID_DESTINATION": ACTION,
    "INVALID_CONVERSION_ACTION_ID": ACTION,
    "INVALID_CONVERSION_ACTION_TYPE": KIND,
    "EVENT_SOURCE_AND_DESTINATION_MISMATCH": SOURCE,
    "ACCOUNT_INELIGIBLE_FOR_STORE_SALES": SOURCE,
    "TERMS_AND_CONDITIONS_NOT_SIGNED": TERMS,
    "DESTINATION_ACCOUNT_ENHANCED_CONVERSIONS_TERMS_NOT_SIGNED": TERMS,
    "DESTINATION_ACCOUNT_NOT_ENABLED_ENHANCED_CONVERSIONS_FOR_LEADS": LEADS,
    "DESTINATION_ACCOUNT_DATA_POLICY_PROHIBITS_ENHANCED_CONVERSIONS": FORBIDDEN,
    "NOT_ALLOWLISTED": FORBIDDEN,
    "EU_POLITICAL_ADVERTISING_DECLARATION_REQUIRED": POLITICAL,
    "CONVERSION_ACTION_TOO_RECENTLY_CREATED": FRESH,
    "INVALID_MERCHANT_ID": MERCHANT,
}


def by_code(code: str) -> str | None:
    """Return what to do about ``Receipt.code``, by its last part that is known: that part is the most specific."""
    texts = (ADVICE[part] for part in reversed(code.split("/")) if part in ADVICE)
    return next(texts, CONSENT if of_consent(code) else None)
