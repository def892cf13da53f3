"""Reports of Google Ads and of Events Manager: read where they say what they count, refused where they do not."""

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from conversions.audit.comparison.export_file import MAX_BYTES, ExportQuestion, read_totals
from conversions.audit.comparison.platform_totals import PlatformTotals
from conversions.errors import Usage
from conversions.model.conversion import Window

NOVEMBER = Window(date(2026, 11, 1), date(2026, 11, 30))
GOOGLE = """Conversion action report
1 November 2026 - 30 November 2026
Conversion action,Currency code,All conv.,All conv. value,All conv. (by conv. time),All conv. value (by conv. time)
Offline sales,DKK,"1,100.00","90,000.00","1,234.00","101,234.50"
Total: Account,DKK,"1,100.00","90,000.00","1,234.00","101,234.50"
"""
TWO_ACTIONS = GOOGLE.replace("Total:", "Sign-up,DKK,7,0,9,0\nTotal:")
META = """Event;Date;Events received;Value
PageView;2026-11-01;9.000;0
Purchase;2026-10-31;5;500,00
Purchase;2026-11-01;12;1.200,50
Purchase;2026-11-02;8;800,00
"""


def read(tmp_path: Path, text: str | bytes, kind: str = "google", name: str | None = None) -> PlatformTotals:
    file = tmp_path / "report.csv"
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    return read_totals(file, ExportQuestion(kind, NOVEMBER, name))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("mark", [",", "\t", ";"])
def test_google_is_read_by_the_time_of_the_conversion(tmp_path: Path, encoding: str, mark: str) -> None:
    rows = GOOGLE if mark == "," else GOOGLE.replace('"', "").replace(",", mark).replace(f"{mark}100", ",100")
    rows = rows.replace(f"{mark}234.00", ",234.00").replace(f"{mark}234.50", ",234.50").replace(f"{mark}000", ",000")
    totals = read(tmp_path, rows.encode(encoding))
    assert (totals.events, totals.value, totals.currency) == (Decimal(1234), Decimal("101234.50"), "DKK")
    assert (totals.by_click_date, totals.without_days) == (False, True)
    assert totals.columns == ("All conv. (by conv. time)", "All conv. value (by conv. time)")


def test_google_without_that_column_is_by_the_date_of_the_click(tmp_path: Path) -> None:
    totals = read(tmp_path, "Conversion action,Conversions,Conv. value,Value / conv.\nSales,10.50,99.00,9.43\n")
    assert (totals.events, totals.value, totals.by_click_date) == (Decimal("10.50"), Decimal("99.00"), True)


def test_danish_headings_are_read(tmp_path: Path) -> None:
    heading = "Konverteringshandling;Alle konv. (efter konv.tidspunkt);Alle konv.værdi (efter konv.tidspunkt)"
    totals = read(tmp_path, f"{heading}\nSalg;12,00;1.234,50\nI alt;12,00;1.234,50\n")
    assert (totals.events, totals.value, totals.by_click_date) == (Decimal(12), Decimal("1234.50"), False)


def test_of_meta_only_the_purchases_of_the_month_are_added_up(tmp_path: Path) -> None:
    totals = read(tmp_path, META, "meta")
    assert (totals.events, totals.value) == (Decimal(20), Decimal("2000.50"))
    assert (totals.by_click_date, totals.without_days) == (False, False)


def test_another_row_can_be_named(tmp_path: Path) -> None:
    assert read(tmp_path, META, "meta", "pageview").events == 9000
    assert read(tmp_path, TWO_ACTIONS, name="Sign-up").events == 9


def test_an_empty_cell_is_nothing(tmp_path: Path) -> None:
    assert read(tmp_path, "Event,Events received\nPurchase,--\nPurchase,3\n\n", "meta").events == 3


@pytest.mark.parametrize(
    ("kind", "text", "said"),
    [
        ("google", TWO_ACTIONS, "has rows of: Offline sales, Sign-up. Name the one that this program sends to"),
        ("google", "Order,Email\n1,a\n", "has no column with the number of events"),
        ("google", "", "has no column with the number of events"),
        ("google", GOOGLE.replace('"1,234.00"', "many"), "has no number in row 1 below its heading"),
        ("google", GOOGLE.replace('"1,234.00"', "-5"), "has no number in row 1 below its heading"),
        ("google", TWO_ACTIONS.replace("Sign-up,DKK", "Offline sales,EUR"), "has several currencies"),
        ("google", GOOGLE.encode("utf-16-be"), "has no column with the number of events"),
        (
            "meta",
            META.replace("2026-11-0", "2026-12-0").replace("10-31", "12-31"),
            "has no row of 2026-11-01 to 2026-11-30",
        ),
        ("meta", META.replace("2026-11-02", "2/11/26"), "has no day as 2026-11-29 in row 4 below its heading"),
        ("meta", META.replace("Purchase", "Lead"), "has rows of: Lead, PageView"),
        ("meta", b"\xe6\xf8\xe5", "is neither UTF-8 nor UTF-16"),
        ("meta", b" " * (MAX_BYTES + 1), "is too large"),
    ],
)
def test_what_cannot_be_read_is_refused_with_the_next_command(
    tmp_path: Path, kind: str, text: str | bytes, said: str
) -> None:
    with pytest.raises(Usage, match=said.replace("(", r"\(")) as refused:
        read(tmp_path, text, kind)
    assert "--" in str(refused.value)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Usage, match="cannot be read"):
        read_totals(tmp_path / "none.csv", ExportQuestion("meta", NOVEMBER))
