"""Limits of this process and its helper processes that keep data on the machine private."""

import os
import resource

OTHERS_WRITE = 0o022


def protect() -> None:
    """Write no core file, which would hold tokens and orders in clear, and no file that other users may change."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.umask(os.umask(OTHERS_WRITE) | OTHERS_WRITE)
