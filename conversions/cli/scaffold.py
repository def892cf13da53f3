"""First settings, policy and secrets of a shop: the shipped examples with the operator's answers."""

import json
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import reduce
from importlib.resources import files

from conversions.cli.source_answers import UNSET, Remark, SourceAnswers, Tables, Value

SETTING = re.compile(r'(?:# )?(\w+) = ("[^"]*"|[^\s#]+)(.*)')

ZONE = "Europe/Copenhagen"
"""The zone of the shipped examples."""


@dataclass(frozen=True, slots=True)
class Answers:
    """Answers of the operator."""

    legal_basis: str | None
    source: SourceAnswers
    timezone: str
    shop: str
    not_before: date | None
    max_new: int
    google_account: str | None
    google_action: str | None
    meta_dataset: str | None
    action_source: str | None
    google_tag: str | None
    """Whether a Google tag counts the same sales: none, same (ids) or other (ids); None: not known yet."""
    meta_pixel: str | None
    approved_by: str | None
    """Who approves the first settings; None: nobody yet."""
    endpoint: str | None = None
    """The sandbox's address, for a rehearsal."""

    def values(self) -> Tables:
        """Section → setting → value. None keeps the example's value; a destination without an account is left out."""
        google: Mapping[str, Value] = {
            "operating_account_id": self.google_account,
            "conversion_action_id": self.google_action,
        }
        meta: Mapping[str, Value] = {"dataset_id": self.meta_dataset, "action_source": self.action_source}
        return {
            "": {"timezone": self.timezone, "shop": self.shop},
            **self.source.tables(),
            "store": {"url": "sqlite:///var/conversions.db"},
            "privacy": {"legal_basis": self.legal_basis, "approved_by": self.approved_by or None},
            "destinations.google": {**google, **self._guards(self.google_tag)} if self.google_account else {},
            "destinations.meta": {**meta, **self._guards(self.meta_pixel)} if self.meta_dataset else {},
        }

    def _guards(self, also_reported_by: str | None) -> Mapping[str, Value]:
        """Settings against ordinary mistakes. A tag with the same ids uses order numbers, so we must, too."""
        return {
            "reference": "order_id" if also_reported_by == "same" else None,
            "not_before": self.not_before,
            "max_new": self.max_new,
            "first_batch": 50,
            "also_reported_by": also_reported_by,
            "endpoint": self.endpoint,
        }


def settings_text(answers: Answers) -> str:
    """The shipped ``conversions.toml`` with the answers in place of its examples."""
    return _filled(_example(answers.source), answers.values())


def source_text(source: SourceAnswers) -> str:
    """The tables of the source alone, for settings that exist already."""
    text = _filled(_example(source), source.tables())
    return text[text.index("[source]\n") : text.index("[store]\n")].rstrip()


def _filled(example: str, values: Tables) -> str:
    """*example* with the values; a destination without any is left out."""
    section, lines = "", []
    for line in example.splitlines():
        if line.startswith("["):
            section = line[1 : line.index("]")]
        if not section.startswith("destinations.") or values.get(section):
            lines.append(_answered(line, values.get(section, {})))
    return "\n".join(lines).rstrip() + "\n"


def _example(source: SourceAnswers) -> str:
    """The shipped settings, with the tables of a shop system where the orders are in one."""
    text = template("conversions.toml")
    if source.template is None:
        return text
    before, _, rest = text.partition("[source]\n")
    shop = template(source.template).partition("[source]\n")[2]
    return f"{before}[source]\n{shop}\n[store]{rest.partition('[store]')[2]}"


def _answered(line: str, values: Mapping[str, Value]) -> str:
    """*line* with the setting's value replaced; the comment keeps its column where it fits."""
    setting = SETTING.fullmatch(line)
    value = values.get(setting[1]) if setting else None
    if setting is None or value is None:
        return line
    comment = f"# {value.text}" if isinstance(value, Remark) else setting[3].strip()
    plain = value.value if isinstance(value, Remark) else value
    if plain == UNSET:
        return f"{f'# {setting[1]} = {setting[2]}':<39} {comment}".rstrip()
    text = json.dumps(plain, ensure_ascii=False) if isinstance(plain, str | list | tuple) else str(plain)
    return f"{f'{setting[1]} = {text}':<39} {comment}".rstrip()


def secrets_text() -> str:
    """The shipped ``.env.example`` with fresh keys of 32 random bytes each."""
    keys = ("CONVERSIONS_KEY=\n", "CONVERSIONS_LOG_KEY=\n")
    return reduce(lambda text, key: text.replace(key, f"{key[:-1]}{secrets.token_hex(32)}\n"), keys, template("env"))


def policy_text() -> str:
    """The shipped disclosure policy."""
    return template("privacy-policy.toml")


def template(name: str) -> str:
    """A shipped example without its schema line, since the schema file is not copied with it."""
    text = (files("conversions.cli") / "templates" / name).read_text(encoding="utf-8")
    return text.partition("\n")[2] if text.startswith("#:schema") else text
