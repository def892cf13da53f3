"""``conversions upgrade``: a store of an older version, brought to this one."""

from dataclasses import asdict

from conversions.cli import clock
from conversions.cli.options import AsJson, Config, load_settings
from conversions.cli.output import say, show, show_json
from conversions.errors import Exit


def upgrade(*, as_json: AsJson = False, config: Config = None) -> int:
    """Bring the store of an older version to this one; a copy of how it was is kept beside it."""
    from conversions.ledger.maintenance import upgrade as upgrades

    done = upgrades.upgrade(load_settings(config), clock.now)
    if as_json:
        kept = None if done.backup is None else str(done.backup)
        show_json({**asdict(done), "backup": kept, "exit_code": int(Exit.OK)})
    elif done.backup is None:
        show(f"The store has schema {done.after} already; nothing was to be done.")
    else:
        show(f"The store went from schema {done.before} to {done.after}. How it was is kept in {done.backup}.")
        say("Delete that copy once the next run has gone well: it holds personal data.")
    return Exit.OK
