"""A person, as the store knows one."""

import unicodedata
from urllib.parse import unquote

Person = tuple[bytes, ...]
"""A person's subjects: under the store's key, then under those it had before, newest first."""


def holds_address(text: str) -> bool:
    """Whether *text*, which is to be kept or shown in clear, may hold an address: an at sign in any spelling."""
    return "@" in unicodedata.normalize("NFKC", unquote(unicodedata.normalize("NFKC", text)))
