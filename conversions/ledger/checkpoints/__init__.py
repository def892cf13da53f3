"""Signed checkpoints of the log, kept outside the store."""

from conversions.ledger.checkpoints.checkpoint import (
    PIN,
    Checkpoint,
    check,
    keep,
    kept,
    origin,
    parse,
    prepare,
    refuse_lost,
    seed_of,
    set_aside,
    signed,
)

__all__ = [
    "PIN",
    "Checkpoint",
    "check",
    "keep",
    "kept",
    "origin",
    "parse",
    "prepare",
    "refuse_lost",
    "seed_of",
    "set_aside",
    "signed",
]
