"""A data subject in the store."""

import unicodedata
from html import unescape
from urllib.parse import unquote

Person = tuple[bytes, ...]
"""The digests of a data subject's address: under the store's key, then under its former keys, newest first."""


def holds_address(text: str) -> bool:
    """Return whether *text* may contain an address: an at sign in any spelling, also encoded more than once."""
    plain = unicodedata.normalize("NFKC", unescape(unquote(text)))
    return "@" in plain or (plain != text and holds_address(plain))


def is_readable(text: str) -> bool:
    """Return whether *text* is UTF-8 with a letter or a digit: blanks and invisible characters say nothing."""
    whole = not any(unicodedata.category(c) == "Cs" for c in text)
    return whole and any(c.isalnum() and "FILLER" not in unicodedata.name(c, "FILLER") for c in text)
