"""``conversions init --from FILE``: the settings that an export needs, and the table of what was understood."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from conversions.cli.init_shop import Ask
from conversions.cli.output import say
from conversions.cli.source_answers import UNSET, Remark, Tables, Value

if TYPE_CHECKING:
    from conversions.intake.proposal import Proposal

NOT_FOUND = "?"
"""The name of a column that a person has to correct: no export has it, so the source says what is missing."""
_SURENESS = {
    "preset": "the preset says so",
    "name_and_cells": "by its name, and the cells fit",
    "name": "by its name alone: it has no cells here",
    "cells": "by its cells alone: check it",
}
_NEEDED = {
    "order_id": "order numbers",
    "email": "e-mail addresses",
    "amount": "what the buyer paid",
    "currency": 'currencies, or set source.currency = "DKK" and leave this out',
    "purchased_at": "times of purchase",
    "status": "statuses",
}
_OPEN = {
    ("dates", "ambiguous"): 'each date could begin with the day or the month: set "dmy" (day first) or "mdy"',
    (
        "dates",
        "contradictory",
    ): "dates begin with the day in some rows and with the month in others: correct the export",
    ("decimal_mark", "ambiguous"): "1.200 or 1,200 could be a thousand or one: set the mark before decimals",
    ("decimal_mark", "contradictory"): "some amounts have a decimal comma and others a decimal point: check the export",
    ("minor_units", "whole"): "no amount has decimals: if 19900 is 199.00, set true",
    ("items_amount", "differs"): 'the rows of one order have different amounts: "sum" adds them up, or map the total',
}
_MAYBE_ITEMS = (
    "Every order has one row here, but there are columns of a line's quantity or price: if an order with two products "
    'has two rows, set layout = "items" in [source.format].'
)
NO_CONSENT = (
    "Your legal basis is consent, and no column has the buyers' consent to ads, so no order can be sent until "
    "source.columns.consent names one."
)
COMPLETED = "Which of them are finished sales? Several are separated by commas (Enter: decide later)"
CURRENCY = "No column has the currency. ISO code of the currency of all orders, such as DKK (Enter: decide later)"


@dataclass(frozen=True, slots=True)
class Chosen:
    """What only a person can say about an export."""

    completed: tuple[str, ...] = ()
    currency: str | None = None


@dataclass(frozen=True, slots=True)
class ExportAnswers:
    """A sampled export, and what a person chose for it."""

    proposal: "Proposal"
    path: str
    chosen: Chosen
    template: None = None

    @property
    def secrets(self) -> list[str]:
        """None: a file needs no login."""
        return []

    def tables(self) -> Tables:
        """Return the values of the source's tables, with a comment where a person has to choose."""
        from conversions.settings.sections import Columns

        proposal = self.proposal
        unsure = {name: Remark(UNSET, f"OPEN: {_OPEN[name, code]}") for name, code in _open(proposal)}
        return {
            "source": {
                "kind": proposal.kind,
                "path": self.path,
                "currency": self.chosen.currency,
                "completed": self._completed(),
                "product_separator": proposal.product_separator,
            },
            "source.columns": {field: self._column(field) for field in Columns.model_fields},
            "source.format": {**proposal.format, **unsure},
        }

    def _completed(self) -> Value:
        occur = f"in the file: {_words(self.proposal)}" if self.proposal.statuses.words else ""
        if self.chosen.completed:
            return Remark(self.chosen.completed, occur or "statuses of a finished sale")
        if self.proposal.preset and self.proposal.preset.completed:
            return Remark(UNSET, f"given by the preset; {occur}".rstrip("; "))
        return Remark(["completed"], f"OPEN: the statuses of a finished sale; {occur}".rstrip("; "))

    def _column(self, field: str) -> Value:
        if field == "currency" and self.chosen.currency:
            return UNSET
        if field in self.proposal.missing:
            return Remark(NOT_FOUND, f"NOT FOUND: name the column of {_NEEDED[field]}")
        if self.proposal.preset:
            return "" if field in self.proposal.absent else UNSET
        return self.proposal.name(field) or UNSET


def proposed(export: Path, path: str, chosen: Chosen, ask: Ask | None) -> ExportAnswers:
    """Return what *export* needs, after saying it; *ask* is there on a terminal. Raises SourceError."""
    from conversions.intake.proposal import propose

    proposal = propose(export)
    for line in _lines(export, path, proposal):
        say(line)
    chosen = Chosen(chosen.completed, chosen.currency or proposal.currency)
    if ask and not chosen.completed and not (proposal.preset and proposal.preset.completed):
        words = (ask(COMPLETED) or "").split(",")
        chosen = Chosen(tuple(filter(None, map(str.strip, words))), chosen.currency)
    if ask and not chosen.currency and "currency" in proposal.missing:
        chosen = Chosen(chosen.completed, ask(CURRENCY))
    for line in _undecided(proposal, chosen):
        say(line)
    return ExportAnswers(proposal, path, chosen)


def _lines(export: Path, path: str, proposal: "Proposal") -> Iterator[str]:
    preset = f", the known export `{proposal.preset.name}`" if proposal.preset else ""
    yield f"{export.name}: {proposal.kind}{preset}. {proposal.rows} rows were sampled. Files to read: {path}"
    width = max((len(choice.name) for choice in proposal.columns), default=0)
    for choice in proposal.columns:
        others = f"; or {', '.join(choice.others)}" if choice.others else ""
        yield f"  {choice.name:<{width}}  {choice.field:<13} {_SURENESS[choice.sureness]}{others}"
    read = {**proposal.found, **proposal.format}
    if proposal.currency:
        read["currency"] = proposal.currency
    if read:
        yield f"Format: {', '.join(f'{name} = {value!a}' for name, value in read.items())}."
    if proposal.statuses.words or proposal.statuses.hidden:
        yield f"Statuses in the file: {_words(proposal)}."


def _words(proposal: "Proposal") -> str:
    shown = [f"{word} ({rows})" for word, rows in proposal.statuses.words]
    hidden = proposal.statuses.hidden
    return ", ".join([*shown, *([f"{hidden} more in one row each, or not fit to be shown"] if hidden else [])])


def _open(proposal: "Proposal") -> list[tuple[str, str]]:
    return [(name, code) for name, code in proposal.open.items() if (name, code) in _OPEN]


def _undecided(proposal: "Proposal", chosen: Chosen) -> Iterator[str]:
    """Yield what a person has to decide or correct in the settings."""
    for field in proposal.missing:
        if not (field == "currency" and chosen.currency):
            misnamed = proposal.misnamed.get(field)
            instead = f" (the cells of {misnamed} are something else)" if misnamed else ""
            yield f"NOT FOUND: the column of {_NEEDED[field]}{instead}. Correct source.columns.{field}."
    for name, code in _open(proposal):
        yield f"OPEN: {name} in [source.format]: {_OPEN[name, code]}."
    if not chosen.completed and not (proposal.preset and proposal.preset.completed):
        yield 'OPEN: source.completed, the statuses of a finished sale: only "completed" until you correct it.'
    if proposal.name("product_ids") is None:
        named = proposal.misnamed.get("product_ids")
        instead = f" ({named} has names or something else)" if named else ""
        yield f"No column has product IDs{instead}: leave them out of the policy, or export them."
    if "currency_aliases" in proposal.open:
        words = proposal.name("currency")
        yield f"OPEN: {words} has no ISO codes: say in [source.currency_aliases] what its words mean."
    if proposal.open.get("layout"):
        yield _MAYBE_ITEMS
    for name in proposal.newsletters:
        yield f"{name} is no consent to ads, so it is not used."
    for name in proposal.consents:
        yield f"Not used: {name}. If it is the buyer's consent to ad measurement, set source.columns.consent to it."
