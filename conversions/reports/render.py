"""Renders documents for people: one self-contained HTML file in Danish or English, without script, ready to print."""

from collections.abc import Iterable
from datetime import date, datetime, tzinfo
from decimal import Decimal
from typing import Any

from conversions.catalogue import Language, messages


def render(template: str, language: Language, zone: tzinfo, **values: Any) -> str:
    """Render a document as HTML. Days and instants are in the shop's *zone*; every value is escaped.

    A template has its texts in ``t``, the ``zone`` to name beside the first instant, and the filters ``day``,
    ``local_day``, ``instant``, ``money``, ``percent`` and ``listed``.
    """
    from babel.dates import format_date, format_datetime
    from babel.lists import format_list
    from babel.numbers import format_currency, format_percent
    from jinja2 import Environment, PackageLoader, StrictUndefined

    def day(value: date | str) -> str:
        plain = date.fromisoformat(value) if isinstance(value, str) else value
        return format_date(plain, "long", locale=language.locale)

    def local_day(value: datetime) -> str:
        return day(value.astimezone(zone).date())

    def instant(value: datetime) -> str:
        return format_datetime(value, "medium", tzinfo=zone, locale=language.locale)

    def money(value: Decimal, currency: str) -> str:
        return format_currency(value, currency, locale=language.locale, decimal_quantization=False)

    def percent(value: Decimal) -> str:
        return format_percent(value, "0.0 %" if language.locale == "da_DK" else "0.0%", locale=language.locale)

    def listed(values: Iterable[str]) -> str:
        return format_list(list(values), locale=language.locale)

    environment = Environment(
        loader=PackageLoader("conversions.reports"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    environment.filters |= {"day": day, "local_day": local_day, "instant": instant, "money": money, "listed": listed}
    environment.filters["percent"] = percent
    return environment.get_template(template).render(values, t=messages(language), language=language, zone=zone)
