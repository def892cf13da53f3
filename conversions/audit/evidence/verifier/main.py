"""Verify a bundle step by step; the command line."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .checkpoints import Log, check_kept, check_own, is_name, open_log_checkpoint
from .entries import check_edges, read_entries, read_others
from .files import ABOUT, FORMAT, KEYS, LEAVES, REQUESTS, Bundle
from .history import History
from .notes import Key, read_key
from .payloads import Payloads
from .refusal import Refused, require
from .removals import check_removals
from .report import Report, opened_sentences, unchecked
from .tree import Tree
from .wording import counted, entry, moment, printable, said_by

DESCRIPTION = "Verify an evidence bundle with Python alone. Exit code 0: accepted; 1: refused, with the reason."


def verify(path: Path, known: Sequence[str] = (), own: Sequence[Path] = ()) -> Report:
    """Return what the bundle proves.

    *known* are the verifier keys that the auditor was given, *own* the checkpoints that the auditor kept. Raises
    Refused, or any error of reading a damaged file.
    """
    bundle = Bundle(path)
    require(ABOUT in bundle.names(), f"it has no {ABOUT}: an older bundle has its own verifier inside")
    about = json.loads(bundle.read(ABOUT))
    require(about["format"] == FORMAT, f"it has format {about['format']}, this verifier reads {FORMAT}")
    keys = [read_key(line) for line in bundle.read(KEYS).decode().splitlines()]
    bundle.check(keys[0])
    tree = Tree([bytes.fromhex(line.decode()) for line in bundle.lines(LEAVES)])
    whole = open_log_checkpoint(bundle, keys, tree)
    history = _read_history(bundle, tree, about)
    history.check_keys(keys)
    log = Log(whole.origin, tree, keys, history)
    _check_known([read_key(text) for text in known], whole.signers, log)
    kept, stamps = check_kept(bundle, log)
    covered = check_own(own, log)
    payloads = Payloads()
    payloads.compare(read_entries(bundle, tree), bundle.objects(REQUESTS))
    removals = [*check_removals(payloads.removed, history.removals)]
    named = [*history.sentences(about), *removals, *opened_sentences(payloads, about["orders"])]
    sentence = _sentence(log, payloads, kept, covered, about) + _signed_by(keys[0], known)
    return Report(sentence, named, [*unchecked(covered, tree.size, stamps, opened=bool(payloads.opened))])


def _read_history(bundle: Bundle, tree: Tree, about: dict[str, Any]) -> History:
    history = History()
    for facts in read_entries(bundle, tree):
        history.read(facts)
    known, others = range(history.first, history.last + 1), {}
    for facts in read_others(bundle, tree, known):
        history.read_other(facts)
        others[facts["seq"]] = facts
    check_edges(about, known, tree.size, others)
    return history


def _check_known(known: list[Key], signers: list[Key], log: Log) -> None:
    """Raise Refused where keys are known, and none of them signed the bundle's checkpoint."""
    signed = {key.public for key in signers}
    if not known or any(key.public in signed and is_name(key.name, log) for key in known):
        return
    for key in known:
        facts = log.history.key_changes.get(key.public.hex())
        if facts:
            raise Refused(
                f"it is signed with {log.keys[0].text}. The log says that this key replaced yours: {entry(facts)},"
                f" {said_by(facts)}. Ask for the new key on another way than the bundle, and give both with --key"
            )
    raise Refused(f"it is signed with another key than the one you were given: {log.keys[0].text}")


def _sentence(log: Log, payloads: Payloads, kept: int, covered: int, about: dict[str, Any]) -> str:
    first, last = log.history.first, log.history.last
    days = f"all of {moment(about['since_us'])} to {moment(about['until_us'])}"
    own = f" Your newest checkpoint covers the first {counted(covered, 'entry')} of it." if covered else ""
    return (
        f"Accepted: entries {first} to {last}, {days}, with {payloads.requests} requests and {payloads.events} events,"
        f" {len(payloads.removed)} of them without payload, are in the log of {counted(log.tree.size, 'entry')}, which"
        f" grew out of {kept} older checkpoints.{own}"
    )


def _signed_by(key: Key, known: Sequence[str]) -> str:
    return f" Signed with {key.text}" + ("." if known else "; compare this key with the one you were given (--key).")


def main(arguments: Sequence[str] | None = None) -> int:
    """Verify what the command line names, print the report, and return the exit code."""
    parser = argparse.ArgumentParser(description=DESCRIPTION)
    parser.add_argument("bundle", type=Path, help="the .zip, or the directory")
    key_help = "the log's verifier key, as you were given it; may be repeated after a change of keys"
    parser.add_argument("--key", action="append", default=[], help=key_help)
    own_help = "a checkpoint that you kept, or a folder of them; may be repeated"
    parser.add_argument("--checkpoint", action="append", default=[], type=Path, metavar="FILE", help=own_help)
    options = parser.parse_args(arguments)
    try:
        lines, code = [*verify(options.bundle, options.key, options.checkpoint).lines()], 0
    except Refused as refusal:
        lines, code = [f"Refused: {refusal}."], 1
    except Exception as error:  # noqa: BLE001 - a damaged file can cause any error
        lines, code = [f"Refused: the bundle cannot be read ({type(error).__name__})."], 1
    for line in lines:
        print(printable(line, sys.stdout.encoding))
    return code
