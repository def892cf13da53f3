"""Figures of the last run for Prometheus, in a text file for its node exporter."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry, Gauge, write_to_textfile

COUNTERS = ("sent", "rejected", "pending", "unknown")


def write(path: Path, report: Mapping[str, Any], ended_at: float) -> str | None:
    """Replace *path* in one step; return a message if that failed.

    *report* is the output of ``run --json``, *ended_at* is in Unix seconds. After a failed run the time of the last
    success stays as it was.
    """
    if fault := unwritable(path):
        return fault
    try:
        _write(path, report, ended_at)
    except OSError as error:
        return f"The metrics file {path} could not be written: {error.strerror}."
    return None


def unwritable(path: Path) -> str | None:
    """Return why a run could not write the file, or None. A run replaces it, so the folder must be writable."""
    if not path.parent.is_dir():
        return f"The metrics file's folder {path.parent} does not exist. Create it, or correct on_call.metrics_file."
    if path.is_dir() or not os.access(path.parent, os.W_OK | os.X_OK):
        return f"The metrics file {path} cannot be written. Correct the rights of its folder, or on_call.metrics_file."
    return None


def _write(path: Path, report: Mapping[str, Any], ended_at: float) -> None:
    registry = CollectorRegistry()
    code = report["exit_code"]
    Gauge("conversions_exit_code", "Exit code of the last run", registry=registry).set(code)
    Gauge("conversions_last_run_seconds", "When the last run ended, Unix time", registry=registry).set(ended_at)
    success = ended_at if code in (0, 1) else _last_success(path)
    if success is not None:
        gauge = Gauge("conversions_last_success_seconds", "When a run last ended well, Unix time", registry=registry)
        gauge.set(success)
    _destinations(report.get("destinations", {}), registry)
    write_to_textfile(str(path), registry)
    path.chmod(0o644)


def _destinations(sides: Mapping[str, Any], registry: CollectorRegistry) -> None:
    for name in COUNTERS:
        gauge = Gauge(f"conversions_{name}", f"Orders {name} in the last run", ["destination"], registry=registry)
        for destination, side in sides.items():
            gauge.labels(destination).set(side[name])
    took = Gauge("conversions_seconds", "How long sending took in the last run", ["destination"], registry=registry)
    for destination, side in sides.items():
        took.labels(destination).set(side["seconds"])


def _last_success(path: Path) -> float | None:
    try:
        lines = path.read_text().splitlines()
    except (OSError, UnicodeDecodeError):
        return None
    values = [line.split()[-1] for line in lines if line.startswith("conversions_last_success_seconds ")]
    return float(values[-1]) if values else None
