"""Settings: where each comes from, which mistakes are named, and that no secret shows."""

import os
from datetime import date, timedelta
from pathlib import Path
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conversions.errors import SettingsError
from conversions.settings import FileSource, GoogleSettings, MetaSettings, Settings, SqlSource, duration, load

KEY = "5a" * 32
TOKEN = "EAAB" + "x" * 40

SOURCE = """
[source]
kind = "csv"
path = "../orders/*.csv"
completed = ["completed"]
[source.columns]
order_id = "order_id"
email = "billing_email"
amount = "total"
currency = "currency"
product_ids = "product_ids"
purchased_at = "purchased_at"
status = "status"
"""
PRIVACY = '[privacy]\nlegal_basis = "legitimate_interest"\n'
GOOGLE = '[destinations.google]\noperating_account_id = "1234567890"\nconversion_action_id = "987654321"\n'
META = '[destinations.meta]\ndataset_id = "555000111222"\naction_source = "physical_store"\n'
WHOLE = SOURCE + PRIVACY + GOOGLE + META


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "config").mkdir()
    return tmp_path / "config"


def write(home: Path, text: str = WHOLE, env: str | None = None, mode: int = 0o600) -> Path:
    path = home / "conversions.toml"
    path.write_text(text, encoding="utf-8")
    if env is not None:
        (home / ".env").write_text(env, encoding="utf-8")
        (home / ".env").chmod(mode)
    return path


def refusal(home: Path, text: str, env: str | None = None) -> str:
    with pytest.raises(SettingsError) as refused:
        load(write(home, text, env))
    return str(refused.value)


def google(settings: Settings) -> GoogleSettings:
    section = settings.destinations["google"]
    assert isinstance(section, GoogleSettings)
    return section


def meta(settings: Settings, name: str = "meta") -> MetaSettings:
    section = settings.destinations[name]
    assert isinstance(section, MetaSettings)
    return section


class TestPrecedence:
    def test_a_default_holds_where_nothing_is_said(self, home: Path) -> None:
        settings = load(write(home))
        assert (settings.timezone, settings.shop, settings.lookback_days) == ("Europe/Copenhagen", "main", 7)
        assert settings.deadline == timedelta(hours=4)

    def test_the_file_wins_over_a_default(self, home: Path) -> None:
        assert load(write(home, 'shop = "outlet"\n' + WHOLE)).shop == "outlet"

    def test_env_beside_the_file_wins_over_the_file(self, home: Path) -> None:
        assert (
            load(write(home, 'shop = "outlet"\n' + WHOLE, "CONVERSIONS_SHOP=from-env-file\n")).shop == "from-env-file"
        )

    def test_the_environment_wins_over_env(self, home: Path) -> None:
        os.environ["CONVERSIONS_SHOP"] = "from-environment"
        assert load(write(home, WHOLE, "CONVERSIONS_SHOP=from-env-file\n")).shop == "from-environment"

    def test_a_nested_name_changes_one_setting_and_leaves_its_neighbours(self, home: Path) -> None:
        os.environ["CONVERSIONS_SOURCE__SETTLE_SECONDS"] = "0"
        os.environ["CONVERSIONS_SOURCE__COLUMNS__EMAIL"] = "mail"
        source = load(write(home)).source
        assert isinstance(source, FileSource)
        assert (source.settle_seconds, source.columns.email, source.columns.amount) == (0, "mail", "total")

    def test_a_destination_can_be_named_without_its_parent(self, home: Path) -> None:
        os.environ |= {"CONVERSIONS_META__ACCESS_TOKEN": TOKEN, "CONVERSIONS_GOOGLE__IN_FLIGHT": "3"}
        settings = load(write(home))
        token = meta(settings).access_token
        assert token is not None
        assert (token.get_secret_value(), google(settings).in_flight) == (TOKEN, 3)

    def test_the_short_name_follows_the_sections_own(self, home: Path) -> None:
        os.environ["CONVERSIONS_FACEBOOK__ACCESS_TOKEN"] = TOKEN
        text = SOURCE + PRIVACY + META.replace("destinations.meta]", 'destinations.facebook]\nkind = "meta"')
        assert meta(load(write(home, text)), "facebook").access_token is not None

    def test_the_long_name_works_too(self, home: Path) -> None:
        os.environ["CONVERSIONS_DESTINATIONS__META__IN_FLIGHT"] = "2"
        assert meta(load(write(home))).in_flight == 2


def test_closed_days_are_days_and_ranges_with_both_ends(home: Path) -> None:
    settings = load(write(home, 'closed = [2026-12-24, "2026-07-30..2026-08-01"]\n' + WHOLE))
    assert settings.closed_days == {date(2026, 12, 24), date(2026, 7, 30), date(2026, 7, 31), date(2026, 8, 1)}


class TestMistakes:
    def test_a_wrong_shape_is_told_in_words(self, home: Path) -> None:
        told = refusal(home, WHOLE.replace('"555000111222"', '"555-000"'))
        assert "destinations.meta.dataset_id: must be digits only, without hyphens or spaces" in told

    @pytest.mark.parametrize(
        ("text", "names"),
        [
            ("time_zone = 'Europe/Copenhagen'\n" + WHOLE, "time_zone"),
            (WHOLE.replace("currency =", "curency ="), "source.columns.curency"),
            (WHOLE + "actionsource = 'website'\n", "destinations.meta.actionsource"),
            (WHOLE.replace("legal_basis", "legal_base"), "privacy.legal_base"),
        ],
    )
    def test_a_typo_is_refused_by_name(self, home: Path, text: str, names: str) -> None:
        assert f"{names}: is not a setting; is it a typo?" in refusal(home, text)

    def test_every_mistake_has_its_line(self, home: Path) -> None:
        said = refusal(home, 'timezone = "Copenhagen"\nlookback_days = 0\n' + SOURCE + GOOGLE)
        assert [line.split(":")[0].strip() for line in said.splitlines()[1:]] == [
            "timezone",
            "lookback_days",
            "privacy",
        ]

    @pytest.mark.parametrize("needed", ["legal_basis", "action_source", "dataset_id", "conversion_action_id", "email"])
    def test_what_only_the_operator_knows_has_no_default(self, home: Path, needed: str) -> None:
        lines = [line for line in WHOLE.splitlines() if not line.startswith(needed)]
        assert f"{needed}: Field required" in refusal(home, "\n".join(lines))

    def test_an_order_is_in_one_currency_by_a_column_or_by_the_settings(self, home: Path) -> None:
        fixed = WHOLE.replace('currency = "currency"\n', "").replace('kind = "csv"', 'kind = "csv"\ncurrency = "dkk"')
        source = load(write(home, fixed)).source
        assert isinstance(source, FileSource)
        assert (source.currency, source.columns.currency) == ("DKK", None)

    @pytest.mark.parametrize(("old", "new"), [('currency = "currency"\n', ""), ('"csv"', '"csv"\ncurrency = "DKK"')])
    def test_neither_of_them_or_both_is_a_sentence_with_the_setting(self, home: Path, old: str, new: str) -> None:
        said = refusal(home, WHOLE.replace(old, new))
        assert "source.columns.currency" in said
        assert 'source.currency = "DKK"' in said

    @pytest.mark.parametrize(
        "line",
        [
            *('currency = "kr"', 'currency = "XXX"', 'currency = ""', "format.decimals = 2"),
            *('currency_aliases = {kr = "krone"}', 'currency_aliases = {sek = "DKK"}'),
        ],
    )
    def test_a_currency_is_one_of_iso_4217_and_an_alias_is_none(self, home: Path, line: str) -> None:
        said = refusal(home, WHOLE.replace('kind = "csv"', f'kind = "csv"\n{line}'))
        assert line.partition(" ")[0] in said

    def test_what_amounts_and_currencies_look_like_can_be_declared(self, home: Path) -> None:
        text = SOURCE + '[source.format]\ndecimals = 3\n[source.currency_aliases]\n"kr." = "dkk"\n' + PRIVACY + GOOGLE
        os.environ["CONVERSIONS_SOURCE__CURRENCY_ALIASES__KR"] = "DKK"
        source = load(write(home, text)).source
        assert isinstance(source, FileSource)
        assert (source.format.decimals, source.currency_aliases) == (3, {"kr.": "DKK", "kr": "DKK"})

    def test_no_destination_at_all_is_refused(self, home: Path) -> None:
        assert "destinations" in refusal(home, SOURCE + PRIVACY)

    def test_a_mistake_is_named_without_its_value(self, home: Path) -> None:
        said = refusal(home, WHOLE.replace('"1234567890"', '"ida.holm@example.com"'), f"CONVERSIONS_KEY={KEY}\n")
        assert "operating_account_id" in said
        assert "ida.holm" not in said
        assert KEY not in said

    @pytest.mark.parametrize(
        ("closed", "said"),
        [
            ("2026-13-01", "write a day as 2026-12-24, or days as 2026-07-06..2026-07-26"),
            ("2026-07-06..", "write a day as 2026-12-24, or days as 2026-07-06..2026-07-26"),
            ("2026-07-26..2026-07-06", "the last day is before the first day"),
            ("2026-07-06..2027-07-26", "the span is longer than a year"),
        ],
    )
    def test_closed_days_that_are_none_are_refused(self, home: Path, closed: str, said: str) -> None:
        assert f"closed.1: {said}" in refusal(home, f'closed = ["2026-12-24", "{closed}"]\n' + WHOLE)

    def test_a_file_that_is_missing_names_the_command_that_makes_one(self, home: Path) -> None:
        with pytest.raises(SettingsError, match="conversions init"):
            load(home / "conversions.toml")

    @pytest.mark.parametrize(
        ("content", "sentence"),
        [
            (b"timezone = \n", "is not valid TOML"),
            ("shop = 'Sø'".encode("utf-16"), "is not text in UTF-8 but in UTF-16. Save it as UTF-8"),
            (b"a = 1\nshop = 'S\xf8'", r"but probably in Windows-1252 \(line 2\). Save it as UTF-8"),
        ],
    )
    def test_what_is_not_toml_is_one_sentence(self, home: Path, content: bytes, sentence: str) -> None:
        (home / "conversions.toml").write_bytes(content)
        with pytest.raises(SettingsError, match=sentence):
            load(home / "conversions.toml")

    def test_a_refusal_is_exit_78(self) -> None:
        assert SettingsError.exit_code == 78


class TestSecrets:
    @pytest.mark.parametrize("line", [f'key = "{KEY}"\n' + WHOLE, WHOLE + f'access_token = "{TOKEN}"\n'])
    def test_a_secret_in_the_file_is_refused_and_not_repeated(self, home: Path, line: str) -> None:
        said = refusal(home, line)
        assert "holds a secret" in said
        assert KEY not in said
        assert TOKEN not in said

    @pytest.mark.parametrize("mode", [0o640, 0o604, 0o666, 0o610])
    def test_env_that_others_may_reach_is_refused(self, home: Path, mode: int) -> None:
        path = write(home, WHOLE, f"CONVERSIONS_KEY={KEY}\n", mode)
        with pytest.raises(SettingsError, match="chmod 600"):
            load(path)

    def test_env_of_another_user_says_whose_turn_it_is(self, home: Path) -> None:
        path = write(home, WHOLE, f"CONVERSIONS_KEY={KEY}\n")
        with (
            mock.patch("conversions.settings.load.load_dotenv", side_effect=PermissionError(13, "Permission denied")),
            pytest.raises(SettingsError, match=r"Permission denied\. Run this as its owner"),
        ):
            load(path)

    @pytest.mark.parametrize("content", ["# nøgle\n".encode("latin-1"), b"CONVERSIONS_SHOP=a\0b\n"])
    def test_an_env_that_is_no_text_is_refused_without_its_content(self, home: Path, content: bytes) -> None:
        path = write(home, WHOLE, "")
        (home / ".env").write_bytes(content + f"CONVERSIONS_KEY={KEY}\n".encode())
        with pytest.raises(SettingsError) as refused:
            load(path)
        assert str(refused.value).startswith(f"{home / '.env'} is not text in UTF-8")
        assert "CONVERSIONS" not in str(refused.value)

    @pytest.mark.parametrize(
        ("address", "says"),
        [
            ("sftp://shop:hunter2@sftp.example/*.csv", "put an SFTP password into CONVERSIONS_SOURCE__PASSWORD"),
            ("s3://AKIA:hunter2@bucket/*.csv", "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, in .env"),
            ("gs://hunter2@bucket/*.csv", "a login does not belong into the address"),
            ("sftp://shop:hun/ter2@sftp.example/*.csv", "write s3://bucket/folder/*.csv or sftp://user@host"),
            ("ftp://sftp.example/hunter2.csv", "others are not encrypted"),
            ("FILE:///orders/hunter2.csv", "write a path of this machine"),
            ("simplecache::s3://bucket/hunter2.csv", "others are not encrypted"),
        ],
    )
    def test_an_address_of_files_with_a_login_or_without_encryption_is_refused(
        self, home: Path, address: str, says: str
    ) -> None:
        told = refusal(home, WHOLE.replace("../orders/*.csv", address))

        assert "source.path: " in told
        assert says in told
        assert "hunter2" not in told

    def test_no_dump_shows_who_logs_in_to_a_server_of_files(self, home: Path) -> None:
        text = WHOLE.replace("../orders/*.csv", "SFTP://ida%40kunde.example@sftp.example:2222/out/*.csv")
        os.environ["CONVERSIONS_SOURCE__PASSWORD"] = "hunter2"
        settings = load(write(home, text))

        assert isinstance(settings.source, FileSource)
        assert settings.source.path == "sftp://ida%40kunde.example@sftp.example:2222/out/*.csv"
        assert settings.source.elsewhere == "sftp://sftp.example:2222/out/*.csv"
        assert '"sftp://sftp.example:2222/out/*.csv"' in settings.public_text()
        assert "hunter2" not in settings.public_text() + repr(settings)

    def test_no_repr_or_dump_shows_a_secret(self, home: Path) -> None:
        text = WHOLE.replace('kind = "csv"\npath = "../orders/*.csv"', 'kind = "sql"\nurl = "x"\nquery = "SELECT 1"')
        os.environ["CONVERSIONS_SOURCE__URL"] = "postgresql://reader:hunter2@db/shop"
        env = f"CONVERSIONS_KEY={KEY}\nCONVERSIONS_META__ACCESS_TOKEN={TOKEN}\n"
        settings = load(write(home, text, env))
        assert isinstance(settings.source, SqlSource)
        assert settings.source.url.get_secret_value().endswith("@db/shop")
        for shown in (repr(settings), str(settings), settings.public_text(), repr(settings.destinations)):
            for secret in (KEY, TOKEN, "hunter2"):
                assert secret not in shown

    @pytest.mark.parametrize("parameter", [":since", ":until"])
    def test_a_cast_that_hides_a_parameter_is_refused_with_the_one_that_works(self, home: Path, parameter: str) -> None:
        query = f"SELECT 1 WHERE paid_at >= {parameter}::timestamptz"
        text = WHOLE.replace('kind = "csv"\npath = "../orders/*.csv"', f'kind = "sql"\nurl = "x"\nquery = "{query}"')
        with pytest.raises(SettingsError, match=r"CAST\(:since AS timestamptz\)"):
            load(write(home, text))

    def test_the_public_text_holds_what_was_decided(self, home: Path) -> None:
        assert '"legal_basis":"legitimate_interest"' in load(write(home)).public_text()

    @pytest.mark.parametrize("key", ["", "5a" * 31, "5a" * 33, "zz" * 32, "5a " * 32])
    def test_a_key_that_is_not_32_bytes_in_hex_is_refused_when_it_is_needed(self, home: Path, key: str) -> None:
        settings = load(write(home, WHOLE, f"CONVERSIONS_KEY='{key}'\n"))
        with pytest.raises(SettingsError, match="CONVERSIONS_KEY") as refused:
            _ = settings.secret_key
        assert "5a5a" not in str(refused.value)

    def test_the_key_is_32_bytes(self, home: Path) -> None:
        assert load(write(home, WHOLE, f"CONVERSIONS_KEY={KEY}\n")).secret_key == b"\x5a" * 32


class TestRehearsals:
    @pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "localhost", "[::1]"])
    def test_loopback_endpoints_make_a_rehearsal(self, home: Path, host: str) -> None:
        os.environ |= {f"CONVERSIONS_{name}__ENDPOINT": f"http://{host}:8085/" for name in ("GOOGLE", "META")}
        settings = load(write(home))
        assert settings.rehearsal
        assert google(settings).endpoint == f"http://{host}:8085"

    @pytest.mark.parametrize(
        "url",
        [
            "https://datamanager.googleapis.com",
            "http://127.0.0.1.example.com",
            "http://localhost.example.com",
            "http://localhost@example.com",
            "http://0.0.0.0:80",
            "http://10.0.0.1",
            "http://[::]:80",
            "//example.com",
            "http://2130706433",
            "http://shop.example\\@127.0.0.1:8085",
            "http://127.0.0.1@shop.example",
            "http://ida:secret@127.0.0.1:8085",
            "ftp://127.0.0.1",
            "127.0.0.1:8085",
            "http://127.0.0.1:65536",
            "http://127.0.0.1:0",
            "http://127.0.0.256",
            "http://127.1",
            "http://127.0.0.\u0661",
            "http://127.0.0.1:8085/?to=x",
            "http://127.0.0.1:8085/#x",
            "http://127.0.0.1:8085/v1",
            "http://127.0.0.1:8085\n",
            "http://",
            "",
        ],
    )
    def test_any_other_endpoint_is_refused(self, home: Path, url: str) -> None:
        os.environ |= {f"CONVERSIONS_{name}__ENDPOINT": url for name in ("GOOGLE", "META")}
        assert "destinations.meta.endpoint: " in refusal(home, WHOLE)

    @pytest.mark.parametrize("url", ["https://localhost:65535", "http://127.0.0.1", "http://127.255.0.10/"])
    def test_a_scheme_a_loopback_host_and_a_port_are_all_it_takes(self, home: Path, url: str) -> None:
        os.environ |= {f"CONVERSIONS_{name}__ENDPOINT": url for name in ("GOOGLE", "META")}
        assert google(load(write(home))).endpoint == url.rstrip("/")

    def test_half_a_rehearsal_is_refused(self, home: Path) -> None:
        os.environ["CONVERSIONS_META__ENDPOINT"] = "http://127.0.0.1:8085"
        assert "either every destination has a rehearsal endpoint or none has" in refusal(home, WHOLE)

    def test_unlimited_pace_is_for_rehearsals(self, home: Path) -> None:
        assert "requests_per_minute = 0" in refusal(home, WHOLE + "requests_per_minute = 0\n")

    def test_settings_without_endpoints_are_real(self, home: Path) -> None:
        assert not load(write(home)).rehearsal


class TestCombinations:
    @pytest.mark.parametrize(
        ("lines", "says"),
        [
            ('also_reported_by = "same"\n', 'needs reference = "order_id"'),
            ('also_reported_by = "same"\nreference = "order_id"\n', "the same sales would count twice"),
            ("max_age_days = 63\n", "max_age_days"),
        ],
    )
    def test_what_meta_does_not_document_is_refused(self, home: Path, lines: str, says: str) -> None:
        assert says in refusal(home, WHOLE + lines)

    def test_website_needs_the_shops_address(self, home: Path) -> None:
        text = WHOLE.replace("physical_store", "website")
        assert "event_source_url" in refusal(home, text)
        assert meta(load(write(home, text + 'event_source_url = "https://shop.example"\n'))).action_source == "website"

    def test_more_than_seven_days_are_for_physical_store(self, home: Path) -> None:
        assert meta(load(write(home, WHOLE + "max_age_days = 30\n"))).max_age_days == 30
        assert "older than 7 days" in refusal(home, WHOLE.replace("physical_store", "other") + "max_age_days = 8\n")

    def test_the_guards_are_off_where_they_are_absent(self, home: Path) -> None:
        section = google(load(write(home)))
        assert (section.not_before, section.max_new, section.first_batch, section.also_reported_by) == (None,) * 4

    def test_a_day_is_a_day(self, home: Path) -> None:
        assert meta(load(write(home, WHOLE + "not_before = 2026-11-01\n"))).not_before == date(2026, 11, 1)

    def test_account_numbers_may_be_written_as_numbers(self, home: Path) -> None:
        assert (
            google(load(write(home, WHOLE.replace('"1234567890"', "1234567890")))).operating_account_id == "1234567890"
        )


class TestPaths:
    def test_relative_paths_are_relative_to_the_file(self, home: Path) -> None:
        settings = load(write(home))
        assert settings.store_path == home.parent / "var" / "conversions.db"
        assert settings.resolve("privacy-policy.toml") == home / "privacy-policy.toml"

    def test_absolute_paths_stay(self, home: Path) -> None:
        settings = load(write(home, WHOLE + '[store]\nurl = "sqlite:////srv/store/c.db"\n'))
        assert settings.store_path == Path("/srv/store/c.db")

    def test_the_tail_file_lies_outside_the_stores_directory(self, home: Path) -> None:
        settings = load(write(home))
        assert settings.store_path.parent not in settings.tail_path.parents

    def test_the_tail_file_can_be_put_elsewhere(self, home: Path) -> None:
        settings = load(write(home, WHOLE + '[store]\ntail = "../kept/tail"\n'))
        assert settings.tail_path == home.parent / "kept" / "tail"

    def test_checkpoints_lie_outside_the_stores_directory_or_where_it_is_said(self, home: Path) -> None:
        settings = load(write(home, WHOLE))
        assert settings.store_path.parent not in settings.checkpoints_path.parents
        assert settings.checkpoints_path != settings.tail_path
        settings = load(write(home, WHOLE + '[store]\ncheckpoints = "../kept"\n'))
        assert settings.checkpoints_path == home.parent / "kept"

    def test_stores_of_one_directory_have_their_own_tails(self, home: Path) -> None:
        urls = ("sqlite:///../var/a.db", "sqlite:///../var/b.db", "sqlite:///../var2/a.db")
        tails = {load(write(home, WHOLE + f'[store]\nurl = "{url}"\n')).tail_path for url in urls}
        assert len(tails) == 3


@given(st.integers(0, 10_000), st.sampled_from("smhd"))
def test_a_duration_is_a_number_and_a_unit(number: int, unit: str) -> None:
    seconds = {"s": 1, "m": 60, "h": 3600, "d": 86400}[unit]
    assert duration(f"{number}{unit}") == timedelta(seconds=number * seconds)


@pytest.mark.parametrize("text", ["", "4", "h", "4 hours", "-1h", "1h30m", None, 7])
def test_what_is_not_a_duration_is_left_alone(text: object) -> None:
    assert duration(text) == text
