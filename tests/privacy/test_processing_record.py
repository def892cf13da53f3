"""The record of processing has what the settings say, in both languages, and nothing else."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from conversions.catalogue import Language, messages
from conversions.disclosure.policy import Class, load_policy
from conversions.disclosure.schema import EVENTS
from conversions.ledger import open_shared
from conversions.ledger.runs import acquire_epoch, approvals
from conversions.privacy import processing_record
from conversions.settings import Settings
from tests.ledger.builders import shop_settings

NOW = datetime(2026, 11, 22, 5, 15, tzinfo=UTC)
ROOT = Path(__file__).parents[2]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / "privacy-policy.toml").write_bytes((ROOT / "config" / "privacy-policy.toml").read_bytes())
    return shop_settings(tmp_path)


def run_once(settings: Settings) -> None:
    """The first run records its policy and its rules."""
    with open_shared(settings, lambda: NOW) as ledger:
        acquire_epoch(ledger)
        policy = load_policy(settings.resolve(settings.privacy.policy))
        approvals.record(ledger, approvals.propose(settings, policy, None))


def made(settings: Settings) -> processing_record.ProcessingRecord:
    return processing_record.processing_record(settings, lambda: NOW)


def stated(settings: Settings, **changed: object) -> Settings:
    return settings.model_copy(update={"privacy": settings.privacy.model_copy(update=changed)})


def test_it_names_missing_settings(settings: Settings) -> None:
    names = ["controller", "contact", "balancing_test", "impact_assessment"]
    assert made(settings).missing == [f"privacy.{name}" for name in names]
    assert made(stated(settings, legal_basis="consent")).missing == [f"privacy.{n}" for n in names if "test" not in n]
    assert made(stated(settings, **dict.fromkeys(names, "in the drawer"))).missing == []
    for language, said in ((Language.DANISH, "ikke oplyst"), (Language.ENGLISH, "not stated")):
        assert processing_record.html(made(settings), language, settings).count(f">{said}</span>") == len(names)


@pytest.mark.parametrize("language", Language)
def test_every_recipient_with_its_role_and_every_item_that_may_leave(settings: Settings, language: Language) -> None:
    run_once(settings)
    document = processing_record.document(made(settings), language)
    [meta] = document["recipients"]
    assert (meta["destination"], meta["recipient"]) == ("meta", "Meta Platforms Ireland Limited")
    assert meta["role"] == messages(language)["roles"]["Meta Platforms Ireland Limited"]
    policy = load_policy(settings.resolve(settings.privacy.policy))
    prefix = f"{EVENTS['meta']}[]."
    listed = [one.path.removeprefix(prefix) for one in policy.listings("meta") if one.class_ is not Class.ENVELOPE]
    assert [item["path"] for item in meta["data"]] == listed
    forms = {item["path"]: item["form"] for item in meta["data"]}
    assert (forms["user_data.em[]"], forms["event_id"], forms["custom_data.value"]) == ("hashed", "keyed", "clear")
    shown = processing_record.html(made(settings), language, settings)
    for item in meta["data"]:
        assert item["name"].replace("'", "&#39;") in shown


def test_before_a_policy_is_approved_it_says_so_and_lists_no_data(settings: Settings) -> None:
    assert made(settings).policy is None
    document = processing_record.document(made(settings), Language.ENGLISH)
    assert (document["policy"], document["recipients"][0]["data"]) == (None, [])
    for language in Language:
        assert messages(language)["record"]["no_policy"] in processing_record.html(made(settings), language, settings)


def test_a_policy_file_that_nobody_approved_is_not_in_force(settings: Settings) -> None:
    run_once(settings)
    file = settings.resolve(settings.privacy.policy)
    file.write_text(file.read_text().replace('version = "2026-01"', 'version = "2027-99"'))
    policy = made(settings).policy
    assert policy is not None
    assert policy.version == "2026-01"


def test_a_legal_basis_that_nobody_approved_is_not_in_force(settings: Settings) -> None:
    run_once(settings)
    assert made(stated(settings, legal_basis="consent")).legal_basis == "legitimate_interest"


def test_it_follows_the_settings_and_the_policy(settings: Settings) -> None:
    run_once(stated(settings, legal_basis="consent"))
    document = processing_record.document(
        made(stated(settings, retention_days=123, legal_basis="consent")), Language.ENGLISH
    )
    assert (document["retention_days"], document["legal_basis"]) == (123, "consent")
    assert "6(1)(a)" in document["legal_basis_text"]
    assert document["policy"]["version"] == "2026-01"
    assert "for 123 days" in processing_record.html(
        made(stated(settings, retention_days=123)), Language.ENGLISH, settings
    )


def test_what_article_30_asks_for_is_there(settings: Settings) -> None:
    document = processing_record.document(made(settings), Language.ENGLISH)
    asked = {"controller", "contact", "purposes", "categories_of_persons", "recipients", "transfers", "retention_days"}
    assert asked | {"security", "legal_basis", "policy"} <= set(document)
    assert "Data Privacy Framework" in document["transfers"]
    assert len(document["security"]) > 5
    assert "anonymous" not in json.dumps(document, default=str).replace("not anonymous", "")


@pytest.mark.parametrize("language", Language)
def test_exports_on_another_machine_are_named_with_their_place(settings: Settings, language: Language) -> None:
    said = messages(language)["record"]["orders_from"]
    assert said.partition("{place}")[0] not in processing_record.html(made(settings), language, settings)
    path = "sftp://ida@sftp.example/orders/*.csv"
    moved = settings.model_copy(update={"source": settings.source.model_copy(update={"path": path})})

    assert said.format(place="sftp://sftp.example/orders/*.csv") in processing_record.html(made(moved), language, moved)


def test_what_was_stated_is_escaped(settings: Settings) -> None:
    shown = processing_record.html(
        made(stated(settings, controller="Butik ApS, <b>Vestergade 1</b>")), Language.DANISH, settings
    )
    assert "&lt;b&gt;Vestergade 1&lt;/b&gt;" in shown
    assert "<script" not in shown


def test_every_class_of_the_policy_has_words() -> None:
    for language in Language:
        assert set(messages(language)["record"]["classes"]) == set(Class) - {Class.ENVELOPE}
