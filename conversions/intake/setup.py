"""Opens the shop's source and the pseudonymiser, as the settings say."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from conversions import keys
from conversions.intake.exclusions import load_exclusions
from conversions.intake.identity import SUBJECT
from conversions.intake.order import Order
from conversions.intake.past_orders import past_orders
from conversions.intake.pseudonymize import FormerKeys, Pseudonymizer
from conversions.intake.read import Target, read
from conversions.intake.sources import open_source
from conversions.intake.sources.base import Source
from conversions.intake.sources.row_digest import PURPOSE
from conversions.ledger import Clock
from conversions.ledger.staging.new_orders import PastOrder
from conversions.ledger.staging.snapshot import Resolution, SnapshotBatch, SourceSnapshot
from conversions.model.conversion import EventMaker, Reason, Window
from conversions.model.read_counts import ReadCounts
from conversions.model.rules import Rules
from conversions.observe.progress import SILENT, Progress
from conversions.settings import Settings
from conversions.transport.route import open_route

Pseudonymize = Callable[[Iterable[list[Order]]], Iterable[SnapshotBatch]]
"""Turns chunks of orders into rows without an address, in the same order."""


@dataclass(frozen=True, slots=True)
class Intake:
    """The source and the pseudonymiser: a run reads the shop's orders through them only."""

    settings: Settings
    source: Source
    pseudonymizer: Pseudonymizer
    row_digest: Callable[[str], bytes]
    """Keyed digest by which a later run recognises a bad row; it has no meaning without the key."""
    exclusions: str | None
    """Number and keyed digest of the addresses that are left out; None where the settings name none."""

    def apply_suppressions(self, listed: Mapping[bytes, Reason]) -> None:
        """Withhold the orders of *listed* buyers who joined the suppression list under a former key."""
        subject_keys = tuple(keys.derive(key, SUBJECT) for key in self.settings.secret_former_keys)
        self.pseudonymizer.former = FormerKeys(subject_keys, listed if subject_keys else {})

    def apply_rules(self, rules: Iterable[tuple[Rules, EventMaker]]) -> None:
        """Convert orders by *rules*, which the store completed: the policy's first days are known to it only."""
        self.pseudonymizer.use_rules(rules)

    def read(
        self, window: Window, snapshot: SourceSnapshot, pseudonymize: Pseudonymize, advance: Callable[[int], None]
    ) -> ReadCounts:
        """Read the orders of *window* into *snapshot*; *advance* gets the number of rows. Raises SourceError."""
        target = Target(snapshot, pseudonymize, partial(self._resolve, snapshot), _none_of)
        return read(self.source, window, target, advance)

    def read_changes(
        self, window: Window, snapshot: SourceSnapshot, pseudonymize: Pseudonymize, advance: Callable[[int], None]
    ) -> ReadCounts:
        """Read the same, and every order of any age that the store knows and that changed since *window* began.

        Only a source that is asked for changes has such orders; a file of all orders is not evaluated anew every night.
        """
        if not self.settings.source.reads_changes:
            return self.read(window, snapshot, pseudonymize, advance)
        known = partial(snapshot.known, self.settings.shop)
        target = Target(snapshot, pseudonymize, partial(self._resolve, snapshot), known)
        return read(self.source, window, target, advance)

    def past_orders(self, window: Window) -> Iterator[list[PastOrder]]:
        """Yield the amounts of the completed orders of *window*, without personal data. Raises SourceError."""
        return past_orders(self.source, window, self.pseudonymizer.products)

    def _resolve(self, snapshot: SourceSnapshot, decimal_columns: Collection[str]) -> Resolution:
        source = self.settings.source
        ranked, unique = source.columns.updated_at is not None, source.unique_numbers
        return snapshot.resolve(decimal_columns, self.settings.shop, self.row_digest, ranked=ranked, unique=unique)


def _none_of(numbers: Collection[str]) -> Collection[str]:  # noqa: ARG001
    return ()


def open_intake(
    settings: Settings, rules: Iterable[tuple[Rules, EventMaker]], clock: Clock, progress: Progress = SILENT
) -> Intake:
    """Open the source in *settings* without reading it, and read the addresses that are left out.

    *rules* has one pair for each destination; *progress* shows what a reading waits for. Raises SettingsError.
    """
    first, exclusions = settings.first_key, load_exclusions(settings)
    purpose = keys.derive(first, PURPOSE)
    pseudonymizer = open_pseudonymizer(settings, rules, clock())
    pseudonymizer.excluded = exclusions.subjects
    return Intake(
        settings=settings,
        source=open_source(
            settings.source,
            zone=settings.zone,
            resolve=settings.resolve,
            clock=clock,
            key=purpose,
            route=open_route(settings),
            progress=progress,
        ),
        pseudonymizer=pseudonymizer,
        row_digest=_row_digest(keys.derive(first, "bad row/1")),
        exclusions=exclusions.summary,
    )


def open_pseudonymizer(settings: Settings, rules: Iterable[tuple[Rules, EventMaker]], now: datetime) -> Pseudonymizer:
    """Return the pseudonymiser, which leaves no address out yet. Raises SettingsError."""
    key, first = settings.secret_key, settings.first_key
    return Pseudonymizer(rules, keys.derive(key, SUBJECT), keys.derive(first, "product/1"), now)


def _row_digest(key: bytes) -> Callable[[str], bytes]:
    return lambda text: keys.mac(key, text.encode("utf-8", "surrogateescape"))[:16]
