"""The tables of the store. Types are portable; in SQLite every table is STRICT.

Instants are integer microseconds UTC (``…_us``) or Unix seconds (``…_at``), days are ISO text in the shop's zone, money
is ``…_minor`` units with a currency and an exponent. Keys are integers that rise, because an insert under a random key
costs five to ten times as much. The key of a delivery is the sale's key and the destination's key; the key of an event
is the delivery's key and the revision: the primary key forbids duplicates and needs no further index. The place of an
event is the key of its batch and its position there.
"""

from typing import Any

from sqlalchemy import (
    REAL,
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from conversions.errors import LedgerError

metadata = MetaData(
    naming_convention={"ix": "ix_%(table_name)s_%(column_0_N_name)s", "uq": "uq_%(table_name)s_%(column_0_N_name)s"}
)
DESTINATION_BITS, REVISION_BITS, SPAN_BITS, POSITION_BITS = 6, 8, 14, 12
MAX_DESTINATIONS, MAX_REVISIONS, MAX_POSITIONS = 1 << DESTINATION_BITS, 1 << REVISION_BITS, 1 << POSITION_BITS
SALE_OF_EVENT = DESTINATION_BITS + REVISION_BITS
"""The key of an event, shifted right by so many bits, is the key of its sale."""

Int = BigInteger().with_variant(Integer, "sqlite")


def event_key(delivery: int, revision: int) -> int:
    """Key of the event of *delivery* in *revision*. Raises LedgerError where no key is left."""
    if revision >= MAX_REVISIONS:
        raise LedgerError(f"An order has had {MAX_REVISIONS} different events at one destination; check its source.")
    return delivery << REVISION_BITS | revision


def _table(name: str, *items: Any, rowid: bool = True) -> Table:
    return Table(name, metadata, *items, sqlite_strict=True, sqlite_with_rowid=rowid)


def _id() -> Column[int]:
    return Column("id", Int, primary_key=True)


def _int(name: str, to: str | None = None, *, null: bool = False, server_default: str | None = None) -> Column[int]:
    return Column(name, Int, *([ForeignKey(to)] if to else []), nullable=null, server_default=server_default)


def _text(name: str, to: str | None = None, *, null: bool = False, server_default: str | None = None) -> Column[str]:
    return Column(name, Text, *([ForeignKey(to)] if to else []), nullable=null, server_default=server_default)


def _bytes(name: str, *, null: bool = False) -> Column[bytes]:
    return Column(name, LargeBinary, nullable=null)


head = _table(
    "head",
    _id(),
    _text("store_id"),
    _int("created_us"),
    _int("rehearsal"),  # 1: a rehearsal store, for loopback endpoints only
    _int("epoch"),  # raised by the holder of the run lock; commits with an older epoch fail
    _int("tree_size"),
    _bytes("root"),
    _int("lost_from_us", null=True),  # a restored copy lacks the runs between these two instants,
    _int("lost_until_us", null=True),  # and does not record what they sent
)
"""One row. A transaction reads and writes it last, so the order of leaves is the order of commits."""

leaf = _table("leaf", Column("seq", Int, primary_key=True, autoincrement=False), _text("body"))
node = _table(
    "node", _int("level"), _int("position"), _bytes("hash"), PrimaryKeyConstraint("level", "position"), rowid=False
)
"""Roots of the complete subtrees of the RFC 6962 tree over ``leaf.body``."""

bound = _table("bound", Column("name", Text, primary_key=True), _int("rows"), _bytes("sum"), rowid=False)
"""Number and sum of the rows of each bound set (``bound_sets``), as the newest leaf about it states them."""

document = _table("document", Column("sha256", Text, primary_key=True), _text("kind"), _text("body"))
"""Settings without secrets, policies and approved rules; each text is stored once."""

pin = _table("pin", Column("name", Text, primary_key=True), _text("value"), _int("since_us"))
"""Bindings of the store, recorded at first use."""

run = _table(
    "run",
    _id(),
    _text("command"),
    _int("started_us"),
    _int("finished_us", null=True),
    _int("epoch"),
    _text("operator"),
    _text("host"),
    _int("pid"),
    _text("version"),
    _text("reason", null=True),
    _text("since"),
    _text("until"),
    _text("settings", "document.sha256"),
    _text("policy", "document.sha256"),
    _text("policy_version"),
    _text("legal_basis"),
    _int("waiting", null=True),  # unsent orders at its end; null: killed, or running
    _text("report", null=True),  # the JSON that `run --json` printed
    _bytes("salt", null=True),
    _bytes("commitment", null=True),  # under the salt; see bound_sets
)

destination = _table(
    "destination",
    _id(),
    _text("name"),
    _text("read_until", null=True),  # every day up to this one was read for it, without a gap
    _int("decided_us", null=True),  # last operator decision about its account; earlier results say nothing about it
    _int("scored_us", null=True),  # last query of its quality scores
    UniqueConstraint("name"),
)

sale = _table(
    "sale",
    _id(),
    _text("shop"),
    _text("order_no"),
    _bytes("status", null=True),  # keyed digest of a status that is not a finished sale; null: a finished sale
    _text("shown_no", null=True),  # the number that people see, where it is not order_no
    _int("purchased_us", null=True),  # finds a sale under another order number; null: erased, or from an older store
    _int("first_run", null=True),  # the run that read it first; null: from an older store
    _int("erased_us", null=True),
    _bytes("subject", null=True),  # keyed pseudonym of the buyer, by the newest event or reading; null: erased, unknown
    _int("minor", null=True),  # what the source states: the value of each delivery without an exception;
    _text("currency", null=True),  # null: erased, or from an older store
    _int("exponent", null=True),
    UniqueConstraint("shop", "order_no"),
    Index(
        "ix_sale_person",
        text(f"(id >> {SPAN_BITS})"),
        "subject",
        sqlite_where=text("subject IS NOT NULL"),
        postgresql_where=text("subject IS NOT NULL"),
    ),
)
"""A query for a person needs one seek per 16,384 sales (a span). An index on the subject alone would scatter inserts
over the whole index; this one keeps them within its newest megabyte.
"""

former_number = _table(
    "former_number",
    _text("shop"),
    _text("order_no"),
    _int("sale", "sale.id"),
    _int("since_us"),
    _int("last_run", null=True),  # the last run in which it was the sale's number; null: it never was, or not known
    PrimaryKeyConstraint("shop", "order_no"),
    Index(None, "sale"),
    rowid=False,
)
"""Former order numbers of a sale, as an operator has stated."""

delivery_place = _table("delivery_place", _id(), _int("place", null=True))
"""Every order at every destination. With a place it stands as the batch of that place says; without, it has an
exception.
"""

OPEN = "state IN ('pending', 'deferred', 'unknown', 'in_flight')"
PROBLEM = "state IN ('quarantined', 'rejected', 'expired', 'unknown') OR reason IN ('account_setup', 'unusual_amount')"
"""Conditions of partial indexes: a query uses the index where it has the same words."""
exception = _table(
    "exception",
    _id(),  # the key of the delivery
    _int("run"),  # the last run that read the order
    _text("day"),  # of purchase; control totals are per day
    _text("state"),
    _text("reason", null=True),
    _text("detail", null=True),  # platform, code and field of a refusal
    _int("revision"),
    _text("wire_id", null=True),  # of an erased order, so that its recipients can find it; else it is in the event
    _int("value_minor", null=True),  # of the open event, or of the event that was sent last
    _text("value_currency", null=True),
    _int("value_exponent", null=True),
    _int("stated_minor"),  # last value in the source: amount minus refunds
    _text("stated_currency"),
    _int("stated_exponent"),
    _int("due_minor", null=True),  # the value the platform should have; null: never restated
    _bytes("fingerprint", null=True),
    _int("ready_at", null=True),
    _int("expires_at", null=True),
    _int("attempted"),  # 1: a request contains its newest event, which is frozen
    _int("first_attempt_us", null=True),  # of the attempts that the platform may have received
    _int("settled_run", null=True),  # the run in which it was received, refused or expired
    _text("decision", null=True),  # of an operator: send
    _int("acknowledged_us", null=True),  # when an operator acknowledged a state that no run resolves
    _int("accepted_minor", null=True),  # an unusual amount that an operator has accepted
    _int("judged_run", null=True),  # the first run that read the order and judged it as the last one did
    Index("ix_exception_open", "id", sqlite_where=text(OPEN), postgresql_where=text(OPEN)),
    Index("ix_exception_problem", "id", sqlite_where=text(PROBLEM), postgresql_where=text(PROBLEM)),
)
"""Orders that stand otherwise than their batch says, or that are in none: withheld, rejected, unknown, restated, …"""

reading = _table(
    "reading",
    _int("run", "run.id"),
    _int("page"),
    _int("destinations"),  # bit n: the destination with the key n
    _bytes("sales"),  # see ``ledger.standing.readings``
    PrimaryKeyConstraint("run", "page"),
    rowid=False,
)
"""The sales that each run read: I7 counts what became of them, and a sale that was read lately is kept."""

decision = _table(
    "decision",
    _id(),
    _int("delivery"),
    _text("decision"),  # send | give-up | acknowledge
    _int("at_us", null=True),  # null: before schema 0006, as are these two
    _text("operator", null=True),
    _text("reason", null=True),
    _bytes("salt", null=True),
    _bytes("commitment", null=True),  # under the salt; see bound_sets
    Index(None, "delivery"),
)
"""What an operator has decided about one order at one destination."""

OPEN_BATCH = "state IN ('pending', 'in_flight')"
batch = _table(
    "batch",
    _id(),
    _int("run", "run.id"),  # the run that sealed it
    _int("read_run"),  # the last run that read one of its unsent orders
    _int("destination"),
    _text("day"),  # of purchase
    _int("events"),
    _int("objection"),  # highest number in the suppression list when its events were compared with the list
    _int("request", "request.id", null=True),  # the newest request that names it; null: none, so it can be deleted
    _text("state", server_default="pending"),  # pending | in_flight | received: of its orders without an exception
    _text("verdicts", null=True),  # a letter a position (``ledger.standing.verdicts``); null: no late result
    _int("regular", server_default="0"),  # its orders without an exception: counted, and no guard reads it
    _int("ready_at", null=True),  # the least of these orders
    _int("expires_at", null=True),  # of each of them
    _int("attempted", server_default="0"),  # this and the next two: as in ``exception``, for these orders
    _int("first_attempt_us", null=True),
    _int("settled_run", null=True),
    Index(None, "read_run", "destination"),
    Index(None, "day"),
    Index("ix_batch_open", "id", sqlite_where=text(OPEN_BATCH), postgresql_where=text(OPEN_BATCH)),
)
"""Events of one purchase day that are to leave together for one destination, and how their orders stand."""

blob = _table(
    "blob",
    Column("batch", Int, ForeignKey("batch.id"), primary_key=True, autoincrement=False),
    _int("form"),  # of salts and commitments; see ``ledger.batches.form``
    _bytes("members"),  # keys of the events, by position
    _bytes("amounts"),  # their values
    _bytes("sizes"),  # of their bytes
    _bytes("salts"),
    _bytes("bytes", null=True),  # joined and compressed; null: all erased
)
"""The contents of a batch. Nothing changes but for erasure: a place keeps its size and its commitment."""

fingerprint = _table(
    "fingerprint",
    Column("batch", Int, ForeignKey("batch.id"), primary_key=True, autoincrement=False),
    _bytes("digests"),  # 8 bytes a position; zeros where the event is erased
)
"""What each event of a batch was made of: tells whether the source has changed an order since."""

event = _table("event", _id(), _int("place"))
"""Where the bytes of an event are. An event is frozen once a request contains it."""

earlier_person = _table(
    "earlier_person",
    Column("event", Int, primary_key=True, autoincrement=False),
    _bytes("subject", null=True),  # null: erased
    Index(
        "ix_earlier_person",
        text(f"(event >> {SPAN_BITS + DESTINATION_BITS + REVISION_BITS})"),
        "subject",
        sqlite_where=text("subject IS NOT NULL"),
        postgresql_where=text("subject IS NOT NULL"),
    ),
)
"""Buyers of events whose sale has another buyer since."""

judgement = _table(
    "judgement",
    _id(),
    _int("delivery", null=True),  # null: the order is erased or past retention, and the commitment is left
    _text("from_state", null=True),  # null: no earlier judgement
    _text("from_reason", null=True),
    _text("to_state"),
    _text("to_reason", null=True),
    _text("rules"),  # first digits of the digest of the approved rules
    _text("policy_version"),
    _int("run", "run.id", null=True),  # null: an operator
    _int("at_us"),
    _bytes("salt", null=True),
    _bytes("commitment", null=True),  # of a blanked row
    Index(
        "ix_judgement_delivery",
        "delivery",
        sqlite_where=text("delivery IS NOT NULL"),
        postgresql_where=text("delivery IS NOT NULL"),
    ),
)
"""The history: one row where an order's state or reason changed against sending, or changed from such a row.

How long it stayed so is the ``run`` of the exception, the last one that read the order. A leaf of kind ``judgements``
has the root of each transaction's rows.
"""

request = _table(
    "request",
    _id(),
    _int("run", "run.id"),
    _int("destination", "destination.id"),
    _int("parent", "request.id", null=True),
    _text("purpose"),  # first | retry | resend | rest | half | alone | restate | probe
    _int("attempt"),
    _text("recipient"),
    _text("url"),
    _text("route", null=True),  # JSON: proxy and digest of additional authorities; null: directly
    _text("headers"),  # JSON, without Authorization
    _bytes("prefix"),
    _bytes("suffix"),
    _int("events"),
    _text("policy", "document.sha256"),
    _text("rules"),
    _int("intended_us"),
    _int("answered_us", null=True),
    _text("outcome", null=True),  # null: in flight, or the run was killed
    _int("http_status", null=True),
    _text("code", null=True),
    _text("reference", null=True),
    _text("warnings", null=True),
    _int("leaf", "leaf.seq"),
    _int("outcome_leaf", "leaf.seq", null=True),
    _text("verdict", null=True),  # late result, final; null: not yet known, or never reported
    _int("ask_at", null=True),  # next query of the late result
    _int("asked", server_default="0"),  # number of queries
    _int("concluded", null=True),  # events with a late result
    _int("suspected", null=True),  # of these, the ones with a reason that may be the account's fault
    _text("suspects", null=True),  # JSON: these reasons
    Index("ix_request_open", "id", sqlite_where=text("outcome IS NULL"), postgresql_where=text("outcome IS NULL")),
    Index(
        "ix_request_ask", "ask_at", sqlite_where=text("ask_at IS NOT NULL"), postgresql_where=text("ask_at IS NOT NULL")
    ),
)
"""One attempt to send: committed before the first byte leaves."""

request_part = _table(
    "request_part",
    _int("request", "request.id"),
    _int("first"),  # position of its first event in the request
    _int("place"),  # of its first event
    _int("events"),
    PrimaryKeyConstraint("request", "first"),
    Index(None, "place"),
    rowid=False,
)
"""The events of a request, in the order of the wire: places that follow each other in one batch are one part."""

revision = _table(
    "revision",
    _id(),  # the key of its event
    _int("delivery"),
    _int("run"),
    _text("state"),  # pending | in_flight | unknown | received | rejected | withheld
    _text("detail", null=True),
    _int("unconfirmed", server_default="0"),  # 1: ended without an answer; the platform may hold either value
    _int("old_minor"),
    _text("old_currency"),
    _int("old_exponent"),
    _int("new_minor"),
    _text("new_currency"),
    _int("new_exponent"),
    _int("first_attempt_us", null=True),
    _int("expires_at"),
    Index(
        "uq_revision_open",
        "delivery",
        unique=True,
        sqlite_where=text("state IN ('pending', 'in_flight', 'unknown')"),
        postgresql_where=text("state IN ('pending', 'in_flight', 'unknown')"),
    ),
)
"""A restated value of an order that the platform has; at most one is open per order and destination."""

row_rejected = _table(
    "row_rejected",
    _id(),
    _int("run", "run.id"),
    _text("place"),
    _text("reason"),
    _text("order_no", null=True),
    _text("field", null=True),
    _bytes("content", null=True),  # keyed digest: tells a known bad row from a new one; deleted after the look-back
    Index(None, "run"),
    Index(
        "ix_row_rejected_content",
        "content",
        sqlite_where=text("content IS NOT NULL"),
        postgresql_where=text("content IS NOT NULL"),
    ),
)

objection = _table(
    "objection",
    _id(),
    _bytes("subject"),
    _int("since_us"),
    _text("reason", null=True),
    _int("removed_us", null=True),
    _text("removed_reason", null=True),
    _text("kind", server_default="objection"),  # objection | withdrawal | restriction | erasure
    _text("case_no", null=True),
    _int("person", null=True),  # the first entry of the same person, whom a rotated key gave another subject
    _bytes("salt", null=True),
    _bytes("commitment", null=True),  # under the salt; see bound_sets
    Index(
        "uq_objection_in_force",
        "subject",
        "kind",
        unique=True,
        sqlite_where=text("removed_us IS NULL"),
        postgresql_where=text("removed_us IS NULL"),
    ),
)

erasure = _table(
    "erasure",
    _id(),
    _text("case_no"),
    _int("at_us"),
    _text("operator"),
    _int("events"),
    _int("leaf", "leaf.seq"),
    _int("entry", null=True),  # the person's entry in the suppression list
    _bytes("salt", null=True),
    _bytes("commitment", null=True),  # under the salt; see bound_sets
)
"""An erasure of a person's data (GDPR art. 17)."""

scrub = _table(
    "scrub",
    _id(),
    _int("at_us"),
    _text("why"),  # erasure | retention
)
"""Deletions of data whose traces may be left in the store's files; a row goes once the files are searched."""

rectification = _table(
    "rectification",
    _id(),
    _bytes("corrected", null=True),  # subject under the right address; null: erased, or none of its orders is kept
    _text("case_no"),
    _int("at_us"),
    _text("operator"),
    _int("orders"),
    _int("leaf", "leaf.seq"),
    _bytes("salt", null=True),
    _bytes("commitment", null=True),  # under the salt; see bound_sets
)
"""A rectification of an address (GDPR art. 16): orders of one person had the address of another."""

rectified_order = _table(
    "rectified_order",
    _int("rectification", "rectification.id"),
    _int("sale", "sale.id"),
    _bytes("wrong", null=True),  # subject under the wrong address; null: erased
    _bytes("salt", null=True),
    _bytes("commitment", null=True),  # under the salt; see bound_sets
    PrimaryKeyConstraint("rectification", "sale"),
    Index(None, "sale"),
    rowid=False,
)
"""Orders of a rectification. Nothing of theirs is sent under the wrong address any more."""

task = _table(
    "task",
    _id(),
    _int("erasure", "erasure.id", null=True),  # either this, or
    _int("rectification", "rectification.id", null=True),
    _text("recipient"),
    _text("what"),  # erase | rectify
    _int("opened_us"),
    _int("closed_us", null=True),
    _text("closed_reason", null=True),
    _bytes("salt", null=True),
    _bytes("commitment", null=True),  # under the salt; see bound_sets
)
"""Recipient notice: tell a recipient of an erasure or a rectification (GDPR art. 19); open until it is closed."""

look = _table(
    "look",
    _id(),
    _int("at_us"),
    _text("operator"),
    _text("purpose"),
    _bytes("subject", null=True),
    _int("leaf", "leaf.seq"),
    _text("kind", server_default="person"),  # person | people | order | request | export | bundle
    _text("about", null=True),  # a request's number, or the form and the days of a file
    _int("sale", null=True),  # of an order; null: another kind, or erased
    _text("case_no", null=True),
    _bytes("salt", null=True),
    _bytes("commitment", null=True),  # under the salt; see bound_sets
    Index(None, "subject"),
)
"""Access log: who looked at a person or at sent data, when and why; part of the answer to an access request."""

history = _table(
    "history",
    _id(),
    _text("day"),
    _int("destination", "destination.id"),
    _text("state"),
    _text("reason", null=True),
    _text("currency"),
    _int("exponent"),
    _int("orders"),
    _int("minor"),
    Index(None, "day"),
)
"""Counts and sums of orders past retention."""

day_read = _table("day_read", Column("day", Text, primary_key=True), _int("orders"), _int("run"))
"""Highest number of orders that any run has read of each day; days are the window's."""

judgement_count = _table(
    "judgement_count",
    _int("run", "run.id"),
    _text("reason"),  # empty: all reasons
    _int("judged"),
    _int("odd"),  # 1: anomalous, so not part of the usual share
    PrimaryKeyConstraint("run", "reason"),
    rowid=False,
)
"""Orders and bad rows that each run evaluated anew, and how many it withheld per reason: the usual share."""

status_word = _table("status_word", Column("word", LargeBinary, primary_key=True), _int("since_us"), rowid=False)
"""Keyed digests of statuses that are not a finished sale, and when each appeared first; 0: in the first run."""

told = _table(
    "told",
    _text("code"),
    _text("destination"),  # empty: the source
    _text("about"),
    _text("sentence"),
    _int("first_us"),
    _int("told_us", null=True),  # when a run exited with 1 for it; null: not present now, only its acceptance is kept
    _int("seen_us"),  # last run that found it
    _int("affected"),  # orders, rows or days, when it was reported
    Column("measure", REAL, nullable=False),  # a share from 0 to 1, or a count
    Column("accepted", REAL, nullable=True),  # the measure up to which an operator has accepted it
    PrimaryKeyConstraint("code", "destination", "about"),
    rowid=False,
)
"""Findings that the operator knows already."""

warning = _table(
    "warning",
    _int("destination"),
    _text("kind"),  # the platform's name of the warning
    _int("events"),
    _int("first_us"),
    _int("last_us"),
    PrimaryKeyConstraint("destination", "kind"),
    rowid=False,
)
"""Platform warnings about events that were accepted in part; the number of kinds is bounded."""

match_day = _table(
    "match_day",
    _int("destination"),
    _text("day"),  # of purchase
    _int("matched"),
    _int("unmatched"),
    PrimaryKeyConstraint("destination", "day"),
    rowid=False,
)
"""Orders per day that the platform reported as matched or unmatched to an ad; no personal data."""

score = _table(
    "score",
    _int("destination"),
    _text("name"),
    Column("value", REAL, nullable=False),
    _int("at_us"),
    PrimaryKeyConstraint("destination", "name"),
    rowid=False,
)
"""The latest quality scores of a platform."""

level = _table(
    "level",
    _text("currency"),
    _bytes("product"),  # keyed digest, 8 bytes: a product or a set of products; empty: the whole shop
    _bytes("amounts"),  # of its latest orders: 16 bits each, hundredths of a decimal logarithm
    _text("seen"),  # day of the run that added to it last
    PrimaryKeyConstraint("currency", "product"),
    rowid=False,
)
"""Usual amounts per product; no personal data."""

deviation = _table(
    "deviation",
    _text("currency"),
    _text("basis"),  # product | shop | withheld
    _int("tenths"),  # of a decimal logarithm: distance from the usual amount
    _int("orders"),
    PrimaryKeyConstraint("currency", "basis", "tenths"),
    rowid=False,
)
"""Number of orders per distance from their usual amount."""

open_shift = _table("open_shift", Column("currency", Text, primary_key=True), _int("power"), rowid=False)
"""Orders off by about this power of ten stopped the last run, and stop runs until they are corrected or accepted."""

latest_amount = _table(
    "latest_amount",
    _id(),  # rises in the order in which runs read them
    _int("sale", null=True),  # null: bought before the first run
    _text("currency"),
    _int("deviation"),  # hundredths of a decimal logarithm
    _text("basis"),
    _int("odd"),  # 1: withheld on its own
    UniqueConstraint("sale"),
)
"""The latest new orders of each currency, which the amount check compares over several runs."""
