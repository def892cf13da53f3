"""Who asks over HTTP: every caller has its row in the table of calls for auditors, or sends what the log has."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "conversions"
PAGE = (ROOT / "docs" / "auditors.md").read_text(encoding="utf-8")
SENDING = {"Session", "ThreadLocalSession", "get", "post", "server_date", "http"}
LOGGED = "| calls without an event"
ROWS = {
    "destinations/google/client.py": "| late results: to Google",
    "destinations/google/token.py": "| access token: to Google",
    "destinations/meta/client.py": "| quality scores: to Meta",
    "intake/sources/shopify/client.py": "| orders: to the shop's own interface",
    "intake/sources/shopify/export_file.py": "| orders: to the shop's own interface",
    "intake/sources/shopify/token.py": "| access token: ",
    "intake/sources/woocommerce/client.py": "| orders: to the shop's own interface",
    "ledger/checkpoints/timestamp.py": "| a checkpoint's digest: ",
    "on_call/alerts.py": "| heartbeat: the exit code. Alerts: ",
    "on_call/heartbeat.py": "| heartbeat: ",
    "transport/clock_skew.py": "| time of a platform: ",
}
"""The row of what each module sends beside events, which the log has."""


def callers() -> set[str]:
    """The modules that import what sends, but for the stand-in of both platforms."""
    found = set()
    for path in PACKAGE.rglob("*.py"):
        imports = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.ImportFrom)]
        names = {
            name.name
            for node in imports
            if node.module in {"conversions.transport", "conversions.transport.http"}
            for name in node.names
        }
        if names & SENDING:
            found.add(path.relative_to(PACKAGE).as_posix())
    return {name for name in found if not name.startswith("sandbox/")}


def test_every_caller_is_known() -> None:
    assert callers() == {*ROWS}


@pytest.mark.parametrize("row", sorted({*ROWS.values(), LOGGED}))
def test_every_kind_of_call_is_in_the_table(row: str) -> None:
    assert any(line.startswith(row) for line in PAGE.splitlines())
