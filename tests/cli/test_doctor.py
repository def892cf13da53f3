"""``conversions doctor``: each thing that would stop or spoil a run is a finding; nothing is sent or written."""

import json
import os
import socket
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from conversions.cli import doctor as command
from conversions.destinations.google import credentials
from conversions.doctor.policy_fit import LEGITIMATE_INTEREST
from tests.cli.conftest import Cli

HEADER = "order_id,billing_email,total,currency,product_ids,purchased_at,status\n"
YESTERDAY = (datetime.now(UTC) - timedelta(days=1)).date().isoformat()
TOKEN = "EAAB" + "x" * 40


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not on Google Cloud, and without a login of gcloud."""
    os.environ["CLOUDSDK_CONFIG"] = str(tmp_path / "gcloud")
    monkeypatch.setattr(credentials, "PRODUCT_NAME", tmp_path / "product_name")


@pytest.fixture
def ready(settings: Path, tmp_path: Path) -> Path:
    """A shop with which a run would start."""
    (settings.parent / "orders").mkdir()
    (settings.parent / "orders" / "day.csv").write_text(HEADER)
    os.environ["CONVERSIONS_META__ACCESS_TOKEN"] = TOKEN
    os.environ["GOOGLE_APPLICATION_CREDENTIALS"] = str(google_file(tmp_path))
    return settings


USER = json.dumps({"type": "authorized_user", "client_id": "id", "client_secret": "s", "refresh_token": "r"})


def google_file(folder: Path, content: str = USER, mode: int = 0o600) -> Path:
    path = folder / "google.json"
    path.write_text(content)
    path.chmod(mode)
    return path


def findings(cli: Cli, settings: Path) -> tuple[int, dict[str, list[dict[str, Any]]]]:
    said = cli("doctor", "--json", "--config", settings)
    document = json.loads(said.out)
    assert document["exit_code"] == said.code
    about: dict[str, list[dict[str, Any]]] = {}
    for finding in document["findings"]:
        about.setdefault(finding["about"], []).append(finding)
    return said.code, about


def problems(cli: Cli, settings: Path, about: str) -> tuple[int, str]:
    """The exit code, and what is wrong with *about*; nothing else may be wrong."""
    code, found = findings(cli, settings)
    wrong = [f for each in found.values() for f in each if f["level"] == "problem"]
    assert {f["about"] for f in wrong} == {about}
    return code, " ".join(f"{f['sentence']} {f['next'] or ''}" for f in wrong)


def notes(cli: Cli, settings: Path, about: str) -> str:
    return " ".join(f["sentence"] for f in findings(cli, settings)[1][about] if f["level"] == "note")


def setting(settings: Path, old: str, new: str) -> None:
    text = settings.read_text(encoding="utf-8")
    assert old in text
    settings.write_text(text.replace(old, new), encoding="utf-8")


class TestNetwork:
    def test_the_hosts_to_open_are_named_and_no_secret_address(self, cli: Cli, ready: Path) -> None:
        os.environ["CONVERSIONS_ON_CALL__HEARTBEAT_URL"] = "https://hc-ping.example:8443/secret-path"
        os.environ["CONVERSIONS_PROXY"] = "http://proxy.example:3128"
        os.environ["CONVERSIONS_NO_PROXY"] = '["hc-ping.example"]'
        os.environ |= {"CONVERSIONS_PROXY_USER": "night", "CONVERSIONS_PROXY_PASSWORD": "secret-password"}
        code, found = findings(cli, ready)
        [said] = [finding["sentence"] for finding in found["network"]]
        assert code == 0
        assert said == (
            "Runs must reach, through the proxy http://proxy.example:3128: hc-ping.example:8443 (directly), "
            "datamanager.googleapis.com:443, oauth2.googleapis.com:443, graph.facebook.com:443."
        )
        assert "secret" not in cli("doctor", "--config", ready).everything

    @pytest.mark.parametrize(
        ("name", "setting"),
        [("HTTPS_PROXY", "proxy"), ("https_proxy", "proxy"), ("ALL_PROXY", "proxy"), ("no_proxy", "no_proxy")]
        + [(name, "ca_file") for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")],
    )
    def test_a_variable_that_is_not_used_is_named_with_our_setting(
        self, cli: Cli, ready: Path, name: str, setting: str
    ) -> None:
        os.environ[name] = "http://user:secret@proxy.example:3128"
        [finding] = [found for found in findings(cli, ready)[1]["network"] if found["level"] == "note"]
        assert finding["sentence"] == f"Set in the environment, and not used by this program: {name}."
        assert f"`{setting}`" in finding["next"]
        assert "secret" not in str(finding)

    @pytest.mark.parametrize("content", [None, b"", b"no certificate", b"\x30\x82\x01\x0a", "directory"])
    def test_an_authority_that_cannot_be_used_is_exit_78(
        self, cli: Cli, ready: Path, content: bytes | str | None
    ) -> None:
        os.environ["CONVERSIONS_CA_FILE"] = "company-ca.pem"
        path = ready.with_name("company-ca.pem")
        if isinstance(content, bytes):
            path.write_bytes(content)
        elif content:
            path.mkdir()
        code, found = findings(cli, ready)
        assert code == 78
        assert [finding["sentence"][:8] for finding in found["network"]] == ["ca_file:"]
        assert "conversions doctor" in found["network"][0]["sentence"]


class TestAShopThatIsReady:
    def test_exits_0_and_names_what_was_looked_at(self, cli: Cli, ready: Path) -> None:
        code, found = findings(cli, ready)
        assert code == 0
        assert set(found) == {
            *("settings", "environment", "key", "clock", "store", "network"),
            *("source", "privacy", "policy", "google", "meta", "approval"),
        }

    def test_nothing_is_written(self, cli: Cli, ready: Path) -> None:
        before = sorted(path for path in ready.parent.rglob("*"))
        cli("doctor", "--config", ready)
        assert sorted(path for path in ready.parent.rglob("*")) == before

    def test_nothing_is_sent(self, cli: Cli, ready: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def refuse(*_: object) -> None:
            raise AssertionError

        monkeypatch.setattr(socket.socket, "connect", refuse)
        monkeypatch.setattr(socket, "getaddrinfo", refuse)
        assert cli("doctor", "--config", ready).code == 0

    def test_people_get_a_line_for_each_and_the_next_step_below(self, cli: Cli, ready: Path) -> None:
        os.environ.pop("CONVERSIONS_META__ACCESS_TOKEN")
        lines = cli("doctor", "--config", ready).out.splitlines()
        at = lines.index("problem  meta: Meta's access token is missing.")
        assert lines[at + 1].startswith("               Events Manager")

    def test_no_secret_is_shown(self, cli: Cli, ready: Path) -> None:
        said = cli("doctor", "--config", ready).everything
        key = ready.with_name(".env").read_text().partition("CONVERSIONS_KEY=")[2][:64]
        assert len(key) == 64
        assert key not in said
        assert TOKEN not in said


class TestSettings:
    def test_settings_that_do_not_load_are_the_only_finding(self, cli: Cli, ready: Path) -> None:
        setting(ready, "lookback_days = 7", "lookback_days = 0")
        assert problems(cli, ready, "settings")[0] == 78

    def test_a_misspelt_name_is_named_with_the_one_that_is_near(self, cli: Cli, ready: Path) -> None:
        os.environ["CONVERSIONS_LOOKBACK_DAY"] = "3"
        code, said = problems(cli, ready, "environment")
        assert code == 78
        assert "CONVERSIONS_LOOKBACK_DAY is set; is CONVERSIONS_LOOKBACK_DAYS meant?" in said

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("DEADLINE", "90m"),
            ("DESTINATIONS__META__IN_FLIGHT", "2"),
            ("GOOGLE__IN_FLIGHT", "2"),
            ("SOURCE__SETTLE_SECONDS", "0"),
            ("SOURCE__COLUMNS__STATUS", "status"),
        ],
    )
    def test_names_of_settings_are_not_misspelt(self, cli: Cli, ready: Path, name: str, value: str) -> None:
        os.environ[f"CONVERSIONS_{name}"] = value
        assert findings(cli, ready)[1]["environment"][0]["level"] == "ok"

    @pytest.mark.parametrize(("key", "says"), [("", "is missing"), ("5a", "is not 64 hex digits")])
    def test_a_key_that_is_none(self, cli: Cli, ready: Path, key: str, says: str) -> None:
        os.environ["CONVERSIONS_KEY"] = key
        code, said = problems(cli, ready, "key")
        assert (code, says in said) == (78, True)


class TestMachine:
    def test_a_clock_before_this_program_was_made(self, cli: Cli, ready: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(command, "now", lambda: datetime(1970, 1, 1, tzinfo=UTC))
        code, said = problems(cli, ready, "clock")
        assert (code, "1970-01-01" in said) == (78, True)

    def test_a_clock_behind_the_stores_last_change(self, cli: Cli, ready: Path) -> None:
        cli("privacy", "object", "--config", ready, stdin="ida.holm@example.com")
        store = ready.parent / "var" / "conversions.db"
        os.utime(store, (4e9, 4e9))
        code, said = problems(cli, ready, "clock")
        assert (code, "the store's last change" in said) == (78, True)

    def test_a_store_that_is_not_there_yet_is_worth_a_note(self, cli: Cli, ready: Path) -> None:
        assert "the first run creates" in notes(cli, ready, "store")

    def test_a_store_that_is_gone_is_exit_74(self, cli: Cli, ready: Path) -> None:
        cli("privacy", "object", "--config", ready, stdin="ida.holm@example.com")
        for path in (ready.parent / "var").iterdir():
            path.unlink()
        assert problems(cli, ready, "store")[0] == 74

    @pytest.mark.parametrize(("name", "mode", "mend"), [("var", 0o750, "700"), ("var/conversions.db", 0o640, "600")])
    def test_a_store_that_others_may_reach(self, cli: Cli, ready: Path, name: str, mode: int, mend: str) -> None:
        cli("privacy", "object", "--config", ready, stdin="ida.holm@example.com")
        (ready.parent / name).chmod(mode)
        code, said = problems(cli, ready, "store")
        assert (code, f"chmod {mend} {ready.parent / name}" in said) == (78, True)

    def test_a_store_of_another_key(self, cli: Cli, ready: Path) -> None:
        cli("privacy", "object", "--config", ready, stdin="ida.holm@example.com")
        os.environ["CONVERSIONS_KEY"] = "5a" * 32
        assert problems(cli, ready, "store")[0] == 78

    def test_a_source_without_a_mapped_column(self, cli: Cli, ready: Path) -> None:
        day = ready.parent / "orders" / "day.csv"
        day.write_text(HEADER.replace("total", "sum"))
        os.utime(day, (1e9, 1e9))
        code, said = problems(cli, ready, "source")
        assert (code, "total" in said) == (66, True)


def row(number: int, **changes: str) -> str:
    cells = {"order_id": str(number), "billing_email": f"ida.{number}@example.com", "total": "100.00"}
    cells |= {"currency": "DKK", "product_ids": "SKU-1", "purchased_at": YESTERDAY, "status": "completed"}
    return ",".join(f'"{cell}"' for cell in (cells | changes).values()) + "\n"


def export(settings: Path, *rows: str) -> None:
    day = settings.parent / "orders" / "day.csv"
    day.write_text(HEADER + "".join(rows), encoding="utf-8")
    os.utime(day, (1e9, 1e9))


class TestSample:
    """Fourteen orders of yesterday, as a run would read them."""

    @pytest.mark.parametrize(
        ("change", "says"),
        [
            (
                {"total": "293,0,0"},
                (
                    "14 of 14 rows cannot be read: column `total` (source.columns.amount) holds `293,0,0`.",
                    "Let decimal_mark, thousands_mark and minor_units in [source.format] say",
                ),
            ),
            ({"total": "1.200"}, ("14 of 14 rows cannot be read", "three digits after the point", "Set decimal_mark")),
            ({"total": "€12"}, ("14 of 14 rows cannot be read", "names another currency than the order has")),
            ({"purchased_at": "29-11-2026"}, ("14 of 14 rows", "holds `29-11-2026`", 'first: set dates = "dmy" in')),
            ({"purchased_at": "11/29/2026 1:30"}, ("14 of 14 rows", 'The month comes first: set dates = "mdy"')),
            (
                {"purchased_at": "03-04-2026"},
                ("could begin with the day or the month, such as in day.csv row 2, day.csv row 3, day.csv row 4",),
            ),
            ({"purchased_at": "1796000000"}, ("14 of 14 rows", 'Unix time: set dates = "unix"')),
            ({"purchased_at": "46354.427"}, ("14 of 14 rows", 'days of Excel: set dates = "excel"')),
            ({"purchased_at": "soon"}, ("14 of 14 rows", "Write dates as 2026-11-29")),
            (
                {"status": "Fuldført"},
                ("14 of 14 orders would be held back", "(source.columns.status) holds `Fuldført`", "source.completed"),
            ),
            (
                {"billing_email": "<a@b.example>"},
                ("14 of 14 orders would be held back", "(source.columns.email): unusable e-mail address"),
            ),
            ({"currency": "kr"}, ("14 of 14 orders would be held back", "holds `kr`", "currency_aliases")),
            ({"product_ids": "Rød kjole"}, ("14 of 14 orders", "(source.columns.product_ids) holds `Rød kjole`")),
            ({"product_ids": ""}, ("14 of 14 orders would be held back", ": no product ID")),
        ],
    )
    def test_a_mapping_that_sends_nothing_is_a_problem(
        self, cli: Cli, ready: Path, change: dict[str, str], says: tuple[str, ...]
    ) -> None:
        export(ready, *(row(number, **change) for number in range(14)))
        code, said = problems(cli, ready, "source")
        assert code == 78
        for words in says:
            assert words in said

    def test_two_reasons_that_leave_nothing_are_problems_both(self, cli: Cli, ready: Path) -> None:
        export(ready, *(row(n, **({"total": "1,0,0"} if n % 2 else {"purchased_at": "soon"})) for n in range(14)))
        said = problems(cli, ready, "source")[1]
        assert said.count("7 of 14 rows cannot be read") == 2

    def test_some_of_it_is_worth_a_note(self, cli: Cli, ready: Path) -> None:
        odd = [row(1, total="1,0,0"), row(2, status="pending"), row(3, billing_email="ida"), row(4, total="1.200")]
        export(ready, *odd, *(row(number) for number in range(5, 15)))
        code, found = findings(cli, ready)
        assert code == 0
        assert [f["level"] for f in found["source"]] == ["ok", *["note"] * 4]
        said = notes(cli, ready, "source")
        assert "1 of 14 rows cannot be read: column `total` (source.columns.amount) holds one value." in said
        assert "1 of 13 orders would be held back: column `status` (source.columns.status) holds one value." in said
        assert "1 of 13 orders would be held back: column `billing_email` (source.columns.email): unusable" in said

    def test_several_reasons_that_leave_nothing_are_problems_all(self, cli: Cli, ready: Path) -> None:
        export(ready, row(1, status="done"), row(2, billing_email=""), row(3, currency="kr"))
        assert problems(cli, ready, "source")[1].count("1 of 3 orders would be held back") == 3

    def test_two_orders_that_are_held_back_say_nothing_of_the_mapping(self, cli: Cli, ready: Path) -> None:
        export(ready, row(1, status="pending"), row(2, status="pending"))
        assert findings(cli, ready)[0] == 0
        assert "2 of 2 orders would be held back" in notes(cli, ready, "source")

    def test_good_orders_are_fine(self, cli: Cli, ready: Path) -> None:
        export(ready, *(row(number, total=total) for number, total in enumerate(["1.200", "1234.500", "12.00"])))
        assert [f["level"] for f in findings(cli, ready)[1]["source"]] == ["ok"]

    def test_a_mapping_to_a_column_of_persons_shows_none_of_them(self, cli: Cli, ready: Path) -> None:
        names = ["Ida Holm", "Karl Berg", "Ida Holm", "20123456", "20123456", "ida@example.com", "ida@example.com"]
        for column in ("total", "currency", "product_ids", "purchased_at", "status"):
            export(ready, *(row(n, **{column: name}) for n, name in enumerate(names)))
            said = cli("doctor", "--config", ready).everything
            assert not any(name in said for name in names)
            assert "different values" in said

    def test_where_the_last_days_have_none_older_orders_tell_as_much(self, cli: Cli, ready: Path) -> None:
        export(ready, *(row(n, purchased_at=f"2025-01-1{n}", status="done") for n in range(5)))
        code, said = problems(cli, ready, "source")
        assert (code, "holds `done`" in said) == (78, True)
        assert "only from 2025-01-10 to 2025-01-14" in notes(cli, ready, "source")

    def test_a_large_source_is_not_read_to_its_end(self, cli: Cli, ready: Path) -> None:
        export(ready, *(row(n) for n in range(11_000)), row(-1, status="last"))
        assert "last" not in notes(cli, ready, "source")


class TestCredentials:
    def test_metas_token_is_missing(self, cli: Cli, ready: Path) -> None:
        os.environ.pop("CONVERSIONS_META__ACCESS_TOKEN")
        code, said = problems(cli, ready, "meta")
        assert (code, "CONVERSIONS_META__ACCESS_TOKEN" in said) == (77, True)

    @pytest.mark.parametrize("token", [f'"{TOKEN}', f"{TOKEN} ", f"Bearer {TOKEN}"])
    def test_metas_token_was_cut_or_quoted(self, cli: Cli, ready: Path, token: str) -> None:
        os.environ["CONVERSIONS_META__ACCESS_TOKEN"] = token
        assert problems(cli, ready, "meta")[0] == 77

    def test_googles_file_is_missing(self, cli: Cli, ready: Path, tmp_path: Path) -> None:
        (tmp_path / "google.json").unlink()
        code, said = problems(cli, ready, "google")
        assert (code, "No such file" in said) == (77, True)

    @pytest.mark.parametrize(
        "content",
        [
            *("", "[]", "{}", "not json", '{"type": "external_account"}', '{"type": "impersonated_service_account"}'),
            '{"type": "service_account", "private_key": "x", "client_email": "y"}',
        ],
    )
    def test_googles_file_holds_no_credentials(self, cli: Cli, ready: Path, tmp_path: Path, content: str) -> None:
        google_file(tmp_path, content)
        assert problems(cli, ready, "google")[0] == 77

    def test_googles_file_that_others_may_read_is_worth_a_note(self, cli: Cli, ready: Path, tmp_path: Path) -> None:
        google_file(tmp_path, mode=0o644)
        assert "Other users may read" in notes(cli, ready, "google")

    def test_nothing_names_googles_credentials(self, cli: Cli, ready: Path) -> None:
        os.environ.pop("GOOGLE_APPLICATION_CREDENTIALS")
        assert problems(cli, ready, "google")[0] == 77

    def test_what_gcloud_has_left_is_found(self, cli: Cli, ready: Path, tmp_path: Path) -> None:
        os.environ.pop("GOOGLE_APPLICATION_CREDENTIALS")
        (tmp_path / "gcloud").mkdir()
        google_file(tmp_path).rename(tmp_path / "gcloud" / "application_default_credentials.json")
        assert findings(cli, ready)[0] == 0

    def test_on_google_cloud_the_machine_has_its_own(self, cli: Cli, ready: Path, tmp_path: Path) -> None:
        os.environ.pop("GOOGLE_APPLICATION_CREDENTIALS")
        (tmp_path / "product_name").write_text("Google Compute Engine\n")
        assert "the machine's own service account" in notes(cli, ready, "google")

    def test_a_metadata_server_that_is_named_has_one_too(self, cli: Cli, ready: Path) -> None:
        os.environ.pop("GOOGLE_APPLICATION_CREDENTIALS")
        os.environ["GCE_METADATA_HOST"] = "metadata.google.internal"
        assert "the machine's own service account" in notes(cli, ready, "google")

    def test_a_rehearsal_needs_none(self, cli: Cli, ready: Path) -> None:
        os.environ.pop("CONVERSIONS_META__ACCESS_TOKEN")
        os.environ.pop("GOOGLE_APPLICATION_CREDENTIALS")
        os.environ |= {f"CONVERSIONS_{name}__ENDPOINT": "http://127.0.0.1:8085" for name in ("GOOGLE", "META")}
        assert findings(cli, ready)[0] == 0


class TestPromises:
    def test_legitimate_interest_is_named_with_what_stands_in_its_way(self, cli: Cli, ready: Path) -> None:
        assert notes(cli, ready, "privacy") == LEGITIMATE_INTEREST

    def test_consent_that_no_column_holds_would_send_nothing(self, cli: Cli, ready: Path) -> None:
        setting(ready, 'legal_basis = "legitimate_interest"', 'legal_basis = "consent"')
        assert problems(cli, ready, "privacy")[0] == 78

    def test_consent_that_is_mapped_is_fine(self, cli: Cli, ready: Path) -> None:
        setting(ready, 'legal_basis = "legitimate_interest"', 'legal_basis = "consent"')
        setting(ready, '# consent = "ads_consent"', 'consent = "ads_consent"')
        (ready.parent / "orders" / "day.csv").write_text(HEADER.replace("status", "status,ads_consent"))
        assert findings(cli, ready)[0] == 0

    def test_a_policy_that_lists_less_than_would_leave(self, cli: Cli, ready: Path) -> None:
        policy = ready.with_name("privacy-policy.toml")
        lines = policy.read_text(encoding="utf-8").splitlines()
        policy.write_text("\n".join(line for line in lines if "event_name" not in line), encoding="utf-8")
        code, said = problems(cli, ready, "meta")
        assert (code, "event_name" in said) == (78, True)

    def test_a_policy_that_is_missing(self, cli: Cli, ready: Path) -> None:
        ready.with_name("privacy-policy.toml").unlink()
        assert problems(cli, ready, "policy")[0] == 78

    def test_what_nobody_has_said_about_web_tags_is_asked(self, cli: Cli, ready: Path) -> None:
        assert "does a Meta Pixel count these sales already?" in notes(cli, ready, "meta")
        assert "does a Google tag count these sales already?" in notes(cli, ready, "google")
        (answers,) = [f["next"] for f in findings(cli, ready)[1]["meta"] if "Open question" in f["sentence"]]
        assert "Only one may count a sale: the tag or this program" in answers
        os.environ |= {f"CONVERSIONS_{name}__ALSO_REPORTED_BY": "none" for name in ("GOOGLE", "META")}
        assert notes(cli, ready, "meta") == ""

    def test_a_tag_that_reports_under_other_ids_counts_twice(self, cli: Cli, ready: Path) -> None:
        os.environ["CONVERSIONS_META__ALSO_REPORTED_BY"] = "other"
        assert "counts twice" in notes(cli, ready, "meta")

    def test_same_ids_name_what_they_ask_for(self, cli: Cli, ready: Path) -> None:
        os.environ["CONVERSIONS_GOOGLE__ALSO_REPORTED_BY"] = "same"
        os.environ["CONVERSIONS_GOOGLE__REFERENCE"] = "order_id"
        code, said = problems(cli, ready, "google")
        assert (code, "events[].transactionId" in said) == (78, True)
        assert "under their order numbers" in notes(cli, ready, "google")

    def test_a_rehearsal_has_no_open_question(self, cli: Cli, ready: Path) -> None:
        os.environ |= {f"CONVERSIONS_{name}__ENDPOINT": "http://127.0.0.1:8085" for name in ("GOOGLE", "META")}
        assert "Open question" not in notes(cli, ready, "meta")

    def test_guards_that_are_off_are_named(self, cli: Cli, ready: Path) -> None:
        setting(ready, "first_batch = 50", "# first_batch = 50")
        assert "first_batch not set" in notes(cli, ready, "google")
        assert "max_new" not in notes(cli, ready, "google")

    def test_the_time_of_a_purchase_is_more_than_its_date(self, cli: Cli, ready: Path) -> None:
        os.environ["CONVERSIONS_GOOGLE__PRECISION"] = "exact"
        assert "the time of a purchase" in notes(cli, ready, "google")
