"""Writes the anchors that a run or an upgrade did not write because it was killed: `audit verify` expects them."""

from pathlib import Path

from sqlalchemy import select, text

from conversions.ledger.checkpoints import PIN, checkpoint_files
from conversions.ledger.log import head_file
from conversions.ledger.runs.runs import record_tree_head
from conversions.ledger.schema import tables
from conversions.ledger.store import Ledger

_NEWEST_END = text("""
    SELECT seq FROM leaf WHERE body LIKE '%"kind":"run finished"%' OR body LIKE '%"kind":"upgraded"%'
    ORDER BY seq DESC LIMIT 1
""")


def write_missing(ledger: Ledger, checkpoints: Path) -> None:
    """Append to the tail file and write a checkpoint where one of them is older than the newest of these."""
    with ledger.transaction() as connection:
        end = connection.execute(_NEWEST_END).scalar()
        signs = connection.execute(select(tables.pin.c.value).where(tables.pin.c.name == PIN)).first() is not None
    if end is None:
        return
    line = head_file.last(ledger.tail_path)
    newest = max((int(path.stem) for path in checkpoint_files(checkpoints)), default=0)
    if line is None or line.size <= end or (signs and newest <= end):
        record_tree_head(ledger)
