"""What `audit verify` vouches for, table by table and column by column.

Bound: an entry of the log has the value, or a commitment to it. Derived: verify computes it from bound values. Free: it
may be anything, for a reason. Unbound: nothing would notice a change yet. ROWS stands for the rows themselves: whether
one may be missing, or one too many.
"""

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import NamedTuple

from sqlalchemy.dialects import sqlite

from conversions.ledger.schema.bound_sets import BOUND_SETS, BoundSet

ROWS = "*"


class Cover(StrEnum):
    """How far verify vouches for a column."""

    BOUND = "bound"
    DERIVED = "derived"
    FREE = "free"
    UNBOUND = "unbound"


class Declaration(NamedTuple):
    """The cover of one column."""

    cover: Cover
    by: str
    """Bound: the kind of entry. Derived: what it follows from. Free: the reason. Unbound: what is missing."""
    rows: str = "1"
    """SQL condition for the rows to which it applies; other rows are unbound."""


def _bound(entry: str, rows: str = "1") -> Declaration:
    return Declaration(Cover.BOUND, entry, rows)


def _derived(source: str, rows: str = "1") -> Declaration:
    return Declaration(Cover.DERIVED, source, rows)


def _free(reason: str) -> Declaration:
    return Declaration(Cover.FREE, reason)


def _unbound(missing: str) -> Declaration:
    return Declaration(Cover.UNBOUND, missing)


def _each(names: str, declaration: Declaration) -> dict[str, Declaration]:
    return dict.fromkeys(names.split(), declaration)


_NAMED = "request IS NOT NULL"
_NAMED_BLOB = "batch IN (SELECT id FROM batch WHERE request IS NOT NULL)"
_KEPT_BATCH = "request IS NOT NULL AND id IN (SELECT batch FROM blob WHERE bytes IS NOT NULL)"
_SENT = """
    SELECT e.id FROM event e JOIN request_part x
    ON x.place BETWEEN e.place >> 12 << 12 AND e.place AND x.place + x.events > e.place
"""
_OWN = f"SELECT id >> 14 FROM ({_SENT}) WHERE id NOT IN (SELECT event FROM earlier_person)"  # noqa: S608
_LINK = "intent, by the link of an event that was sent and is not erased"
_WITH_EVENT = """
    state NOT IN ('withheld', 'quarantined', 'rejected', 'expired', 'erased') AND id << 8 | revision IN (
        SELECT id FROM event WHERE place >> 12 IN (SELECT batch FROM blob WHERE bytes IS NOT NULL)
    )
"""
_REGULAR = "regular > 0"
_OF_REGULAR = "batch IN (SELECT id FROM batch WHERE regular > 0)"
_SOLD = """
    id IN (SELECT id >> 6 FROM delivery_place WHERE place >> 12 IN (SELECT id FROM batch WHERE attempted = 1))
"""
_SEALED = """
    run IN (SELECT run FROM batch WHERE regular > 0) AND run IN (SELECT id FROM run WHERE report IS NOT NULL)
    AND run NOT IN (SELECT run FROM reading WHERE destinations = (1 << 62) - 1)
"""
"""Runs from before schema 0009 have readings that their upgrade made of the orders that were left."""
_ANSWERED = "outcome IS NOT NULL"
_HAS = """leaf IN (SELECT seq FROM leaf WHERE body LIKE '%"{}":%')"""
"""Entries of earlier releases have fewer facts."""
_COUNTED = _derived(
    "the entries of erasures and rectifications count them",
    f"rectification IS NOT NULL OR erasure IN (SELECT id FROM erasure WHERE {_HAS.format('tasks')})",  # noqa: S608
)
_STANDING = _derived(
    "the newest judgement, or the answers to the requests of its newest event",
    "id IN (SELECT delivery FROM judgement) OR state IN ('in_flight', 'unknown', 'erased')",
)
_STATE = _unbound("the restated value of an order is in no entry")
_AS_READ = _unbound("the source says it, and each run reads it again")
_COURSE = _unbound("it decides when an order is asked about or shown, and no entry has it")
_LIMITS = _unbound("usual amounts and shares decide what is held back, and no entry has them")
_KNOWN = _unbound("what the operator knows already decides exit codes, and no entry has it")
_INTENT = (
    "id run destination parent purpose attempt recipient url route headers prefix suffix events policy rules"
    " intended_us leaf"
)

_BY_ENTRIES: Mapping[str, Mapping[str, Declaration]] = {  # what the sums of bound sets cover is added below
    "alembic_version": {
        ROWS: _derived("this program's schema"),
        "version_num": _derived("this program's schema"),
    },
    "head": {
        ROWS: _derived("there is one"),
        "id": _free("there is one row"),
        "store_id": _derived("tail file and checkpoints"),
        "created_us": _unbound("the tail file has it, in seconds"),
        "rehearsal": _derived("the addresses of the intents"),
        "epoch": _free("a counter of the run lock, which says nothing of the past"),
        **_each("tree_size root", _derived("the entries")),
        **_each("lost_from_us lost_until_us", _unbound("the entry of a restore does not have the gap")),
    },
    "leaf": _each(f"{ROWS} seq body", _derived("root, tail file and checkpoints")),
    "node": _each(f"{ROWS} level position hash", _derived("the entries")),
    "bound": _each(f"{ROWS} name rows sum", _bound("the sums of bound sets")),
    "document": {
        ROWS: _bound("run, intent, policy and rules recorded or approved"),
        **_each("sha256 body", _bound("run, intent, policy and rules recorded or approved")),
        "kind": _derived("its use"),
    },
    "pin": {
        **_each(f"{ROWS} name value", _bound("pinned, pin changed")),
    },
    "run": {
        ROWS: _bound("run"),
        **_each(
            "id command started_us operator host pid version since until settings policy policy_version legal_basis",
            _bound("run"),
        ),
        "finished_us": _bound("run finished"),
        "epoch": _free("a counter of the run lock, which says nothing of the past"),
    },
    "destination": {
        **_each(f"{ROWS} id name", _bound("intent", "id IN (SELECT destination FROM request)")),
    },
    "sale": {
        **_each(f"{ROWS} id", _derived("numbers without a gap, but for what retention removed")),
        **_each("order_no subject", _bound(_LINK, f"id IN ({_OWN}) AND subject IS NOT NULL")),
        **_each("minor currency exponent", _derived("its events, where its orders stand as their batches say", _SOLD)),
        **_each("shop shown_no status purchased_us first_run erased_us", _unbound("no entry has them")),
    },
    "scrub": _each(f"{ROWS} id at_us why", _free("it says what must still be searched, and goes when that is done")),
    "former_number": _each(f"{ROWS} shop order_no sale since_us last_run", _unbound("no entry has former numbers")),
    "delivery_place": {
        **_each(f"{ROWS} id", _derived("its exception, or its event and its sale")),
        "place": _derived("its first event, or its exception"),
    },
    "exception": {
        **_each(f"{ROWS} id", _derived("the order at its destination")),
        "state": _STANDING,
        "reason": _derived("the newest judgement", "id IN (SELECT delivery FROM judgement)"),
        **_each("revision attempted", _derived("its events and their requests", _WITH_EVENT)),
        **_each("day value_minor value_currency value_exponent", _derived("its newest event", _WITH_EVENT)),
        **_each(
            "decision acknowledged_us accepted_minor", _unbound("only that an operator has decided about the order")
        ),
        **_each("stated_minor stated_currency stated_exponent due_minor fingerprint ready_at expires_at", _AS_READ),
        **_each("run detail settled_run judged_run", _COURSE),
        "first_attempt_us": _unbound("only that no unanswered order was sent before it says"),
        "wire_id": _unbound("the bytes of an event have it, and only erased ones are without"),
    },
    "reading": {
        **_each(f"{ROWS} run", _derived("the report of the run, and the batches that it sealed", _SEALED)),
        "page": _free("it only tells the readings of one run apart"),
        "destinations": _unbound("only that the run read the orders that it sealed for their destinations"),
        "sales": _unbound("only how many they are, and that those are among them whose orders the run sealed"),
    },
    "decision": {},
    "event": _each(f"{ROWS} id place", _bound("intent", f"id IN ({_SENT})")),
    "batch": {
        **_each(f"{ROWS} id", _bound("intent", _NAMED)),
        "run": _derived("the first request that names it", _NAMED),
        "day": _bound(_LINK, _KEPT_BATCH),
        **_each("events destination", _derived("its members")),
        "request": _derived("the parts of requests"),
        "objection": _derived("the suppression list between the start of its run and its first request"),
        "regular": _derived("the orders that stand as it says"),
        **_each(
            "state attempted first_attempt_us settled_run", _derived("the newest request of these orders", _REGULAR)
        ),
        "verdicts": _unbound("no entry has the late result of a single order, only how many there are"),
        **_each("ready_at expires_at", _unbound("it decides when an order is sent, and no entry has it")),
        "read_run": _unbound("an order that a run does not look at stays pending, and its report counts it"),
    },
    "blob": _each(f"{ROWS} batch form members amounts sizes salts bytes", _bound("intent", _NAMED_BLOB)),
    "fingerprint": {
        **_each(f"{ROWS} batch", _derived("the orders that stand as the batch says", _OF_REGULAR)),
        "digests": _unbound("the source says it: only that there is one for each event, and none of an erased one"),
    },
    "earlier_person": {
        **_each(f"{ROWS} event", _bound(_LINK, f"subject IS NOT NULL AND event IN ({_SENT})")),
        "subject": _bound(_LINK, f"subject IS NULL OR event IN ({_SENT})"),
    },
    "judgement": {
        **_each(f"{ROWS} id delivery from_state from_reason to_state to_reason run at_us salt", _bound("judgements")),
        **_each("rules policy_version", _bound("judgements", "salt IS NOT NULL")),
        "commitment": _bound("judgements"),
    },
    "request": {
        ROWS: _bound("intent"),
        **_each(_INTENT, _bound("intent")),
        **_each("answered_us outcome http_status code reference outcome_leaf", _bound("outcome", _ANSWERED)),
        **_each("asked verdict", _derived("diagnosis")),
        "warnings": _unbound("the entry of an outcome has no warnings"),
        **_each("concluded suspected suspects", _unbound("the entry of a late result is not compared")),
    },
    "request_part": _each(f"{ROWS} request first place events", _bound("intent")),
    "revision": {
        ROWS: _STATE,
        **_each("id delivery", _derived("its key")),
        **_each(
            "run state detail unconfirmed old_minor old_currency old_exponent new_minor new_currency new_exponent"
            " first_attempt_us expires_at",
            _STATE,
        ),
    },
    "row_rejected": _each(f"{ROWS} id run place reason order_no field content", _unbound("no entry has bad rows")),
    "objection": {
        **_each(f"{ROWS} id", _bound("objection, withdrawal, restriction, suppression")),
        **_each("since_us kind case_no person", _bound("objection, withdrawal, restriction, suppression")),
        "removed_us": _bound("objection removed, and the same of the other kinds"),
    },
    "erasure": {
        **_each(f"{ROWS} case_no at_us operator events leaf", _bound("erasure")),
        "entry": _bound("erasure", _HAS.format("entry")),
    },
    "rectification": _each(f"{ROWS} case_no at_us operator orders leaf", _bound("rectification")),
    "rectified_order": {},
    "task": {
        ROWS: _COUNTED,
        **_each("closed_us closed_reason", _bound("task closed", "closed_us IS NOT NULL")),
        **_each("erasure rectification", _COUNTED),
    },
    "look": {
        ROWS: _bound("look"),
        **_each("at_us operator purpose leaf kind about case_no", _bound("look")),
    },
    "history": {
        "orders": _derived("shrink"),
        **_each(
            f"{ROWS} id day destination state reason currency exponent minor",
            _unbound("the entry of retention has the number of orders only"),
        ),
    },
    "day_read": {},
    "judgement_count": _each(f"{ROWS} run reason judged odd", _LIMITS),
    "status_word": _each(f"{ROWS} word since_us", _LIMITS),
    "told": _each(f"{ROWS} code destination about sentence first_us told_us seen_us affected measure", _KNOWN),
    "warning": _each(
        f"{ROWS} destination kind events first_us last_us", _unbound("the entry of an outcome has no warnings")
    ),
    "match_day": _each(
        f"{ROWS} destination day matched unmatched", _unbound("no entry has the late result of a single order")
    ),
    "score": _each(f"{ROWS} destination name value at_us", _free("only shown: the platform's own latest score")),
    "level": _each(f"{ROWS} currency product amounts seen", _LIMITS),
    "deviation": _each(f"{ROWS} currency basis tenths orders", _LIMITS),
    "open_shift": _each(f"{ROWS} currency power", _LIMITS),
    "latest_amount": _each(f"{ROWS} id sale currency deviation basis odd", _LIMITS),
}

_KEPT = _free("kept beside the salt, so that an altered row can be named: the sum of the set does not need it")


def _with_sets() -> Iterator[tuple[str, Mapping[str, Declaration]]]:
    """The declarations, with the columns of bound sets, whose sums the log states."""
    for table, declared in _BY_ENTRIES.items():
        sets = {name: each for name, each in BOUND_SETS.items() if each.table.name == table}
        columns = dict(declared)
        for name, each in sets.items():
            stated = _bound(f"the sum of the set {name}", _condition(each))
            columns |= {column: stated for column in each.columns if not _whole(columns.get(column))}
            if each.salted:
                columns |= {"salt": stated, "commitment": _KEPT}
            if len(each.columns) + 2 * each.salted == len(each.table.columns) and not _whole(columns.get(ROWS)):
                columns[ROWS] = stated
        yield table, columns


def _whole(declared: Declaration | None) -> bool:
    """Whether a declaration already covers every row."""
    return declared is not None and declared.cover in {Cover.BOUND, Cover.DERIVED} and declared.rows == "1"


def _condition(each: BoundSet) -> str:
    return str(each.rows.compile(dialect=sqlite.dialect(), compile_kwargs={"literal_binds": True}))


DECLARATIONS: Mapping[str, Mapping[str, Declaration]] = dict(_with_sets())
