"""The e-mail address ends here: text in, digests out. Nothing here keeps, prints or raises an address.

A person is known to each platform by a digest under that platform's own dated rule, and to the store as a subject.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256

from conversions.keys import mac
from conversions.model.conversion import Reason
from conversions.model.subject import Person

GOOGLE = "google/2026-08"
"""Lower case; at Gmail without dots and ``+suffix``. Data Manager API, "Formatting"; its Python library 0.4.0."""
META = "meta/2026-01"
"""Lower case. "Customer information parameters", 2026-01-09; misplaced dots are refused as in Meta's ParamBuilder."""
SUBJECT = "subject/1"
"""Our own, frozen: HMAC-SHA256 of Google's form. Meta's form has the same Google form, so one key finds both."""


GMAIL = frozenset({"gmail.com", "googlemail.com"})
MAX_ADDRESS_OCTETS = 254
"""RFC 5321 4.5.3.1.3: 256 octets, of which the angle brackets around it take two."""
ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+")
"""ASCII only, since the platforms' own libraries disagree on the rest; no quoted local parts, no IP literals."""
DIGEST = re.compile(
    r"(?:[0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{56}|[0-9a-f]{64}|[0-9a-f]{96}|[0-9a-f]{128})"  # MD5, SHA-1, SHA-2
    r"|[0-9a-f]{64}\.[a-z0-9_-]{8}"  # SHA-256 with the appendix of Meta's newer SDKs
    r"|[a-z0-9+/_-]{43}=",  # SHA-256 in base64
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True, repr=False)
class Identity:
    """Who bought, as far as anybody behind this module may know."""

    digests: Mapping[str, str]
    """Rule → 64 lower-case hex characters; a rule that refuses the address is absent."""
    subject: bytes
    """16 bytes: the person's key inside the store."""


def identify(text: str, subject_key: bytes) -> Identity | Reason:
    """The buyer behind an e-mail address, or why there is none. *subject_key* is ``derive(key, SUBJECT)``."""
    forms = _normal_forms(text)
    if isinstance(forms, Reason):
        return forms
    google, meta = forms
    return Identity(_digests(google, meta), _subject(google, subject_key))


def digests(text: str) -> Mapping[str, str] | Reason:
    """Rule → digest of an address that a person typed, as in ``Identity.digests``."""
    forms = _normal_forms(text)
    return forms if isinstance(forms, Reason) else _digests(*forms)


def subject(text: str, subject_key: bytes) -> bytes | Reason:
    """The store's key of an address that a person typed, as in ``Identity.subject``."""
    forms = _normal_forms(text)
    return forms if isinstance(forms, Reason) else _subject(forms[0], subject_key)


def person(text: str, subject_keys: Sequence[bytes]) -> Person | Reason:
    """A person whose address somebody typed, under the store's key and its former ones."""
    found = [subject(text, key) for key in subject_keys]
    known = tuple(one for one in found if isinstance(one, bytes))
    return known or next(one for one in found if not isinstance(one, bytes))


def _normal_forms(text: str) -> tuple[str, str | None] | Reason:
    """Google's and Meta's. White space at the ends goes, NBSP too, as in both platforms' own libraries."""
    text = text.strip()
    if len(text) > MAX_ADDRESS_OCTETS or not ADDRESS.fullmatch(text):
        return _why_not(text)
    address = text.lower()
    google = _google(address)
    return (google, _meta(address)) if google else Reason.UNUSABLE_EMAIL


def _why_not(text: str) -> Reason:
    if not text:
        return Reason.NO_EMAIL
    return Reason.ALREADY_A_DIGEST if DIGEST.fullmatch(text) else Reason.UNUSABLE_EMAIL


def _google(address: str) -> str | None:
    local, _, domain = address.partition("@")
    if domain not in GMAIL:
        return address
    local = local.partition("+")[0].replace(".", "")
    return f"{local}@{domain}" if local else None


def _meta(address: str) -> str | None:
    misplaced_dot = address.startswith(".") or ".." in address or ".@" in address
    return None if misplaced_dot else address


def _digests(google: str, meta: str | None) -> dict[str, str]:
    found = {GOOGLE: sha256(google.encode()).hexdigest()}
    if meta is not None:
        found[META] = found[GOOGLE] if meta == google else sha256(meta.encode()).hexdigest()
    return found


def _subject(google: str, subject_key: bytes) -> bytes:
    return mac(subject_key, google.encode())[:16]
