"""Turns an e-mail address into digests. This module never keeps or prints an address, and no error contains one.

Each platform gets a digest by that platform's own dated rule; the store knows the person as a subject.
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256

from conversions.keys import mac
from conversions.model.conversion import Reason
from conversions.model.subject import Person

GOOGLE = "google/2026-08"
"""Lower case; Gmail addresses without dots and ``+suffix``. Data Manager API, "Formatting"; Python library 0.4.0."""
META = "meta/2026-01"
"""Lower case. "Customer information parameters", 2026-01-09; refuses misplaced dots, as Meta's ParamBuilder does."""
SUBJECT = "subject/1"
"""Our own rule, which never changes: HMAC-SHA256 of Google's normal form, the same for both platforms.

An address that no platform's rule takes has the rights of every other: the HMAC of its NFC form in lower case, with the
domain in ASCII.
"""

GMAIL = frozenset({"gmail.com", "googlemail.com"})
MAX_ADDRESS_OCTETS = 254
"""RFC 5321 4.5.3.1.3: 256 octets minus two for the angle brackets around the address."""
ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+")
"""ASCII only, since the platforms' libraries differ on other characters; no quoted local parts, no IP literals."""
DIGEST = re.compile(
    r"(?:[0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{56}|[0-9a-f]{64}|[0-9a-f]{96}|[0-9a-f]{128})"  # MD5, SHA-1, SHA-2
    r"|[0-9a-f]{64}\.[a-z0-9_-]{8}"  # SHA-256 with the appendix of Meta's newer SDKs
    r"|[a-z0-9+/_-]{43}=",  # SHA-256 in base64
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True, repr=False)
class Identity:
    """The buyer, without the e-mail address."""

    digests: Mapping[str, str]
    """By rule: 64 lower-case hex characters. A rule that refuses the address is absent; empty where all refuse it."""
    subject: bytes
    """16 bytes: the person's key in the store."""


def identify(text: str, subject_key: bytes) -> Identity | Reason:
    """Return the buyer with this e-mail address, or why it is none. *subject_key* is ``derive(key, SUBJECT)``."""
    forms = _normal_forms(text)
    if isinstance(forms, Reason):
        person_key = subject(text, subject_key)
        return person_key if isinstance(person_key, Reason) else Identity({}, person_key)
    google, meta = forms
    return Identity(_digests(google, meta), _subject(google, subject_key))


def digests(text: str) -> Mapping[str, str] | Reason:
    """Return the digests of an address that an operator typed, as in ``Identity.digests``."""
    forms = _normal_forms(text)
    return forms if isinstance(forms, Reason) else _digests(*forms)


def subject(text: str, subject_key: bytes) -> bytes | Reason:
    """Return the store's key for an address that an operator typed, as in ``Identity.subject``."""
    forms = _normal_forms(text)
    if not isinstance(forms, Reason):
        return _subject(forms[0], subject_key)
    unusual = _unusual_address(text)
    return forms if unusual is None else _subject(unusual, subject_key)


def person(text: str, subject_keys: Sequence[bytes]) -> Person | Reason:
    """Return the subjects of an address that an operator typed, one for each key, or why it is unusable."""
    results = [subject(text, key) for key in subject_keys]
    subjects = tuple(result for result in results if isinstance(result, bytes))
    return subjects or next(result for result in results if not isinstance(result, bytes))


def _normal_forms(text: str) -> tuple[str, str | None] | Reason:
    """Return Google's and Meta's forms. Outer white space, also NBSP, is removed as both platforms' libraries do."""
    text = text.strip()
    if len(text) > MAX_ADDRESS_OCTETS or not ADDRESS.fullmatch(text):
        return _refusal(text)
    address = text.lower()
    google = _google(address)
    return (google, _meta(address)) if google else Reason.UNUSABLE_EMAIL


def _unusual_address(text: str) -> str | None:
    """Return the canonical form of an address that cannot be sent, such as one with letters outside ASCII.

    Invisible characters are left out: without them it may be an address of the usual form. None where the text is no
    address: it has not one ``@``, or white space or control characters inside.
    """
    visible = "".join(c for c in text if unicodedata.category(c) != "Cf")
    form = _with_ascii_domain(unicodedata.normalize("NFC", visible.strip()).lower())
    usual = _normal_forms(form)
    if not isinstance(usual, Reason):
        return usual[0]
    local, _, domain = form.partition("@")
    whole = local and domain and "@" not in domain
    return form if whole and not any(c.isspace() or unicodedata.category(c) in {"Cc", "Cs"} for c in form) else None


def _with_ascii_domain(address: str) -> str:
    """Return *address* with its domain as DNS has it (RFC 3492): a shop may have one form, a person type the other."""
    local, at, domain = address.partition("@")
    labels = (each if each.isascii() else f"xn--{each.encode('punycode').decode()}" for each in domain.split("."))
    return f"{local}{at}{'.'.join(labels)}"


def _refusal(text: str) -> Reason:
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
    by_rule = {GOOGLE: sha256(google.encode()).hexdigest()}
    if meta is not None:
        by_rule[META] = by_rule[GOOGLE] if meta == google else sha256(meta.encode()).hexdigest()
    return by_rule


def _subject(form: str, subject_key: bytes) -> bytes:
    return mac(subject_key, form.encode())[:16]
