"""A store that comes from another machine: that machine may still use a copy of it."""

from conversions.ledger.runs import Run
from conversions.model.finding import Finding, attention

CODE = "moved"


def host_changed(run: Run) -> list[Finding]:
    """Return a finding in the first run on a new machine."""
    if run.moved_from is None:
        return []
    sentence = (
        f"This store was last used on {run.moved_from}. If that machine still uses a copy of it, sales count twice: "
        "stop its timer. (If a container gets a new name for each run, give it a fixed name.)"
    )
    return [attention(CODE, sentence, count=1, every_run=True)]
