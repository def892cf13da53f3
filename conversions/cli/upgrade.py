"""``conversions upgrade``: bring a store to this version's schema."""

from dataclasses import asdict

from conversions.cli import clock
from conversions.cli.options import AsJson, Config, load_settings
from conversions.cli.output import say, show, show_json
from conversions.errors import Exit


def upgrade(*, as_json: AsJson = False, config: Config = None) -> int:
    """Upgrade the store of an older version; a copy of the old store stays beside it."""
    from conversions.ledger.maintenance import upgrade as ledger_upgrade

    result = ledger_upgrade.upgrade(load_settings(config), clock.now)
    if as_json:
        kept = None if result.backup is None else str(result.backup)
        show_json({**asdict(result), "backup": kept, "exit_code": int(Exit.OK)})
    elif result.backup is None:
        show(f"The store has schema {result.after} already; nothing to do.")
    else:
        show(f"The store went from schema {result.before} to {result.after}. The old store is kept in {result.backup}.")
        say("Delete that copy after the next good run: it holds personal data.")
    return Exit.OK
