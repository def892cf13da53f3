"""What an operator does about a refusal by Meta: where to click, or what to set.

By code, or by code and subcode where the subcode decides (error references of 2026).
"""

FRESH = (
    "Make a new token (Events Manager, the dataset, Settings, Conversions API, Generate access token) and put it into "
    ".env as CONVERSIONS_META__ACCESS_TOKEN."
)
PERMISSION = (
    "Make the token in the dataset itself (Events Manager, the dataset, Settings, Conversions API, Generate access "
    "token), or assign the dataset to the system user that owns the token (Business settings, System users)."
)
DATASET = (
    "Compare dataset_id with the number in Events Manager (the dataset, Settings), and make the token there: a token "
    "works for its own dataset only."
)
BLOCKED = (
    "Meta has blocked this for a while: Business Support Home shows the reason; do not send again until it is solved."
)
VERSION = "Set graph_version to a version that Meta still supports."
PROOF = (
    "The token's app requires a proof of its secret: put the App Secret (App settings, Basic, of the app that made the "
    "token) into .env as CONVERSIONS_META__APP_SECRET."
)
TERMS = "An administrator of the business must accept the Business Tools terms (Events Manager shows them)."

NO_VALUE = "Meta found no amount in the order."
NO_CURRENCY = "Meta found no currency in the order."
WEAK_IDENTITY = "Meta takes the order's hashed address for no usable one: is it a real e-mail address?"

ADVICE = {
    "3": PERMISSION,
    "10": PERMISSION,
    "100/APPSECRET_PROOF": PROOF,
    "100/33": DATASET,
    "100/34": DATASET,
    "100/2044055": DATASET,
    "100/2804009": NO_VALUE,
    "100/2804010": NO_CURRENCY,
    "100/2804050": WEAK_IDENTITY,
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
    """Return what to do about ``Receipt.code``: HTTP status, code, subcode."""
    _, _, meta_code = code.partition("/")
    return ADVICE.get(meta_code) or ADVICE.get(meta_code.partition("/")[0])
