"""Verify an evidence bundle: ``python verify_conversions.py BUNDLE [--key KEY] [--checkpoint FILE]``.

It runs the folder ``verifier`` beside it, on Python 3.9 or newer, with nothing installed.
"""

import sys
from pathlib import Path

sys.dont_write_bytecode = True  # a bundle has no files but its own
sys.path.insert(0, str(Path(__file__).resolve().parent))

from verifier import main  # type: ignore[import-not-found]  # noqa: E402

if __name__ == "__main__":
    sys.exit(main())
