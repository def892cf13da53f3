"""Tables of orders: what the source said of them, how they stand, and how they were judged."""

from sqlalchemy import Index, PrimaryKeyConstraint, UniqueConstraint, text

from conversions.ledger.schema.tables.columns import SPAN_BITS, binary, integer, key, string, table

sale = table(
    "sale",
    key(),
    string("shop"),
    string("order_no"),
    binary("status", null=True),  # keyed digest of a status that is not a finished sale; null: a finished sale
    string("shown_no", null=True),  # the number that people see, where it is not order_no
    integer("purchased_us", null=True),  # finds a sale under another order number; null: erased, or from an older store
    integer("first_run", null=True),  # the run that read it first; null: from an older store
    integer("erased_us", null=True),
    binary("subject", null=True),  # keyed pseudonym of the buyer, by the newest event or reading; null: erased, unknown
    integer("minor", null=True),  # what the source states: the value of each delivery without an exception;
    string("currency", null=True),  # null: erased, or from an older store
    integer("exponent", null=True),
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

former_number = table(
    "former_number",
    string("shop"),
    string("order_no"),
    integer("sale", "sale.id"),
    integer("since_us"),
    integer("last_run", null=True),  # the last run in which it was the sale's number; null: it never was, or not known
    PrimaryKeyConstraint("shop", "order_no"),
    Index(None, "sale"),
    rowid=False,
)
"""Former order numbers of a sale, as an operator has stated."""

delivery_place = table("delivery_place", key(), integer("place", null=True))
"""Every order at every destination. With a place it stands as the batch of that place says; without, it has an
exception.
"""

OPEN = "state IN ('pending', 'deferred', 'unknown', 'in_flight')"

PROBLEM = "state IN ('quarantined', 'rejected', 'expired', 'unknown') OR reason IN ('account_setup', 'unusual_amount')"
"""Conditions of partial indexes: a query uses the index where it has the same words."""

exception = table(
    "exception",
    key(),  # the key of the delivery
    integer("run"),  # the last run that read the order
    string("day"),  # of purchase; control totals are per day
    string("state"),
    string("reason", null=True),
    string("detail", null=True),  # platform, code and field of a refusal
    integer("revision"),
    string("wire_id", null=True),  # of an erased order, so that its recipients can find it; else it is in the event
    integer("value_minor", null=True),  # of the open event, or of the event that was sent last
    string("value_currency", null=True),
    integer("value_exponent", null=True),
    integer("stated_minor"),  # last value in the source: amount minus refunds
    string("stated_currency"),
    integer("stated_exponent"),
    integer("due_minor", null=True),  # the value the platform should have; null: never restated
    binary("fingerprint", null=True),
    integer("ready_at", null=True),
    integer("expires_at", null=True),
    integer("attempted"),  # 1: a request contains its newest event, which is frozen
    integer("first_attempt_us", null=True),  # of the attempts that the platform may have received
    integer("settled_run", null=True),  # the run in which it was received, refused or expired
    string("decision", null=True),  # of an operator: send
    integer("acknowledged_us", null=True),  # when an operator acknowledged a state that no run resolves
    integer("accepted_minor", null=True),  # an unusual amount that an operator has accepted
    integer("judged_run", null=True),  # the first run that read the order and judged it as the last one did
    Index("ix_exception_open", "id", sqlite_where=text(OPEN), postgresql_where=text(OPEN)),
    Index("ix_exception_problem", "id", sqlite_where=text(PROBLEM), postgresql_where=text(PROBLEM)),
)
"""Orders that stand otherwise than their batch says, or that are in none: withheld, rejected, unknown, restated, …"""

reading = table(
    "reading",
    integer("run", "run.id"),
    integer("page"),
    integer("destinations"),  # bit n: the destination with the key n
    binary("sales"),  # see ``ledger.standing.readings``
    PrimaryKeyConstraint("run", "page"),
    rowid=False,
)
"""The sales that each run read: I7 counts what became of them, and a sale that was read lately is kept."""

decision = table(
    "decision",
    key(),
    integer("delivery"),
    string("decision"),  # send | give-up | acknowledge
    integer("at_us", null=True),  # null: before schema 0006, as are these two
    string("operator", null=True),
    string("reason", null=True),
    binary("salt", null=True),
    binary("commitment", null=True),  # under the salt; see bound_sets
    Index(None, "delivery"),
)
"""What an operator has decided about one order at one destination."""

judgement = table(
    "judgement",
    key(),
    integer("delivery", null=True),  # null: the order is erased or past retention, and the commitment is left
    string("from_state", null=True),  # null: no earlier judgement
    string("from_reason", null=True),
    string("to_state"),
    string("to_reason", null=True),
    string("rules"),  # first digits of the digest of the approved rules
    string("policy_version"),
    integer("run", "run.id", null=True),  # null: an operator
    integer("at_us"),
    binary("salt", null=True),
    binary("commitment", null=True),  # of a blanked row
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

revision = table(
    "revision",
    key(),  # the key of its event
    integer("delivery"),
    integer("run"),
    string("state"),  # pending | in_flight | unknown | received | rejected | withheld
    string("detail", null=True),
    integer("unconfirmed", server_default="0"),  # 1: ended without an answer; the platform may hold either value
    integer("old_minor"),
    string("old_currency"),
    integer("old_exponent"),
    integer("new_minor"),
    string("new_currency"),
    integer("new_exponent"),
    integer("first_attempt_us", null=True),
    integer("expires_at"),
    Index(
        "uq_revision_open",
        "delivery",
        unique=True,
        sqlite_where=text("state IN ('pending', 'in_flight', 'unknown')"),
        postgresql_where=text("state IN ('pending', 'in_flight', 'unknown')"),
    ),
)
"""A restated value of an order that the platform has; at most one is open per order and destination."""

row_rejected = table(
    "row_rejected",
    key(),
    integer("run", "run.id"),
    string("place"),
    string("reason"),
    string("order_no", null=True),
    string("field", null=True),
    binary("content", null=True),  # keyed digest: tells a known bad row from a new one; deleted after the look-back
    Index(None, "run"),
    Index(
        "ix_row_rejected_content",
        "content",
        sqlite_where=text("content IS NOT NULL"),
        postgresql_where=text("content IS NOT NULL"),
    ),
)
