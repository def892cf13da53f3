"""``conversions source query``: the SQL that reads the orders."""

from typing import Annotated

import typer

from conversions.cli.options import AsJson, Config, load_settings
from conversions.cli.output import show, show_json
from conversions.errors import Exit, SettingsError


def query(
    *,
    view: Annotated[
        str | None, typer.Option("--view", metavar="NAME", help="Print the statement that makes a view of it.")
    ] = None,
    config: Config = None,
    as_json: AsJson = False,
) -> int:
    """Print the SQL that reads the orders, for a client of the database; neither it nor the store is opened."""
    statement = _statement(config, view)
    if as_json:
        show_json({"query": statement, "exit_code": Exit.OK})
    else:
        show(statement)
    return Exit.OK


def _statement(config: "Config", view: str | None) -> str:
    from conversions.intake.sources.woocommerce_tables.statements import orders_statement, view_statement
    from conversions.settings import SqlSource, WooCommerceTables

    source = load_settings(config).source
    match source:
        case WooCommerceTables():
            return f"{view_statement(source, view) if view else orders_statement(source)};"
        case SqlSource() if view is None:
            return source.query
        case _:
            what = 'kind = "sql" and a preset, such as preset = "woocommerce-hpos"'
            raise SettingsError(f"[source] has no query to print; it needs {what}. `conversions schema` lists both.")
