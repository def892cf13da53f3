"""``conversions upgrade``: bring a store to this version's schema."""

from typing import TYPE_CHECKING

from conversions.cli import clock
from conversions.cli.options import AsJson, Config, load_settings
from conversions.cli.output import say, show, show_json
from conversions.errors import Exit

if TYPE_CHECKING:
    from conversions.ledger.maintenance.upgrade import UpgradeResult

TRACES_LEFT = (
    "The store's file could not be rewritten: another program reads it, or the disk has no room for a copy. Traces of"
    " its old tables may be left in it. Run `conversions upgrade` again when the cause is gone."
)


def upgrade(*, as_json: AsJson = False, config: Config = None) -> int:
    """Upgrade the store of an older version; a copy of the old store stays beside it."""
    from conversions.ledger.maintenance import upgrade as ledger_upgrade
    from conversions.observe.progress import open_progress

    result = ledger_upgrade.upgrade(load_settings(config), clock.now, open_progress())
    code = Exit.OK if result.wiped else Exit.TRY_AGAIN
    if as_json:
        kept = None if result.backup is None else str(result.backup)
        facts = {"before": result.before, "after": result.after, "backup": kept, "wiped": result.wiped}
        show_json({**facts, "exit_code": int(code)})
    else:
        _show(result)
    if not result.wiped:
        say(TRACES_LEFT)
    return code


def _show(result: "UpgradeResult") -> None:
    from conversions.ledger.maintenance.schema_copies import kept_until

    if result.backup is None:
        show(f"The store has schema {result.after} already; nothing to do.")
        return
    show(f"The store went from schema {result.before} to {result.after}. The old store is kept in {result.backup}.")
    say(
        "Delete that copy after the next good run: it holds personal data."
        f" The first run after {kept_until(result.backup.name):%Y-%m-%d} deletes it."
    )
