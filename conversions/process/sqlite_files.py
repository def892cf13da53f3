"""Where SQLite keeps the temporary files of this process: the orders of a large run, while it sorts them."""

import sqlite3
from contextlib import closing, suppress
from pathlib import Path


def keep_temporary_files(directory: Path) -> None:
    """Let every connection of this process put its temporary files into *directory*, which its owner alone can enter.

    The default, /var/tmp, may lie on a disk that is shared or not encrypted. SQLite opens the files for their owner
    alone and deletes their names at once. A directory that cannot be written is left out.
    """
    wanted = str(directory)
    with closing(sqlite3.connect(":memory:")) as connection, suppress(sqlite3.OperationalError):
        if connection.execute("PRAGMA temp_store_directory").fetchone() != (wanted,):
            quoted = wanted.replace("'", "''")
            connection.execute(f"PRAGMA temp_store_directory = '{quoted}'")
