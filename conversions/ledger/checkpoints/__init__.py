"""Signed checkpoints of the log, kept outside the store."""

from conversions.ledger.checkpoints.checkpoint import (
    PIN,
    Checkpoint,
    check_checkpoints,
    checkpoint_files,
    origin,
    parse,
    prepare_directory,
    refuse_lost,
    set_aside,
    sign,
    signing_seed,
    write,
)

__all__ = [
    "PIN",
    "Checkpoint",
    "check_checkpoints",
    "checkpoint_files",
    "origin",
    "parse",
    "prepare_directory",
    "refuse_lost",
    "set_aside",
    "sign",
    "signing_seed",
    "write",
]
