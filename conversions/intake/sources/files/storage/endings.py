"""Which files of a folder are read, where ``source.path`` names the folder alone."""

from typing import Literal

_ENDINGS = {"csv": (".csv", ".gz", ".zip", ".txt", ".tsv"), "xlsx": (".xlsx",), "parquet": (".parquet",)}
Kind = Literal["csv", "parquet", "xlsx"]


def has_ending(kind: Kind, name: str) -> bool:
    """Return whether *name* ends as the files of *kind* do; hidden files are left out."""
    return not name.startswith(".") and name.lower().endswith(_ENDINGS[kind])
