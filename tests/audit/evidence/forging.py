"""What a person with the log's own key can do to a bundle and to a store."""

import shutil
from datetime import date
from pathlib import Path
from typing import Any

import orjson

from conversions.audit import open_log
from conversions.audit.evidence import chosen_orders, verifier
from conversions.audit.evidence.bundle import bundle
from conversions.audit.evidence.bundle_writer import BundleWriter
from conversions.ledger import checkpoints
from conversions.ledger.log import merkle
from tests.audit.shop import Shop

DAYS = (date(2026, 11, 1), date(2026, 11, 30))


def write(shop: Shop, out: Path, days: tuple[date, date] = DAYS, orders: tuple[str, ...] = ()) -> verifier.Report:
    """A bundle of the shop's log, with the links of *orders*."""
    chosen = chosen_orders.find(shop.settings, shop.clock, orders)
    with open_log(shop.settings, shop.clock) as log:
        return bundle(log, shop.settings, shop.clock(), days, out, chosen)


def sign_again(home: Path, seed: bytes) -> None:
    """Make sums and signature valid again, with the log's key, so that only the content can reveal what was altered."""
    draft = BundleWriter(home)
    for path in home.rglob("*"):
        if path.is_file() and not path.name.startswith("SHA256SUMS"):
            draft.write(path.relative_to(home).as_posix(), [path.read_bytes()])
    draft.sign(seed)


def lines(home: Path, name: str) -> list[dict[str, Any]]:
    return [orjson.loads(line) for line in (home / name).read_bytes().splitlines()]


def write_lines(home: Path, name: str, rows: list[dict[str, Any]]) -> None:
    (home / name).write_bytes(b"".join(orjson.dumps(row) + b"\n" for row in rows))


def rewrite(shop: Shop, old: bytes, new: bytes) -> None:
    """Write the log anew as a whole, with *old* replaced by *new* in every entry, and sign every checkpoint again."""
    with shop.tampered() as store:
        bodies = [body.encode().replace(old, new) for (body,) in store.execute("SELECT body FROM leaf ORDER BY seq")]
        nodes = [(0, seq, merkle.leaf_hash(body)) for seq, body in enumerate(bodies)]
        level = [hashed for *_, hashed in nodes]
        for height in range(1, len(bodies).bit_length()):
            level = [merkle.node_hash(*pair) for pair in zip(level[::2], level[1::2], strict=False)]
            nodes += [(height, position, hashed) for position, hashed in enumerate(level)]
        store.execute("DELETE FROM node")
        store.executemany("INSERT INTO node(level, position, hash) VALUES (?, ?, ?)", nodes)
        store.executemany("UPDATE leaf SET body = ? WHERE seq = ?", [(b.decode(), s) for s, b in enumerate(bodies)])
        store.execute("UPDATE head SET root = ?", (merkle.root_of(bodies),))
        ((store_id,),) = store.execute("SELECT store_id FROM head").fetchall()
    shop.settings.tail_path.unlink(missing_ok=True)
    for path in checkpoints.checkpoint_files(shop.settings.checkpoints_path):
        size = int(path.stem)
        root, seed = merkle.root_of(bodies[:size]), checkpoints.signing_seed(shop.settings)
        path.write_text(checkpoints.sign(store_id, size, root, seed), encoding="utf-8")


def keep_checkpoints(shop: Shop, home: Path) -> list[Path]:
    """What an auditor collects: a copy of every checkpoint up to now, oldest first."""
    home.mkdir(exist_ok=True)
    return [
        Path(shutil.copy(path, home / path.name))
        for path in checkpoints.checkpoint_files(shop.settings.checkpoints_path)
    ]


def roll_back(shop: Shop, older: Path) -> None:
    """Put an older copy of the store back without a word, and what remembers the newer one away."""
    size = max(int(path.stem) for path in checkpoints.checkpoint_files(older / shop.settings.checkpoints_path.name))
    shutil.rmtree(shop.home / "var")
    shutil.copytree(older / "var", shop.home / "var")
    shop.settings.tail_path.unlink(missing_ok=True)
    for path in checkpoints.checkpoint_files(shop.settings.checkpoints_path):
        if int(path.stem) > size:
            path.unlink()


def signing_seed(shop: Shop) -> bytes:
    """The log's own private key."""
    return checkpoints.signing_seed(shop.settings)
