"""``python -m conversions``."""

import sys

from conversions.cli import main

sys.exit(main())
