"""Objections, piped in before and between runs."""

import pytest

from tests.e2e.said import CONFIG, DOMAIN, stopped
from tests.e2e.sales import digest
from tests.e2e.shop import NAMES, Shop


@pytest.mark.parametrize("written", ["ida.h+shop@gmail.com", "IDAH@GMAIL.COM ", "i.d.a.h@gmail.com"])
def test_an_objection_before_the_first_run_binds_at_both_however_the_address_is_written(
    shop: Shop, written: str
) -> None:
    shop.objection(written)
    shop.orders(shop.order("1", billing_email="Ida.H@gmail.com"), shop.order("2"))
    said = shop.run()
    assert [said.counts(name) for name in NAMES] == [{"withheld": {"objection": 1}, "sent": 1}] * 2
    for name in NAMES:
        assert [sale.digest for sale in shop.sales(name)] == [digest(f"ida.2@{DOMAIN}")]


def test_an_objection_between_two_runs_binds_for_what_is_new(shop: Shop) -> None:
    shop.orders(shop.order("1", billing_email=f"ida@{DOMAIN}"))
    assert shop.run().counts("meta") == {"sent": 1}
    shop.objection(f"ida@{DOMAIN}")
    shop.orders(shop.order("1", billing_email=f"ida@{DOMAIN}"), shop.order("2", billing_email=f"Ida@{DOMAIN}"))
    said = shop.run()
    assert [said.counts(name) for name in NAMES] == [{"already_sent": 1, "withheld": {"objection": 1}}] * 2
    assert [len(shop.events(name)) for name in NAMES] == [1, 1]


def test_whoever_objects_under_a_wrong_key_is_told_and_not_entered_where_nobody_would_find_them(shop: Shop) -> None:
    shop.orders(shop.order())
    assert shop.run().code == 0
    shop.secrets(CONVERSIONS_KEY="ab" * 32)
    said = shop.command("privacy", "object", stdin=f"ida@{DOMAIN}")
    stopped(said, CONFIG, "key")
    assert shop.sql("SELECT count(*) FROM objection") == [(0,)]
