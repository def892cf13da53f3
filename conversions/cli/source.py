"""``conversions source``: look at the orders of the source."""

import typer

from conversions.cli import source_preview

app = typer.Typer(
    name="source",
    help="Look at the orders of the source as they are understood.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.callback()
def _group() -> None:
    """Keep the name of the command, also while the group has only one."""


app.command("preview")(source_preview.preview)
