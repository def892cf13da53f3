"""Order numbers outside the orders' own rows: in reports of runs, in findings, and beside rows that were no order."""

import re
from collections.abc import Callable, Collection
from typing import Any

import orjson
from sqlalchemy import Connection, text, update

from conversions.ledger import log
from conversions.ledger.log import bound
from conversions.ledger.schema import tables
from conversions.ledger.schema.dialect import pages_of, text_with_lists
from conversions.ledger.store import Ledger

_QUOTED = re.compile(r"'([^']*)'")
"""How a message names an order."""
_REPORTS = text("""
    SELECT id, report FROM run WHERE started_us < :before_us AND (report LIKE '%"order":%' OR report LIKE '%''%')
""")
_SENTENCES = text("SELECT DISTINCT sentence FROM told WHERE sentence LIKE '%''%'")
_SENTENCE = text("UPDATE told SET sentence = :cleaned WHERE sentence = :sentence")
_BAD_ROWS = text_with_lists("UPDATE row_rejected SET order_no = NULL WHERE order_no IN :numbers", "numbers")
_OLD_BAD_ROWS = text("""
    UPDATE row_rejected SET order_no = NULL
    WHERE order_no IS NOT NULL AND run IN (SELECT id FROM run WHERE started_us < :before_us)
""")
_ALL_TIME = {"before_us": 1 << 62}


def forget_orders(connection: Connection, numbers: Collection[str]) -> None:
    """Remove every mention of the orders with these *numbers*."""
    if not numbers:
        return
    gone = set(numbers)
    for page in pages_of(sorted(gone)):
        connection.execute(_BAD_ROWS, {"numbers": page})
    _clean_reports(connection, _ALL_TIME, gone.__contains__)
    for sentence in connection.execute(_SENTENCES).scalars().all():
        cleaned = _without_quoted(sentence, gone.__contains__)
        if cleaned != sentence:
            connection.execute(_SENTENCE, {"sentence": sentence, "cleaned": cleaned})


def forget_before(ledger: Ledger, before_us: int) -> None:
    """Remove every order number from the reports and rows of runs that began before *before_us*."""
    with ledger.transaction() as connection:
        connection.execute(_OLD_BAD_ROWS, {"before_us": before_us})
        if reports := _clean_reports(connection, {"before_us": before_us}, lambda _: True):
            facts = {"before_us": before_us, "reports": reports}
            log.append(connection, "reports redacted", ledger.now_us, facts, epoch=ledger.epoch)


def _clean_reports(connection: Connection, runs: dict[str, int], gone: Callable[[str], bool]) -> int:
    """Remove the orders that are *gone* from the reports of *runs*; return the number of reports that changed."""
    count = 0
    for run, report in connection.execute(_REPORTS, runs).all():
        cleaned = orjson.dumps(_without(orjson.loads(report), gone)).decode()
        if cleaned != report:
            with bound.changed(connection, "run", tables.run.c.id == run):
                connection.execute(update(tables.run).where(tables.run.c.id == run).values(report=cleaned))
            count += 1
    return count


def _without(value: Any, gone: Callable[[str], bool]) -> Any:
    """*value* without the list items that name such an order, and without its number in a sentence."""
    match value:
        case dict():
            return {key: _without(child, gone) for key, child in value.items()}
        case list():
            return [
                _without(item, gone)
                for item in value
                if not (isinstance(item, dict) and "order" in item and gone(item["order"]))
            ]
        case str():
            return _without_quoted(value, gone)
    return value


def _without_quoted(sentence: str, gone: Callable[[str], bool]) -> str:
    return _QUOTED.sub(lambda quoted: "…" if gone(quoted[1]) else quoted[0], sentence)
