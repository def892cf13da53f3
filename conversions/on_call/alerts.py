"""Mail or chat for whoever is on call, through ``apprise``: the sentences that the run said, and nothing else."""

from collections.abc import Sequence

MAX_SENTENCES = 20
"""Sentences; whoever is woken reads no more."""


def send(addresses: Sequence[str], exit_code: int, sentences: Sequence[str]) -> str | None:
    """Tell every address; a sentence where one could not be told. *addresses* are secrets: they hold tokens."""
    try:
        import apprise
    except ImportError:
        return "on_call.alerts needs apprise: `pip install 'conversions[alerts]'`."
    notifier = apprise.Apprise()
    taken = [notifier.add(address) for address in addresses]
    body = "\n".join(
        [
            *sentences[:MAX_SENTENCES],
            *([f"… and {len(sentences) - MAX_SENTENCES} more"] if len(sentences) > MAX_SENTENCES else []),
        ]
    )
    told = notifier.notify(title=f"conversions: exit {exit_code}", body=body or "Look at `conversions status`.")
    return None if told and all(taken) else "Not every alert could be sent; look at on_call.alerts."
