"""Runs, what the store is bound to, approved policies, and findings that a person knows."""

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
    operator,
    record_tree_head,
)

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
