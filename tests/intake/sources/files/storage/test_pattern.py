"""A pattern matches the same files elsewhere as on this machine."""

import glob
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conversions.intake.sources.files.storage import pattern

NAMES = st.sampled_from(["a", "b.csv", "orders.csv", ".hidden", ".part.csv", "2026"])
PARTS = st.one_of(NAMES, st.sampled_from(["*", "**", "*.csv", "?.csv", "[ab]*", ".*", "o*s.csv"]))


def listed(folder: str) -> Iterator[pattern.Info]:
    for entry in os.scandir(folder):
        yield {"name": entry.path, "type": "directory" if entry.is_dir() else "file"}


@given(paths=st.sets(st.lists(NAMES, min_size=1, max_size=3).map(tuple)), parts=st.lists(PARTS, min_size=1, max_size=3))
def test_a_pattern_matches_what_glob_matches(
    paths: set[tuple[str, ...]], parts: list[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    root = tmp_path_factory.mktemp("files")
    for path in sorted(paths):
        file = root.joinpath(*path)
        if not file.exists() and not any(parent.is_file() for parent in file.parents):
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text("")
    whole = str(root.joinpath(*parts))

    found = {each["name"] for each in pattern.files(listed, *pattern.split(whole))}

    matched = glob.glob(whole, recursive=True)  # noqa: PTH207
    assert found == {path for path in matched if Path(path).is_file() and not path.endswith("/")}


def test_a_name_with_brackets_matches_itself(tmp_path: Path) -> None:
    (tmp_path / "orders [1].csv").write_text("")

    (found,) = pattern.files(listed, *pattern.split(str(tmp_path / "orders [1].csv")))

    assert found["name"].endswith("orders [1].csv")


def test_a_folder_that_cannot_be_listed_stops_the_search(tmp_path: Path) -> None:
    """Without its files half a night would be taken for a whole one."""
    (tmp_path / "a").mkdir()

    def refused(folder: str) -> Iterator[pattern.Info]:
        if folder.endswith("/a"):
            raise PermissionError
        yield from listed(folder)

    with pytest.raises(PermissionError):
        list(pattern.files(refused, *pattern.split(f"{tmp_path}/*/*.csv")))
