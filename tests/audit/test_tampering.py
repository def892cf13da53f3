"""A sample of the tampering corpus; all of it by ``scripts/tamper``."""

from pathlib import Path

import pytest

from conversions.audit.verify.verify import verify
from tests.audit.tampering import ALTERATIONS, Original, original, place

SEEDS = range(400)


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> Original:
    return original(tmp_path_factory.mktemp("tampering") / "original")


def test_what_was_not_altered_is_intact(before: Original) -> None:
    verdict = verify(place(before.home))

    assert verdict.intact, verdict.findings
    assert verdict.erased == 1
    assert verdict.checkpoints == 2


def test_every_change_of_logged_content_is_found_and_none_stops_the_verifier(before: Original, tmp_path: Path) -> None:
    trials = [before.altered(seed, tmp_path / "altered") for seed in SEEDS]

    assert [f"seed {trial.seed}: {trial.alteration}" for trial in trials if trial.missed] == []
    assert {trial.alteration for trial in trials} == {alter.__name__ for alter in ALTERATIONS}
    assert sum(trial.changed for trial in trials) > len(SEEDS) / 3, "the corpus alters something"
    assert sum(not trial.changed and trial.verdict.intact for trial in trials) > len(SEEDS) / 10, "and not everything"
