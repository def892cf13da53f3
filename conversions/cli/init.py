"""``conversions init``: write all files that a first run needs into one directory; overwrite none."""

import getpass
import os
import shlex
import sys
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import typer

from conversions.cli import init_export, init_place, scaffold, schedule
from conversions.cli.days import one_day
from conversions.cli.init_shop import RENEWALS_OPEN, ask_shop, given_shop
from conversions.cli.options import FirstApprover
from conversions.cli.output import say, show
from conversions.cli.scaffold import Answers
from conversions.cli.source_answers import ShopAnswers
from conversions.errors import SettingsError, Usage

Text = str | None

REHEARSAL = {
    "google_account": "1234567890",
    "google_action": "987654321",
    "meta_dataset": "555000111222",
    "action_source": "physical_store",
    "endpoint": "http://127.0.0.1:8085",
    "tag": "none",
}
"""Made-up accounts, and the address that `conversions sandbox` answers at."""


def init(
    directory: Annotated[
        Path, typer.Argument(help="Directory for conversions.toml, privacy-policy.toml, .env and var/.")
    ] = Path(),
    *,
    export: Annotated[
        Path | None, typer.Option("--from", metavar="FILE", help="An export of the shop: its columns are proposed.")
    ] = None,
    completed: Annotated[
        list[str] | None,
        typer.Option(metavar="WORD", help="With --from: a status of a finished sale; may be repeated."),
    ] = None,
    currency: Annotated[Text, typer.Option(help="With --from: of all orders, where no column names it.")] = None,
    orders: Annotated[Text, typer.Option(help="Files not looked at: a path or a glob; default orders/*.csv.")] = None,
    woocommerce: Annotated[Text, typer.Option(metavar="URL", help="A WooCommerce shop in place of files.")] = None,
    shopify: Annotated[Text, typer.Option(metavar="NAME.myshopify.com", help="A Shopify shop.")] = None,
    renewals: Annotated[Text, typer.Option(help="Subscription renewals of the shop: withhold or send.")] = None,
    consent_meta: Annotated[Text, typer.Option(help="Key of an order's meta data with the consent to ads.")] = None,
    consent_attribute: Annotated[Text, typer.Option(help="The same, of an order's additional details.")] = None,
    product_id: Annotated[Text, typer.Option(help="IDs to send: product, variation (Shopify: variant), sku.")] = None,
    order_key: Annotated[Text, typer.Option(help="What identifies an order: id or number (Shopify: name).")] = None,
    rehearsal: Annotated[bool, typer.Option("--rehearsal", help="Made-up accounts at `conversions sandbox`.")] = False,
    google_account: Annotated[Text, typer.Option(help="Google Ads account that owns the conversion action.")] = None,
    google_action: Annotated[Text, typer.Option(help="The conversion action: ctId in its URL.")] = None,
    meta_dataset: Annotated[Text, typer.Option(help="Meta dataset, for Facebook and Instagram.")] = None,
    action_source: Annotated[Text, typer.Option(help="Meta's action_source; physical_store: offline uploads.")] = None,
    legal_basis: Annotated[Text, typer.Option(help="As your policy states: consent or legitimate_interest.")] = None,
    also_reported_by: Annotated[Text, typer.Option(help="Do web tags count the same sales? none, same, other.")] = None,
    google_tag: Annotated[Text, typer.Option(help="The same for the Google tag alone.")] = None,
    meta_pixel: Annotated[Text, typer.Option(help="The same for the Meta Pixel alone.")] = None,
    timezone: Annotated[str, typer.Option(help="The shop's time zone.")] = scaffold.ZONE,
    shop: Annotated[str, typer.Option(help="The shop's name, part of every order's id on the wire.")] = "main",
    not_before: Annotated[Text, typer.Option(metavar="DAY", help="First purchase day to send; default today.")] = None,
    max_new: Annotated[int, typer.Option(min=1, help="More new orders than this stop a run.")] = 5000,
    approved_by: FirstApprover = None,
) -> None:
    """Write first settings, policy and keys.

    On a terminal it asks where the shop keeps its orders, and for other missing answers. --from reads an export and
    proposes its settings. Prints the cron line and the systemd units. Overwrites nothing.
    """
    settings = directory.absolute() / "conversions.toml"
    schedule.check_path(settings.parent)
    ask = _answer if sys.stdin.isatty() else None
    chosen = init_export.Chosen(tuple(completed or ()), currency)
    if settings.exists() and export:
        show(scaffold.source_text(init_place.place([export], directory, chosen, ask)))
        say(f"{settings} exists already and was not changed: put these tables in the place of its [source].")
        return
    if settings.exists():
        raise SettingsError(f"{settings} exists already and was not changed; edit it, or name another directory.")
    made_up = REHEARSAL if rehearsal else {}
    shop_system = given_shop(
        woocommerce,
        shopify,
        renewals=renewals,
        consent=consent_meta or consent_attribute,
        product_id=product_id,
        order_key=order_key,
    )
    given = Answers(
        source=init_place.place([shop_system, export, orders], directory, chosen, ask),
        endpoint=made_up.get("endpoint"),
        google_account=google_account or made_up.get("google_account"),
        google_action=google_action or made_up.get("google_action"),
        meta_dataset=meta_dataset or made_up.get("meta_dataset"),
        action_source=action_source or made_up.get("action_source"),
        legal_basis=legal_basis,
        google_tag=google_tag or also_reported_by or made_up.get("tag"),
        meta_pixel=meta_pixel or also_reported_by or made_up.get("tag"),
        timezone=timezone,
        shop=shop,
        not_before=None if rehearsal and not not_before else _day(not_before, timezone),
        max_new=max_new,
        approved_by=approved_by,
    )
    if ask:
        given = _ask(given)
        if isinstance(given.source, ShopAnswers):
            given = replace(given, source=ask_shop(given.source, _answer, consent=given.legal_basis == "consent"))
    answers = _complete(given)
    _write(settings, answers)
    _print_schedule(settings, answers.timezone)
    _say_next(settings, answers)


def _day(text: str | None, timezone: str) -> date:
    """*text* as a day; None is today in the shop's zone."""
    try:
        today = datetime.now(ZoneInfo(timezone)).date()
    except (ZoneInfoNotFoundError, ValueError):
        raise Usage(f"--timezone must be a zone such as {scaffold.ZONE}. Nothing was written.") from None
    return one_day("--not-before", text, today) if text else today


def _ask(given: Answers) -> Answers:
    """Ask the operator for the missing answers."""
    google_account = given.google_account or _answer("Google Ads account with the conversion action (none: Enter)")
    google_action = given.google_action or (_answer("Its conversion action (ctId)") if google_account else None)
    meta_dataset = given.meta_dataset or _answer("Meta dataset (none: Enter)")
    return replace(
        given,
        google_account=google_account,
        google_action=google_action,
        meta_dataset=meta_dataset,
        action_source=given.action_source or (_answer(ACTION_SOURCE) if meta_dataset else None),
        legal_basis=given.legal_basis or _answer(LEGAL_BASIS, "consent", "legitimate_interest"),
        google_tag=given.google_tag or (_counted_already(*GOOGLE_TAG) if google_account else None),
        meta_pixel=given.meta_pixel or (_counted_already(*META_PIXEL) if meta_dataset else None),
        approved_by=_answer(APPROVED_BY) if given.approved_by is None else given.approved_by,
    )


ACTION_SOURCE = "Meta's action_source (physical_store is its route for offline uploads)"
LEGAL_BASIS = "Legal basis that your privacy policy states: consent or legitimate_interest"
APPROVED_BY = "Who approves these settings and the policy, by name (nobody yet: Enter)"
GOOGLE_TAG = (
    "Does a Google tag count these purchases in this account?",
    "once, where order numbers may leave and the tag reports to this very conversion action",
)
META_PIXEL = (
    "Does a Meta Pixel count these purchases in this dataset?",
    "once within 48 hours, where order numbers may leave; never with physical_store",
)
"""The question, and how often a sale counts when the tag uses the same ids."""
TAGS = ("none", "other", "same")
MEANING = """\
  none   no, or it is turned off first: the safe answer, each sale counts once
  other  yes, under its own ids: each sale counts twice, unless only one of the two is used
  same   yes, under the order number: each sale counts {}
  Enter  not sure: left open, and `conversions doctor` asks again"""


def _counted_already(question: str, same: str) -> str | None:
    """Ask whether a web tag counts the same sales; *same* is how often a sale counts under the same ids."""
    say(f"{question}\n{MEANING.format(same)}")
    return _answer("none, other, same or Enter", *TAGS)


def _answer(question: str, *allowed: str) -> str | None:
    """The operator's answer; Enter is None. Asks again where it is not one of *allowed*."""
    while True:
        answer: str = typer.prompt(question, default="", show_default=False, err=True).strip()
        if not answer or not allowed or answer in allowed:
            return answer or None
        say(f"{answer!r} is no choice: type {', '.join(allowed)}, or press Enter.")


def _complete(answers: Answers) -> Answers:
    """*answers* with the hyphens of account numbers removed, as the APIs want them.

    Raises Usage, with every missing option, where answers are missing.
    """
    missing = [
        *(["--google-account or --meta-dataset"] if not (answers.google_account or answers.meta_dataset) else []),
        *(["--google-action"] if answers.google_account and not answers.google_action else []),
        *(["--action-source"] if answers.meta_dataset and not answers.action_source else []),
        *(["--legal-basis"] if not answers.legal_basis else []),
    ]
    if missing:
        raise Usage(f"Missing: {', '.join(missing)}. Nothing was written.")
    return replace(answers, google_account=(answers.google_account or "").replace("-", "") or None)


def _write(settings: Path, answers: Answers) -> None:
    """Write the missing files, load the settings, make the store's directory.

    Raises SettingsError, after deleting every new file, where an answer is not usable.
    """
    from conversions.settings import load

    written: list[Path] = []
    try:
        settings.parent.mkdir(parents=True, exist_ok=True)
        for name, text, mode in (
            ("conversions.toml", scaffold.settings_text(answers), 0o644),
            ("privacy-policy.toml", scaffold.policy_text(), 0o644),
            (".env", scaffold.secrets_text(), 0o600),
        ):
            path = settings.with_name(name)
            if _write_new(path, text, mode):
                written.append(path)
        load(settings).store_path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    except (SettingsError, OSError) as error:
        for path in written:
            path.unlink()
        cause = f"{error.filename}: {error.strerror}." if isinstance(error, OSError) else error
        raise SettingsError(f"{cause}\nNothing was kept.") from None


def _write_new(path: Path, text: str, mode: int) -> bool:
    """Write a new file; return False where it exists already."""
    try:
        with open(path, "x", encoding="utf-8", opener=lambda name, flags: os.open(name, flags, mode)) as file:
            file.write(text)
    except FileExistsError:
        say(f"{path} exists already and was not changed.")
        return False
    say(f"Wrote {path}")
    return True


def _print_schedule(settings: Path, zone: str) -> None:
    user = getpass.getuser()
    show(f"# crontab -e\n{schedule.cron_line(settings)}\n")
    show(schedule.unit("conversions.service", settings, zone, user))
    show(schedule.unit("conversions-failed@.service", settings, zone, user))
    show(schedule.unit("conversions.timer", settings, zone, user))


SAME = (
    "With the same ids, order numbers are sent, so the policy has to list them (shape"
    ' = "order-number" instead of "wire-id"). `conversions doctor` names what is missing.'
)
APPROVED = (
    "The first run records the settings and the policy as approved by {} (privacy.approved_by): let them read both"
    " first. Later changes wait for `conversions policy approve`."
)
APPROVED_BY_NOBODY = (
    "Nobody approves these settings and the policy yet, and reports say so: set privacy.approved_by before the first"
    " run, or type `conversions policy approve --by NAME --reason TEXT` at any time."
)
OPEN = (
    "One question is open: does a Google tag or a Pixel count these sales already? If so, each may count twice. Set"
    ' also_reported_by to "none", "other" or "same" before the first run; `conversions doctor` explains the choices.'
)


def _say_next(settings: Path, answers: Answers) -> None:
    tokens = [
        *answers.source.secrets,
        *(["GOOGLE_APPLICATION_CREDENTIALS"] if answers.google_account and not answers.endpoint else []),
        *(["CONVERSIONS_META__ACCESS_TOKEN"] if answers.meta_dataset and not answers.endpoint else []),
    ]
    config = f"--config {shlex.quote(str(settings))}"
    if answers.endpoint:
        say(
            "A rehearsal: the accounts are made up, and `conversions sandbox` stands in for both platforms. For real "
            "runs, run `conversions init` in another directory."
        )
    else:
        say(
            f"Purchases before {answers.not_before} are not sent (not_before): a web tag may have counted them already."
            f" The first run sends 50 orders to each platform (first_batch). More than {answers.max_new} new orders at "
            "once stop a run until you accept them (max_new)."
        )
    if isinstance(answers.source, ShopAnswers) and not answers.source.renewals:
        say(RENEWALS_OPEN)
    if answers.legal_basis == "consent" and isinstance(answers.source, init_export.ExportAnswers):
        say(init_export.NO_CONSENT)
    if "same" in (answers.google_tag, answers.meta_pixel):
        say(SAME)
    if not all([answers.google_tag or not answers.google_account, answers.meta_pixel or not answers.meta_dataset]):
        say(OPEN)
    say(APPROVED.format(answers.approved_by) if answers.approved_by else APPROVED_BY_NOBODY)
    put = f"put {' and '.join(tokens)} into {settings.with_name('.env')}, and " if tokens else ""
    say(f"Next: {put}keep a copy of its key elsewhere.")
    say(f"Then `conversions source preview {config}` shows the orders as they are understood, and what looks wrong.")
    if answers.endpoint:
        say(f"Then `conversions doctor {config}`, `conversions sandbox &`, and `conversions run {config}`.")
    else:
        say(f"Then `conversions doctor {config}`, `conversions plan {config}`, and cron or systemd as printed above.")
