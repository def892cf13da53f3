"""The first question of ``conversions init``: where the shop keeps its orders."""

import glob
import os
from collections.abc import Sequence
from pathlib import Path

from conversions.cli.init_export import Chosen, proposed
from conversions.cli.init_shop import Ask
from conversions.cli.output import say
from conversions.cli.source_answers import DatabaseAnswers, FileAnswers, ShopAnswers, SourceAnswers
from conversions.errors import Usage

_KINDS = ("woocommerce", "shopify", "woocommerce-database", "database", "file")
_QUESTION = """\
Where does the shop keep its orders?
  woocommerce           in a WooCommerce shop, read through its API
  shopify               in a Shopify shop, read through its API
  woocommerce-database  in a WooCommerce shop, read from its database
  database              in another database
  file                  in a file that the shop exports: CSV, Excel (.xlsx), Parquet, also as .gz or .zip
  Enter                 in files that do not exist yet"""
_PACKED = {".gz", ".zip"}
_UNPACKED = {".csv", ".txt", ".tsv"}


def place(
    given: Sequence[ShopAnswers | Path | str | None], directory: Path, chosen: Chosen, ask: Ask | None
) -> SourceAnswers:
    """Return where the orders are: what options say, otherwise what a terminal answers; without one, files.

    *given* has at most one shop, export to look at, or glob. Raises Usage, SourceError.
    """
    named = [each for each in given if each is not None]
    if len(named) > 1:
        raise Usage("Name one place of the orders: --from, --orders, --woocommerce or --shopify. Nothing was written.")
    match named[0] if named else None:
        case Path() as export:
            return proposed(export, glob_of(export, directory), chosen, ask)
        case _ if chosen.completed or chosen.currency:
            raise Usage("--completed and --currency go with --from FILE. Nothing was written.")
        case str() as orders:
            return FileAnswers(beside(orders, directory))
        case ShopAnswers() as shop:
            return shop
        case _:
            return _asked(directory, chosen, ask) if ask else FileAnswers()


def beside(orders: str, directory: Path) -> str:
    """Return the path *orders*, relative to the settings file."""
    return orders if Path(orders).is_absolute() or "://" in orders else os.path.relpath(orders, directory)


def glob_of(export: Path, directory: Path) -> str:
    """Return the glob of the files beside *export* with its ending, relative to the settings file."""
    endings = export.suffixes[-2:]
    packed = len(endings) == 2 and endings[1].lower() in _PACKED and endings[0].lower() in _UNPACKED
    ending = "".join(endings) if packed else export.suffix
    if not ending:
        return beside(str(export), directory)
    return os.path.join(glob.escape(beside(str(export.parent), directory)), f"*{ending}")  # noqa: PTH118


def _asked(directory: Path, chosen: Chosen, ask: Ask) -> SourceAnswers:
    say(_QUESTION)
    match ask(f"{', '.join(_KINDS)} or Enter", *_KINDS):
        case "woocommerce":
            return ShopAnswers("woocommerce", _required(ask, "Address of the shop, such as https://shop.example"))
        case "shopify":
            return ShopAnswers("shopify", _required(ask, "The shop's own name, such as name.myshopify.com"))
        case "woocommerce-database":
            storage = ask(
                "WooCommerce, Settings, Advanced, Features, Order data storage: hpos (high-performance) or posts "
                "(Enter: hpos)",
                "hpos",
                "posts",
            )
            prefix = ask("Table prefix, $table_prefix in wp-config.php (Enter: wp_)")
            return ShopAnswers("woocommerce-database", f"woocommerce-{storage or 'hpos'}", table_prefix=prefix)
        case "database":
            return DatabaseAnswers(ask("The table or view with a row for each order (Enter: orders)"))
        case "file":
            export = ask("A file that the shop has exported; its columns are proposed (none yet: Enter)")
            return place([Path(export)], directory, chosen, ask) if export else FileAnswers()
        case _:
            return FileAnswers()


def _required(ask: Ask, question: str) -> str:
    while True:
        if answer := ask(question):
            return answer
