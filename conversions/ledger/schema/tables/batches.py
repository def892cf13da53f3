"""Tables of what leaves: events in sealed batches, and the requests that take them."""

from sqlalchemy import Column, ForeignKey, Index, PrimaryKeyConstraint, text

from conversions.ledger.schema.tables.columns import (
    DESTINATION_BITS,
    REVISION_BITS,
    SPAN_BITS,
    Int,
    binary,
    integer,
    key,
    string,
    table,
)

OPEN_BATCH = "state IN ('pending', 'in_flight')"

batch = table(
    "batch",
    key(),
    integer("run", "run.id"),  # the run that sealed it
    integer("read_run"),  # the last run that read one of its unsent orders
    integer("destination"),
    string("day"),  # of purchase
    integer("events"),
    integer("objection"),  # highest number in the suppression list when its events were compared with the list
    integer("request", "request.id", null=True),  # the newest request that names it; null: none, so it can be deleted
    string("state", server_default="pending"),  # pending | in_flight | received: of its orders without an exception
    string("verdicts", null=True),  # a letter a position (``ledger.standing.verdicts``); null: no late result
    integer("regular", server_default="0"),  # its orders without an exception: counted, and no guard reads it
    integer("ready_at", null=True),  # the least of these orders
    integer("expires_at", null=True),  # of each of them
    integer("attempted", server_default="0"),  # this and the next two: as in ``exception``, for these orders
    integer("first_attempt_us", null=True),
    integer("settled_run", null=True),
    Index(None, "read_run", "destination"),
    Index(None, "day"),
    Index("ix_batch_open", "id", sqlite_where=text(OPEN_BATCH), postgresql_where=text(OPEN_BATCH)),
)
"""Events of one purchase day that are to leave together for one destination, and how their orders stand."""

blob = table(
    "blob",
    Column("batch", Int, ForeignKey("batch.id"), primary_key=True, autoincrement=False),
    integer("form"),  # of salts and commitments; see ``ledger.batches.form``
    binary("members"),  # keys of the events, by position
    binary("amounts"),  # their values
    binary("sizes"),  # of their bytes
    binary("salts"),
    binary("bytes", null=True),  # joined and compressed; null: all erased
)
"""The contents of a batch. Nothing changes but for erasure: a place keeps its size and its commitment."""

fingerprint = table(
    "fingerprint",
    Column("batch", Int, ForeignKey("batch.id"), primary_key=True, autoincrement=False),
    binary("digests"),  # 8 bytes a position; zeros where the event is erased
)
"""What each event of a batch was made of: tells whether the source has changed an order since."""

event = table("event", key(), integer("place"))
"""Where the bytes of an event are. An event is frozen once a request contains it."""

earlier_person = table(
    "earlier_person",
    Column("event", Int, primary_key=True, autoincrement=False),
    binary("subject", null=True),  # null: erased
    Index(
        "ix_earlier_person",
        text(f"(event >> {SPAN_BITS + DESTINATION_BITS + REVISION_BITS})"),
        "subject",
        sqlite_where=text("subject IS NOT NULL"),
        postgresql_where=text("subject IS NOT NULL"),
    ),
)
"""Buyers of events whose sale has another buyer since."""

request = table(
    "request",
    key(),
    integer("run", "run.id"),
    integer("destination", "destination.id"),
    integer("parent", "request.id", null=True),
    string("purpose"),  # first | retry | resend | rest | half | alone | restate | probe
    integer("attempt"),
    string("recipient"),
    string("url"),
    string("route", null=True),  # JSON: proxy and digest of additional authorities; null: directly
    string("headers"),  # JSON, without Authorization
    binary("prefix"),
    binary("suffix"),
    integer("events"),
    string("policy", "document.sha256"),
    string("rules"),
    integer("intended_us"),
    integer("answered_us", null=True),
    string("outcome", null=True),  # null: in flight, or the run was killed
    integer("http_status", null=True),
    string("code", null=True),
    string("reference", null=True),
    string("warnings", null=True),
    integer("leaf", "leaf.seq"),
    integer("outcome_leaf", "leaf.seq", null=True),
    string("verdict", null=True),  # late result, final; null: not yet known, or never reported
    integer("ask_at", null=True),  # next query of the late result
    integer("asked", server_default="0"),  # number of queries
    integer("concluded", null=True),  # events with a late result
    integer("suspected", null=True),  # of these, the ones with a reason that may be the account's fault
    string("suspects", null=True),  # JSON: these reasons
    Index("ix_request_open", "id", sqlite_where=text("outcome IS NULL"), postgresql_where=text("outcome IS NULL")),
    Index(
        "ix_request_ask", "ask_at", sqlite_where=text("ask_at IS NOT NULL"), postgresql_where=text("ask_at IS NOT NULL")
    ),
)
"""One attempt to send: committed before the first byte leaves."""

request_part = table(
    "request_part",
    integer("request", "request.id"),
    integer("first"),  # position of its first event in the request
    integer("place"),  # of its first event
    integer("events"),
    PrimaryKeyConstraint("request", "first"),
    Index(None, "place"),
    rowid=False,
)
"""The events of a request, in the order of the wire: places that follow each other in one batch are one part."""
