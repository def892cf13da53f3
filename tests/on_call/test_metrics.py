import stat
from pathlib import Path
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from conversions.on_call import metrics

SIDE = {"sent": 12, "rejected": 1, "pending": 3, "unknown": 0, "seconds": 4.5}


def figures(path: Path) -> dict[tuple[str, str], float]:
    """As Prometheus itself reads them."""
    families = text_string_to_metric_families(path.read_text())
    return {(s.name, s.labels.get("destination", "")): s.value for family in families for s in family.samples}


def report(code: int, **sides: Any) -> dict[str, Any]:
    return {"exit_code": code, "destinations": sides}


def test_prometheus_reads_what_a_run_did(tmp_path: Path) -> None:
    path = tmp_path / "conversions.prom"

    metrics.write(path, report(0, google=SIDE, meta=SIDE | {"sent": 11}), 1_795_000_000)

    assert figures(path) == {
        ("conversions_exit_code", ""): 0,
        ("conversions_last_run_seconds", ""): 1_795_000_000,
        ("conversions_last_success_seconds", ""): 1_795_000_000,
        **{(f"conversions_{name}", "google"): value for name, value in SIDE.items()},
        **{(f"conversions_{name}", "meta"): value for name, value in (SIDE | {"sent": 11}).items()},
    }


def test_a_failed_run_keeps_the_last_success(tmp_path: Path) -> None:
    path = tmp_path / "conversions.prom"

    metrics.write(path, report(1, google=SIDE), 1_000_000)
    metrics.write(path, {"exit_code": 77}, 2_000_000)

    found = figures(path)
    assert found["conversions_last_success_seconds", ""] == 1_000_000
    assert found["conversions_last_run_seconds", ""] == 2_000_000
    assert found["conversions_exit_code", ""] == 77


def test_the_exporter_may_read_it_whatever_the_umask(tmp_path: Path) -> None:
    path = tmp_path / "conversions.prom"

    metrics.write(path, report(0), 1.0)

    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_that_is_no_metrics_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "conversions.prom"
    path.write_bytes(b"\xff\x00")

    metrics.write(path, report(75), 1.0)

    assert ("conversions_last_success_seconds", "") not in figures(path)


def test_a_missing_folder_is_one_sentence(tmp_path: Path) -> None:
    said = metrics.write(tmp_path / "m" / "conversions.prom", report(0), 1.0)

    assert said is not None
    assert said.startswith(f"The metrics file's folder {tmp_path / 'm'} does not exist.")
