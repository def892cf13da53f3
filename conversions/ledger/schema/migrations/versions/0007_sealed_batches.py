"""Events in sealed batches; the buyer of a sale beside it; the events of a request by place."""

import zlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from secrets import token_bytes
from typing import Any

import sqlalchemy as sa
from alembic import op

from conversions.ledger.batches import varints

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_INT = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_OF_BYTES, _LINKED = 1, 2
"""Forms of a batch. Events that a request contains keep the salt of 32 bytes that the log commits to, and get a link
salt of 16; events that none contains are sealed as new ones are, with fresh salts."""
_PAGE = 1000


def upgrade() -> None:
    """Make the new tables, move what is in the old ones, and delete these."""
    op.add_column("former_number", sa.Column("last_run", _INT, nullable=True))
    op.create_index(op.f("ix_former_number_sale"), "former_number", ["sale"], unique=False)
    _create_tables()
    _name_buyers()
    connection = op.get_bind()
    for (request,) in connection.execute(sa.text("SELECT id FROM request ORDER BY id")).all():
        _advance(_move_request(connection, request))
    for events in _move_unsent(connection):
        _advance(events)
    _drop_old_tables()


def _advance(events: int) -> None:
    """Show that so many events more were moved."""
    context = op.get_context()
    assert context.config is not None
    context.config.attributes["advance"](events)


def _create_tables() -> None:
    op.create_table(
        "batch",
        sa.Column("id", _INT, nullable=False),
        sa.Column("run", _INT, nullable=False),
        sa.Column("read_run", _INT, nullable=False),
        sa.Column("destination", _INT, nullable=False),
        sa.Column("day", sa.Text(), nullable=False),
        sa.Column("events", _INT, nullable=False),
        sa.Column("objection", _INT, nullable=False),
        sa.Column("request", _INT, nullable=True),
        sa.ForeignKeyConstraint(["run"], ["run.id"]),
        sa.ForeignKeyConstraint(["request"], ["request.id"]),
        sa.PrimaryKeyConstraint("id"),
        sqlite_strict=True,
        sqlite_with_rowid=True,
    )
    op.create_index(op.f("ix_batch_read_run_destination"), "batch", ["read_run", "destination"], unique=False)
    op.create_table(
        "blob",
        sa.Column("batch", _INT, autoincrement=False, nullable=False),
        sa.Column("form", _INT, nullable=False),
        *(sa.Column(name, sa.LargeBinary(), nullable=False) for name in ("members", "amounts", "sizes", "salts")),
        sa.Column("bytes", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(["batch"], ["batch.id"]),
        sa.PrimaryKeyConstraint("batch"),
        sqlite_strict=True,
        sqlite_with_rowid=True,
    )
    op.rename_table("event", "event_before")
    op.create_table(
        "event",
        sa.Column("id", _INT, nullable=False),
        sa.Column("place", _INT, nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sqlite_strict=True,
        sqlite_with_rowid=True,
    )
    op.create_table(
        "earlier_person",
        sa.Column("event", _INT, autoincrement=False, nullable=False),
        sa.Column("subject", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("event"),
        sqlite_strict=True,
        sqlite_with_rowid=True,
    )
    op.create_table(
        "request_part",
        sa.Column("request", _INT, nullable=False),
        sa.Column("first", _INT, nullable=False),
        sa.Column("place", _INT, nullable=False),
        sa.Column("events", _INT, nullable=False),
        sa.ForeignKeyConstraint(["request"], ["request.id"]),
        sa.PrimaryKeyConstraint("request", "first"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_table(
        "scrub",
        sa.Column("id", _INT, nullable=False),
        sa.Column("at_us", _INT, nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sqlite_strict=True,
        sqlite_with_rowid=True,
    )
    op.create_index("ix_batch_day", "batch", ["day"], unique=False)


def _name_buyers() -> None:
    """The newest event names the buyer of a sale, or else the reading that made none; other events keep theirs."""
    op.add_column("sale", sa.Column("subject", sa.LargeBinary(), nullable=True))
    op.execute("""
        UPDATE sale SET subject = coalesce(
            (SELECT e.subject FROM event_before e WHERE e.id BETWEEN sale.id << 14 AND sale.id << 14 | 16383
                AND e.subject IS NOT NULL ORDER BY (
                    SELECT d.run FROM delivery d WHERE d.id = e.delivery
                ) DESC, e.id DESC LIMIT 1),
            (SELECT d.subject FROM delivery d WHERE d.id BETWEEN sale.id << 6 AND sale.id << 6 | 63
                AND d.subject IS NOT NULL ORDER BY d.run DESC LIMIT 1)
        )
    """)
    op.execute("""
        INSERT INTO earlier_person SELECT e.id, e.subject FROM event_before e LEFT JOIN sale a ON a.id = e.id >> 14
        WHERE a.subject IS NOT NULL AND (e.subject IS NULL OR e.subject <> a.subject)
    """)
    for name, table, bits in (("ix_sale_person", "sale", 14), ("ix_earlier_person", "earlier_person", 28)):
        key = "id" if table == "sale" else "event"
        with_subject = sa.text("subject IS NOT NULL")
        op.create_index(
            name,
            table,
            [sa.text(f"({key} >> {bits})"), "subject"],
            unique=False,
            sqlite_where=with_subject,
            postgresql_where=with_subject,
        )


_ROWS = """
    SELECT e.id, e.salt, e.bytes, e.commitment, coalesce(d.day, '') AS day, d.run AS read_run,
    coalesce(v.new_minor, d.value_minor, 0) AS minor,
    coalesce(v.new_currency, d.value_currency, d.stated_currency, 'XXX') AS currency,
    coalesce(v.new_exponent, d.value_exponent, d.stated_exponent, 2) AS exponent, e.id >> 8 & 63 AS destination
    FROM event_before e LEFT JOIN delivery d ON d.id = e.delivery LEFT JOIN revision v ON v.id = e.id
"""
_OF_REQUEST = sa.text(f"""
    {_ROWS} JOIN request_event x ON x.event = e.id WHERE x.request = :request
    AND NOT EXISTS (SELECT 1 FROM event n WHERE n.id = e.id) ORDER BY x.position
""")
_UNSENT = sa.text(f"""
    {_ROWS} WHERE e.id > :after AND NOT EXISTS (SELECT 1 FROM event n WHERE n.id = e.id) ORDER BY e.id LIMIT {_PAGE}
""")
_PLACES = sa.text("""
    SELECT n.place FROM request_event x JOIN event n ON n.id = x.event WHERE x.request = :request ORDER BY x.position
""")
_RUN = sa.text("SELECT run FROM request WHERE id = :request")
_LAST_RUN = sa.text("SELECT max(id) FROM run")


def _move_request(connection: sa.Connection, request: int) -> int:
    """Move the events of *request* that no earlier one contains; return their number."""
    run = connection.execute(_RUN, {"request": request}).scalar_one()
    rows = connection.execute(_OF_REQUEST, {"request": request}).all()
    _seal(connection, run, _OF_BYTES, rows)
    places = connection.execute(_PLACES, {"request": request}).scalars().all()
    parts = [{"request": request, "first": first, "place": at, "events": n} for first, at, n in _parts(places)]
    if parts:
        connection.execute(sa.text("INSERT INTO request_part VALUES (:request, :first, :place, :events)"), parts)
        batches = [{"request": request, "batch": batch} for batch in {part["place"] >> 12 for part in parts}]
        connection.execute(sa.text("UPDATE batch SET request = :request WHERE id = :batch"), batches)
    return len(rows)


def _parts(places: Sequence[int]) -> Iterator[tuple[int, int, int]]:
    starts = [0] if places else []
    starts += [n for n, (before, at) in enumerate(pairwise(places), 1) if at != before + 1 or at >> 12 != before >> 12]
    for start, end in pairwise([*starts, len(places)]):
        yield start, places[start], end - start


def _move_unsent(connection: sa.Connection) -> Iterator[int]:
    """Move the events that no request contains, page by page; yield the number in each."""
    run, after = connection.execute(_LAST_RUN).scalar() or 0, 0
    while rows := connection.execute(_UNSENT, {"after": after}).all():
        _seal(connection, run, _LINKED, rows)
        after = rows[-1].id
        yield len(rows)


def _seal(connection: sa.Connection, run: int, form: int, rows: Iterable[sa.Row[Any]]) -> None:
    """Write batches of one destination and one day; these events were compared with the list when they left."""
    groups = defaultdict[tuple[int, str], list[sa.Row[Any]]](list)
    for row in rows:
        groups[row.destination, row.day].append(row)
    for (destination, day), group in groups.items():
        number = {
            "run": run,
            "read_run": max(row.read_run or 0 for row in group),
            "destination": destination,
            "day": day,
            "events": len(group),
        }
        batch = connection.execute(
            sa.text(
                "INSERT INTO batch(run, read_run, destination, day, events, objection)"
                " VALUES (:run, :read_run, :destination, :day, :events, 0) RETURNING id"
            ),
            number,
        ).scalar_one()
        connection.execute(
            sa.text("INSERT INTO blob VALUES (:batch, :form, :members, :amounts, :sizes, :salts, :bytes)"),
            {"batch": batch, "form": form, **_contents(form, group)},
        )
        places = [{"id": row.id, "place": batch << 12 | at} for at, row in enumerate(group)]
        connection.execute(sa.text("INSERT INTO event VALUES (:id, :place)"), places)


def _contents(form: int, rows: Sequence[sa.Row[Any]]) -> dict[str, bytes | None]:
    kept = [row.bytes is not None and row.salt is not None for row in rows]
    amounts = (
        f"{row.minor if there else 0} {row.currency} {row.exponent}" for row, there in zip(rows, kept, strict=True)
    )
    bodies = [row.bytes if there else b"" for row, there in zip(rows, kept, strict=True)]
    return {
        "members": zlib.compress(varints.pack_steps([row.id for row in rows]), 1),
        "amounts": zlib.compress(",".join(amounts).encode(), 1),
        "sizes": varints.pack(map(len, bodies)),
        "salts": b"".join(_salts(form, row, there=there) for row, there in zip(rows, kept, strict=True)),
        "bytes": zlib.compress(b"".join(bodies), 1) if any(kept) else None,
    }


def _salts(form: int, row: sa.Row[Any], *, there: bool) -> bytes:
    """Return the room of the salts of one event; that of an erased one holds its commitment, and none to a link."""
    if form == _LINKED:
        return token_bytes(32) if there else row.commitment or bytes(32)
    return row.salt + token_bytes(16) + bytes(16) if there else (row.commitment or bytes(32)) + bytes(32)


def _drop_old_tables() -> None:
    op.create_index(op.f("ix_request_part_place"), "request_part", ["place"], unique=False)
    op.execute(_FORGET_WIRE_IDS)
    op.drop_table("request_event")
    op.drop_index("ix_event_person", table_name="event_before")
    op.drop_table("event_before")
    op.drop_index("ix_delivery_person", table_name="delivery")
    op.drop_column("delivery", "subject")
    op.drop_column("delivery", "scheme")


_FORGET_WIRE_IDS = """
    UPDATE delivery SET wire_id = NULL WHERE wire_id IS NOT NULL AND state <> 'erased'
    AND NOT EXISTS (SELECT 1 FROM rectified_order x WHERE x.sale = delivery.sale)
    AND NOT EXISTS (
        SELECT 1 FROM event_before e WHERE e.id = delivery.id << 8 | delivery.revision AND e.bytes IS NULL
    )
"""
"""What was sent has its id in its bytes; the column keeps the ids of orders whose bytes are gone, or may go."""
