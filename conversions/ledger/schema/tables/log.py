"""Tables of the log, of runs, and of what the store is bound to."""

from sqlalchemy import Column, PrimaryKeyConstraint, Text, UniqueConstraint

from conversions.ledger.schema.tables.columns import Int, binary, integer, key, string, table

head = table(
    "head",
    key(),
    string("store_id"),
    integer("created_us"),
    integer("rehearsal"),  # 1: a rehearsal store, for loopback endpoints only
    integer("epoch"),  # raised by the holder of the run lock; commits with an older epoch fail
    integer("tree_size"),
    binary("root"),
    integer("lost_from_us", null=True),  # a restored copy lacks the runs between these two instants,
    integer("lost_until_us", null=True),  # and does not record what they sent
)
"""One row. A transaction reads and writes it last, so the order of leaves is the order of commits."""

leaf = table("leaf", Column("seq", Int, primary_key=True, autoincrement=False), string("body"))

node = table(
    "node",
    integer("level"),
    integer("position"),
    binary("hash"),
    PrimaryKeyConstraint("level", "position"),
    rowid=False,
)
"""Roots of the complete subtrees of the RFC 6962 tree over ``leaf.body``."""

bound = table("bound", Column("name", Text, primary_key=True), integer("rows"), binary("sum"), rowid=False)
"""Number and sum of the rows of each bound set (``bound_sets``), as the newest leaf about it states them."""

document = table("document", Column("sha256", Text, primary_key=True), string("kind"), string("body"))
"""Settings without secrets, policies and approved rules; each text is stored once."""

pin = table("pin", Column("name", Text, primary_key=True), string("value"), integer("since_us"))
"""Bindings of the store, recorded at first use."""

run = table(
    "run",
    key(),
    string("command"),
    integer("started_us"),
    integer("finished_us", null=True),
    integer("epoch"),
    string("operator"),
    string("host"),
    integer("pid"),
    string("version"),
    string("reason", null=True),
    string("since"),
    string("until"),
    string("settings", "document.sha256"),
    string("policy", "document.sha256"),
    string("policy_version"),
    string("legal_basis"),
    integer("waiting", null=True),  # unsent orders at its end; null: killed, or running
    string("report", null=True),  # the JSON that `run --json` printed
    binary("salt", null=True),
    binary("commitment", null=True),  # under the salt; see bound_sets
)

destination = table(
    "destination",
    key(),
    string("name"),
    string("read_until", null=True),  # every day up to this one was read for it, without a gap
    integer("decided_us", null=True),  # last operator decision about its account; earlier results say nothing about it
    integer("scored_us", null=True),  # last query of its quality scores
    UniqueConstraint("name"),
)
