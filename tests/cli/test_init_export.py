"""``conversions init --from FILE``: what is proposed, what stays open, what is refused, and what is never printed."""

import csv
import io
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conversions.settings import FileSource, SqlSource, WooCommerceTables, load
from tests.cli.conftest import Cli, Said

GIVEN = ("--google-account", "1234567890", "--google-action", "987654321", "--legal-basis", "legitimate_interest")
HEADER = ("Order number", "E-mail", "Order total", "Currency", "Order date", "Status", "SKU")
ROWS = [
    ("1001", "ida@kunde.example", "129.00", "DKK", "2026-11-20", "Completed", "KRUS-1"),
    ("1002", "bo@kunde.example", "300.50", "DKK", "2026-11-21", "Completed", "LYS-7"),
    ("1003", "eva@kunde.example", "80.00", "DKK", "2026-11-21", "On hold", "LYS-7"),
    ("1004", "jo@kunde.example", "80.00", "DKK", "2026-11-22", "On hold", "LYS-7"),
]


def changed(**cells: Sequence[str]) -> list[list[str]]:
    """The rows with the cells of some columns replaced."""
    names = {name.split()[-1].lower().replace("-", ""): nth for nth, name in enumerate(HEADER)}
    rows = [list(row) for row in ROWS]
    for name, values in cells.items():
        for row, value in zip(rows, values, strict=True):
            row[names[name]] = value
    return rows


def exported(
    folder: Path, header: Sequence[str] = HEADER, rows: Sequence[Sequence[str]] = ROWS, mark: str = ","
) -> Path:
    text = io.StringIO()
    csv.writer(text, delimiter=mark).writerows([header, *rows])
    path = folder / "orders.csv"
    path.write_text(text.getvalue(), encoding="utf-8")
    return path


def proposed(cli: Cli, export: Path, *arguments: str, **terminal: Any) -> tuple[Said, dict[str, Any]]:
    """What ``init`` says, and the table ``[source]`` that it writes."""
    shop = export.parent / "shop"
    said = cli("init", shop, "--from", export, *GIVEN, *arguments, **terminal)
    assert said.code == 0, said.err
    assert isinstance(load(shop / "conversions.toml").source, FileSource)
    assert "@kunde.example" not in said.everything + (shop / "conversions.toml").read_text()
    return said, tomllib.loads((shop / "conversions.toml").read_text())["source"]


class TestColumns:
    def test_are_found_by_name_where_the_cells_fit(self, cli: Cli, tmp_path: Path) -> None:
        said, source = proposed(cli, exported(tmp_path))

        assert source["columns"] == {
            "order_id": "Order number",
            "email": "E-mail",
            "amount": "Order total",
            "currency": "Currency",
            "product_ids": "SKU",
            "purchased_at": "Order date",
            "status": "Status",
        }
        assert (source["kind"], source["path"]) == ("csv", f"{tmp_path}/*.csv")
        assert "by its name, and the cells fit" in said.err
        assert "`conversions source preview" in said.err

    @pytest.mark.parametrize(
        "header",
        [
            ("Ordrenr.", "Kundens e-mail", "Total inkl. moms", "Valuta", "Ordredato", "Ordrestatus", "Varenummer"),
            (
                "order_id",
                "billing_email",
                "order_total",
                "order_currency",
                "date_created",
                "order_status",
                "product_id",
            ),
            ("orderNumber", "customerEmail", "orderTotal", "currencyCode", "orderDate", "orderStatus", "productId"),
            ("Order #", "Customer e-mail", "Grand Total", "Currency", "Created at", "State of it", "Item SKU"),
        ],
    )
    def test_are_found_in_danish_and_english(self, cli: Cli, tmp_path: Path, header: tuple[str, ...]) -> None:
        _, source = proposed(cli, exported(tmp_path, header))

        found = {name: column for name, column in source["columns"].items() if column != "?"}
        expected = dict(
            zip(
                ("order_id", "email", "amount", "currency", "purchased_at", "status", "product_ids"),
                header,
                strict=True,
            )
        )
        assert found == {name: column for name, column in expected.items() if column != "State of it"}

    def test_are_found_by_their_cells_where_no_name_is_known(self, cli: Cli, tmp_path: Path) -> None:
        said, source = proposed(cli, exported(tmp_path, ("Order number", "A", "B", "C", "D", "Status", "E")))

        columns = source["columns"]
        found = [columns[field] for field in ("email", "amount", "currency", "purchased_at")]
        assert found == ["A", "B", "C", "D"]
        assert "check it" in said.err

    def test_of_a_part_of_the_amount_or_rounded_numbers_are_not_taken(self, cli: Cli, tmp_path: Path) -> None:
        rows = [["5,00E+12", *row[1:]] for row in ROWS]
        _, source = proposed(cli, exported(tmp_path, ("Order number", "E-mail", "Subtotal", *HEADER[3:]), rows))
        assert (source["columns"]["order_id"], source["columns"]["amount"]) == ("?", "?")

    def test_whose_cells_are_something_else_are_not_taken(self, cli: Cli, tmp_path: Path) -> None:
        said, source = proposed(cli, exported(tmp_path, rows=changed(total=["see note"] * 4, sku=["A red mug"] * 4)))

        assert source["columns"]["amount"] == "?"
        assert "product_ids" not in source["columns"]
        assert "NOT FOUND: the column of what the buyer paid (the cells of Order total" in said.err
        assert "leave them out of the policy" in said.err

    def test_of_a_newsletter_are_no_consent_and_others_are_not_guessed(self, cli: Cli, tmp_path: Path) -> None:
        header, rows = (*HEADER, "Newsletter", "Ads consent"), [[*row, "yes", "yes"] for row in ROWS]

        said, source = proposed(cli, exported(tmp_path, header, rows))

        assert "consent" not in source["columns"]
        assert "Newsletter is no consent to ads" in said.err
        assert "If it is the buyer's consent" in said.err
        assert "no order can be sent until source.columns.consent" not in said.err

    def test_without_consent_are_too_few_where_it_is_the_legal_basis(self, cli: Cli, tmp_path: Path) -> None:
        said, _ = proposed(cli, exported(tmp_path), "--legal-basis", "consent")
        assert "no order can be sent until source.columns.consent" in said.err


class TestFormat:
    @pytest.mark.parametrize(
        ("cells", "settings"),
        [
            ({"total": ["1.129,00", "12,5", "80", "9,00"]}, {"decimal_mark": ","}),
            ({"total": ["1,129.00", "12.5", "80", "9.00"]}, {"decimal_mark": "."}),
            ({"total": ["1.129", "1.200", "80", "9"]}, {}),
            ({"total": ["12,50", "12.50", "80", "9"]}, {}),
            ({"date": ["20-11-2026", "01-02-2026", "21-11-2026 12:30", "03-04-2026"]}, {"dates": "dmy"}),
            ({"date": ["11/20/2026", "01/02/2026", "11/21/2026", "03/04/2026"]}, {"dates": "mdy"}),
            ({"date": ["01/02/2026", "03/04/2026", "05/06/2026", "07/08/2026"]}, {}),
            ({"date": ["11/20/2026", "20/11/2026", "05/06/2026", "07/08/2026"]}, {}),
            ({"total": ["12900", "30050", "8000", "8000"]}, {}),
            ({"date": ["46000", "46001.5", "46002", "46003"]}, {"dates": "excel"}),
            ({"date": ["1795000000", "1795000001", "1795000002", "1795000003"]}, {"dates": "unix"}),
        ],
    )
    def test_is_written_where_cells_prove_it_and_stays_open_otherwise(
        self, cli: Cli, tmp_path: Path, cells: dict[str, list[str]], settings: dict[str, str]
    ) -> None:
        said, source = proposed(cli, exported(tmp_path, rows=changed(**cells)))

        assert source["format"] == ({"decimal_mark": "."} if "date" in cells else {}) | settings
        assert any(f"OPEN: {name}" in said.err for name in ("dates", "decimal_mark", "minor_units")) == (not settings)

    @pytest.mark.parametrize(
        ("encoding", "found"),
        [("utf-8-sig", None), ("windows-1252", "windows-1252"), ("utf-16", None), ("utf-16-le", "utf-16-le")],
    )
    def test_of_the_text_is_found(self, cli: Cli, tmp_path: Path, encoding: str, found: str | None) -> None:
        export = exported(tmp_path, rows=changed(status=["Gennemført"] * 4), mark=";")
        export.write_text(export.read_text(), encoding=encoding)

        said, source = proposed(cli, export)

        assert source["format"].get("encoding") == found
        assert "Gennemført (4)" in said.err

    def test_is_found_below_titles_and_a_line_that_names_the_delimiter(self, cli: Cli, tmp_path: Path) -> None:
        export = exported(tmp_path, mark=";")
        export.write_text("sep=;\nOrders of the shop\n\n" + export.read_text())
        assert proposed(cli, export)[1]["columns"]["amount"] == "Order total"

    @pytest.mark.parametrize(
        ("name", "cells", "currency"),
        [
            ("Order total (DKK)", ["129.00"] * 4, "DKK"),
            ("Order total", ["129,00 EUR", "EUR 12,50", "1 EUR", "2 EUR"], "EUR"),
            ("Order total", ["129,00 EUR", "DKK 12,50", "1 EUR", "2 EUR"], None),
            ("Order total", ["129,00 kr."] * 4, None),
        ],
    )
    def test_has_the_currency_that_the_amounts_state(
        self, cli: Cli, tmp_path: Path, name: str, cells: list[str], currency: str | None
    ) -> None:
        rows = [[row[0], row[1], cell, *row[4:]] for row, cell in zip(ROWS, cells, strict=True)]
        _, source = proposed(cli, exported(tmp_path, (*HEADER[:2], name, *HEADER[4:]), rows))
        assert (source.get("currency"), source["columns"].get("currency")) == (currency, None if currency else "?")

    def test_leaves_open_what_words_for_currencies_mean(self, cli: Cli, tmp_path: Path) -> None:
        said, source = proposed(cli, exported(tmp_path, rows=changed(currency=["kr."] * 4)))
        assert source["columns"]["currency"] == "Currency"
        assert "OPEN: Currency has no ISO codes" in said.err

    def test_is_items_where_rows_of_an_order_differ_only_in_their_products(self, cli: Cli, tmp_path: Path) -> None:
        rows = [*map(list, ROWS), ["1004", *ROWS[3][1:6], "KRUS-1"]]
        assert proposed(cli, exported(tmp_path, rows=rows))[1]["format"]["layout"] == "items"

    def test_is_items_where_further_rows_are_blank(self, cli: Cli, tmp_path: Path) -> None:
        rows = [ROWS[0], ["", "", "", "", "", "", "LYS-7"], *ROWS[1:]]
        assert proposed(cli, exported(tmp_path, rows=rows))[1]["format"]["layout"] == "items"

    def test_is_not_items_where_an_order_changed(self, cli: Cli, tmp_path: Path) -> None:
        rows = [*ROWS, ("1004", *ROWS[3][1:5], "Completed", "LYS-7")]
        assert "layout" not in proposed(cli, exported(tmp_path, rows=rows))[1]["format"]

    def test_leaves_open_what_the_amounts_of_items_are(self, cli: Cli, tmp_path: Path) -> None:
        rows = [*ROWS, ("1004", ROWS[3][1], "15.00", *ROWS[3][3:6], "KRUS-1")]
        said, source = proposed(cli, exported(tmp_path, rows=rows))
        assert "items_amount" not in source["format"]
        assert "OPEN: items_amount" in said.err


class TestStatuses:
    def test_are_printed_with_counts_and_a_person_chooses(self, cli: Cli, tmp_path: Path) -> None:
        said, source = proposed(cli, exported(tmp_path))

        assert "Completed (2), On hold (2)" in said.err
        assert source["completed"] == ["completed"]
        assert "OPEN: source.completed" in said.err

    def test_are_chosen_by_option_or_on_a_terminal(self, cli: Cli, tmp_path: Path) -> None:
        _, source = proposed(cli, exported(tmp_path), "--completed", "Completed", "--completed", "On hold")
        assert source["completed"] == ["Completed", "On hold"]

        (tmp_path / "asked").mkdir()
        typed = "Completed, On hold\n\nnone\n\n"
        _, source = proposed(cli, exported(tmp_path / "asked"), stdin=typed, terminal=True)
        assert source["completed"] == ["Completed", "On hold"]

    def test_that_may_be_names_are_only_counted(self, cli: Cli, tmp_path: Path) -> None:
        said, _ = proposed(cli, exported(tmp_path, rows=changed(status=["Ida Holm", "Bo Lund", "Eva Bro", "Jo Dal"])))
        assert "4 more" in said.err
        assert "Ida Holm" not in said.everything


class TestRefusals:
    @pytest.mark.parametrize(
        ("header", "rows", "word"),
        [
            (("Date", "Order #", "N. Revenue (formatted)"), [], "Analytics report"),
            (HEADER, changed(email=["see note"] * 4), "no e-mail addresses of buyers"),
            (ROWS[0], ROWS[1:], "has no header"),
            (("Name", "Phone"), [("Ida Holm", "12345678")], "has no header"),
            (HEADER[:1], [], "has no header"),
        ],
    )
    def test_say_why_and_write_nothing(
        self, cli: Cli, tmp_path: Path, header: Sequence[str], rows: Sequence[Sequence[str]], word: str
    ) -> None:
        said = cli("init", tmp_path / "shop", "--from", exported(tmp_path, header, rows), *GIVEN)

        assert (said.code, word in said.err, (tmp_path / "shop").exists()) == (66, True, False), said.err
        assert "Holm" not in said.everything
        assert "@" not in said.everything

    @pytest.mark.parametrize("content", [b"", b"\n\n", b"\0\1\2" * 99, b"PK\3\4damaged", b"\xd0\xcf\x11\xe0old"])
    @pytest.mark.parametrize("name", ["orders.csv", "orders.xlsx", "orders.parquet"])
    def test_of_files_that_are_none_are_a_sentence(self, cli: Cli, tmp_path: Path, name: str, content: bytes) -> None:
        (tmp_path / name).write_bytes(content)
        said = cli("init", tmp_path / "shop", "--from", tmp_path / name, *GIVEN)
        assert (said.code, (tmp_path / "shop").exists()) == (66, False), said.err
        assert "Internal error" not in said.err

    def test_of_two_places_name_the_options(self, cli: Cli, tmp_path: Path) -> None:
        said = cli("init", tmp_path / "shop", "--from", exported(tmp_path), "--orders", "*.csv", *GIVEN)
        assert (said.code, "--from" in said.err) == (2, True)
        assert cli("init", tmp_path / "shop", "--completed", "done", *GIVEN).code == 2

    def test_of_a_file_that_is_not_there_say_so(self, cli: Cli, tmp_path: Path) -> None:
        said = cli("init", tmp_path / "shop", "--from", tmp_path / "no.csv", *GIVEN)
        assert (said.code, "no.csv cannot be read: No such file" in said.err) == (66, True)


class TestKindsOfFiles:
    def test_a_workbook_and_parquet_are_read_as_such(self, cli: Cli, tmp_path: Path) -> None:
        frame = pd.DataFrame(ROWS, columns=list(HEADER))
        frame.to_parquet(tmp_path / "orders.parquet")
        with pd.ExcelWriter(tmp_path / "orders.xlsx") as book:
            pd.DataFrame([["About"]]).to_excel(book, sheet_name="Cover", index=False, header=False)
            frame.to_excel(book, sheet_name="Orders", index=False, startrow=2)
        for kind in ("parquet", "xlsx"):
            (tmp_path / kind).mkdir()
            export = (tmp_path / f"orders.{kind}").rename(tmp_path / kind / f"orders.{kind}")
            _, source = proposed(cli, export)
            assert (source["kind"], source["path"]) == (kind, f"{export.parent}/*.{kind}")
            assert source["columns"]["amount"] == "Order total"
            assert source["format"].get("sheet") == ("Orders" if kind == "xlsx" else None)

    def test_a_packed_file_keeps_both_endings(self, cli: Cli, tmp_path: Path) -> None:
        import gzip

        packed = tmp_path / "orders.csv.gz"
        packed.write_bytes(gzip.compress(exported(tmp_path).read_bytes()))
        assert proposed(cli, packed)[1]["path"] == f"{tmp_path}/*.csv.gz"


class TestSettingsThatExist:
    def test_stay_and_the_tables_are_printed(self, cli: Cli, tmp_path: Path) -> None:
        (tmp_path / "conversions.toml").write_text("# mine")
        said = cli("init", tmp_path, "--from", exported(tmp_path))
        assert (said.code, (tmp_path / "conversions.toml").read_text()) == (0, "# mine")
        assert list(tomllib.loads(said.out)) == ["source"]
        assert tomllib.loads(said.out)["source"]["columns"]["amount"] == "Order total"
        assert "was not changed" in said.err


class TestTheFirstQuestion:
    @pytest.mark.parametrize("storage", ["", "posts"])
    def test_a_woocommerce_database_gets_its_preset(self, cli: Cli, tmp_path: Path, storage: str) -> None:
        typed = f"woocommerce-database\n{storage}\nshop_\n\nnone\n\n\nwithhold\nsku\n"
        said = cli("init", tmp_path, *GIVEN, stdin=typed, terminal=True)
        assert said.code == 0, said.err
        source = load(tmp_path / "conversions.toml").source
        assert isinstance(source, WooCommerceTables)
        assert (source.preset, source.table_prefix) == (f"woocommerce-{storage or 'hpos'}", "shop_")
        assert (source.renewals, source.product_id) == ("withhold", "sku")
        assert "CONVERSIONS_SOURCE__URL" in said.err

    def test_another_database_gets_a_query_of_its_table(self, cli: Cli, tmp_path: Path) -> None:
        said = cli("init", tmp_path, *GIVEN, stdin="database\nreporting.sales\n\nnone\n\n", terminal=True)
        assert said.code == 0, said.err
        source = load(tmp_path / "conversions.toml").source
        assert isinstance(source, SqlSource)
        assert "FROM reporting.sales WHERE" in source.query

    def test_a_file_is_looked_at(self, cli: Cli, tmp_path: Path) -> None:
        typed = f"file\n{exported(tmp_path)}\nCompleted\n\nnone\n\n"
        said = cli("init", tmp_path / "shop", *GIVEN, stdin=typed, terminal=True)
        assert said.code == 0, said.err
        source = load(tmp_path / "shop" / "conversions.toml").source
        assert isinstance(source, FileSource)
        assert (source.columns.amount, source.completed) == ("Order total", ["Completed"])


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(st.sampled_from(',;\t|"\n\r@#0 9.-/Order Email Total æ\0\udcff'), max_size=200))
def test_no_text_at_all_is_an_internal_error(cli: Cli, tmp_path: Path, text: str) -> None:
    export = tmp_path / "orders.csv"
    export.write_bytes(text.encode("utf-8", "surrogateescape"))

    said = cli("init", tmp_path / "shop", "--from", export, *GIVEN[:2])

    assert said.code in {2, 66}
    assert "Internal error" not in said.err
