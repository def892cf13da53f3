"""Sends the messages of a run, and nothing else, by mail or chat through ``apprise``."""

from collections.abc import Sequence
from socket import gethostname

from conversions.errors import Exit

MAX_SENTENCES = 20
"""More would hide the important ones from the operator on call."""


SUBJECTS = {
    Exit.ATTENTION: ("warning", "something new needs a person"),
    Exit.USAGE: ("failure", "the command line is wrong"),
    Exit.DATA: ("failure", "the data look wrong, nothing was sent"),
    Exit.NO_INPUT: ("failure", "orders cannot be read"),
    Exit.REFUSED: ("failure", "refused because of account, settings or policy"),
    Exit.STORE: ("failure", "the store cannot be trusted: stop the timer"),
    Exit.TRY_AGAIN: ("info", "the next run tries again"),
    Exit.CREDENTIALS: ("failure", "a credential is missing, expired or lacks rights"),
    Exit.CONFIG: ("failure", "a setting is wrong, or something changed"),
}
"""Severity, as apprise names it, and what happened, by exit code."""


def send(addresses: Sequence[str], shop: str, exit_code: int, sentences: Sequence[str]) -> str | None:
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
    severity, what = SUBJECTS.get(exit_code, ("failure", "stopped"))  # type: ignore[call-overload]
    sent = notifier.notify(
        title=f"conversions {shop} on {gethostname()}: exit {exit_code}, {what}",
        body=body or "Run `conversions status`.",
        notify_type=apprise.NotifyType(severity),
    )
    return None if sent and all(accepted) else "Not every alert could be sent; check on_call.alerts."
