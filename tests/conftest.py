"""No test reaches the network, and none sees the environment of the person who runs it."""

import gc
import os
import signal
from collections.abc import Iterator
from unittest import mock

import pytest
from hypothesis import HealthCheck, settings
from pytest_socket import socket_allow_hosts

from tests import once

KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "VIRTUAL_ENV", "PYTHONPATH", "PYTHONHASHSEED", "SYSTEMROOT")

# A busy machine is no failure; in CI the same examples are tried every time.
settings.register_profile(
    "conversions", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize="CI" in os.environ
)
settings.load_profile("conversions")


def pytest_configure() -> None:
    """What a shell starts in the background ignores Ctrl-C, and so would every program that a test interrupts."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    once.install()


def pytest_collection_finish() -> None:
    """What there is now stays to the end; the garbage collector need not look at it again after every run."""
    gc.collect()
    gc.freeze()


def pytest_runtest_setup() -> None:
    socket_allow_hosts(["127.0.0.1", "localhost"], allow_unix_socket=True)


@pytest.fixture(autouse=True)
def bare_environment() -> Iterator[None]:
    """What a test, or a ``.env`` it reads, puts into the environment is gone after it."""
    kept = {name: value for name, value in os.environ.items() if name.startswith(KEPT)}
    with mock.patch.dict(os.environ, kept, clear=True):
        yield
