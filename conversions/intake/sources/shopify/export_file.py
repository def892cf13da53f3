"""The file of a bulk operation: one JSON object in each line, orders and lines of orders in any sequence.

The file is read twice. First come the lines of orders, which hold no personal data, into a temporary table; then the
orders, each with its lines. So memory stays flat whatever the sequence is, and no address rests on a disk.
"""

import re
import sqlite3
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from typing import Any

from conversions.intake.sources.shop_api.failures import Failure, no_answer
from conversions.intake.sources.shop_api.numbers import parse
from conversions.intake.sources.shopify import errors
from conversions.intake.sources.shopify.bulk import Export
from conversions.transport.http import USER_AGENT, Answer, Session, get

BLOCK_BYTES = 4 << 20
"""So much of the file comes with a request: each has the limits of any answer, and is asked for again by itself."""
CHUNK_ORDERS = 250
_PARENT = b'"__parentId":'
"""No text within a line of JSON can contain it: there, a quotation mark has a backslash before it."""
_LOCAL = re.compile(r"http://(localhost|127\.0\.0\.1|\[::1\])[:/]")
_RANGE = re.compile(r"bytes (\d{1,18})-\d{1,18}/(\d{1,18})")

Fetch = Callable[[int], "Block | Failure"]
"""Returns what the file has from a byte on."""
Block = tuple[bytes, int]
"""A part of the file, and the size of the whole file."""


def fetch_block(session: Session, url: str, begin: int, *, local: bool) -> Block | Failure:
    """Ask once for the block of the file at *url* that begins at byte *begin*. No credential is sent.

    *local*: the shop is a stand-in on this machine, and so may the file be; any other file needs https.
    """
    if not url.startswith("https://") and not (local and _LOCAL.match(url)):
        return Failure(errors.BULK_UNSAFE)
    headers = {"User-Agent": USER_AGENT, "Range": f"bytes={begin}-{begin + BLOCK_BYTES - 1}"}
    answer = get(session, url, headers)
    if not isinstance(answer, Answer):
        return no_answer(answer, errors.BULK_UNCLEAR)
    if answer.status == 200 and begin == 0:
        return answer.body, len(answer.body)
    said = _RANGE.fullmatch(answer.headers.get("Content-Range", "").strip())
    if answer.status == 206 and said and int(said[1]) == begin and answer.body:
        return answer.body, int(said[2])
    passing = answer.status >= 500 or answer.status == 429
    return Failure(errors.BULK_NO_FILE.format(status=answer.status), passing, answer.retry_after if passing else None)


def orders(export: Export, fetch: Fetch) -> Generator[list[Any], None, Failure | None]:
    """Yield the orders of the file, each with all of its lines; return why these are not all.

    Nothing is yielded of a file that has not as many orders, and as many lines, as the operation says.
    """
    try:
        with closing(sqlite3.connect("")) as table:  # a file without a name: it is gone when this process ends
            table.execute("CREATE TABLE line (parent TEXT, id INTEGER, json BLOB, PRIMARY KEY (parent, id))")
            if failure := _keep_lines(table, export, fetch):
                return failure
            return (yield from _joined(table, fetch))
    except UnicodeError:  # half a character in an id
        return Failure(errors.BULK_UNCLEAR)
    except sqlite3.Error:
        return Failure(errors.BULK_NO_ROOM)


def _keep_lines(table: sqlite3.Connection, export: Export, fetch: Fetch) -> Failure | None:
    """Keep the lines of all orders, and count what the file has."""
    objects = children = 0
    for line in _file_lines(fetch) if export.url else ():
        if isinstance(line, Failure):
            return line
        objects += 1
        if objects > export.objects:
            break
        if _PARENT not in line:
            continue
        children += 1
        found = _parsed(line)
        if not isinstance(found, dict) or not isinstance(found.get("__parentId"), str):
            return Failure(errors.BULK_UNCLEAR)
        number = str(found.get("id")).rpartition("/")[2]
        id_ = int(number) if number.isdecimal() and len(number) < 19 else objects
        table.execute("INSERT OR REPLACE INTO line VALUES (?, ?, ?)", (found["__parentId"], id_, line))
    if (objects, objects - children) != (export.objects, export.orders):
        return Failure(errors.BULK_CUT.format(found=objects, said=export.objects))
    return None


def _joined(table: sqlite3.Connection, fetch: Fetch) -> Generator[list[Any], None, Failure | None]:
    chunk = []
    for line in _file_lines(fetch):
        if isinstance(line, Failure):
            return line
        if _PARENT in line:
            continue
        order = _parsed(line)
        if isinstance(order, Failure):
            return order
        chunk.append(_with_lines(table, order))
        if len(chunk) == CHUNK_ORDERS:
            yield chunk
            chunk = []
    if chunk:
        yield chunk
    return None


def _with_lines(table: sqlite3.Connection, order: Any) -> Any:
    """Return the order as a page would show it; its lines in the sequence of their ids, as pages have them."""
    if not isinstance(order, dict):
        return order
    found = table.execute("SELECT json FROM line WHERE parent = ? ORDER BY id", (str(order.get("id")),))
    return {**order, "lineItems": {"nodes": [parse(json) for (json,) in found]}}


def _file_lines(fetch: Fetch) -> Iterator[bytes | Failure]:
    """Yield the lines of the file; a failure is the last of them."""
    rest, begin, size = b"", 0, 1
    while begin < size:
        found = fetch(begin)
        if isinstance(found, Failure):
            yield found
            return
        block, size = found
        begin += len(block)
        *whole, rest = (rest + block).split(b"\n")
        yield from filter(None, whole)
        if len(rest) > BLOCK_BYTES:
            yield Failure(errors.BULK_UNCLEAR)
            return
    if rest:
        yield rest


def _parsed(line: bytes) -> Any:
    try:
        return parse(line)
    except ValueError:
        return Failure(errors.BULK_UNCLEAR)
