"""Checks of this machine: environment variables, key, clock and store."""

import difflib
import os
import shlex
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
from conversions.on_call import metrics
from conversions.process.users import name_of
from conversions.run.runtime import build_runtime
from conversions.settings import Settings, environment_names

RELEASE_DAY = date(2026, 11, 1)
"""A clock that shows an earlier day is wrong."""
NOT_A_SETTING = frozenset({"CONVERSIONS_CONFIG", "CONVERSIONS_LOG_FORMAT"})


def check_variables(settings: Settings) -> Iterator[CheckResult]:
    """Report misspelt names of environment variables, which the settings ignore silently."""
    known = {*NOT_A_SETTING, *_variable_names(settings, "CONVERSIONS_")}
    unknown = [name for name in environment_names() if name not in known]
    for name in unknown:
        similar = difflib.get_close_matches(name, sorted(known), n=1)
        hint = f"; is {similar[0]} meant?" if similar else ", which no setting reads."
        yield problem("environment", f"{name} is set{hint}", f"Correct or unset {name}.")
    if not unknown:
        yield ok("environment", "Every CONVERSIONS_ name in the environment is a setting.")


def _variable_names(section: BaseModel, prefix: str) -> Iterator[str]:
    """Names of the variables that set *section*; those of destinations with and without their parent's name."""
    for field in type(section).model_fields:
        name, value = f"{prefix}{field.upper()}", getattr(section, field)
        yield name
        if isinstance(value, BaseModel):
            yield from _variable_names(value, f"{name}__")
        elif isinstance(value, dict):
            for child, child_section in value.items():
                for parent in (f"{name}__", prefix):
                    yield f"{parent}{child.upper()}"
                    if isinstance(child_section, BaseModel):
                        yield from _variable_names(child_section, f"{parent}{child.upper()}__")


def check_key(settings: Settings) -> CheckResult:
    """Check that the key is set, and show its check value."""
    try:
        return ok("key", f"CONVERSIONS_KEY is set; its check value is {keys.check_value(settings.secret_key)}.")
    except ConversionsError as error:
        return stopped("key", error)


def check_metrics_file(settings: Settings) -> Iterator[CheckResult]:
    """Check that a run could write the metrics file, if the settings name one."""
    if settings.on_call.metrics_file is not None:
        path = settings.resolve(settings.on_call.metrics_file)
        fault = metrics.unwritable(path)
        yield problem("on call", fault) if fault else ok("on call", f"A run can write the metrics file {path}.")


def check_clock(settings: Settings, now: Clock) -> CheckResult:
    """Check the machine's clock, which event times and age limits depend on."""
    present = now()
    last_change = _modified(settings.store_path)
    if present.date() < RELEASE_DAY or (last_change is not None and last_change > present):
        earlier_than = "this program" if present.date() < RELEASE_DAY else "the store's last change"
        return problem(
            "clock",
            f"The clock shows {present:%Y-%m-%d %H:%M} UTC, which is earlier than {earlier_than}.",
            "Set the clock.",
        )
    local = present.astimezone(settings.zone)
    return ok("clock", f"It is {local:%Y-%m-%d %H:%M} in the shop's zone, {settings.timezone}.")


def _modified(path: Path) -> datetime | None:
    try:
        return datetime.fromtimestamp(path.stat().st_mtime, UTC)
    except OSError:
        return None


def check_store(settings: Settings, now: Clock) -> Iterator[CheckResult]:
    """Check that the store, if it exists, is private, intact, and bound to these settings."""
    path = settings.store_path
    shared = list(_shared(path))
    yield from shared
    try:
        with open_read_only(settings, now) as ledger:
            bindings.check_bindings(ledger, _bindings(settings))
    except ConversionsError as error:
        yield stopped("store", error)
    else:
        if not path.exists():
            yield note("store", f"There is no store yet; the first run creates {path}.")
        elif not shared:
            yield ok("store", f"{path} is intact, and only you can access it.")


def _bindings(settings: Settings) -> dict[str, str]:
    """The bindings of these settings; empty where they cannot be built, which other checks report."""
    try:
        return build_runtime(settings).bindings
    except ConversionsError:
        return {}


def _shared(path: Path) -> Iterator[CheckResult]:
    """Report the store's directory and files that other users can access or own."""
    for entry, mode in [(path.parent, "700"), *((file, "600") for file in sorted(path.parent.glob(f"{path.name}*")))]:
        try:
            status = entry.stat()
        except OSError:
            continue
        if status.st_uid != os.geteuid():
            yield problem(
                "store",
                f"{entry} belongs to user {name_of(status.st_uid)}, you are user {name_of(os.geteuid())}.",
                f"sudo chown {os.geteuid()} {shlex.quote(str(entry))}",
            )
        elif status.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            yield problem(
                "store",
                f"Other users can access {entry}, which contains personal data.",
                f"chmod {mode} {shlex.quote(str(entry))}",
            )
