"""What an exit code means in one sentence, and the command to type next."""

import re

from conversions import catalogue
from conversions.errors import Exit

MEANINGS = {
    Exit.OK: "Every order is accounted for.",
    Exit.ATTENTION: "Something new needs a person.",
    Exit.USAGE: "The command line was wrong.",
    Exit.DATA: "The data look wrong, and nothing was sent.",
    Exit.NO_INPUT: "The orders cannot be read.",
    Exit.REFUSED: "A platform refuses because of the account, its terms or the settings.",
    Exit.STORE: "The store cannot be trusted. Stop the timer; docs/lost-store.md says what to do.",
    Exit.INTERRUPTED: "A person interrupted the run. Nothing is lost.",
    Exit.TRY_AGAIN: "The run could not go on. Nothing is lost; the next run goes on.",
    Exit.CREDENTIALS: "A credential is missing, expired or lacks rights.",
    Exit.CONFIG: "A setting is wrong, or something changed that a person must confirm.",
}
COMMANDS = {
    Exit.ATTENTION: "conversions status",
    Exit.USAGE: "conversions --help",
    Exit.DATA: "conversions plan",
    Exit.NO_INPUT: "conversions doctor",
    Exit.REFUSED: "conversions doctor",
    Exit.STORE: "conversions doctor",
    Exit.INTERRUPTED: "conversions run",
    Exit.TRY_AGAIN: "conversions run",
    Exit.CREDENTIALS: "conversions doctor",
    Exit.CONFIG: "conversions doctor",
}


def next_command(sentence: str, code: int) -> str | None:
    """Return the first command that *sentence* names, or else the usual one after exit *code*; None after 0.

    After exit 75 the next run tries again: an approval there is only for a network that needs another setting.
    """
    if code == Exit.TRY_AGAIN:
        sentence = sentence.replace(catalogue.APPROVE, "")
    named = re.search(r"`((?:(?:sudo|runuser) [^`]*)?conversions [^`]+)`", sentence)
    return named[1] if named else COMMANDS.get(Exit(code)) if code else None
