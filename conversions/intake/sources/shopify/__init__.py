"""Orders of a Shopify shop, read through its Admin GraphQL API.

token.py     the access token: given, or from a client-credentials grant
client.py    one answer of the API: the request, its retries, and errors
pace.py      how long a query must wait for its points
errors.py    what an answer without data means, as one sentence for each cause
queries.py   what is asked
paging.py    every order that changed, and every line of it
bulk.py      a bulk operation, in which the shop writes many orders into a file
export_file.py  the orders of that file
orders.py    one order of the API as the cells of a row
"""

from conversions.intake.sources.shopify.source import Shopify

__all__ = ["Shopify"]
