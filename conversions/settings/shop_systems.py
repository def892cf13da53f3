"""The tables of sources that ask a shop system for its orders."""

from typing import Annotated, Any, Literal, Self

from pydantic import Discriminator, Field, SecretStr, Tag, model_validator

from conversions.settings.sections import Columns, FileSource, OrderMeaning, SqlSource
from conversions.settings.values import AdConsentName, Endpoint, ShopifyName, ShopUrl


class ShopSystem(OrderMeaning):
    """Settings that all shop systems have."""

    renewals: Literal["withhold", "send"] | None = Field(
        None, description="subscription renewals, which no click caused; absent: withheld until this is set"
    )

    @property
    def reads_changes(self) -> bool:
        """The shop is asked for the orders that changed."""
        return True


class WooCommerceMeaning(ShopSystem):
    """What an order of WooCommerce means, wherever it is read."""

    order_key: Literal["id", "number"] = Field(
        "id", description="what identifies an order: WooCommerce's id, or the number that a plug-in shows instead"
    )
    product_id: Literal["product", "variation", "sku"] = Field("product", description="the product ID that is sent")
    sku_fallback: str = Field(
        "wc_post_id_", pattern=r"^[A-Za-z0-9._:/#+\-]{1,40}$", description="before the product's number: no SKU"
    )
    bundled: Literal["send", "leave_out"] = Field("send", description="product IDs of the parts of a bundle")
    unpaid: Literal["withhold", "send"] = Field(
        "withhold", description="finished orders that are neither paid nor completed, such as cash on delivery"
    )
    consent_meta: AdConsentName | None = Field(
        None, description="key of the order's meta data with the consent to ad measurement"
    )
    ad_personalization_meta: AdConsentName | None = Field(
        None, description="key of the order's meta data with the consent to ad personalisation"
    )

    @property
    def unique_numbers(self) -> bool:
        """WooCommerce makes the ids; plug-ins make the numbers that are shown."""
        return self.order_key == "id"

    @property
    def columns(self) -> Columns:
        """WooCommerce's own name for each of our columns."""
        return Columns(
            order_id=self.order_key,
            email="billing.email",
            amount="total",
            currency="currency",
            product_ids="line_items",
            quantities="line_items.quantity",
            unit_prices="line_items.total",
            purchased_at="date_created_gmt",
            status="status",
            completed_at="date_completed_gmt",
            updated_at="date_modified_gmt",
            refunded="refunds",
            cancelled_at=None,
            consent=self.consent_meta,
            ad_personalization=self.ad_personalization_meta,
            test=None,
        )


class WooCommerceSource(WooCommerceMeaning):
    """The orders of a WooCommerce shop, through its REST API v3."""

    kind: Literal["woocommerce"]
    url: ShopUrl = Field(description="the shop's address, such as https://shop.example")
    consumer_key: SecretStr | None = Field(None, description="only as CONVERSIONS_SOURCE__CONSUMER_KEY", exclude=True)
    consumer_secret: SecretStr | None = Field(
        None, description="only as CONVERSIONS_SOURCE__CONSUMER_SECRET", exclude=True
    )
    auth: Literal["header", "query"] = Field(
        "header", description="query: for a site that drops the Authorization header; its access log then has the key"
    )
    page_size: int = Field(100, ge=1, le=100, description="orders per request; fewer for a slow site")


class WooCommerceTables(WooCommerceMeaning):
    """The orders of a WooCommerce shop, from its tables in MySQL or MariaDB; the preset brings query and columns."""

    kind: Literal["sql"]
    preset: Literal["woocommerce-hpos", "woocommerce-posts"] = Field(
        description="hpos: WooCommerce keeps orders in tables of their own; posts: as posts of WordPress"
    )
    url: SecretStr = Field(description="mysql+pymysql://…; put a URL with a password into CONVERSIONS_SOURCE__URL")
    table_prefix: str = Field("wp_", pattern=r"^[A-Za-z0-9_]*$", description="of WordPress' tables: $table_prefix")
    view: str | None = Field(
        None,
        pattern=r"^[A-Za-z0-9_]+(\.[A-Za-z0-9_]+)?$",
        description="a view of `conversions source query --view`, which is read in place of the tables",
    )

    @model_validator(mode="before")
    @classmethod
    def _own_query(cls, given: Any) -> Any:
        own = ("query", "columns", "format", "currency", "product_separator", "naive_times", "bounds")
        if set_twice := [name for name in own if isinstance(given, dict) and name in given]:
            raise ValueError(f"the preset brings its own {', '.join(set_twice)}; remove it, or remove preset")
        return given


class ShopifySource(ShopSystem):
    """The orders of a Shopify shop, through its Admin GraphQL API."""

    kind: Literal["shopify"]
    shop: ShopifyName = Field(description="the shop's own name at Shopify, such as name.myshopify.com")
    client_id: str | None = Field(None, description="of the app in the Dev Dashboard; CONVERSIONS_SOURCE__CLIENT_ID")
    client_secret: SecretStr | None = Field(
        None, description="only as CONVERSIONS_SOURCE__CLIENT_SECRET; a run gets a token with both", exclude=True
    )
    access_token: SecretStr | None = Field(
        None, description="only as CONVERSIONS_SOURCE__ACCESS_TOKEN: of an app that was made before 2026", exclude=True
    )
    api_version: str = Field(
        "2026-10", pattern=r"^20\d\d-(01|04|07|10)$", description="version of the API; Shopify keeps each for a year"
    )
    page_size: int = Field(100, ge=1, le=250, description="orders per request, as far as Shopify's limits allow")
    order_key: Literal["id", "name"] = Field(
        "id", description="what identifies an order: Shopify's id, or its shown name such as #1001"
    )
    product_id: Literal["product", "variant", "sku"] = Field("product", description="the product ID that is sent")
    sku_fallback: str = Field(
        "shopify_", pattern=r"^[A-Za-z0-9._:/#+\-]{1,40}$", description="before the product's number: no SKU"
    )
    money: Literal["shop", "presentment"] = Field(
        "shop", description="amounts in the shop's currency, or in the one that the buyer saw"
    )
    consent_attribute: AdConsentName | None = Field(
        None, description="key of the order's additional details with the consent to ad measurement"
    )
    ad_personalization_attribute: AdConsentName | None = Field(
        None, description="key of the order's additional details with the consent to ad personalisation"
    )
    endpoint: Endpoint | None = Field(None, description="rehearsals only: a loopback address such as the sandbox's")

    @model_validator(mode="after")
    def _one_credential(self) -> Self:
        if self.access_token and (self.client_id or self.client_secret):
            raise ValueError(
                "set CONVERSIONS_SOURCE__ACCESS_TOKEN, or CONVERSIONS_SOURCE__CLIENT_ID and "
                "CONVERSIONS_SOURCE__CLIENT_SECRET, not both"
            )
        return self

    @property
    def unique_numbers(self) -> bool:
        """Shopify makes the ids; a shop may change the names, and imports may repeat them."""
        return self.order_key == "id"

    @property
    def columns(self) -> Columns:
        """Shopify's own name for each of our columns."""
        return Columns(
            order_id="legacyResourceId" if self.order_key == "id" else "name",
            email="email",
            amount="totalPriceSet",
            currency="currencyCode",
            product_ids="lineItems",
            quantities="lineItems.quantity",
            unit_prices="lineItems.discountedTotalSet",
            purchased_at="createdAt",
            status="displayFinancialStatus",
            completed_at="processedAt",
            updated_at="updatedAt",
            refunded="totalRefundedSet",
            cancelled_at="cancelledAt",
            consent=self.consent_attribute,
            ad_personalization=self.ad_personalization_attribute,
            test=None,
        )


def _sql_kind(given: Any) -> str:
    preset = given.get("preset") if isinstance(given, dict) else getattr(given, "preset", None)
    return "sql query" if preset is None else "sql preset"


AnySql = Annotated[
    Annotated[SqlSource, Tag("sql query")] | Annotated[WooCommerceTables, Tag("sql preset")], Discriminator(_sql_kind)
]
AnySourceSettings = Annotated[FileSource | AnySql | WooCommerceSource | ShopifySource, Field(discriminator="kind")]
"""The tables of ``conversions.toml``."""
