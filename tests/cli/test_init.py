"""``conversions init``: the files of a first run: valid, private, never over another file."""

import os
import re
import stat
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from conversions.cli.scaffold import template
from conversions.settings import FileSource, GoogleSettings, MetaSettings, ShopifySource, WooCommerceSource, load
from tests.cli.conftest import Cli

GOOGLE = ("--google-account", "123-456-7890", "--google-action", "987654321")
META = ("--meta-dataset", "555000111222", "--action-source", "physical_store")
BASIS = ("--legal-basis", "consent")


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


class TestWhatIsWritten:
    def test_the_answers_are_in_settings_that_load(self, cli: Cli, tmp_path: Path) -> None:
        said = cli("init", tmp_path, *GOOGLE, *META, *BASIS, "--also-reported-by", "none", "--shop", 'Ø "1"')
        assert said.code == 0, said.err
        settings = load(tmp_path / "conversions.toml")
        google, meta = settings.destinations["google"], settings.destinations["meta"]
        assert isinstance(google, GoogleSettings)
        assert isinstance(meta, MetaSettings)
        assert (google.operating_account_id, google.conversion_action_id) == ("1234567890", "987654321")
        assert (meta.dataset_id, meta.action_source) == ("555000111222", "physical_store")
        assert (settings.shop, settings.privacy.legal_basis) == ('Ø "1"', "consent")

    def test_the_guards_of_a_first_run_are_on(self, cli: Cli, tmp_path: Path) -> None:
        cli("init", tmp_path, *GOOGLE, *META, *BASIS, "--also-reported-by", "other")
        settings = load(tmp_path / "conversions.toml")
        for section in settings.destinations.values():
            assert section.not_before == datetime.now(ZoneInfo("Europe/Copenhagen")).date()
            assert (section.max_new, section.first_batch, section.also_reported_by) == (5000, 50, "other")

    def test_each_platform_has_its_own_answer_about_web_tags(self, cli: Cli, tmp_path: Path) -> None:
        cli("init", tmp_path, *GOOGLE, *META, *BASIS, "--google-tag", "other", "--meta-pixel", "none")
        sections = load(tmp_path / "conversions.toml").destinations
        assert (sections["google"].also_reported_by, sections["meta"].also_reported_by) == ("other", "none")

    def test_same_ids_are_order_numbers(self, cli: Cli, tmp_path: Path) -> None:
        said = cli("init", tmp_path, *GOOGLE, *BASIS, "--google-tag", "same")
        assert said.code == 0, said.err
        assert load(tmp_path / "conversions.toml").destinations["google"].reference == "order_id"
        assert "order numbers are sent" in said.err

    def test_same_ids_that_meta_would_not_recognise_are_refused(self, cli: Cli, tmp_path: Path) -> None:
        said = cli("init", tmp_path / "new", *META, *BASIS, "--meta-pixel", "same")
        assert (said.code, list((tmp_path / "new").iterdir())) == (78, [])
        assert "the same sales would count twice" in said.err

    def test_no_answer_stays_an_open_question_and_is_named(self, cli: Cli, tmp_path: Path) -> None:
        said = cli("init", tmp_path, *GOOGLE, *META, *BASIS, "--google-tag", "none")
        sections = load(tmp_path / "conversions.toml").destinations
        assert (sections["google"].also_reported_by, sections["meta"].also_reported_by) == ("none", None)
        assert "One question is open" in said.err

    def test_who_approves_is_in_the_settings_where_the_first_run_finds_it(self, cli: Cli, tmp_path: Path) -> None:
        said = cli("init", tmp_path, *GOOGLE, *BASIS, "--approved-by", "Ida Holm")
        assert load(tmp_path / "conversions.toml").privacy.approved_by == "Ida Holm"
        assert "as approved by Ida Holm" in said.err

    def test_nobody_may_approve_and_no_address_is_a_name(self, cli: Cli, tmp_path: Path) -> None:
        assert cli("init", tmp_path / "a", *GOOGLE, *BASIS, "--approved-by", "ida@shop.example").code == 2
        said = cli("init", tmp_path / "b", *GOOGLE, *BASIS, "--approved-by", "")
        assert load(tmp_path / "b" / "conversions.toml").privacy.approved_by is None
        assert "conversions policy approve" in said.err

    def test_the_guards_are_explained(self, cli: Cli, tmp_path: Path) -> None:
        said = cli("init", tmp_path, *GOOGLE, *BASIS, "--not-before", "2026-11-01", "--max-new", "700").err
        assert "Purchases before 2026-11-01 are not sent (not_before)" in said
        assert "sends 50 orders to each platform (first_batch)" in said
        assert "More than 700 new orders" in said

    def test_a_platform_without_an_account_is_left_out(self, cli: Cli, tmp_path: Path) -> None:
        cli("init", tmp_path, *META, *BASIS)
        assert list(load(tmp_path / "conversions.toml").destinations) == ["meta"]
        assert "google" not in (tmp_path / "conversions.toml").read_text().replace("Google", "")

    def test_orders_typed_relative_to_here_are_found_from_the_settings(
        self, cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        cli("init", "etc/shop", *GOOGLE, *BASIS, "--orders", "exports/*.parquet")
        settings = load(tmp_path / "etc/shop/conversions.toml")
        assert isinstance(settings.source, FileSource)
        assert settings.source.kind == "parquet"
        assert settings.resolve(settings.source.path) == tmp_path / "exports/*.parquet"

    def test_the_keys_are_fresh_and_nobody_elses(self, cli: Cli, tmp_path: Path) -> None:
        keys = set()
        for name in ("a", "b"):
            said = cli("init", tmp_path / name, *GOOGLE, *BASIS)
            os.environ.pop("CONVERSIONS_KEY")
            os.environ.pop("CONVERSIONS_LOG_KEY")
            env = (tmp_path / name / ".env").read_text()
            fresh = re.findall(r"^CONVERSIONS_(?:LOG_)?KEY=([0-9a-f]{64})$", env, re.MULTILINE)
            assert not [key for key in fresh if key in said.everything]
            assert mode(tmp_path / name / ".env") == 0o600
            keys |= {*fresh}
        assert len(keys) == 4

    def test_the_stores_directory_is_private_and_inside(self, cli: Cli, tmp_path: Path) -> None:
        cli("init", tmp_path, *GOOGLE, *BASIS)
        settings = load(tmp_path / "conversions.toml")
        assert mode(settings.store_path.parent) == 0o700
        assert settings.store_path.is_relative_to(tmp_path)
        assert settings.tail_path.is_relative_to(tmp_path)

    def test_the_policy_is_the_shipped_one(self, cli: Cli, tmp_path: Path) -> None:
        cli("init", tmp_path, *GOOGLE, *BASIS)
        assert (tmp_path / "privacy-policy.toml").read_text() == template("privacy-policy.toml")


class TestSchedule:
    def test_cron_and_systemd_run_this_program_on_these_settings_at_a_quarter_past_six(
        self, cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        printed = cli("init", "shop", *GOOGLE, *BASIS, "--timezone", "Europe/Oslo").out
        path = tmp_path / "shop" / "conversions.toml"
        cron = re.search(r"^15 6 \* \* \* (\S+) run --quiet --config (\S+)$", printed, re.MULTILINE)
        start = re.search(r"^ExecStart=(\S+) run --config (\S+)$", printed, re.MULTILINE)
        assert cron is not None
        assert start is not None
        assert cron.groups() == start.groups()
        assert (Path(cron[1]).is_absolute(), cron[2]) == (True, str(path))
        assert f"ReadWritePaths={path.parent}\n" in printed
        assert "OnCalendar=*-*-* 06:15:00 Europe/Oslo\n" in printed
        assert "/srv/conversions\n" not in printed

    def test_a_night_begins_after_googles_six_hours(self) -> None:
        zone = ZoneInfo("Europe/Copenhagen")
        last_order = datetime(2026, 11, 1, 23, 59, 59, tzinfo=zone)
        start = datetime(2026, 11, 2, 6, 15, tzinfo=zone)
        assert (start.astimezone(UTC) - last_order.astimezone(UTC)).total_seconds() > 6 * 3600


class TestNothingIsOverwritten:
    def test_settings_that_are_there_stay(self, cli: Cli, tmp_path: Path) -> None:
        cli("init", tmp_path, *GOOGLE, *BASIS)
        before = {path: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()}
        said = cli("init", tmp_path, *META, *BASIS)
        assert said.code == 78
        assert "was not changed" in said.err
        assert before == {path: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()}

    def test_a_key_that_is_there_stays(self, cli: Cli, tmp_path: Path) -> None:
        (tmp_path / ".env").write_text("CONVERSIONS_KEY=" + "5a" * 32)
        (tmp_path / ".env").chmod(0o600)
        said = cli("init", tmp_path, *GOOGLE, *BASIS)
        assert said.code == 0
        assert f"{tmp_path / '.env'} exists already and was not changed." in said.err
        assert (tmp_path / ".env").read_text() == "CONVERSIONS_KEY=" + "5a" * 32

    def test_an_answer_that_cannot_be_used_leaves_nothing_behind(self, cli: Cli, tmp_path: Path) -> None:
        said = cli("init", tmp_path / "new", "--google-account", "12", "--google-action", "1", *BASIS)
        assert said.code == 78
        assert "destinations.google.operating_account_id" in said.err
        assert list((tmp_path / "new").iterdir()) == []

    def test_a_directory_that_cannot_be_made_is_one_sentence(self, cli: Cli, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        said = cli("init", tmp_path / "file" / "x", *GOOGLE, *BASIS)
        assert said.code == 78
        assert "Not a directory" in said.err


class TestQuestions:
    def test_without_a_terminal_every_missing_option_is_named(self, cli: Cli, tmp_path: Path) -> None:
        said = cli("init", tmp_path / "new", "--google-account", "1234567890", "--meta-dataset", "5")
        assert (said.code, (tmp_path / "new").exists()) == (2, False)
        assert "--google-action, --action-source, --legal-basis" in said.err

    @pytest.mark.parametrize(
        ("option", "value"), [("--timezone", "Copenhagen"), ("--timezone", "../x"), ("--not-before", "2026-13-01")]
    )
    def test_a_day_or_zone_that_is_none_is_named(self, cli: Cli, tmp_path: Path, option: str, value: str) -> None:
        said = cli("init", tmp_path / "new", *GOOGLE, *BASIS, option, value)
        assert (said.code, (tmp_path / "new").exists()) == (2, False)
        assert option in said.err

    def test_a_terminal_is_asked_for_what_was_not_given(self, cli: Cli, tmp_path: Path) -> None:
        typed = "\n\n555000111222\nphysical_store\nlegitimate_interest\nnone\nIda Holm\n"
        said = cli("init", tmp_path, stdin=typed, terminal=True)
        assert said.code == 0, said.err
        settings = load(tmp_path / "conversions.toml")
        assert list(settings.destinations) == ["meta"]
        assert settings.destinations["meta"].also_reported_by == "none"
        assert settings.privacy.approved_by == "Ida Holm"

    def test_the_question_about_web_tags_says_which_answer_is_safe(self, cli: Cli, tmp_path: Path) -> None:
        said = cli("init", tmp_path, *GOOGLE, *META, *BASIS, stdin="\nother\n\n\n", terminal=True)
        assert said.code == 0, said.err
        assert "Does a Google tag count these purchases in this account?" in said.err
        assert "Does a Meta Pixel count these purchases in this dataset?" in said.err
        assert "the safe answer" in said.err
        sections = load(tmp_path / "conversions.toml").destinations
        assert (sections["google"].also_reported_by, sections["meta"].also_reported_by) == ("other", None)

    def test_an_answer_that_is_none_of_those_is_asked_again(self, cli: Cli, tmp_path: Path) -> None:
        said = cli("init", tmp_path, *GOOGLE, stdin="\n\nyes\nconsent\nno\nnone\n\n", terminal=True)
        assert said.code == 0, said.err
        assert "'no' is no choice: type none, other, same, or press Enter." in said.err
        assert load(tmp_path / "conversions.toml").destinations["google"].also_reported_by == "none"

    def test_a_terminal_is_not_asked_for_what_was_given(self, cli: Cli, tmp_path: Path) -> None:
        given = (*GOOGLE, *META, *BASIS, "--also-reported-by", "none", "--approved-by", "", "--orders", "orders.csv")
        said = cli("init", tmp_path, *given, terminal=True)
        assert said.code == 0, said.err
        assert "Google Ads account" not in said.err

    def test_the_end_of_input_writes_nothing(self, cli: Cli, tmp_path: Path) -> None:
        said = cli("init", tmp_path / "new", stdin="1234567890\n", terminal=True)
        assert (said.code, (tmp_path / "new").exists()) == (130, False)


class TestAWooCommerceShop:
    SHOP = ("--woocommerce", "https://shop.example/butik")

    def test_its_answers_are_in_settings_that_load(self, cli: Cli, tmp_path: Path) -> None:
        more = ("--renewals", "send", "--consent-meta", "_ad_consent", "--product-id", "sku", "--order-key", "number")
        said = cli("init", tmp_path, *GOOGLE, *BASIS, *self.SHOP, *more)
        assert said.code == 0, said.err
        source = load(tmp_path / "conversions.toml").source
        assert isinstance(source, WooCommerceSource)
        assert (source.url, source.renewals, source.consent_meta) == (self.SHOP[1], "send", "_ad_consent")
        assert (source.product_id, source.order_key) == ("sku", "number")
        assert "CONVERSIONS_SOURCE__CONSUMER_SECRET" in said.err

    def test_renewals_have_no_silent_default(self, cli: Cli, tmp_path: Path) -> None:
        said = cli("init", tmp_path, *GOOGLE, *BASIS, *self.SHOP)
        source = load(tmp_path / "conversions.toml").source
        assert isinstance(source, WooCommerceSource)
        assert source.renewals is None
        assert "source.renewals" in said.err

    def test_a_terminal_is_asked_about_it(self, cli: Cli, tmp_path: Path) -> None:
        typed = "woocommerce\n\nhttps://shop.example\n\n\nnumber\nwithhold\nvariation\n_ad_consent\n"
        said = cli("init", tmp_path, *GOOGLE, *BASIS, "--google-tag", "none", stdin=typed, terminal=True)
        assert said.code == 0, said.err
        source = load(tmp_path / "conversions.toml").source
        assert isinstance(source, WooCommerceSource)
        assert (source.order_key, source.renewals, source.product_id) == ("number", "withhold", "variation")
        assert source.consent_meta == "_ad_consent"
        assert "adopt --numbers" in said.err

    def test_a_rehearsal_needs_no_account(self, cli: Cli, tmp_path: Path) -> None:
        said = cli("init", tmp_path, *BASIS, *self.SHOP, "--rehearsal")
        assert said.code == 0, said.err
        settings = load(tmp_path / "conversions.toml")
        assert settings.rehearsal
        assert all(section.not_before is None for section in settings.destinations.values())
        assert "conversions sandbox" in said.err

    @pytest.mark.parametrize(
        ("arguments", "code", "word"),
        [
            (("--renewals", "send"), 2, "--woocommerce"),
            (("--woocommerce", "https://shop.example", "--shopify", "a.myshopify.com"), 2, "two shops"),
            (("--shopify", "shop.example"), 78, "name.myshopify.com"),
            (("--shopify", "a.myshopify.com", "--consent-attribute", "sms_optin"), 78, "text messages"),
            (("--woocommerce", "http://shop.example"), 78, "https://shop.example"),
            (("--woocommerce", "https://shop.example", "--consent-meta", "_newsletter"), 78, "newsletters"),
        ],
    )
    def test_what_cannot_be_is_refused_and_nothing_is_kept(
        self, cli: Cli, tmp_path: Path, arguments: tuple[str, ...], code: int, word: str
    ) -> None:
        said = cli("init", tmp_path / "new", *GOOGLE, *BASIS, *arguments)
        assert (said.code, word in said.err) == (code, True), said.err
        assert not list((tmp_path / "new").glob("*"))


class TestAShopifyShop:
    SHOP = ("--shopify", "name.myshopify.com")

    def test_its_answers_are_in_settings_that_load(self, cli: Cli, tmp_path: Path) -> None:
        more = ("--renewals", "send", "--consent-attribute", "ad_consent", "--product-id", "sku", "--order-key", "name")
        said = cli("init", tmp_path, *GOOGLE, *BASIS, *self.SHOP, *more)
        assert said.code == 0, said.err
        source = load(tmp_path / "conversions.toml").source
        assert isinstance(source, ShopifySource)
        assert (source.shop, source.renewals, source.consent_attribute) == (self.SHOP[1], "send", "ad_consent")
        assert (source.product_id, source.order_key) == ("sku", "name")
        assert "CONVERSIONS_SOURCE__CLIENT_SECRET" in said.err

    def test_renewals_have_no_silent_default(self, cli: Cli, tmp_path: Path) -> None:
        said = cli("init", tmp_path, *GOOGLE, *BASIS, *self.SHOP)
        source = load(tmp_path / "conversions.toml").source
        assert isinstance(source, ShopifySource)
        assert source.renewals is None
        assert "source.renewals" in said.err

    def test_a_terminal_is_asked_about_it(self, cli: Cli, tmp_path: Path) -> None:
        typed = "shopify\nname.myshopify.com\n\n\nname\nwithhold\nvariant\nad_consent\n"
        said = cli("init", tmp_path, *GOOGLE, *BASIS, "--google-tag", "none", stdin=typed, terminal=True)
        assert said.code == 0, said.err
        source = load(tmp_path / "conversions.toml").source
        assert isinstance(source, ShopifySource)
        assert (source.order_key, source.renewals, source.product_id) == ("name", "withhold", "variant")
        assert source.consent_attribute == "ad_consent"
