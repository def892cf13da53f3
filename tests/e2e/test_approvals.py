"""What decides who or what may be sent is approved like the policy: exit 78 with old and new, until a person agrees."""

import json
import os
from datetime import date
from pathlib import Path

import pytest

from tests.e2e.breaks import policy_changed
from tests.e2e.said import CONFIG, DOMAIN, STORE, USAGE, Json, Said
from tests.e2e.sales import digest
from tests.e2e.shop import NAMES, Shop
from tests.transport.proxy import Authority

Change = dict[str, dict[str, object]]
COLUMN = "source.columns."
RULES: dict[str, tuple[Change, str]] = {
    "privacy.legal_basis": ({"privacy": {"legal_basis": "consent"}}, '"legitimate_interest" → "consent"'),
    "source.completed": ({"source": {"completed": ["completed", "shipped"]}}, '→ ["completed","shipped"]'),
    "source.consent_granted": ({"source": {"consent_granted": ["maybe"]}}, '→ ["maybe"]'),
    "source.consent_denied": ({"source": {"consent_denied": []}}, "→ not set"),
    "source.currency_aliases.kr": ({"source": {"currency_aliases": {"kr": "DKK"}}}, 'not set → "DKK"'),
    "source.format.decimals": ({"source": {"format": {"decimals": 3}}}, "not set → 3"),
    "source.product_separator": ({"source": {"product_separator": ","}}, '"|" → ","'),
    f"{COLUMN}email": ({"source": {"columns": {"email": "status"}}}, '"billing_email" → "status"'),
    f"{COLUMN}product_ids": ({"source": {"columns": {"product_ids": "order_id"}}}, '"product_ids" → "order_id"'),
    f"{COLUMN}purchased_at": ({"source": {"columns": {"purchased_at": "order_id"}}}, '→ "order_id"'),
    f"{COLUMN}status": ({"source": {"columns": {"status": "currency"}}}, '"status" → "currency"'),
    f"{COLUMN}consent": ({"source": {"columns": {"consent": None}}}, '"ads_consent" → not set'),
    f"{COLUMN}ad_personalization": (
        {"source": {"columns": {"ad_personalization": "ads_consent"}}},
        'not set → "ads_consent"',
    ),
    "timezone": ({"timezone": "UTC"}, '"Europe/Copenhagen" → "UTC"'),  # type: ignore[dict-item]
    "destinations.meta.not_before": (
        {"destinations": {"meta": {"not_before": date(2026, 1, 1)}}},
        'not set → "2026-01-01"',
    ),
    "destinations.google.precision": ({"destinations": {"google": {"precision": "exact"}}}, '"day" → "exact"'),
    "no_proxy": ({"no_proxy": ["hc-ping.example"]}, 'not set → ["hc-ping.example"]'),  # type: ignore[dict-item]
    "proxy": ({"proxy": "http://proxy.example:3128"}, 'not set → "http://proxy.example:3128"'),  # type: ignore[dict-item]
}


def in_use(shop: Shop) -> Shop:
    """One order was sent; another one waits in the source."""
    shop.orders(shop.order())
    assert shop.run().code == 0
    shop.orders(shop.order(), shop.order("1002"))
    return shop


def leaves(shop: Shop, kind: str) -> list[Json]:
    bodies = [json.loads(body) for (body,) in shop.sql("SELECT body FROM leaf ORDER BY seq")]
    return [body for body in bodies if body["kind"] == kind]


def refused(said: Said, *words: str) -> None:
    assert said.code == CONFIG, said
    for word in (*words, "conversions policy approve --by NAME --reason TEXT"):
        assert word in said.err, said


@pytest.mark.parametrize("rule", RULES)
def test_a_changed_rule_stops_a_run_with_old_and_new_until_it_is_approved(shop: Shop, rule: str) -> None:
    in_use(shop)
    requests, kept = shop.requests(), shop.store_bytes()
    change, words = RULES[rule]
    shop.configure(**change)

    said = shop.command("run")

    refused(said, f"  {rule}: ", words)
    assert (said.out, shop.requests(), shop.store_bytes()) == ("", requests, kept)
    approved = shop.approve("Ida Holm", "agreed on 20 November")
    assert rule in approved.err
    (leaf,) = leaves(shop, "rules approved")
    assert (leaf["by"], leaf["reason"], list(leaf["changed"])) == ("Ida Holm", "agreed on 20 November", [rule])
    assert shop.run().code != CONFIG
    assert shop.command("audit", "verify").code == 0


@pytest.mark.parametrize(
    ("name", "value"),
    [("CONVERSIONS_PRIVACY__LEGAL_BASIS", "consent"), ("CONVERSIONS_META__NOT_BEFORE", "2026-01-01")],
)
def test_it_does_not_matter_where_the_change_stands(shop: Shop, name: str, value: str) -> None:
    in_use(shop)
    requests = shop.requests()
    shop.environment[name] = value
    refused(shop.command("run"), value)
    assert shop.requests() == requests
    del shop.environment[name]
    assert shop.run().code == 0


def test_another_authority_in_the_same_file_is_another_rule_also_for_questions(shop: Shop) -> None:
    certificates = [Authority(shop.home).file.read_bytes() for _ in range(2)]
    company = shop.home / "company-ca.pem"
    company.write_bytes(certificates[0])
    shop.configure(ca_file="company-ca.pem")
    in_use(shop)
    company.write_bytes(certificates[1])
    for command in ("run", "reconcile"):
        refused(shop.command(command), '  ca_file: "sha256:', '→ "sha256:')
    shop.approve()
    assert shop.command("reconcile").code == shop.run().code == 0


def test_settings_of_operation_and_the_order_of_a_list_need_no_approval(shop: Shop) -> None:
    in_use(shop)
    words = ["ja", "1", "true", "yes", "granted"]
    shop.configure(
        lookback_days=9,
        deadline="1h",
        source={"settle_seconds": 1, "consent_granted": words},
        privacy={"controller": "A"},
    )
    assert shop.run().counts("meta") == {"already_sent": 1, "sent": 1}


def test_one_message_names_everything_that_waits_and_one_approval_is_for_all(shop: Shop) -> None:
    in_use(shop)
    policy_changed('version = "2026-01"', 'version = "2026-11"')(shop)
    shop.configure(
        source={"completed": ["done"]}, privacy={"legal_basis": "consent"}, destinations={"meta": {"dataset_id": "1"}}
    )
    for command in ("run", "plan"):
        refused(
            shop.command(command),
            "2026-01 → 2026-11",
            "legal_basis",
            "completed",
            "conversions adopt --destination meta",
        )
    assert shop.command("adopt", "--destination", "meta", "--reason", "agreed").code == 0
    shop.approve()
    assert shop.run().counts("meta") == {"already_sent": 1, "withheld": {"no_consent": 1}}


def test_a_plan_shows_the_effect_before_the_approval(shop: Shop) -> None:
    in_use(shop)
    kept = shop.store_bytes()
    shop.configure(privacy={"legal_basis": "consent"})

    said, text = shop.plan(), shop.command("plan")

    assert (said.code, text.code) == (CONFIG, CONFIG)
    assert said.counts("meta") == {"already_sent": 1, "withheld": {"no_consent": 1}}
    assert said.json["pending_approval"]["rules"] == {
        "privacy.legal_basis": {"old": "legitimate_interest", "new": "consent"}
    }
    refused(text, "legitimate_interest")
    assert "1 no recorded consent" in text.out or "consent" in text.out
    assert shop.store_bytes() == kept


def test_a_first_run_that_nobody_approved_goes_on_and_says_so_until_somebody_does(shop: Shop) -> None:
    shop.orders(shop.order())
    said = shop.run()
    assert (said.code, said.counts("meta")) == (0, {"sent": 1})
    assert {"policy", "privacy.legal_basis"} <= {*said.json["unapproved"]}
    assert "Approved by nobody" in shop.command("run").out
    for command in (("status",), ("doctor",), ("policy", "show")):
        assert "pproved by nobody" in shop.command(*command).out
    shop.approve()
    assert shop.run().json["unapproved"] == shop.status()["unapproved"] == []
    assert "approved by Bo Lund" in shop.command("doctor").out
    assert shop.command("policy", "approve", "--by", "Bo", "--reason", "again").code == USAGE


def test_the_first_run_records_whom_the_settings_name(shop: Shop) -> None:
    shop.configure(privacy={"approved_by": "Ida Holm"})
    shop.orders(shop.order())
    assert shop.run().json["unapproved"] == []
    shown = shop.command("policy", "show", "--json").json
    assert (shown["approved_by"], shown["rules"]["source.completed"]["approved_by"]) == ("Ida Holm", "Ida Holm")
    shop.configure(privacy={"approved_by": "Somebody Else", "legal_basis": "consent"})
    refused(shop.command("run"))


@pytest.mark.parametrize("name", ["\u200b", "...", "ida&#64;kunde.example", "ida＠kunde.example"])
def test_a_first_approver_without_a_name_is_refused(shop: Shop, name: str) -> None:
    shop.configure(privacy={"approved_by": name})
    shop.orders(shop.order())
    said = shop.command("run")
    assert (said.code, shop.requests()) == (CONFIG, 0)
    assert "privacy.approved_by is no name" in said.err


def test_an_approval_before_the_first_run_binds_it(shop: Shop) -> None:
    shop.approve()
    shop.orders(shop.order())
    shop.configure(source={"completed": ["done"]})
    refused(shop.command("run"), "source.completed")
    shop.configure()
    assert (shop.run().json["unapproved"], shop.requests()) == ([], 2)
    assert shop.command("audit", "verify").code == 0


def test_a_new_destination_is_recorded_as_approved_by_nobody(shop: Shop) -> None:
    in_use(shop)
    shop.approve()
    shop.configure(destinations={"second": shop.destination("meta") | {"dataset_id": "555000111333"}})
    said = shop.run()
    assert {name.split(".")[1] for name in said.json["unapproved"]} == {"second"}
    shop.configure()
    assert shop.run().json["unapproved"] != []
    second = shop.destination("meta") | {"dataset_id": "555000111333", "not_before": date(2026, 1, 1)}
    shop.configure(destinations={"second": second})
    refused(shop.command("run"), 'destinations.second.not_before: not set → "2026-01-01"')


@pytest.mark.parametrize(
    "change",
    [
        "DELETE FROM pin WHERE name = 'rules'",
        "DELETE FROM pin WHERE name = 'policy'",
        "DELETE FROM pin WHERE name IN ('rules', 'policy')",
        "UPDATE pin SET value = (SELECT sha256 FROM document WHERE kind = 'settings') WHERE name = 'rules'",
    ],
)
def test_an_approval_that_is_removed_from_the_store_does_not_make_a_first_run(shop: Shop, change: str) -> None:
    in_use(shop)
    requests = shop.requests()
    shop.sql(change)
    shop.configure(source={"completed": ["completed", "shipped"]})
    said = shop.command("run")
    assert (said.code, shop.requests()) == (STORE, requests), said
    assert "not what its log says" in said.err


def test_history_says_what_was_allowed_on_a_day_and_who_approved_it(shop: Shop) -> None:
    in_use(shop)
    first = shop.day(0)
    shop.wait(days=1)
    shop.configure(source={"completed": ["completed", "shipped"]})
    shop.approve("Ida Holm", "the shop ships now")
    second = shop.day(0)
    shop.wait(days=3)

    def on(day: str) -> list[Json]:
        allowed: list[Json] = shop.command("policy", "history", "--on", day, "--json").json["allowed"]
        return allowed

    words = [[each["rules"].get("source.completed", {}).get("value") for each in on(day)] for day in (first, second)]
    assert words == [[None, ["completed"]], [["completed"], ["completed", "shipped"]]]
    (last,) = on(shop.day(0))
    assert last["rules"]["source.completed"]["approved_by"] == last["approved_by"] == "Ida Holm"
    assert last["version"] == "2026-01"
    assert shop.command("policy", "history", "--on", "2026-01-01", "--json").json["allowed"][0]["version"] is None
    text = shop.command("policy", "history").out
    assert 'source.completed: ["completed"] → ["completed","shipped"]' in text
    assert "approved by nobody (the first run recorded it)" in text
    assert "Ida Holm" in shop.command("policy", "history", "--on", second).out


def test_an_address_in_a_query_reaches_no_log_and_a_change_of_it_is_noticed(shop: Shop, tmp_path: Path) -> None:
    from sqlite3 import connect

    with connect(tmp_path / "shop.db") as database:
        database.execute("CREATE TABLE orders (email)")
    columns = "1 AS order_id, '' AS billing_email, 1 AS total, 'DKK' AS currency, 'S' AS product_ids, :since AS "
    columns += "purchased_at, 'completed' AS status, '' AS refunded, '' AS ads_consent"
    query = f"SELECT {columns} FROM orders WHERE email <> '{{}}' AND '1' < :until"

    def ask(address: str) -> None:
        url = f"sqlite:///{tmp_path}/shop.db"
        shop.configure(source={"kind": "sql", "path": None, "url": url, "query": query.format(address)})

    ask("kim@staff.example")
    shop.run()
    ask("bo@staff.example")
    refused(shop.command("run"), "source.query", "[address]")
    (tmp_path / "shop.db").rename(tmp_path / "elsewhere.db")
    refused(shop.command("run"), "source.query")  # and so it was not tried
    (tmp_path / "elsewhere.db").rename(tmp_path / "shop.db")
    shop.approve()
    (leaf,) = leaves(shop, "rules approved")
    assert "staff.example" not in json.dumps(leaf)
    assert leaf["changed"]["source.query"]["old"] != leaf["changed"]["source.query"]["new"]


def left_out(shop: Shop, *lines: str) -> Path:
    path = shop.home / "left-out.txt"
    path.write_text("\n".join(lines) + "\n")
    path.chmod(0o600)
    shop.configure(source={"exclude_addresses": "left-out.txt"})
    return path


def test_orders_of_people_who_are_left_out_are_withheld(shop: Shop) -> None:
    left_out(shop, "# staff", f"IDA@{DOMAIN}", "", "idaholm@gmail.com")
    shop.orders(
        shop.order("1", billing_email=f"ida@{DOMAIN}"),
        shop.order("2", billing_email="Ida.Holm+shop@gmail.com"),
        shop.order("3"),
    )
    assert [shop.run().counts(name) for name in NAMES[:1]] == [{"withheld": {"excluded": 2}, "sent": 1}]
    assert [sale.digest for name in NAMES for sale in shop.sales(name)] == [digest(f"ida.3@{DOMAIN}")] * 2
    assert "2 address that is left out (source.exclude_addresses)" in shop.command("plan").out


def test_a_changed_list_needs_approval_and_no_address_is_kept(shop: Shop) -> None:
    path = left_out(shop, f"ida@{DOMAIN}")
    shop.orders(shop.order())
    assert shop.run().code == 0
    path.write_text(f"kim@{DOMAIN}\nida@{DOMAIN}\n")
    refused(shop.command("run"), '"1 address (hmac ', '→ "2 addresses (hmac ')
    path.write_text(f"# the same\nIda@{DOMAIN}\n")
    assert shop.run().code == 0
    path.write_text(f"kim@{DOMAIN}\n")
    refused(shop.command("run"))  # as many, and others
    shop.approve()
    assert all(DOMAIN not in json.dumps(leaf) for leaf in leaves(shop, "rules approved"))


def test_another_key_of_the_shop_does_not_look_like_another_list(shop: Shop) -> None:
    left_out(shop, f"ida@{DOMAIN}")
    shop.orders(shop.order("1", billing_email=f"ida@{DOMAIN}"))
    assert shop.run().code == 0
    assert shop.command("key", "rotate", "--reason", "every year").code == 0
    for name in [name for name in os.environ if name.startswith("CONVERSIONS_")]:
        del os.environ[name]
    said = shop.run()
    assert (said.code, said.counts("meta")) == (0, {"withheld": {"excluded": 1}}), said


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda path: path.chmod(0o640), "chmod 600"),
        (lambda path: path.write_text("# staff\nKim Holm\n"), "Line 2 of"),
        (lambda path: path.write_bytes(b"\xff\xfe"), "UTF-8"),
        (lambda path: path.unlink(), "No such file"),
    ],
)
def test_a_list_that_cannot_be_used_stops_the_run_and_is_not_quoted(shop: Shop, spoil: object, says: str) -> None:
    path = left_out(shop, f"kim@{DOMAIN}")
    spoil(path)  # type: ignore[operator]
    shop.orders(shop.order())
    for command in ("run", "plan", "doctor"):
        said = shop.command(command)
        assert (said.code, says in said.err + said.out, "Kim" in said.err + said.out) == (CONFIG, True, False), said
    shop.assert_untouched()
