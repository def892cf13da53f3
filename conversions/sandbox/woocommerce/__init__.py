"""A strict local stand-in for a WooCommerce shop, with faults on demand; it shares no code with the reader.

order.json   an order as WooCommerce's documentation of REST v3 shows it (Apache-2.0)
orders.py    the shop's orders, made from that one when they are asked for: 100,000 take no memory
faults.py    the grammar of ``--shop-fault``
listing.py   which orders a request asks for, in which sequence, on which page
shop.py      the answer to a request
"""

from conversions.sandbox.woocommerce.shop import Shop

__all__ = ["Shop"]
