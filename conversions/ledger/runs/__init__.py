"""Runs, the bindings of the store, approvals, and findings that the operator knows."""

from conversions.ledger.runs.runs import (
    Run,
    RunMetadata,
    acquire_epoch,
    begin,
    closed_on_error,
    extend_window,
    finish,
    future_entry,
    last_begun,
    mark_staged,
    record_tree_head,
)
from conversions.process.operator import operator

__all__ = [
    "Run",
    "RunMetadata",
    "acquire_epoch",
    "begin",
    "closed_on_error",
    "extend_window",
    "finish",
    "future_entry",
    "last_begun",
    "mark_staged",
    "operator",
    "record_tree_head",
]
