"""Tables of what is usual in this shop, and of what the operator knows already."""

from sqlalchemy import REAL, Column, Index, LargeBinary, PrimaryKeyConstraint, Text, UniqueConstraint

from conversions.ledger.schema.tables.columns import binary, integer, key, string, table

history = table(
    "history",
    key(),
    string("day"),
    integer("destination", "destination.id"),
    string("state"),
    string("reason", null=True),
    string("currency"),
    integer("exponent"),
    integer("orders"),
    integer("minor"),
    Index(None, "day"),
)
"""Counts and sums of orders past retention."""

day_read = table("day_read", Column("day", Text, primary_key=True), integer("orders"), integer("run"))
"""Highest number of orders that any run has read of each day; days are the window's."""

judgement_count = table(
    "judgement_count",
    integer("run", "run.id"),
    string("reason"),  # empty: all reasons
    integer("judged"),
    integer("odd"),  # 1: anomalous, so not part of the usual share
    PrimaryKeyConstraint("run", "reason"),
    rowid=False,
)
"""Orders and bad rows that each run evaluated anew, and how many it withheld per reason: the usual share."""

status_word = table("status_word", Column("word", LargeBinary, primary_key=True), integer("since_us"), rowid=False)
"""Keyed digests of statuses that are not a finished sale, and when each appeared first; 0: in the first run."""

told = table(
    "told",
    string("code"),
    string("destination"),  # empty: the source
    string("about"),
    string("sentence"),
    integer("first_us"),
    integer(
        "told_us", null=True
    ),  # when a run exited with 1 for it; null: not present now, only its acceptance is kept
    integer("seen_us"),  # last run that found it
    integer("affected"),  # orders, rows or days, when it was reported
    Column("measure", REAL, nullable=False),  # a share from 0 to 1, or a count
    Column("accepted", REAL, nullable=True),  # the measure up to which an operator has accepted it
    PrimaryKeyConstraint("code", "destination", "about"),
    rowid=False,
)
"""Findings that the operator knows already."""

warning = table(
    "warning",
    integer("destination"),
    string("kind"),  # the platform's name of the warning
    integer("events"),
    integer("first_us"),
    integer("last_us"),
    PrimaryKeyConstraint("destination", "kind"),
    rowid=False,
)
"""Platform warnings about events that were accepted in part; the number of kinds is bounded."""

match_day = table(
    "match_day",
    integer("destination"),
    string("day"),  # of purchase
    integer("matched"),
    integer("unmatched"),
    PrimaryKeyConstraint("destination", "day"),
    rowid=False,
)
"""Orders per day that the platform reported as matched or unmatched to an ad; no personal data."""

score = table(
    "score",
    integer("destination"),
    string("name"),
    Column("value", REAL, nullable=False),
    integer("at_us"),
    PrimaryKeyConstraint("destination", "name"),
    rowid=False,
)
"""The latest quality scores of a platform."""

level = table(
    "level",
    string("currency"),
    binary("product"),  # keyed digest, 8 bytes: a product or a set of products; empty: the whole shop
    binary("amounts"),  # of its latest orders: 16 bits each, hundredths of a decimal logarithm
    string("seen"),  # day of the run that added to it last
    PrimaryKeyConstraint("currency", "product"),
    rowid=False,
)
"""Usual amounts per product; no personal data."""

deviation = table(
    "deviation",
    string("currency"),
    string("basis"),  # product | shop | withheld
    integer("tenths"),  # of a decimal logarithm: distance from the usual amount
    integer("orders"),
    PrimaryKeyConstraint("currency", "basis", "tenths"),
    rowid=False,
)
"""Number of orders per distance from their usual amount."""

open_shift = table("open_shift", Column("currency", Text, primary_key=True), integer("power"), rowid=False)
"""Orders off by about this power of ten stopped the last run, and stop runs until they are corrected or accepted."""

latest_amount = table(
    "latest_amount",
    key(),  # rises in the order in which runs read them
    integer("sale", null=True),  # null: bought before the first run
    string("currency"),
    integer("deviation"),  # hundredths of a decimal logarithm
    string("basis"),
    integer("odd"),  # 1: withheld on its own
    UniqueConstraint("sale"),
)
"""The latest new orders of each currency, which the amount check compares over several runs."""
