"""What stopped a command, as an exit code and one sentence without values of personal fields."""

import re
import traceback

import typer
from typer.exceptions import TyperException

from conversions.errors import ConversionsError, Exit


def explanation(error: Exception) -> tuple[int, str]:
    """Return the exit code and the sentence for what stopped the command."""
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    match error:
        case ConversionsError():
            return int(error.exit_code), _masked(str(error))
        case TyperException():
            return error.exit_code, _masked(error.format_message())
        case typer.Abort():
            return int(Exit.INTERRUPTED), "Stopped."
        case _:
            return int(Exit.REFUSED), _unexpected(error)


def _unexpected(error: Exception) -> str:
    frames = [(frame.f_globals.get("__name__", "?"), line) for frame, line in traceback.walk_tb(error.__traceback__)]
    ours = [frame for frame in frames if frame[0].startswith("conversions.")]
    path = " > ".join(f"{module}:{line}" for module, line in dict.fromkeys([*ours, *frames[-1:]]))
    system = f" ({error.strerror})" if isinstance(error, OSError) and error.strerror else ""
    return (
        f"Internal error, {type(error).__name__}{system} at {path}; its text is not shown, since it may contain"
        " personal data. Please report this line; `conversions status` shows what the store holds."
    )


def _masked(text: str) -> str:
    """Mask each word that contains an address or a token: the last line of defence."""
    return re.sub(r"\S*(@|%40|\bEAA\w{16})\S*", "[withheld]", text)
