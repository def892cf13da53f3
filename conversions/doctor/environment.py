"""What the program finds on this machine: environment, key, clock, store, source."""

import difflib
import os
import stat
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

from pydantic import BaseModel

from conversions import keys
from conversions.doctor.check_result import CheckResult, note, ok, problem, stopped
from conversions.errors import ConversionsError
from conversions.ledger import Clock, open_read_only
from conversions.ledger.runs import bindings
from conversions.run.runtime import build_runtime
from conversions.settings import Settings, environment_names

RELEASED = date(2026, 11, 1)
"""No clock that is right is earlier."""
READ_ELSEWHERE = frozenset({"CONVERSIONS_CONFIG"})


def environment(settings: Settings) -> Iterator[CheckResult]:
    """A misspelt name in the environment changes nothing, and nobody says so."""
    known = {*READ_ELSEWHERE, *_names(settings, "CONVERSIONS_")}
    unknown = [name for name in environment_names() if name not in known]
    for name in unknown:
        near = difflib.get_close_matches(name, sorted(known), n=1)
        meant = f"; is {near[0]} meant?" if near else ", which no setting reads."
        yield problem("environment", f"{name} is set{meant}", f"Correct or unset {name}.")
    if not unknown:
        yield ok("environment", "Every CONVERSIONS_ name in the environment is a setting.")


def _names(section: BaseModel, prefix: str) -> Iterator[str]:
    """The names that change a setting of *section*, destinations with and without their parent."""
    for field in type(section).model_fields:
        name, value = f"{prefix}{field.upper()}", getattr(section, field)
        yield name
        if isinstance(value, BaseModel):
            yield from _names(value, f"{name}__")
        elif isinstance(value, dict):
            for child, each in value.items():
                for parent in (f"{name}__", prefix):
                    yield f"{parent}{child.upper()}"
                    if isinstance(each, BaseModel):
                        yield from _names(each, f"{parent}{child.upper()}__")


def key(settings: Settings) -> CheckResult:
    """The key is there, and which one it is, by its check value."""
    try:
        return ok("key", f"CONVERSIONS_KEY is there; its check value is {keys.check_value(settings.secret_key)}.")
    except ConversionsError as error:
        return stopped("key", error)


def clock(settings: Settings, now: Clock) -> CheckResult:
    """Event times and age limits are only as good as the machine's clock."""
    present = now()
    newest = _modified(settings.store_path)
    if present.date() < RELEASED or (newest is not None and newest > present):
        than = "this program" if present.date() < RELEASED else "the store's last change"
        return problem(
            "clock", f"The clock says {present:%Y-%m-%d %H:%M} UTC, which is earlier than {than}.", "Set it."
        )
    local = present.astimezone(settings.zone)
    return ok("clock", f"It is {local:%Y-%m-%d %H:%M} in the shop's zone, {settings.timezone}.")


def _modified(path: Path) -> datetime | None:
    try:
        return datetime.fromtimestamp(path.stat().st_mtime, UTC)
    except OSError:
        return None


def store(settings: Settings, now: Clock) -> Iterator[CheckResult]:
    """The store is ours alone, whole, and belongs to this key; it may be absent."""
    path = settings.store_path
    shared = list(_shared(path))
    yield from shared
    try:
        with open_read_only(settings, now) as ledger:
            bindings.check(ledger, _pins(settings))
    except ConversionsError as error:
        yield stopped("store", error)
    else:
        if not path.exists():
            yield note("store", f"There is no store yet; the first run makes {path}.")
        elif not shared:
            yield ok("store", f"{path} is whole and yours alone.")


def _pins(settings: Settings) -> dict[str, str]:
    """What the store is pinned to; what keeps a house from opening is named by other findings."""
    try:
        return build_runtime(settings).bindings
    except ConversionsError:
        return {}


def _shared(path: Path) -> Iterator[CheckResult]:
    """The store's directory and files that others may reach, or that belong to somebody else."""
    for each, mode in [(path.parent, "700"), *((file, "600") for file in sorted(path.parent.glob(f"{path.name}*")))]:
        try:
            found = each.stat()
        except OSError:
            continue
        if found.st_uid != os.geteuid():
            yield problem("store", f"{each} belongs to user {found.st_uid}, you are {os.geteuid()}.", "Be its owner.")
        elif found.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            yield problem("store", f"Others may reach {each}, which holds personal data.", f"chmod {mode} {each}")
