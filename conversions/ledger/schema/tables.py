"""The tables of the store. Types are portable; in SQLite every table is STRICT.

Instants are integer microseconds UTC (``…_us``) or Unix seconds (``…_at``), days are ISO text in the shop's zone, money
is ``…_minor`` units with a currency and an exponent. Keys are integers that rise: a random key costs five to ten times
an insert. A delivery's key is its sale's followed by its destination's, an event's is its delivery's followed by its
revision: the primary key itself forbids a second one, and no further index is needed to find it.
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
SALT_BYTES = 32
"""Random bytes beside each event: its commitment in the log says nothing of it without them."""
DESTINATION_BITS, REVISION_BITS, SPAN_BITS = 6, 8, 14
MAX_DESTINATIONS, MAX_REVISIONS = 1 << DESTINATION_BITS, 1 << REVISION_BITS

Int = BigInteger().with_variant(Integer, "sqlite")


def delivery_key(sale: int, destination: int) -> int:
    """The key of the delivery of *sale* at *destination*. Raises LedgerError where there is no room."""
    if destination >= MAX_DESTINATIONS:
        raise LedgerError(f"This store has met {MAX_DESTINATIONS - 1} destinations, and has room for no more.")
    return sale << DESTINATION_BITS | destination


def event_key(delivery: int, revision: int) -> int:
    """The key of the event of *delivery* in *revision*. Raises LedgerError where there is no room."""
    if revision >= MAX_REVISIONS:
        raise LedgerError(f"An order has had {MAX_REVISIONS} different events at one destination; look at its source.")
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
    _int("rehearsal"),  # 1: this store has only ever met loopback endpoints, and only ever will
    _int("epoch"),  # raised by whoever holds the run lock; a commit under an older one fails
    _int("tree_size"),
    _bytes("root"),
    _int("lost_from_us", null=True),  # a copy that was restored lacks the runs between these two instants,
    _int("lost_until_us", null=True),  # and does not know what they sent
)
"""One row. Read and written last in a transaction, so that the order of leaves is the order of commits."""

leaf = _table("leaf", Column("seq", Int, primary_key=True, autoincrement=False), _text("body"))
node = _table(
    "node", _int("level"), _int("position"), _bytes("hash"), PrimaryKeyConstraint("level", "position"), rowid=False
)
"""Roots of the complete subtrees of the RFC 6962 tree over ``leaf.body``."""

document = _table("document", Column("sha256", Text, primary_key=True), _text("kind"), _text("body"))
"""Settings without secrets, and policies: each text once."""

pin = _table("pin", Column("name", Text, primary_key=True), _text("value"), _int("since_us"))
"""What the store rests on, recorded at first use."""

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
    _int("waiting", null=True),  # orders that it left to be sent; null: killed, or under way
    _text("report", null=True),  # the JSON that `run --json` printed
)

destination = _table(
    "destination",
    _id(),
    _text("name"),
    _text("read_until", null=True),  # every day up to this one was read for it, without a gap
    _int("decided_us", null=True),  # when a person decided on its account: what was sent before says nothing of it
    _int("scored_us", null=True),  # when it was asked last how it rates what it gets
    UniqueConstraint("name"),
)

sale = _table(
    "sale",
    _id(),
    _text("shop"),
    _text("order_no"),
    _bytes("status", null=True),  # keyed: tells one status that is no finished sale from another; null: it is one
    _int("purchased_us", null=True),  # tells a sale under another number; null: erased, or of an older store
    UniqueConstraint("shop", "order_no"),
)

former_number = _table(
    "former_number",
    _text("shop"),
    _text("order_no"),
    _int("sale", "sale.id"),
    _int("since_us"),
    PrimaryKeyConstraint("shop", "order_no"),
    rowid=False,
)
"""Numbers that a person has said are former ones of the same sale."""

delivery = _table(
    "delivery",
    _id(),
    _int("sale", "sale.id"),
    _int("destination"),
    _int("run"),  # that last read the order
    _text("day"),  # of purchase: control totals go by it
    _text("state"),
    _text("reason", null=True),
    _text("detail", null=True),  # platform, code and field of a refusal
    _int("revision"),
    _text("wire_id", null=True),
    _text("scheme", null=True),  # how wire_id was made
    _int("value_minor", null=True),  # of the event that is open or was sent last
    _text("value_currency", null=True),
    _int("value_exponent", null=True),
    _int("stated_minor"),  # what the source said last: amount minus refunds
    _text("stated_currency"),
    _int("stated_exponent"),
    _int("due_minor", null=True),  # what the platform should hold; null: never to be restated
    _bytes("fingerprint", null=True),
    _int("ready_at", null=True),
    _int("expires_at", null=True),
    _int("attempted"),  # 1: a request has held its newest event, which is frozen
    _int("first_attempt_us", null=True),  # of the attempts that may have been received
    _int("settled_run", null=True),  # in which it was received, refused or expired
    _text("decision", null=True),  # what a person decided: send
    _int("acknowledged_us", null=True),  # when a person took note of what no run mends
    _bytes("subject", null=True),  # whose it is, where it may not be sent and so has no event that says so
    _int("accepted_minor", null=True),  # the unusual amount that a person has said is right
    Index(None, "run", "destination"),
    Index(
        "ix_delivery_person",
        text(f"(id >> {SPAN_BITS + DESTINATION_BITS})"),
        "subject",
        sqlite_where=text("subject IS NOT NULL"),
        postgresql_where=text("subject IS NOT NULL"),
    ),
)
"""No index on the state: it would double the cost of every change of state, for questions asked once a night.

A person is found by one seek for every 16,384 sales (a span): an index on the subject alone would scatter every insert
over all of it, this one keeps them within its newest megabyte.
"""

event = _table(
    "event",
    _id(),
    _int("delivery"),
    _int("revision"),
    _bytes("subject", null=True),  # keyed pseudonym of whose address the bytes hold a digest of
    _bytes("salt", null=True),
    _bytes("bytes", null=True),
    _bytes("commitment", null=True),  # kept when salt and bytes go, so that the log still proves what it holds
    Index(
        "ix_event_person",
        text(f"(id >> {SPAN_BITS + DESTINATION_BITS + REVISION_BITS})"),
        "subject",
        sqlite_where=text("subject IS NOT NULL"),
        postgresql_where=text("subject IS NOT NULL"),
    ),
)
"""Once a request holds it an event is frozen; ``subject``, ``salt`` and ``bytes`` are what erasure removes."""

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
    _text("headers"),  # JSON, without Authorization
    _bytes("prefix"),
    _bytes("suffix"),
    _int("events"),
    _text("policy", "document.sha256"),
    _text("rules"),
    _int("intended_us"),
    _int("answered_us", null=True),
    _text("outcome", null=True),  # null: under way, or the run was killed
    _int("http_status", null=True),
    _text("code", null=True),
    _text("reference", null=True),
    _text("warnings", null=True),
    _int("leaf", "leaf.seq"),
    _int("outcome_leaf", "leaf.seq", null=True),
    _text("verdict", null=True),  # what the platform made of it later: final; null: not yet known, or never told
    _int("ask_at", null=True),  # when to ask for it next
    _int("asked", server_default="0"),  # how often it was asked for
    _int("concluded", null=True),  # events of which the platform has said what became of them
    _int("suspected", null=True),  # of them those that met what may be the account's fault
    _text("suspects", null=True),  # JSON, the reasons of that kind
    Index("ix_request_open", "id", sqlite_where=text("outcome IS NULL"), postgresql_where=text("outcome IS NULL")),
    Index(
        "ix_request_ask", "ask_at", sqlite_where=text("ask_at IS NOT NULL"), postgresql_where=text("ask_at IS NOT NULL")
    ),
)
"""One attempt on the wire: committed before its first byte is written."""

request_event = _table(
    "request_event",
    _int("request", "request.id"),
    _int("position"),
    _int("event"),
    PrimaryKeyConstraint("request", "position"),
    rowid=False,
)

revision = _table(
    "revision",
    _id(),  # of its event
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
"""A restated value of an order that the platform holds; open at most once per order and destination."""

row_rejected = _table(
    "row_rejected",
    _id(),
    _int("run", "run.id"),
    _text("place"),
    _text("reason"),
    _text("order_no", null=True),
    _text("field", null=True),
    _bytes("content", null=True),  # keyed: tells damage that was seen from new damage; gone after the look-back
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
    _text("kind", server_default="objection"),  # objection | withdrawal | erasure
    _text("case_no", null=True),
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
)
"""A person's data, gone (GDPR art. 17); whose is not kept here."""

task = _table(
    "task",
    _id(),
    _int("erasure", "erasure.id"),
    _text("recipient"),
    _text("what"),
    _int("opened_us"),
    _int("closed_us", null=True),
    _text("closed_reason", null=True),
)
"""Telling a recipient of an erasure (GDPR art. 19), open until somebody closes it."""

look = _table(
    "look",
    _id(),
    _int("at_us"),
    _text("operator"),
    _text("purpose"),
    _bytes("subject", null=True),
    _int("leaf", "leaf.seq"),
    Index(None, "subject"),
)
"""Who looked up a person, when and why: itself accessible data."""

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
"""What is left of orders past retention: counts and sums."""

day_read = _table("day_read", Column("day", Text, primary_key=True), _int("orders"), _int("run"))
"""How many orders each day had in the reading that showed most of it; days are the window's."""

judgement_count = _table(
    "judgement_count",
    _int("run", "run.id"),
    _text("reason"),  # empty: all of them
    _int("judged"),
    _int("odd"),  # 1: unusual then, and so no evidence of what is usual
    PrimaryKeyConstraint("run", "reason"),
    rowid=False,
)
"""How many orders and bad rows each run judged anew, and how many of them came to nothing: what is usual here."""

status_word = _table("status_word", Column("word", LargeBinary, primary_key=True), _int("since_us"), rowid=False)
"""Statuses that are no finished sale, keyed, and since when this shop has them; 0: since its first run."""

told = _table(
    "told",
    _text("code"),
    _text("destination"),  # empty: the source
    _text("about"),
    _text("sentence"),
    _int("first_us"),
    _int("told_us", null=True),  # when a run ended with 1 for it; null: gone, and what was accepted stays
    _int("seen_us"),  # when a run found it last
    _int("affected"),  # orders, rows or days, when it was told
    Column("measure", REAL, nullable=False),  # a share from 0 to 1, or a count
    Column("accepted", REAL, nullable=True),  # the measure up to which a person has accepted it
    PrimaryKeyConstraint("code", "destination", "about"),
    rowid=False,
)
"""Findings that a person knows already."""

warning = _table(
    "warning",
    _int("destination"),
    _text("kind"),  # the platform's name for it
    _int("events"),
    _int("first_us"),
    _int("last_us"),
    PrimaryKeyConstraint("destination", "kind"),
    rowid=False,
)
"""What platforms took without some part of it; a bounded number of kinds."""

match_day = _table(
    "match_day",
    _int("destination"),
    _text("day"),  # of purchase
    _int("matched"),
    _int("unmatched"),
    PrimaryKeyConstraint("destination", "day"),
    rowid=False,
)
"""How many orders of a day the platform matched to an ad, of those that it has spoken of: figures without persons."""

score = _table(
    "score",
    _int("destination"),
    _text("name"),
    Column("value", REAL, nullable=False),
    _int("at_us"),
    PrimaryKeyConstraint("destination", "name"),
    rowid=False,
)
"""How a platform rates what it gets, as it said last."""

level = _table(
    "level",
    _text("currency"),
    _bytes("product"),  # 8 bytes, keyed: a product, or several together; empty: the whole shop
    _bytes("amounts"),  # of its latest orders: 16 bits each, hundredths of a decimal logarithm
    _text("seen"),  # the day of the run that taught it last
    PrimaryKeyConstraint("currency", "product"),
    rowid=False,
)
"""What is usually paid: figures without persons."""

deviation = _table(
    "deviation",
    _text("currency"),
    _text("basis"),  # product | shop | withheld
    _int("tenths"),  # of a decimal logarithm, from the level
    _int("orders"),
    PrimaryKeyConstraint("currency", "basis", "tenths"),
    rowid=False,
)
"""How many orders lay how far from their level."""

open_shift = _table("open_shift", Column("currency", Text, primary_key=True), _int("power"), rowid=False)
"""Orders near this power of ten stopped the last night: they do so until they are mended or accepted."""

latest_amount = _table(
    "latest_amount",
    _id(),  # rises in the order of the looks
    _int("sale", null=True),  # null: bought before the first night
    _text("currency"),
    _int("deviation"),  # hundredths of a decimal logarithm
    _text("basis"),
    _int("odd"),  # 1: withheld alone
    UniqueConstraint("sale"),
)
"""The latest new orders of each currency, that are looked at together over several nights."""
