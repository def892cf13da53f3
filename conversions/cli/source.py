"""``conversions source``: look at the orders of the source, and how they are read."""

import typer

from conversions.cli import source_preview, source_query

app = typer.Typer(
    name="source",
    help="Look at the orders of the source as they are understood, and at the SQL behind them.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
app.command("preview")(source_preview.preview)
app.command("query")(source_query.query)
