"""A disk that is full at any moment: it stops with a sentence, and the next run goes on."""

import sys
from collections import Counter

import pytest

from tests.e2e.said import CONFIG, STORE
from tests.e2e.shop import NAMES, Shop

WITH_A_LIMIT = """
import os, resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]),) * 2)
os.execv(sys.argv[2], sys.argv[2:])
"""
"""No file may grow beyond it: as on a full disk, a write fails in the middle."""


LIMITS = (0, 100_000, 116_000, 126_000, 142_000, 158_000, 174_000, 190_000, 206_000)
"""While the store is made, while orders are staged, between the intents of both, between answer and outcome."""


def logged(shop: Shop, name: str) -> Counter[bytes]:
    return Counter(attempt["body"].encode() for attempt in shop.exported() if attempt["destination"] == name)


@pytest.mark.parametrize("limit", LIMITS)
def test_on_a_full_disk_it_stops_with_a_sentence_and_goes_on_when_there_is_room(real_shop: Shop, limit: int) -> None:
    shop = real_shop
    shop.orders(shop.order("1"), shop.order("2"))
    said = shop.process("run", "--json", through=[sys.executable, "-c", WITH_A_LIMIT, str(limit)])
    assert said.code == 0 or (said.code in (STORE, CONFIG) and said.sentence)
    again = shop.run()
    assert again.code == 0, again
    for name in NAMES:
        received = shop.received(name)
        assert (received["distinct"], received["double_counted"]) == (2, 0)
        assert not Counter(shop.bodies(name)) - logged(shop, name)
        assert len(set(shop.events(name))) == 2


def test_a_full_disk_for_temporary_files_stops_it_while_it_reads(real_shop: Shop) -> None:
    """60,000 orders do not fit into memory; what is read is kept beside the store until the whole window is."""
    shop = real_shop
    shop.orders(*(shop.order(str(number)) for number in range(60_000)))
    said = shop.process("run", "--json", through=[sys.executable, "-c", WITH_A_LIMIT, "20000000"])
    assert said.code == STORE
    assert said.sentence
    assert shop.requests() == 0


@pytest.mark.parametrize("limit", [0, 50_000])
def test_a_plan_before_the_first_run_on_a_full_disk_is_no_internal_error(real_shop: Shop, limit: int) -> None:
    shop = real_shop
    shop.orders(shop.order("1"), shop.order("2"))
    said = shop.process("plan", through=[sys.executable, "-c", WITH_A_LIMIT, str(limit)])
    assert said.code in (0, STORE), said
