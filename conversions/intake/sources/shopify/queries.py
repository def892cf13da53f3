"""The GraphQL queries: no name, address or telephone number of a buyer is asked for, only what becomes a cell."""

from conversions.settings import ShopifySource

LINES_PER_ORDER = 5
"""Lines of an order that come with its page; the few orders with more cost a request each."""
LINES_PER_PAGE = 50
SCOPES = "query Scopes { currentAppInstallation { accessScopes { handle } } }"


def orders(settings: ShopifySource) -> str:
    """Return the query of a page of orders; its variables are ``first``, ``after`` and ``filter``."""
    # Additional details may hold anything that a buyer wrote, so they are asked for only where consent is among them.
    details = "customAttributes { key value }" if _attributes(settings) else ""
    return f"""query Orders($first: Int!, $after: String, $filter: String!) {{
  orders(first: $first, after: $after, sortKey: UPDATED_AT, query: $filter) {{
    nodes {{
      id legacyResourceId name email createdAt processedAt updatedAt cancelledAt test displayFinancialStatus sourceName
      totalPriceSet {_money(settings)}
      totalRefundedSet {_money(settings)}
      transactions(first: 20) {{ kind status processedAt }}
      {details}
      lineItems(first: {LINES_PER_ORDER}) {_lines(settings)}
    }}
    pageInfo {{ hasNextPage endCursor }}
  }}
}}"""


def lines(settings: ShopifySource) -> str:
    """Return the query of a page of lines; its variables are ``id``, ``first`` and ``after``."""
    return f"""query Lines($id: ID!, $first: Int!, $after: String) {{
  order(id: $id) {{ lineItems(first: $first, after: $after) {_lines(settings)} }}
}}"""


def _attributes(settings: ShopifySource) -> bool:
    return bool(settings.consent_attribute or settings.ad_personalization_attribute)


def _money(settings: ShopifySource) -> str:
    return f"{{ {settings.money}Money {{ amount currencyCode }} }}"


def _lines(settings: ShopifySource) -> str:
    thing = "variant" if settings.product_id == "variant" else "product"  # each object costs points
    return f"""{{
        nodes {{
          quantity sku {thing} {{ legacyResourceId }}
          discountedTotalSet {_money(settings)}
        }}
        pageInfo {{ hasNextPage endCursor }}
      }}"""
