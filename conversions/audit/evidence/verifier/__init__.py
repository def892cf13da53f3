"""The verifier that a bundle carries: a program of its own for Python 3.9 or newer, with nothing installed.

Begin with ``main.py``. It imports nothing of ``conversions``; ``verify_conversions.py`` in a bundle starts it.
"""

from .entries import documents
from .files import (
    ABOUT,
    CHECKPOINT,
    CHECKPOINTS,
    ENTRIES,
    FORMAT,
    KEYS,
    LEAVES,
    OTHERS,
    REQUESTS,
    SIGNATURE,
    SIGNATURE_LENGTH,
    SIGNED_SUMS,
    SIGNED_ZIP,
    SUMS,
    digest_of_zip,
)
from .main import main, verify
from .payloads import commitment
from .refusal import Refused
from .report import Report

__all__ = [
    "ABOUT",
    "CHECKPOINT",
    "CHECKPOINTS",
    "ENTRIES",
    "FORMAT",
    "KEYS",
    "LEAVES",
    "OTHERS",
    "REQUESTS",
    "SIGNATURE",
    "SIGNATURE_LENGTH",
    "SIGNED_SUMS",
    "SIGNED_ZIP",
    "SUMS",
    "Refused",
    "Report",
    "commitment",
    "digest_of_zip",
    "documents",
    "main",
    "verify",
]
