"""Further drivers of fsspec, and drivers that are not installed."""

import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem

from conversions.errors import Exit, SettingsError
from conversions.intake.sources.base import Source
from tests.intake.sources.files.test_source import day
from tests.intake.sources.shop import files, orders, read


class Undated(MemoryFileSystem):  # type: ignore[misc]
    """Tells no date of a file."""

    protocol = "undated"

    def info(self, path: str, **kwargs: Any) -> dict[str, Any]:
        return {name: value for name, value in super().info(path, **kwargs).items() if name != "created"}


@pytest.fixture
def storage() -> Iterator[MemoryFileSystem]:
    fsspec.register_implementation("undated", Undated, clobber=True)
    storage = MemoryFileSystem()
    yield storage
    storage.rm("/exports", recursive=True)


def source(scheme: str, **settings: Any) -> Source:
    return files(f"{scheme}://exports/*.csv", **settings)


def test_the_files_of_another_driver_are_read(storage: MemoryFileSystem) -> None:
    storage.pipe_file("/exports/a.csv", day("1").encode())

    assert [
        order.number for order in orders(read(source("memory", settle_seconds=0, clock=lambda: datetime.now(UTC))))
    ] == ["1"]


def test_files_without_a_date_are_compared_twice(storage: MemoryFileSystem, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("a", "b"):
        storage.pipe_file(f"/exports/{name}.csv", day(name).encode())
    waits = []

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        storage.pipe_file("/exports/b.csv", day("longer now").encode())

    monkeypatch.setattr("time.sleep", sleep)
    undated = source("undated", settle_seconds=60)

    assert [order.number for order in orders(read(undated))] == ["a"]
    assert (waits, undated.skipped_files()) == ([60], ["b.csv (changed 0 s ago)"])


@pytest.mark.parametrize(
    ("address", "module", "says"),
    [
        ("s3://bucket/*.csv", "s3fs", "Install `conversions[s3]`"),
        ("sftp://shop.example/*.csv", "sshfs", "Install `conversions[sftp]`"),
        ("gs://bucket/*.csv", "gcsfs", "no driver of fsspec for it is installed"),
        ("gs://bucket/*.csv", "fsspec", "no driver of fsspec for it is installed"),
        ("nosuch://bucket/*.csv", "gcsfs", "begins with nosuch://, and no driver"),
    ],
)
def test_a_driver_that_is_missing_is_named_with_what_to_install(
    address: str, module: str, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, module, None)

    with pytest.raises(SettingsError) as refused:
        files(address).check()
    assert says in str(refused.value)
    assert refused.value.exit_code is Exit.CONFIG
