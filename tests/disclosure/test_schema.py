"""The shapes of the schema: each allows its own values and no others."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conversions.disclosure.schema import SHAPES
from tests.disclosure.shapes import fits

DIGEST = "509e933019bb285a134a9334b8bb679dff79d0ce023d529af4bd744d47b4fd8a"
WIRE_ID = "c-0123456789abcdef0123456789abcdef"


@pytest.mark.parametrize(
    ("shape", "fitting", "misfitting"),
    [
        ("sha256-hex", [DIGEST], [DIGEST.upper(), DIGEST[:-1], DIGEST + "0", DIGEST + "\n", "alex@example.com", 1, None]),
        ("decimal", [0, 1, 49.9, 999999999999.99], [-0.01, 10**12, "49.90", True, None, float("nan"), float("inf")]),
        ("currency", ["DKK"], ["dkk", "DK", "DKKK", "DKK\n", "ÆØÅ", 1]),
        ("product-id", ["SKU-1", "a/b#c+d:e._", "x" * 100], ["", "x" * 101, "a b", "jane@example.com", "Ø", "x\n", 1]),
        ("wire-id", [WIRE_ID], [WIRE_ID.upper(), WIRE_ID[:-1], WIRE_ID + "0", "100045", 1]),
        ("order-number", ["order-100045", "A1", "x" * 64], ["100045", "x" * 65, "a@b.dk", "a b", "", "١٢٣a", 100045]),
        ("unix-seconds", [1795301999], [1795301999000, "1795301999", 1795301999.0, True, -1]),
        ("rfc3339-utc", ["2026-11-21T22:59:59Z"], ["2026-11-21", "2026-11-21T22:59:59", "2026-11-21T22:59:59+01:00",
                                                   "2026-13-21T22:59:59Z", "2026-11-21T24:00:00Z", "٢026-11-21T22:59:59Z"]),
        ("account-id", ["1234567890"], ["123-456-7890", "", "1" * 21, 1234567890, "١"]),
        ("merchant-id", ["1"], ["a", ""]),
        ("feed-label", ["DK_2026"], ["dk", "", "D" * 21]),
        ("language-code", ["da"], ["DA", "dan", "d"]),
        ("upload-tag", ["conversions-2026-11-22", "2026-11-22T06:15:00+01:00"], ["", "a b", "a@b", "x" * 101]),
        ("https-url", ["https://shop.example", "https://shop.example:8443/tak/"],
         ["http://shop.example", "https://shop.example/?order=1", "https://shop.example/#x", "https://a@shop.example/"]),
        ("one-of:A,B", ["A", "B"], ["C", "A,B", "", 1, ["A"], {}]),
        ("const:A", ["A"], ["a", "B", None]),
    ],
)  # fmt: skip
def test_a_shape_admits_its_own_and_nothing_else(shape: str, fitting: list[object], misfitting: list[object]) -> None:
    assert [value for value in fitting if not fits(shape, value)] == []
    assert [value for value in misfitting if fits(shape, value)] == []


@given(st.sampled_from(sorted(SHAPES)), st.text(), st.sampled_from(["@", "Ø", "＠", "%40"]), st.text())
def test_no_shape_admits_an_at_sign_or_a_letter_beyond_ascii(shape: str, before: str, sign: str, after: str) -> None:
    assert not fits(shape, before + sign + after)
