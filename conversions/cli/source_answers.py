"""Answers of the operator about where the orders are, and the tables ``[source]`` that they make."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol

UNSET = "unset"
"""The value of a setting whose line becomes a comment."""


class Remark(NamedTuple):
    """A value with a comment of its own, in place of the example's."""

    value: "str | Sequence[str]"
    text: str


Value = object
"""A text, a number, a day, a list of texts, ``Remark`` or ``UNSET``; None keeps the example's value."""
Tables = Mapping[str, Mapping[str, Value]]
"""By name of the table, the values of its settings."""


class SourceAnswers(Protocol):
    """Where the orders are."""

    @property
    def template(self) -> str | None:
        """The shipped tables of such a source; None: those of ``conversions.toml``."""

    @property
    def secrets(self) -> list[str]:
        """What has to be put into ``.env``."""

    def tables(self) -> Tables:
        """Return the values of the source's tables."""


@dataclass(frozen=True, slots=True)
class FileAnswers:
    """Files without a sample."""

    orders: str = "orders/*.csv"
    """A file or a glob, relative to the settings file."""
    template: None = None

    @property
    def secrets(self) -> list[str]:
        """None: a file needs no login."""
        return []

    def tables(self) -> Tables:
        """Return kind and path."""
        kind = next((kind for kind in ("parquet", "xlsx") if self.orders.endswith(f".{kind}")), "csv")
        return {"source": {"kind": kind, "path": self.orders}}


@dataclass(frozen=True, slots=True)
class DatabaseAnswers:
    """A database that is not WooCommerce's."""

    table: str | None
    """The table or view that has an order in each row."""
    template: None = None

    @property
    def secrets(self) -> list[str]:
        """The address with its password."""
        return ["CONVERSIONS_SOURCE__URL"]

    def tables(self) -> Tables:
        """Return kind, address and query."""
        name = self.table or "orders"
        # The operator's own name in the operator's own settings; the session is read-only.
        query = f"SELECT * FROM {name} WHERE purchased_at >= :since AND purchased_at < :until"  # noqa: S608
        return {"source": {"kind": "sql", "path": UNSET, "url": "postgresql+psycopg://reader@db/shop", "query": query}}


ShopKind = Literal["woocommerce", "shopify", "woocommerce-database"]
_SECRETS = {
    "woocommerce": ("CONSUMER_KEY", "CONSUMER_SECRET"),
    "shopify": ("CLIENT_ID", "CLIENT_SECRET"),
    "woocommerce-database": ("URL",),
}
_NAMES = {
    "woocommerce": ("url", "consent_meta"),
    "shopify": ("shop", "consent_attribute"),
    "woocommerce-database": ("preset", "consent_meta"),
}


@dataclass(frozen=True, slots=True)
class ShopAnswers:
    """Answers about a shop system; None keeps the example's value."""

    kind: ShopKind
    address: str
    """The shop's address; of a database the preset."""
    renewals: str | None = None
    consent: str | None = None
    """Where an order has the consent to ads."""
    product_id: str | None = None
    order_key: str | None = None
    table_prefix: str | None = None

    @property
    def template(self) -> str:
        """The shipped tables of the shop system."""
        return f"{self.kind}.toml"

    @property
    def secrets(self) -> list[str]:
        """The keys of the shop's API, or the address of its database."""
        return [f"CONVERSIONS_SOURCE__{name}" for name in _SECRETS[self.kind]]

    def tables(self) -> Tables:
        """Return the values of the table ``[source]``."""
        address, consent = _NAMES[self.kind]
        return {
            "source": {
                address: self.address,
                consent: self.consent,
                "renewals": self.renewals or UNSET,
                "product_id": self.product_id,
                "order_key": self.order_key,
                "table_prefix": self.table_prefix,
            }
        }
