"""The nightly schedule of a shop: its crontab line and systemd units, quoted by the rules of each."""

import re
import shlex
from collections.abc import Callable
from pathlib import Path

from conversions.cli.scaffold import ZONE, template
from conversions.errors import Usage
from conversions.process.users import program_words

HOME, USER, PROGRAM = "/srv/conversions", "conversions", "/opt/conversions/.venv/bin/conversions"
"""Values in the shipped units, replaced by those of this installation."""


def check_path(directory: Path) -> None:
    """Raise Usage where no schedule can name *directory*: both formats end at a line break and trim spaces."""
    text = str(directory)
    if not text.isprintable() or text != text.strip() or text.endswith("\\"):
        raise Usage(
            f"cron and systemd cannot use the folder {text!r}: its name has an unprintable character, or a space or "
            "backslash at its end. Name another one. Nothing was written."
        )


def cron_line(settings: Path) -> str:
    """The line for ``crontab -e``: every day at 06:15."""
    command = " ".join(map(_cron_word, [*program_words(), "run", "--quiet", "--config", str(settings)]))
    return f"15 6 * * * {command}"


def _cron_word(text: str) -> str:
    """*text* for a shell behind cron, which ends a command at ``%`` without a backslash (crontab(5)).

    No backslash stands before another one or before ``%`` of the text, since some crons take such a pair for one.
    """
    parts = [{"%": "\\%", "\\": "'\\'"}.get(part) or shlex.quote(part) for part in re.split(r"([%\\])", text) if part]
    return "".join(parts)


def unit(name: str, settings: Path, zone: str, user: str) -> str:
    """The shipped systemd unit *name* with this installation's paths, zone and user; secrets stay in ``.env``."""
    home, config = settings.parent, _word(str(settings), _variables)
    lines = {
        f"ExecStart={PROGRAM} run --config {HOME}/conversions.toml": f"ExecStart={_start()} run --config {config}",
        f"WorkingDirectory={HOME}": f"WorkingDirectory={_specifiers(str(home))}",
        f"ReadWritePaths={HOME}": f"ReadWritePaths={_word(str(home), _specifiers)}",
        f"User={USER}": f"User={user}",
        f"OnCalendar=*-*-* 06:15:00 {ZONE}": f"OnCalendar=*-*-* 06:15:00 {zone}",
    }
    text = re.sub(r"(?m)^(LoadCredential=|Environment=GOOGLE)", r"# \1", template(name))
    return "".join(f"{lines.get(line, line)}\n" for line in text.splitlines())


def _start() -> str:
    """The start of a command line; systemd refuses the name of a program with quotes or backslashes."""
    program, *arguments = program_words()
    if re.search(r"""["'\\]""", program):
        program, arguments = "/usr/bin/env", [program, *arguments]
    return " ".join([_word(program, _specifiers), *(_word(word, _variables) for word in arguments)])


def _word(text: str, escape: Callable[[str], str]) -> str:
    """One word of a list (systemd.syntax(7)): in double quotes, where it needs any."""
    escaped = escape(text)
    if re.fullmatch(r"[\w./@:+,=%$-]+", escaped, re.ASCII):
        return escaped
    return '"{}"'.format(escaped.replace("\\", "\\\\").replace('"', '\\"'))


def _specifiers(text: str) -> str:
    """*text* without specifiers (systemd.unit(5))."""
    return text.replace("%", "%%")


def _variables(text: str) -> str:
    """*text* without specifiers and without variables, which systemd replaces in arguments (systemd.service(5))."""
    return _specifiers(text).replace("$", "$$")
