"""Orders of a WooCommerce shop, read through its REST API v3.

client.py    one page of orders: the request, its retries, and errors
errors.py    what an answer without orders means, as one sentence for each cause
paging.py    every order of a span, although orders move between pages
orders.py    one order of the API as the cells of a row
"""

from conversions.intake.sources.woocommerce.source import WooCommerce

__all__ = ["WooCommerce"]
