"""What a person does about a refusal of Meta's: where to click, or what to set.

By code, and by code and subcode where that says more (error references of 2026).
"""

FRESH = (
    "Make a new token (Events Manager, the dataset, Settings, Conversions API, Generate access token) and put it into "
    ".env as CONVERSIONS_META__ACCESS_TOKEN."
)
PERMISSION = (
    "Make the token in the dataset itself (Events Manager, the dataset, Settings, Conversions API, Generate access "
    "token), or assign the dataset to the system user whose token it is (Business settings, System users)."
)
DATASET = (
    "Compare dataset_id with the number in Events Manager (the dataset, Settings), and make the token there: it reaches"
    " that dataset only."
)
BLOCKED = "Meta has blocked this for a while: Business Support Home says why; do not send again before it is settled."
VERSION = "Set graph_version to one that Meta still serves."
TERMS = "An administrator of the business accepts the Business Tools terms (Events Manager shows them)."

ADVICE = {
    "3": PERMISSION,
    "10": PERMISSION,
    "100/33": DATASET,
    "100/34": DATASET,
    "102": FRESH,
    "104": FRESH,
    "190": FRESH,
    **dict.fromkeys(map(str, range(200, 300)), PERMISSION),
    "368": BLOCKED,
    "803": DATASET,
    "2500": DATASET,
    "2635": VERSION,
    "1870092": TERMS,
}


def by_code(code: str) -> str | None:
    """What to do about ``Receipt.code``: HTTP status, code, subcode."""
    _, _, told = code.partition("/")
    return ADVICE.get(told) or ADVICE.get(told.partition("/")[0])
