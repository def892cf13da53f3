"""The orders of a WooCommerce shop, from its tables in MySQL or MariaDB."""

from conversions.intake.sources.woocommerce_tables.source import WooCommerceDatabase

__all__ = ["WooCommerceDatabase"]
