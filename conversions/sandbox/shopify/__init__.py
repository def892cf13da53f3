"""A strict local stand-in for a Shopify shop, with faults on demand; it shares no code with the reader.

orders.py    the shop's orders, made when they are asked for after those that Shopify's own Python library has (MIT)
faults.py    the faults that ``--shop-fault`` may name
query.py     the part of the GraphQL language that a query for orders needs
schema.py    the part of the Admin API's schema, what a query costs, and what it shows of an order
listing.py   which orders a request asks for, in which sequence, after which cursor
bulk.py      bulk operations: their states and files
shop.py      the answer to a request
"""

from conversions.sandbox.shopify.shop import Shop

__all__ = ["Shop"]
