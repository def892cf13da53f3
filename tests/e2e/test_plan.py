"""A plan is a run that stops before the first claim: it says the same, stops where that would stop, writes nothing."""

from tests.e2e.said import ATTENTION, DATA, DOMAIN
from tests.e2e.sales import digest
from tests.e2e.shop import NAMES, Shop


def test_a_plan_before_the_first_run_makes_nothing(shop: Shop) -> None:
    shop.orders(shop.order("1"), shop.order("2", status="cancelled"))
    before = sorted(shop.home.rglob("*"))
    plan = shop.plan()
    assert (plan.code, plan.counts("meta")) == (0, {"pending": 1, "withheld": {"not_completed": 1}})
    assert sorted(shop.home.rglob("*")) == before
    assert shop.run().counts("meta") == {"sent": 1, "withheld": {"not_completed": 1}}


def test_a_dry_run_is_a_plan(shop: Shop) -> None:
    shop.orders(shop.order("1"))
    dry, plan = shop.command("run", "--dry-run", "--json"), shop.plan()
    assert dry.json == plan.json
    assert shop.requests() == 0


def test_a_plan_changes_no_byte_of_a_used_store(shop: Shop) -> None:
    shop.orders(shop.order("1"))
    assert shop.run().code == 0
    shop.orders(*(shop.order(str(number)) for number in range(500)))
    kept = shop.store_bytes()
    assert shop.plan().counts("meta") == {"already_sent": 1, "pending": 499}
    assert shop.store_bytes() == kept
    assert shop.run().counts("meta") == {"already_sent": 1, "sent": 499}


def test_a_plan_shows_and_names_what_a_run_would_stop_for(shop: Shop) -> None:
    real = {"endpoint": None, "requests_per_minute": None, "max_new": 2}
    shop.configure(destinations=dict.fromkeys(NAMES, real))
    shop.orders(*(shop.order(str(number)) for number in range(3)))
    plan = shop.plan()
    assert (plan.code, plan.counts("meta")) == (DATA, {"pending": 3})
    assert "max_new = 2" in " ".join(plan.json["needs_a_person"])
    said = shop.run()
    assert (
        said.code,
        "max_new = 2" in said.json["needs_a_person"][0],
        "--accept large=3" in said.json["needs_a_person"][0],
    ) == (DATA, True, True)


def test_what_was_read_for_one_destination_is_not_read_for_the_other(shop: Shop) -> None:
    """Ten nights for Google alone: without dates the next run reaches back to what Meta has not seen."""
    shop.orders(shop.order("1", purchased_at=f"{shop.day(1)} 12:00"))
    assert shop.run("--destination", "google").code == 0
    shop.wait(days=5)
    shop.configure(lookback_days=1)
    assert shop.run("--destination", "google").code == 0
    shop.orders(shop.order("1", purchased_at=f"{shop.day(6)} 12:00"))
    said = shop.run()
    assert (said.counts("google"), said.counts("meta")) == ({"already_sent": 1}, {"sent": 1})


def test_days_that_no_run_has_read_are_read_by_the_next_one_without_dates(shop: Shop) -> None:
    """The job was down, and somebody has run yesterday by hand before it came back."""
    shop.configure(lookback_days=2)
    shop.orders(shop.order("1", purchased_at=f"{shop.day(1)} 12:00"))
    assert shop.run().code == 0
    lost = f"{shop.day(-1)} 12:00"
    shop.wait(days=6)
    shop.orders(shop.order("2", purchased_at=lost))
    assert shop.run("--since", shop.day(1), "--until", shop.day(1)).code == ATTENTION  # not an order of that day
    assert shop.run().counts("meta") == {"sent": 1}
    assert [sale.digest for sale in shop.sales("meta")][-1] == digest(f"ida.2@{DOMAIN}")


def test_a_long_plan_shows_months_unless_days_are_wanted_and_ends_with_what_a_run_would_send(shop: Shop) -> None:
    shop.orders(*[shop.order(f"{n}", purchased_at=f"{shop.day(n)} 12:00:00") for n in range(1, 51)])
    window = ("--since", shop.day(50))
    months = shop.command("plan", *window).out
    days = shop.command("plan", *window, "--detail").out
    assert "google, by month" in months
    assert shop.day(50)[:7] in months.split()
    assert shop.day(20) not in months.split()
    assert shop.day(20) in days.split()
    assert len(days.splitlines()) > 100 > 40 > len(months.splitlines())
    for text in (months, days):
        assert text.splitlines()[-1] == "A run would send 50 orders to google, 7 orders to meta."
        assert text.index("by ") < text.index("difference")
