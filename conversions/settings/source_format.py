"""The table ``[source.format]``: how the cells of an export are written."""

import codecs
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from conversions.settings.section import Section

_ASCII = bytes(range(0x20, 0x7F))
_NOT_FOR_FILES = {"charmap", "idna", "raw-unicode-escape", "unicode-escape"}
"""Encodings of Python's own and of domain names."""


def _text_encoding(name: str) -> str:
    """Return *name* if ASCII is the same in it, or it is Unicode: other encodings may change an address."""
    try:
        codec = codecs.lookup(name).name
        if codec.startswith(("utf-16", "utf-32")):
            return name
        if codec not in _NOT_FOR_FILES and _ASCII.decode(name) == _ASCII.decode():
            return name
    except (LookupError, ValueError):
        pass
    raise ValueError('is no encoding of text; use one such as "windows-1252", "iso-8859-15" or "utf-16-le"')


TextEncoding = Annotated[str, AfterValidator(_text_encoding)]
"""An encoding that Python knows."""
DateOrder = Literal["iso", "dmy", "mdy", "excel", "unix"]
PresetName = Literal[
    "shopify-export",
    "woocommerce-advanced-export",
    "woocommerce-webtoffee",
    "magento-grid",
    "shopware5-export",
]
"""The names in ``presets.toml``."""


class Format(Section):
    """Format of a file and its cells that is not clear from the file itself."""

    preset: PresetName | None = Field(None, description="a known export: its columns, layout and format")
    layout: Literal["orders", "items"] = Field("orders", description="a row is an order, or one line of an order")
    items_amount: Literal["total", "sum"] = Field(
        "total",
        description='layout = "items": the amount is the order\'s total; or "sum", of quantity times unit price where '
        "both are mapped, otherwise of the lines' amounts",
    )
    encoding: TextEncoding | None = Field(
        None, description="such as windows-1252; absent: UTF-8, or UTF-16 with its mark"
    )
    decimal_mark: Literal[".", ","] | None = Field(None, description="absent: read where a cell has one meaning only")
    thousands_mark: Literal[".", ",", " ", "'"] | None = Field(None, description="separates groups of three digits")
    decimals: int | None = Field(
        None,
        ge=3,
        le=3,
        description="3: three digits behind the only mark are decimals, `1.200` is 1.20; absent: `1.200` is rejected",
    )
    minor_units: bool = Field(False, description="amounts count the currency's smallest unit: 19900 is 199.00")
    dates: DateOrder | None = Field(
        None, description="order of day, month and year, or what a number counts; ISO dates are always read"
    )
    skip_lines: int | None = Field(None, ge=0, le=100, description="lines above the header; absent: found")
    sheet: str | None = Field(None, description="xlsx: name of the sheet; absent: the only one")
    open_last_line: bool = Field(
        False, description="csv: the tool never ends the last line; otherwise it counts as half a row"
    )

    @model_validator(mode="after")
    def _one_meaning(self) -> Self:
        if self.decimal_mark is not None and self.decimal_mark == self.thousands_mark:
            raise ValueError("decimal_mark and thousands_mark are the same mark")
        if self.minor_units and (self.decimal_mark or self.decimals):
            raise ValueError("minor_units = true means amounts without decimals; remove decimal_mark and decimals")
        return self
