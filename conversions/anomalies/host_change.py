"""A store that comes from another machine, which may go on with a copy of it."""

from conversions.ledger.runs import Run
from conversions.model.finding import Finding, attention

CODE = "moved"


def host_changed(run: Run) -> list[Finding]:
    """One, in the first run on this machine."""
    if run.moved_from is None:
        return []
    sentence = (
        f"This store was last used on {run.moved_from}. If that machine goes on with a copy of it, sales count twice: "
        "stop its timer. (A container with another name each night: give it a fixed one.)"
    )
    return [attention(CODE, sentence, count=1, every_run=True)]
