"""A folder of checkpoints that left each night, against a store that was rewritten, forked, rolled back or restored."""

import os
import re
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path
from unittest import mock

import orjson
import pytest

from conversions.audit.verify import verify
from conversions.audit.verify.result import VerificationResult
from conversions.distribution import distribute
from conversions.errors import Usage
from conversions.ledger import checkpoints, open_ledger, runs
from conversions.ledger.checkpoints import signed_note
from conversions.ledger.maintenance import adopt, backup, restore
from conversions.ledger.runs import bindings
from conversions.settings import Settings
from tests.audit.shop import ENVIRONMENT, SATURDAY, Shop, new_shop
from tests.audit.verify.test_verify import rewrite, rewrite_anchors

FIRST_DAY = date(2026, 11, 19)


class Nights:
    """A shop that hands its checkpoint to an auditor's folder after each night."""

    def __init__(self, home: Path) -> None:
        self.shop = new_shop(home / "shop")
        self.folder = home / "auditor"
        self.folder.mkdir(exist_ok=True)
        self.night = 0

    def sends(self, nights: int = 1, product: str = "TEA-250") -> None:
        for _ in range(nights):
            self.shop.sells(1, FIRST_DAY + timedelta(days=self.night), product=product)
            self.shop.sends(SATURDAY + timedelta(days=self.night))
            self.night += 1
            self.collect()

    def collect(self) -> None:
        """What the run's command does at its end."""
        address = f'["file://{self.folder}"]'
        with mock.patch.dict(os.environ, {"CONVERSIONS_STORE__CHECKPOINT_TO": address}):
            assert distribute(self.settings, self.shop.clock) == []

    @property
    def settings(self) -> Settings:
        return self.shop.settings

    @property
    def files(self) -> list[Path]:
        return sorted(self.folder.iterdir())

    def verified(self, *others: Path) -> VerificationResult:
        return verify.verify(verify.log_location(self.settings, others or [self.folder]))

    def said(self, *others: Path) -> list[str]:
        return [str(each) for each in self.verified(*others).findings]

    def size(self) -> int:
        with closing(sqlite3.connect(self.settings.store_path)) as store:
            ((size,),) = store.execute("SELECT tree_size FROM head").fetchall()
        return int(size)

    def copy_store(self, to: Path) -> Path:
        backup.backup(self.settings, self.shop.clock, to)
        return to


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("three")
    Nights(home).sends(3)
    return home


@pytest.fixture
def nights(three: Path, tmp_path: Path) -> Iterator[Nights]:
    """Three nights are over."""
    shutil.copytree(three, tmp_path / "home")
    with mock.patch.dict(os.environ, ENVIRONMENT):
        nights = Nights.__new__(Nights)
        nights.shop = Shop(tmp_path / "home" / "shop", SATURDAY + timedelta(days=2))
        nights.folder, nights.night = tmp_path / "home" / "auditor", 3
        yield nights


def fits(nights: Nights) -> list[str]:
    outside = nights.verified().outside
    assert outside is not None
    return [str(fit) for _, fit in outside.fits]


def test_the_newest_is_named_with_what_came_after_it_and_its_age(nights: Nights) -> None:
    before = nights.size()
    newest = nights.files[-1].name
    nights.shop.sells(1, FIRST_DAY + timedelta(days=3))
    nights.shop.sends(SATURDAY + timedelta(days=3))

    result = nights.verified()

    assert result.intact, result.findings
    assert result.outside is not None
    assert result.outside.newest is not None
    said = result.outside.newest.sentence(nights.settings.zone, nights.shop.now + timedelta(days=1))
    assert said.startswith(
        f"The newest from outside that fits is the checkpoint {newest} of {before} entries, 2 days old"
    )
    assert f"After it came {nights.size() - before} entries, from 2026-11-24 23:30" in said
    assert [each["fit"] for each in result.json()["outside"]["checkpoints"]] == ["covered"] * 3


def test_nothing_after_it_is_said_too(nights: Nights) -> None:
    newest = nights.verified().outside
    assert newest is not None
    assert newest.newest is not None
    assert newest.newest.sentence(nights.settings.zone, nights.shop.now).endswith(
        "less than an hour old. No entry came after it."
    )


def test_a_folder_without_a_checkpoint_is_no_proof(nights: Nights, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()

    with pytest.raises(Usage, match="no file"):
        nights.verified(tmp_path / "empty")


def test_a_file_of_the_folder_that_cannot_be_read_is_found(nights: Nights) -> None:
    (nights.folder / "x.checkpoint").write_text("half")

    assert any("x.checkpoint cannot be read" in each for each in nights.said())


def rewrite_all(nights: Nights) -> None:
    """The whole log is written again with the genuine key, as an insider can."""
    with nights.shop.tampered() as store:
        store.execute("UPDATE leaf SET body = replace(body, 'window', 'widow')")
        rewrite(store)
    rewrite_anchors(nights.shop)


def test_a_rewrite_with_the_genuine_key_is_found_by_every_checkpoint(nights: Nights) -> None:
    rewrite_all(nights)

    assert nights.verified(nights.files[0]).intact is False
    said = nights.said()
    assert len(said) == 3
    assert all("its first entries were others. This looks like a rewrite" in each for each in said)
    assert all("no earlier checkpoint from outside fits" in each for each in said)
    assert fits(nights) == ["rewrite"] * 3


def test_a_rewrite_of_the_newest_night_names_what_both_have(nights: Nights) -> None:
    second = checkpoints.parse(nights.files[1].read_text()).size
    with nights.shop.tampered() as store:
        store.execute("UPDATE leaf SET body = replace(body, 'window', 'widow') WHERE seq >= ?", (second,))
        rewrite(store)
    rewrite_anchors(nights.shop)

    [said] = nights.said()
    assert f"This looks like a rewrite; both have the first {second} entries" in said
    assert fits(nights) == ["covered", "covered", "rewrite"]


def test_a_rollback_is_found_by_the_newest(nights: Nights, tmp_path: Path) -> None:
    """An older copy is put back, with the tail file and checkpoints of that time."""
    older = tmp_path / "older"
    shutil.copytree(nights.shop.home, older)
    size = nights.size()
    nights.sends()
    shutil.rmtree(nights.shop.home)
    shutil.copytree(older, nights.shop.home)

    assert verify.verify(verify.log_location(nights.settings)).intact
    lost = checkpoints.parse(nights.files[-1].read_text()).size - size
    [said] = nights.said()
    assert f"which has {size}: this looks like a rollback" in said
    assert f"without its {lost} newest entries" in said
    assert fits(nights) == ["covered"] * 3 + ["rollback"]


def test_a_fork_is_found_by_the_checkpoints_of_the_other_branch(nights: Nights, tmp_path: Path) -> None:
    """Two copies of the store go on, and each hands its checkpoints out."""
    branch = tmp_path / "branch"
    shutil.copytree(nights.shop.home, branch)
    nights.sends(1, product="TEA-250")
    other = Nights.__new__(Nights)
    other.shop, other.folder, other.night = Shop(branch, nights.shop.now), nights.folder, 3
    other.sends(2, product="COFFEE")

    assert verify.verify(verify.log_location(other.settings)).intact
    assert verify.verify(verify.log_location(nights.settings)).intact
    [said] = other.said()
    assert "This looks like a fork, two histories of one store, each signed; both have the first" in said
    assert sorted(fits(other)) == ["covered"] * 5 + ["fork"]


def restored(nights: Nights, copy: Path) -> None:
    nights.settings.store_path.unlink()
    for beside in ("-wal", "-shm"):
        nights.settings.store_path.with_name(f"conversions.db{beside}").unlink(missing_ok=True)
    nights.shop.now += timedelta(hours=1)
    restore.restore(nights.settings, nights.shop.clock, copy, "the disk died")


def test_a_restore_begins_a_new_origin_and_names_the_old_one(nights: Nights, tmp_path: Path) -> None:
    copy = nights.copy_store(tmp_path / "copy.db")
    nights.sends(2)
    old = checkpoints.parse(nights.files[-1].read_text())
    restored(nights, copy)
    nights.sends()

    new = checkpoints.parse(nights.files[-1].read_text())
    assert old.origin == f"conversions/{old.store_id}"
    assert new.origin.startswith(f"{old.origin}/")
    assert new.note.signatures[0].name == old.origin, "the signer, and so the auditor's key, stays"
    with closing(sqlite3.connect(nights.settings.store_path)) as store:
        ((body,),) = store.execute('SELECT body FROM leaf WHERE body LIKE \'%"kind":"restored"%\'').fetchall()
    facts = orjson.loads(body)
    assert (facts["remembered_origin"], facts["remembered_size"], facts["remembered_root"]) == (
        old.origin,
        old.size,
        old.root.hex(),
    )


def test_checkpoints_of_the_time_before_a_restore_are_named_and_no_fault(nights: Nights, tmp_path: Path) -> None:
    copy, size = nights.copy_store(tmp_path / "copy.db"), nights.size()
    nights.sends(2)
    beyond = [checkpoints.parse(path.read_text()).size for path in nights.files[-2:]]
    restored(nights, copy)
    nights.sends()

    result = nights.verified()
    assert result.intact, result.findings
    assert fits(nights) == ["covered"] * 3 + ["before_restore"] * 2 + ["covered"] * 2
    notes = [note for note in result.notes if "of the time before the restore in entry" in note]
    assert [
        f"{lost - size} entries of it are not in this log" in note for lost, note in zip(beyond, notes, strict=True)
    ] == [True, True]
    assert notes[-1].endswith(", which names its root.")


def test_the_old_history_that_went_on_elsewhere_after_a_restore_is_a_fork(nights: Nights, tmp_path: Path) -> None:
    copy = nights.copy_store(tmp_path / "copy.db")
    nights.sends()
    elsewhere = tmp_path / "elsewhere"
    shutil.copytree(nights.shop.home, elsewhere)
    restored(nights, copy)
    other = Nights.__new__(Nights)
    other.shop, other.folder, other.night = Shop(elsewhere, nights.shop.now), nights.folder, 4
    other.sends()

    [said] = nights.said()
    assert "This looks like a fork" in said
    assert fits(nights).count("fork") == 1


def test_a_restored_log_that_is_rolled_back_past_its_restore_is_found(nights: Nights, tmp_path: Path) -> None:
    copy, before = nights.copy_store(tmp_path / "copy.db"), tmp_path / "before"
    shutil.copytree(nights.shop.home, before)
    restored(nights, copy)
    nights.sends()
    shutil.rmtree(nights.shop.home)
    shutil.copytree(before, nights.shop.home)

    assert nights.said()
    assert "covered" in fits(nights)


def test_two_restores_have_two_origins_and_all_checkpoints_are_explained(nights: Nights, tmp_path: Path) -> None:
    first = nights.copy_store(tmp_path / "first.db")
    nights.sends()
    restored(nights, first)
    nights.sends()
    second = nights.copy_store(tmp_path / "second.db")
    nights.sends()
    restored(nights, second)
    nights.sends()

    assert nights.said() == []
    origins = {checkpoints.parse(path.read_text()).origin for path in nights.files}
    assert len(origins) == 3
    assert fits(nights).count("before_restore") == 2


def test_a_restore_past_a_restore_names_the_lost_origin(nights: Nights, tmp_path: Path) -> None:
    """The second copy is older than the first restore, so that the log has one restore only."""
    oldest = nights.copy_store(tmp_path / "oldest.db")
    nights.sends()
    newer = nights.copy_store(tmp_path / "newer.db")
    nights.sends()
    restored(nights, newer)
    nights.sends()
    restored(nights, oldest)
    nights.sends()

    assert fits(nights).count("covered") >= 4
    outside = nights.verified().outside
    assert outside is not None
    lost = [anchor.checkpoint for anchor, fit in outside.fits if str(fit) == "before_restore"]
    assert any("/" in each.origin.removeprefix("conversions/") for each in lost if each)


def test_an_adopted_older_copy_has_a_new_origin_too(nights: Nights, tmp_path: Path) -> None:
    copy = nights.copy_store(tmp_path / "copy.db")
    nights.sends()
    shutil.copy(copy, nights.settings.store_path)
    for beside in ("-wal", "-shm"):
        nights.settings.store_path.with_name(f"conversions.db{beside}").unlink(missing_ok=True)
    nights.shop.now += timedelta(hours=1)
    adopt.adopt_store(nights.settings, nights.shop.clock, "the copy is right")
    nights.sends()

    assert nights.said() == []
    assert fits(nights) == ["covered"] * 3 + ["before_restore"] + ["covered"] * 2


def test_checkpoints_of_a_store_that_was_replaced_are_named_and_no_fault(nights: Nights, tmp_path: Path) -> None:
    other = Nights(tmp_path / "other")
    other.sends()
    nights.sends()
    shutil.copy(other.copy_store(tmp_path / "copy.db"), nights.settings.store_path)
    for beside in ("-wal", "-shm"):
        nights.settings.store_path.with_name(f"conversions.db{beside}").unlink(missing_ok=True)
    nights.shop.now += timedelta(hours=1)
    adopt.adopt_store(nights.settings, nights.shop.clock, "the other shop is right")
    nights.sends()

    result = nights.verified()
    assert result.intact, result.findings
    assert fits(nights) == ["replaced_store"] * 4 + ["covered"] * 2
    assert [
        note for note in result.notes if "each of a store that this one replaced, as an entry says: the check" in note
    ]


def test_another_stores_checkpoint_is_named_unless_all_are(nights: Nights, tmp_path: Path) -> None:
    other = Nights(tmp_path / "other")
    other.sends()
    foreign = shutil.copy(other.files[0], nights.folder / "foreign.checkpoint")

    result = nights.verified()
    assert result.intact
    assert [note for note in result.notes if "foreign.checkpoint" in note and "of another store" in note]
    [said] = nights.said(Path(foreign))
    assert said.startswith("the checkpoint foreign.checkpoint of ")
    assert said.endswith(" entries is of another store")


def rotate(nights: Nights, environment: dict[str, str]) -> Iterator[None]:
    with mock.patch.dict(os.environ, environment), open_ledger(nights.settings, nights.shop.clock) as ledger:
        runs.acquire_epoch(ledger)
        public = signed_note.public_key(checkpoints.signing_seed(nights.settings))
        bindings.change(ledger, checkpoints.PIN, public.hex(), "every year")
        runs.record_tree_head(ledger)
    with mock.patch.dict(os.environ, environment):
        yield


def signers(path: Path, keys: dict[str, bytes]) -> list[str]:
    told = checkpoints.parse(path.read_text())
    return [name for name, public in keys.items() if told.note.signed_by(f"conversions/{told.store_id}", public)]


def test_two_rotations_overlap_and_a_verifier_of_the_old_key_accepts_until_it_ends(nights: Nights) -> None:
    first = checkpoints.signing_seed(nights.settings)
    second, third = b"\x22" * 32, b"\x33" * 32
    keys = {name: signed_note.public_key(seed) for name, seed in (("1", first), ("2", second), ("3", third))}
    for _ in rotate(nights, {"CONVERSIONS_LOG_KEY": second.hex()}):  # the first was derived from CONVERSIONS_KEY
        nights.sends(2)
    environment = {"CONVERSIONS_LOG_KEY": third.hex(), "CONVERSIONS_FORMER_LOG_KEYS": second.hex()}
    for _ in rotate(nights, environment):
        nights.sends()
        assert signers(nights.files[-1], keys) == ["1", "2", "3"]
        nights.night += 27
        nights.sends()
        assert signers(nights.files[-1], keys) == ["2", "3"]
        nights.night += 5
        nights.sends()
        assert signers(nights.files[-1], keys) == ["3"]

        assert nights.said() == []
    assert signers(nights.files[0], keys) == ["1"]


@pytest.mark.parametrize("forge", [rewrite_all])
def test_a_forgery_with_all_keys_is_found_all_the_same(nights: Nights, forge: Callable[[Nights], None]) -> None:
    for _ in rotate(nights, {"CONVERSIONS_LOG_KEY": "22" * 32}):
        nights.sends()
        forge(nights)
        assert set(fits(nights)) == {"rewrite"}


PAGES = Path(__file__).parents[3] / "docs"


def is_shown(said: str, page: str) -> bool:
    """Whether a line of *page* is *said*, but for numbers, times and digests."""
    plain = re.compile(r"[0-9a-f]{8}(?=\.checkpoint)|\d+")
    return plain.sub("0", said) in plain.sub("0", (PAGES / page).read_text(encoding="utf-8")).splitlines()


def test_the_page_for_auditors_shows_what_each_case_looks_like(nights: Nights, tmp_path: Path) -> None:
    older = tmp_path / "older"
    shutil.copytree(nights.shop.home, older)
    nights.sends()
    outside = nights.verified().outside
    assert outside is not None
    assert outside.newest is not None
    said = [outside.newest.sentence(nights.settings.zone, nights.shop.now + timedelta(days=1))]
    shutil.rmtree(nights.shop.home)
    shutil.copytree(older, nights.shop.home)
    said.append(nights.verified().sentence)
    nights.sends(2, product="COFFEE")
    said.append(nights.verified().sentence)
    rewrite_all(nights)
    said.append(nights.verified().sentence)

    assert [is_shown(each, "auditors.md") for each in said] == [True] * 4, said


def test_the_page_of_checkpoints_shows_what_a_restore_looks_like(nights: Nights, tmp_path: Path) -> None:
    copy = nights.copy_store(tmp_path / "copy.db")
    nights.sends(2)
    restored(nights, copy)

    notes = [note for note in nights.verified().notes if "before the restore" in note]
    assert is_shown(notes[-1], "checkpoints.md"), notes
