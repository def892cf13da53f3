"""Tables of the people whose data these are: what they asked for, and who looked at their data."""

from sqlalchemy import Index, PrimaryKeyConstraint, text

from conversions.ledger.schema.tables.columns import binary, integer, key, string, table

objection = table(
    "objection",
    key(),
    binary("subject"),
    integer("since_us"),
    string("reason", null=True),
    integer("removed_us", null=True),
    string("removed_reason", null=True),
    string("kind", server_default="objection"),  # objection | withdrawal | restriction | erasure
    string("case_no", null=True),
    integer("person", null=True),  # the person's first entry, where it is under the subject of a former key
    binary("salt", null=True),
    binary("commitment", null=True),  # under the salt; see bound_sets
    Index(
        "uq_objection_in_force",
        "subject",
        "kind",
        unique=True,
        sqlite_where=text("removed_us IS NULL"),
        postgresql_where=text("removed_us IS NULL"),
    ),
)

erasure = table(
    "erasure",
    key(),
    string("case_no"),
    integer("at_us"),
    string("operator"),
    integer("events"),
    integer("leaf", "leaf.seq"),
    integer("entry", null=True),  # the person's entry in the suppression list
    binary("salt", null=True),
    binary("commitment", null=True),  # under the salt; see bound_sets
)
"""An erasure of a person's data (GDPR art. 17)."""

scrub = table(
    "scrub",
    key(),
    integer("at_us"),
    string("why"),  # erasure | retention
)
"""Deletions of data whose traces may be left in the store's files; a row goes once the files are searched."""

rectification = table(
    "rectification",
    key(),
    binary("corrected", null=True),  # subject under the right address; null: erased, or none of its orders is kept
    string("case_no"),
    integer("at_us"),
    string("operator"),
    integer("orders"),
    integer("leaf", "leaf.seq"),
    binary("salt", null=True),
    binary("commitment", null=True),  # under the salt; see bound_sets
)
"""A rectification of an address (GDPR art. 16): orders of one person had the address of another."""

rectified_order = table(
    "rectified_order",
    integer("rectification", "rectification.id"),
    integer("sale", "sale.id"),
    binary("wrong", null=True),  # subject under the wrong address; null: erased
    binary("salt", null=True),
    binary("commitment", null=True),  # under the salt; see bound_sets
    PrimaryKeyConstraint("rectification", "sale"),
    Index(None, "sale"),
    rowid=False,
)
"""Orders of a rectification. Nothing of theirs is sent under the wrong address any more."""

task = table(
    "task",
    key(),
    integer("erasure", "erasure.id", null=True),  # either this, or
    integer("rectification", "rectification.id", null=True),
    string("recipient"),
    string("what"),  # erase | rectify
    integer("opened_us"),
    integer("closed_us", null=True),
    string("closed_reason", null=True),
    binary("salt", null=True),
    binary("commitment", null=True),  # under the salt; see bound_sets
)
"""Recipient notice: tell a recipient of an erasure or a rectification (GDPR art. 19); open until it is closed."""

look = table(
    "look",
    key(),
    integer("at_us"),
    string("operator"),
    string("purpose"),
    binary("subject", null=True),
    integer("leaf", "leaf.seq"),
    string("kind", server_default="person"),  # person | people | order | request | export | bundle
    string("about", null=True),  # a request's number, or the form and the days of a file
    integer("sale", null=True),  # of an order; null: another kind, or erased
    string("case_no", null=True),
    binary("salt", null=True),
    binary("commitment", null=True),  # under the salt; see bound_sets
    Index(None, "subject"),
)
"""Access log: who looked at a person or at sent data, when and why; part of the answer to an access request."""
