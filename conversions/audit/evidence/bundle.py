"""Evidence bundles for auditors: entries, proofs, the sent events, a signed checkpoint, and a verifier.

A bundle is a directory, or a signed zip file of that directory.
"""

from collections.abc import Iterator, Sequence
from datetime import date, datetime
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

import orjson
from sqlalchemy import Connection, select

from conversions.audit.evidence import bundle_log, verifier
from conversions.audit.evidence.bundle_log import EntryRange
from conversions.audit.evidence.bundle_requests import RequestLines
from conversions.audit.evidence.bundle_writer import BundleWriter, new_directory, pack
from conversions.audit.evidence.chosen_orders import ChosenOrder
from conversions.errors import LedgerError, SettingsError
from conversions.ledger import checkpoints
from conversions.ledger.checkpoints import signed_note
from conversions.ledger.schema import tables
from conversions.ledger.store import microseconds
from conversions.settings import Settings


def bundle(  # noqa: PLR0913 - what a bundle is of
    log: Connection,
    settings: Settings,
    made: datetime,
    days: tuple[date, date],
    out: Path,
    chosen: Sequence[ChosenOrder] = (),
) -> verifier.Report:
    """Write the entries of *days* (first and last, shop's zone), their proofs, and the links of *chosen*, to *out*.

    A name that ends in ``.zip`` becomes a file, any other a directory; it must not exist. Returns the verifier's report
    about the new bundle. Raises Usage, SettingsError where the key is not the log's key, and LedgerError where the
    bundle does not verify.
    """
    seed = _seed(log, settings)
    of = bundle_log.entry_range(log, settings.zone, *days)
    with new_directory(out) as home:
        writer = BundleWriter(home)
        _write_log(writer, log, settings, of, seed)
        requests = RequestLines(frozenset(order.sale for order in chosen))
        writer.write(verifier.REQUESTS, requests.lines(log, of))
        writer.write(verifier.OTHERS, bundle_log.other_entries(log, of, requests.removed))
        orders = sorted({number for order in chosen for number in requests.opened.get(order.sale, {order.asked})})
        writer.write(verifier.ABOUT, [_about(made, days, of, orders)])
        writer.sign(seed)
        finished = pack(home, seed) if out.suffix == ".zip" else home
        report = _verified(finished)
        finished.rename(out)
    return report


def _seed(log: Connection, settings: Settings) -> bytes:
    """The private key. Raises SettingsError where it is not the key that signs the log's checkpoints."""
    seed = checkpoints.signing_seed(settings)
    bound = log.execute(select(tables.pin.c.value).where(tables.pin.c.name == checkpoints.PIN)).scalar()
    if bound != signed_note.public_key(seed).hex():
        raise SettingsError(
            "CONVERSIONS_LOG_KEY is not the key that this log is signed with; put it back, or `conversions audit "
            "rotate-key`. A log without a key gets one from its next run."
        )
    return seed


def _write_log(writer: BundleWriter, log: Connection, settings: Settings, of: EntryRange, seed: bytes) -> None:
    """Write the verifier, the log, its keys and checkpoints, and the documents that its entries name."""
    store_id, root = log.execute(select(tables.head.c.store_id, tables.head.c.root)).one()
    origin = checkpoints.current_origin(log, store_id)
    documents: set[str] = set()
    for name, content in _verifier():
        writer.write(name, [content])
    writer.write(verifier.CHECKPOINT, [checkpoints.sign(store_id, of.size, root, seed, origin=origin).encode()])
    writer.write(verifier.KEYS, bundle_log.log_keys(log, store_id, seed))
    writer.write(verifier.LEAVES, bundle_log.leaf_hashes(log, of.size))
    writer.write(verifier.ENTRIES, bundle_log.entries(log, of, documents))
    bundle_log.write_checkpoints(writer, settings.checkpoints_path, of.size)
    for name in sorted(documents):
        query = select(tables.document.c.body).where(tables.document.c.sha256 == Path(name).stem)
        writer.write(name, [log.execute(query).scalar_one().encode()])


def _verifier() -> Iterator[tuple[str, bytes]]:
    """Name and content of each file that says or does how a bundle is verified."""
    shipped = files("conversions.audit.evidence")
    yield "README.txt", (shipped / "bundle_readme.txt").read_bytes()
    yield "verify_conversions.py", (shipped / "verify_conversions.py").read_bytes()
    modules: list[Traversable] = [file for file in (shipped / "verifier").iterdir() if file.name.endswith(".py")]
    for file in sorted(modules, key=lambda file: file.name):
        yield f"verifier/{file.name}", file.read_bytes()


def _about(made: datetime, days: tuple[date, date], of: EntryRange, orders: list[str]) -> bytes:
    since, until = (day.isoformat() for day in days)
    span = {"since": since, "until": until, "since_us": of.since_us, "until_us": of.until_us}
    facts = {"format": verifier.FORMAT, **span, "made_us": microseconds(made), "orders": orders}
    return orjson.dumps(facts, option=orjson.OPT_INDENT_2) + b"\n"


def _verified(finished: Path) -> verifier.Report:
    """The verifier's report. Raises LedgerError where it refuses the bundle."""
    try:
        return verifier.verify(finished)
    except Exception as refusal:  # noqa: BLE001 - the verifier can fail in any way, and the bundle is then useless
        raise LedgerError(
            f"The bundle does not verify ({refusal}) and was not kept; `conversions audit verify` shows what is wrong."
        ) from None
