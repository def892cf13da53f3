"""A night large enough for more hands: what comes out of several processes is what one would have said."""

import os
import signal
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from decimal import Decimal

import pytest

from conversions.run.workers import WorkerPool
from tests.e2e.said import DOMAIN, TRY_AGAIN
from tests.e2e.sales import digest
from tests.e2e.shop import NAMES, Shop


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a few hundred orders are a large night."""
    monkeypatch.setattr("conversions.intake.sources.files.source.ROWS_PER_CHUNK", 50)
    monkeypatch.setattr("conversions.run.workers.CHUNKS_WITHOUT_WORKERS", 1)


def a_large_night(shop: Shop) -> dict[str, Decimal]:
    """What each buyer has paid; every seventh order comes twice, and a few numbers stand for two orders."""
    rows, paid = [], {}
    for number in range(600):
        row = shop.order(str(number), total=f"{number + 1}.25", product_ids=f"SKU-{number}")
        rows.append(row)
        if number % 67 == 0:
            rows.append(row | {"billing_email": f"else.{number}@{DOMAIN}"})
            continue
        if number % 7 == 0:
            rows.insert(-1, row | {"status": "pending", "total": f"{number + 1}.20"})
        paid[digest(row["billing_email"])] = Decimal(f"{number + 1}.25")
    shop.orders(*rows)
    return paid


@pytest.mark.usefixtures("small_chunks")
def test_every_order_keeps_its_own_buyer_amount_and_product(shop: Shop) -> None:
    paid = a_large_night(shop)
    shop.sandbox.use_faults(["lostx1"])
    said = shop.run()
    assert said.code == 0, said
    for name in NAMES:
        assert said.counts(name) == {"sent": len(paid)}
        assert {sale.digest: sale.value for sale in shop.sales(name)} == paid
        for sale in shop.sales(name):
            (product,) = sale.products
            assert sale.digest == digest(f"ida.{product.removeprefix('SKU-')}@{DOMAIN}")
        logged = Counter(a["body"].encode() for a in shop.exported() if a["destination"] == name)
        assert Counter(shop.bodies(name)) == logged
    assert shop.plan().counts("meta") == {"already_sent": len(paid)}


@pytest.mark.usefixtures("small_chunks")
def test_a_worker_that_dies_stops_the_run_before_anything_is_sent(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    paid, whole = a_large_night(shop), WorkerPool._started_pool

    def short_lived(self: WorkerPool) -> ProcessPoolExecutor:
        fresh, pool = self._pool is None, whole(self)
        pool.submit(os.getpid).result()
        for worker in list(pool._processes) if fresh else ():
            os.kill(worker, signal.SIGKILL)
        return pool

    with monkeypatch.context() as patched:
        patched.setattr(WorkerPool, "_started_pool", short_lived)
        said = shop.run()
    assert said.code == TRY_AGAIN, said
    assert said.sentence
    assert shop.requests() == 0
    assert shop.run().counts("meta") == {"sent": len(paid)}


@pytest.mark.usefixtures("small_chunks")
def test_settings_changed_while_a_run_reads_do_not_reach_it(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another dataset would give the workers' orders another id on the wire; another basis would withhold them."""
    paid, whole = a_large_night(shop), WorkerPool._started_pool

    def just_then(self: WorkerPool) -> ProcessPoolExecutor:
        shop.configure(privacy={"legal_basis": "consent"}, destinations={"google": {"conversion_action_id": "1"}})
        return whole(self)

    with monkeypatch.context() as patched:
        patched.setattr(WorkerPool, "_started_pool", just_then)
        said = shop.run()
    assert [said.counts(name) for name in NAMES] == [{"sent": len(paid)}] * 2
    references = {sale.digest: sale.reference for sale in shop.sales("google")}
    shop.configure(store={"url": "sqlite:///second/conversions.db"})
    shop.sandbox.reset()
    assert shop.run().counts("google") == {"sent": len(paid)}
    assert {sale.digest: sale.reference for sale in shop.sales("google")} == references


@pytest.mark.usefixtures("small_chunks")
def test_workers_leave_out_whom_the_run_found_on_the_list(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another list while the run reads is the next run's; and who is approved to be sent is asked then."""
    paid, whole, staff = a_large_night(shop), WorkerPool._started_pool, shop.home / "left-out.txt"
    staff.write_text(f"ida.3@{DOMAIN}\nida.595@{DOMAIN}\n")
    staff.chmod(0o600)
    shop.configure(source={"exclude_addresses": "left-out.txt"})

    def just_then(self: WorkerPool) -> ProcessPoolExecutor:
        staff.unlink(missing_ok=True)
        return whole(self)

    with monkeypatch.context() as patched:
        patched.setattr(WorkerPool, "_started_pool", just_then)
        said = shop.run()
    assert said.counts("meta") == {"sent": len(paid) - 2, "withheld": {"excluded": 2}}
    sent = {sale.digest for sale in shop.sales("meta")}
    assert sent == {*paid} - {digest(f"ida.{number}@{DOMAIN}") for number in (3, 595)}
