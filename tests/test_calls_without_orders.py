"""The table in ``docs/auditors.md`` of calls that carry no event: every module that asks a server has its row."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "auditors.md").read_text(encoding="utf-8")
ASKING = {"post", "get", "server_date", "Session", "ThreadLocalSession"}
"""Names of ``transport.http`` by which a request is made."""
ROWS = {
    "transport/clock_skew.py": {"time of a platform"},
    "destinations/google/token.py": {"access token"},
    "destinations/google/client.py": {"late results"},
    "destinations/meta/client.py": {"quality scores"},
    "on_call/heartbeat.py": {"heartbeat. Alerts"},
    "on_call/alerts.py": {"heartbeat. Alerts"},
    "distribution/message.py": {"a checkpoint, without personal data"},
    "ledger/checkpoints/timestamp.py": {"a checkpoint's digest"},
    "intake/sources/woocommerce/client.py": {"orders"},
    "intake/sources/shopify/client.py": {"orders"},
    "intake/sources/shopify/token.py": {"access token"},
    "intake/sources/shopify/export_file.py": {"orders"},
}
"""Rows of the table, by module. The clients of the platforms also send events, which the log has."""


def asks(module: Path) -> bool:
    """Return whether *module* imports what makes a request: a function of ``transport.http``, all of it, or apprise."""
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        match node:
            case ast.ImportFrom(module="conversions.transport.http", names=names):
                found = any(name.name in ASKING for name in names)
            case ast.ImportFrom(module="conversions.transport", names=names):
                found = any(name.name == "http" for name in names)
            case ast.Import(names=names):
                found = any(name.name == "apprise" for name in names)
            case _:
                found = False
        if found:
            return True
    return False


def name(call: str) -> str:
    """What stands before the colon, and for two calls in one row both names."""
    first, _, rest = call.partition(":")
    return f"{first}. Alerts" if ". Alerts:" in rest else first


def rows() -> dict[str, str]:
    """The rows of the table: the entry that the log has, by call."""
    table = re.search(r"\| calls without an event[^|]*\| in the log \|\n\|[-|]+\n((?:\|.*\n)+)", PAGE)
    assert table
    cells = [line.strip("|").split("|") for line in table[1].splitlines()]
    return {name(call.strip()): entry.strip() for call, entry in cells}


def test_every_module_that_asks_a_server_has_its_row() -> None:
    package = ROOT / "conversions"
    modules = {str(path.relative_to(package)) for path in package.rglob("*.py") if asks(path)}
    assert {name for name in modules if not name.startswith("sandbox/")} == ROWS.keys()


def test_the_table_has_these_rows_and_no_other() -> None:
    assert rows().keys() == set.union(*ROWS.values())


def test_the_entries_that_the_table_names_are_written() -> None:
    named = set(re.findall(r"`(\w+ asked)`", "".join(rows().values())))
    sources = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "conversions" / "ledger").rglob("*.py"))
    written = set(re.findall(r'log\.append\(connection, "(\w+ asked)"', sources))
    assert named == written != set()
