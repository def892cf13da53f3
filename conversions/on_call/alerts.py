"""Sends the messages of a run, and nothing else, by mail or chat through ``apprise``."""

from collections.abc import Sequence

MAX_SENTENCES = 20
"""More would hide the important ones from the operator on call."""


def send(addresses: Sequence[str], exit_code: int, sentences: Sequence[str]) -> str | None:
    """Send to all addresses; return a message if one failed. *addresses* are secrets: they contain tokens."""
    try:
        import apprise
    except ImportError:
        return "on_call.alerts needs apprise: `pip install 'conversions[alerts]'`."
    notifier = apprise.Apprise()
    accepted = [notifier.add(address) for address in addresses]
    body = "\n".join(
        [
            *sentences[:MAX_SENTENCES],
            *([f"… and {len(sentences) - MAX_SENTENCES} more"] if len(sentences) > MAX_SENTENCES else []),
        ]
    )
    sent = notifier.notify(title=f"conversions: exit {exit_code}", body=body or "Run `conversions status`.")
    return None if sent and all(accepted) else "Not every alert could be sent; check on_call.alerts."
