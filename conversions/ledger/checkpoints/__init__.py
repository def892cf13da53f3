"""Signed checkpoints of the log, kept outside the store."""

from conversions.ledger.checkpoints.checkpoint import (
    Checkpoint,
    check_checkpoints,
    checkpoint_files,
    newest_origin,
    parse,
    prepare_directory,
    refuse_lost,
    set_aside,
    sign,
    write,
)
from conversions.ledger.checkpoints.origin import FORMER_ORIGIN, current_origin, origin_after, signer
from conversions.ledger.checkpoints.signing_keys import PIN, FormerKey, former_keys, signing_seed

__all__ = [
    "FORMER_ORIGIN",
    "PIN",
    "Checkpoint",
    "FormerKey",
    "check_checkpoints",
    "checkpoint_files",
    "current_origin",
    "former_keys",
    "newest_origin",
    "origin_after",
    "parse",
    "prepare_directory",
    "refuse_lost",
    "set_aside",
    "sign",
    "signer",
    "signing_seed",
    "write",
]
