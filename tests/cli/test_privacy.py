"""``conversions privacy object``: the address is typed or piped, and only its keyed subject goes further."""

import json
import os
from pathlib import Path

import pytest

from conversions import keys
from conversions.intake import identity
from conversions.settings import load
from tests.cli.conftest import Cli, Said

ADDRESS = "Ida.Holm@Example.com"


def object_(cli: Cli, settings: Path, *arguments: object, stdin: str | bytes = ADDRESS, terminal: bool = False) -> Said:
    said = cli("privacy", "object", "--config", settings, *arguments, stdin=stdin, terminal=terminal)
    assert "holm" not in said.everything.lower()
    return said


def in_store(settings: Path) -> bytes:
    return b"".join(path.read_bytes() for path in (settings.parent / "var").iterdir())


def listed(cli: Cli, settings: Path) -> list[dict[str, object]]:
    entries: list[dict[str, object]] = json.loads(object_(cli, settings, "--list", "--json").out)
    return entries


class TestEntering:
    def test_a_piped_address_is_entered_as_its_subject(self, cli: Cli, settings: Path) -> None:
        said = object_(cli, settings, "--reason", "by phone, 2026-11-20")
        assert said.code == 0
        assert "Objections added: 1." in said.out
        subject = identity.subject(ADDRESS, keys.derive(load(settings).secret_key, identity.SUBJECT))
        assert isinstance(subject, bytes)
        assert subject in in_store(settings)
        assert b"holm" not in in_store(settings).lower()

    def test_a_terminal_is_asked(self, cli: Cli, settings: Path) -> None:
        assert "added: 1." in object_(cli, settings, stdin=f"{ADDRESS}\n", terminal=True).out

    def test_the_same_person_under_another_form_is_already_there(self, cli: Cli, settings: Path) -> None:
        object_(cli, settings, stdin="r.a.y@gmail.com")
        assert "added: 0. Already on the list: 1." in object_(cli, settings, stdin=" RAY+shop@gmail.com ").out

    @pytest.mark.parametrize(
        "content",
        [
            f"{ADDRESS}\nasta@example.net\n",
            f"\ufeffE-mail,case\n{ADDRESS},17\n\nasta@example.net,18\n",
            f"case;billing_email\r\n17;{ADDRESS}\r\n18;asta@example.net\r\n",
            f'{ADDRESS},"the first, really"\nasta@example.net,x\n',
        ],
    )
    def test_a_list_or_a_table_is_read(self, cli: Cli, settings: Path, tmp_path: Path, content: str) -> None:
        (tmp_path / "objections.csv").write_text(content, encoding="utf-8")
        assert "added: 2." in object_(cli, settings, "--file", tmp_path / "objections.csv", stdin="").out
        assert "Already on the list: 2." in object_(cli, settings, stdin=content).out

    def test_a_line_that_holds_no_address_is_named_by_number_and_the_others_are_entered(
        self, cli: Cli, settings: Path
    ) -> None:
        said = object_(cli, settings, stdin=f"{ADDRESS}\nIda Holm\n,17\nasta@example.net\n")
        assert said.code == 65
        assert "added: 2." in said.out
        assert "line 2: unusable e-mail address\nline 3: no e-mail address\n" in said.err

    @pytest.mark.parametrize("content", [b"", b"\n\n", b"\xff\xfeholm", b'"holm\x00'])
    def test_what_is_no_list_is_exit_2_or_65_without_being_shown(
        self, cli: Cli, settings: Path, content: bytes
    ) -> None:
        assert object_(cli, settings, stdin=content).code in {2, 65}

    def test_a_file_that_is_not_there_is_one_sentence(self, cli: Cli, settings: Path, tmp_path: Path) -> None:
        said = object_(cli, settings, "--file", tmp_path / "none.csv")
        assert (said.code, said.err.count("\n")) == (2, 1)

    def test_for_programs_it_says_how_many_and_which_lines(self, cli: Cli, settings: Path) -> None:
        said = object_(cli, settings, "--json", stdin=f"{ADDRESS}\nIda Holm\n")
        unusable = [{"line": 2, "reason": "unusable_email"}]
        assert json.loads(said.out) == {"changed": 1, "as_before": 0, "unusable": unusable}


class TestTakingBack:
    def test_an_objection_is_taken_back_with_a_reason(self, cli: Cli, settings: Path) -> None:
        object_(cli, settings)
        assert "removed: 1." in object_(cli, settings, "--remove", "--reason", "wrote to us").out
        assert "Not on the list: 1." in object_(cli, settings, "--remove", "--reason", "wrote to us").out
        assert "added: 1." in object_(cli, settings).out

    def test_never_without_a_reason(self, cli: Cli, settings: Path) -> None:
        assert object_(cli, settings, "--remove").code == 2

    @pytest.mark.parametrize("sign", ["@", "%40", "\uff20", "\ufe6b"])
    def test_a_reason_holds_no_address(self, cli: Cli, settings: Path, sign: str) -> None:
        said = object_(cli, settings, "--reason", f"wrote from {ADDRESS}".replace("@", sign))
        assert (said.code, said.out, said.err.count("\n")) == (2, "", 1)
        assert "--reason contains an at sign" in said.err
        assert "ida" not in said.err
        assert not (settings.parent / "var" / "conversions.db").exists()


class TestListing:
    def test_an_entry_has_number_date_and_state_and_no_person(self, cli: Cli, settings: Path) -> None:
        object_(cli, settings, "--reason", "by phone")
        object_(cli, settings, stdin="asta@example.net")
        object_(cli, settings, "--remove", "--reason", "wrote to us")
        first, second = listed(cli, settings)
        assert (first["entry"], first["reason"], second["removed_at"]) == (1, "by phone", None)
        assert first["removed_at"] is not None
        table = object_(cli, settings, "--list").out.splitlines()
        assert table[0].split() == ["entry", "kind", "since", "(Europe/Copenhagen)", "state", "case", "reason"]
        assert "removed" in table[1]
        assert "in force" in table[2]

    def test_before_the_first_the_list_is_empty_and_no_store_is_made(self, cli: Cli, settings: Path) -> None:
        assert listed(cli, settings) == []
        assert list((settings.parent / "var").iterdir()) == []


def test_another_key_would_never_find_the_person_and_is_refused(cli: Cli, settings: Path) -> None:
    object_(cli, settings)
    os.environ["CONVERSIONS_KEY"] = "5a" * 32
    said = object_(cli, settings, stdin="asta@example.net")
    assert said.code == 78
    assert len(listed(cli, settings)) == 1
