"""The GraphQL queries: no name, address or telephone number of a buyer is asked for, only what becomes a cell."""

from conversions.settings import ShopifySource

LINES_PER_ORDER = 5
"""Lines of an order that come with its page; the few orders with more cost a request each."""
LINES_PER_PAGE = 50
SCOPES = "query Scopes { currentAppInstallation { accessScopes { handle } } }"


COUNT = "query Count($filter: String!, $limit: Int!) { ordersCount(query: $filter, limit: $limit) { count } }"
BULK_OPERATIONS = """query BulkOperations {
  bulkOperations(first: 20, query: "operation_type:query") { nodes { id status query } }
}"""
BULK_OPERATION = """query BulkOperation($id: ID!) {
  bulkOperation(id: $id) { status errorCode createdAt objectCount rootObjectCount url }
}"""
RUN_BULK = """mutation RunBulk($query: String!) {
  bulkOperationRunQuery(query: $query, groupObjects: false) { bulkOperation { id } userErrors { code } }
}"""
"""Shopify says that grouped objects make an operation slower and more likely to fail."""


def orders(settings: ShopifySource) -> str:
    """Return the query of a page of orders; its variables are ``first``, ``after`` and ``filter``."""
    return f"""query Orders($first: Int!, $after: String, $filter: String!) {{
  orders(first: $first, after: $after, sortKey: UPDATED_AT, query: $filter) {{
    nodes {{
      {_order(settings)}
      lineItems(first: {LINES_PER_ORDER}) {_lines(settings)}
    }}
    pageInfo {{ hasNextPage endCursor }}
  }}
}}"""


def bulk(settings: ShopifySource, filter_: str) -> str:
    """Return the query of a bulk operation: all orders that *filter_* chooses, with all of their lines.

    Such a query has no variables, names each node by ``edges`` and ``node``, and asks for the id of a parent (Shopify,
    "Perform bulk operations", read 2026-11-30).
    """
    return f"""{{
  orders(query: "{filter_}") {{
    edges {{ node {{
      {_order(settings)}
      lineItems {{ edges {{ node {{ id {_line(settings)} }} }} }}
    }} }}
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


def _order(settings: ShopifySource) -> str:
    """Return the fields of an order without its lines."""
    # Additional details may hold anything that a buyer wrote, so they are asked for only where consent is among them.
    details = "customAttributes { key value }" if _attributes(settings) else ""
    return f"""id legacyResourceId name email createdAt processedAt updatedAt cancelledAt test displayFinancialStatus
      sourceName
      totalPriceSet {_money(settings)}
      totalRefundedSet {_money(settings)}
      transactions(first: 20) {{ kind status processedAt }}
      {details}"""


def _lines(settings: ShopifySource) -> str:
    return f"{{ nodes {{ {_line(settings)} }} pageInfo {{ hasNextPage endCursor }} }}"


def _line(settings: ShopifySource) -> str:
    thing = "variant" if settings.product_id == "variant" else "product"  # each object costs points
    return f"quantity sku {thing} {{ legacyResourceId }} discountedTotalSet {_money(settings)}"
