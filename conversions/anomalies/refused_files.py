"""Files of the source that were not read, because they are no export of orders."""

from collections.abc import Iterator

from conversions.anomalies.evidence import Evidence
from conversions.model.finding import Finding, attention

CODES = ("refused_files",)
MAX_NAMED = 3
"""Files that the message names."""


def findings(evidence: Evidence) -> Iterator[Finding]:
    """Yield one finding for all such files; every run reports it, because their orders may be missing."""
    if refused := evidence.counts.refused_files:
        files = "1 file was" if len(refused) == 1 else f"{len(refused)} files were"
        more = f" … and {len(refused) - MAX_NAMED} more." if len(refused) > MAX_NAMED else ""
        sentence = (
            f"{files} not read. Correct the export, or move what holds no orders out of source.path; then "
            f"`conversions run`. {' '.join(refused[:MAX_NAMED])}{more}"
        )
        yield attention("refused_files", sentence, count=len(refused), every_run=True)
