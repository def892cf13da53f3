"""Which keys sign a checkpoint: the present one, and former ones for a time."""

from pathlib import Path

import pytest

from conversions import keys
from conversions.errors import SettingsError
from conversions.ledger import checkpoints, log, open_shared, runs
from conversions.ledger.checkpoints import signed_note
from conversions.ledger.runs import bindings
from conversions.settings import Settings
from tests.ledger.builders import Clock, shop_settings

KEY, A, B, C = "5c" * 32, "aa" * 32, "bb" * 32, "cc" * 32
NAMES = {"derived": keys.derive(bytes.fromhex(KEY), keys.LOG_KEY), "a": bytes.fromhex(A), "b": bytes.fromhex(B)}


class Shop:
    """A store, and the keys in its environment."""

    def __init__(self, home: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
        self.home, self.clock, self._environment = home, clock, monkeypatch
        self.has(KEY=KEY)

    def has(self, **names: str) -> None:
        for name, value in names.items():
            self._environment.setenv(f"CONVERSIONS_{name}", value)

    @property
    def settings(self) -> Settings:
        return shop_settings(self.home)

    def night(self) -> list[str]:
        """Names of the keys that sign its checkpoint."""
        with open_shared(self.settings, self.clock) as ledger:
            public = signed_note.public_key(checkpoints.signing_seed(self.settings)).hex()
            runs.acquire_epoch(ledger)
            bindings.record_bindings(ledger, {checkpoints.PIN: public})
            if bindings.values(ledger)[checkpoints.PIN] != public:
                bindings.change(ledger, checkpoints.PIN, public, "every year")
            with ledger.transaction() as connection:
                log.append(connection, "night", ledger.now_us, {})
            text = runs.record_tree_head(ledger)
        assert text is not None
        told = checkpoints.parse(text)
        signer = checkpoints.signer(told.store_id)
        assert len(told.note.signatures) == len(self.signers(told.note, signer))
        return self.signers(told.note, signer)

    @staticmethod
    def signers(note: signed_note.Note, signer: str) -> list[str]:
        return [name for name, seed in NAMES.items() if note.signed_by(signer, signed_note.public_key(seed))]


@pytest.fixture
def shop(tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Shop:
    return Shop(tmp_path, clock, monkeypatch)


def test_a_former_key_signs_for_the_days_of_the_setting(shop: Shop) -> None:
    shop.has(LOG_KEY=A)
    assert shop.night() == ["a"]
    shop.has(LOG_KEY=B, FORMER_LOG_KEYS=A, STORE__CHECKPOINT_KEY_OVERLAP_DAYS="10")

    assert shop.night() == ["a", "b"]
    shop.clock.forward(days=9, hours=23)
    assert shop.night() == ["a", "b"]
    shop.clock.forward(hours=1)
    assert shop.night() == ["b"]


def test_a_checkpoint_that_is_written_again_keeps_its_signatures(shop: Shop) -> None:
    """After a crash, the next command writes the checkpoint of the same log, and other keys may sign by then."""
    shop.has(LOG_KEY=A)
    shop.night()
    shop.has(LOG_KEY=B)
    assert shop.night() == ["b"]
    [*_, newest] = checkpoints.checkpoint_files(shop.settings.checkpoints_path)
    before = newest.read_bytes()
    shop.has(FORMER_LOG_KEYS=A)

    with open_shared(shop.settings, shop.clock) as ledger:
        assert runs.record_tree_head(ledger) == before.decode()
    assert newest.read_bytes() == before


def test_none_signs_where_the_setting_says_so(shop: Shop) -> None:
    shop.has(LOG_KEY=A)
    shop.night()
    shop.has(LOG_KEY=B, FORMER_LOG_KEYS=A, STORE__CHECKPOINT_KEY_OVERLAP_DAYS="0")

    assert shop.night() == ["b"]


def test_a_key_that_the_log_never_had_does_not_sign(shop: Shop) -> None:
    shop.has(LOG_KEY=A)
    shop.night()
    shop.has(LOG_KEY=B, FORMER_LOG_KEYS=C)

    assert shop.night() == ["b"]


def test_a_derived_key_signs_without_being_named_also_after_the_shops_key_has_changed(shop: Shop) -> None:
    assert shop.night() == ["derived"]
    shop.has(LOG_KEY=A)
    assert shop.night() == ["derived", "a"]
    shop.has(KEY=B, FORMER_KEYS=KEY)
    assert shop.night() == ["derived", "a"]


def test_a_key_that_is_in_use_again_signs_once(shop: Shop) -> None:
    shop.has(LOG_KEY=A)
    shop.night()
    shop.has(LOG_KEY=B, FORMER_LOG_KEYS=A)
    shop.night()
    shop.has(LOG_KEY=A, FORMER_LOG_KEYS=B)

    assert shop.night() == ["a", "b"]


def test_a_key_is_held_without_being_shown(shop: Shop) -> None:
    shop.has(LOG_KEY=A)
    shop.night()
    shop.has(LOG_KEY=B, FORMER_LOG_KEYS=A)
    shop.night()
    with open_shared(shop.settings, shop.clock) as ledger, ledger.transaction() as connection:
        [former] = checkpoints.former_keys(connection, shop.settings)

    assert former.seed == bytes.fromhex(A)
    assert A not in repr(former)
    assert str(former.seed) not in repr(former)
    assert A not in repr(shop.settings) + shop.settings.public_text()


def test_a_malformed_key_is_a_setting_to_correct(shop: Shop) -> None:
    shop.has(LOG_KEY=A)
    shop.night()
    shop.has(LOG_KEY=B, FORMER_LOG_KEYS="aa,bb")

    with pytest.raises(SettingsError, match="CONVERSIONS_FORMER_LOG_KEYS is not 64 hex digits"):
        shop.night()
