"""The orders of the source as a run would understand them, and what it would do with each; this writes nothing.

read.py      reads the source as a plan does
results.py   what would become of each order, at each platform
warnings.py  what looks wrong, beside what the checks of a run find
preview.py   the result
"""

from conversions.doctor.preview.preview import SENDABLE, Preview, Result, Unreadable
from conversions.doctor.preview.read import read_preview
from conversions.doctor.preview.warnings import PreviewWarning

__all__ = ["SENDABLE", "Preview", "PreviewWarning", "Result", "Unreadable", "read_preview"]
