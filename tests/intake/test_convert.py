import json
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conversions import keys
from conversions.disclosure.schema import SHAPES
from conversions.intake.convert import Converter, convert
from conversions.intake.identity import GOOGLE, META, SUBJECT, Identity, identify
from conversions.intake.order import Order
from conversions.model.conversion import Consent, Conversion, Money, Reason, Withheld
from conversions.model.money import money
from conversions.model.rules import Rules

KEY = bytes(range(32))
SUBJECT_KEY = keys.derive(KEY, SUBJECT)
COPENHAGEN = ZoneInfo("Europe/Copenhagen")
ADDRESS = "Anna.Jensen+shop@gmail.com"
PURCHASED_AT = datetime(2026, 11, 20, 13, 30, tzinfo=UTC)
NOW = datetime(2026, 11, 21, 5, 15, tzinfo=UTC)

ORDER = Order(
    number="100045",
    email=ADDRESS,
    amount=Decimal("249.90"),
    refunded=Decimal(0),
    currency="DKK",
    product_ids=("CD-1", "BOOK-7"),
    purchased_at=PURCHASED_AT,
    purchase_day=date(2026, 11, 20),
    window_day=date(2026, 11, 20),
    completed=True,
    consent=Consent.NOT_RECORDED,
    ad_personalization=Consent.NOT_RECORDED,
    rank=(0, 1),
)
GOOGLE_RULES = Rules(
    kind="google",
    target="1234567890/987654321",
    identity_rule=GOOGLE,
    min_age=timedelta(hours=6),
    max_age=timedelta(days=60),
    precision="day",
    reference="wire_id",
    legal_basis="legitimate_interest",
    zone=COPENHAGEN,
    shop="main",
    wire_key=keys.derive(KEY, keys.WIRE_ID_SCHEME),
    fingerprint_key=keys.derive(KEY, "fingerprint/1"),
)
META_RULES = replace(
    GOOGLE_RULES,
    kind="meta",
    target="555000111222",
    identity_rule=META,
    min_age=timedelta(0),
    max_age=timedelta(days=7) - timedelta(hours=6),
)


def order(**changes: Any) -> Order:
    return ORDER._replace(**changes)


def bought(local: datetime, *, zone: ZoneInfo = COPENHAGEN, **changes: Any) -> Order:
    """An order of a local time in the shop's zone."""
    at = local.replace(tzinfo=zone).astimezone(UTC)
    return order(purchased_at=at, purchase_day=local.date(), window_day=local.date(), **changes)


def bought_on(day: date, **changes: Any) -> Order:
    """An order of which only the day is known."""
    return bought(datetime.combine(day, time(23, 59, 59)), ends_day=True, **changes)


def known(sample: Order) -> tuple[Identity | Reason, Money | Reason]:
    """What is worked out once for all platforms."""
    return identify(sample.email, SUBJECT_KEY), money(sample.amount - sample.refunded, sample.currency)


def outcome(sample: Order = ORDER, rules: Rules = GOOGLE_RULES, now: datetime = NOW) -> Conversion | Withheld:
    return convert(sample, *known(sample), rules, now)


def sent(sample: Order = ORDER, rules: Rules = GOOGLE_RULES, now: datetime = NOW) -> Conversion:
    found = outcome(sample, rules, now)
    assert isinstance(found, Conversion), found
    return found


def reason(sample: Order = ORDER, rules: Rules = GOOGLE_RULES, now: datetime = NOW) -> Reason | None:
    found = outcome(sample, rules, now)
    return found.reason if isinstance(found, Withheld) else None


def unix(year: int, month: int, day: int, hour: int, minute: int = 0, second: int = 0) -> int:
    return int(datetime(year, month, day, hour, minute, second, tzinfo=UTC).timestamp())


# What leaves


def test_a_completed_order_becomes_the_four_promised_things() -> None:
    found = sent()

    assert found.email_sha256 == "014c5814ee75cd06461b71243505451e53d41ae30bc7db47599d76d4a63112ad"
    assert (found.value, found.currency) == (Decimal("249.90"), "DKK")
    assert found.product_ids == ("CD-1", "BOOK-7")
    assert found.event_at == unix(2026, 11, 20, 22, 59, 59)


def test_each_platform_gets_its_own_digest_and_its_own_wire_id() -> None:
    google, meta = sent(), sent(rules=META_RULES)

    assert google.email_sha256 != meta.email_sha256
    assert google.wire_id != meta.wire_id


def test_refunds_lower_the_first_value() -> None:
    assert sent(order(refunded=Decimal("49.9"))).value == Decimal(200)


def test_value_is_in_the_currency_s_own_decimals() -> None:
    assert str(sent(order(amount=Decimal("249.9000"))).value) == "249.90"
    assert str(sent(order(amount=Decimal("2499.0"), currency="JPY")).value) == "2499"


def test_consents_are_passed_on_as_recorded() -> None:
    found = sent(order(consent=Consent.GRANTED, ad_personalization=Consent.DENIED))

    assert (found.ad_user_data, found.ad_personalization) == (Consent.GRANTED, Consent.DENIED)


# What stays, and why


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"completed": False}, Reason.NOT_COMPLETED),
        ({"amount": Decimal(0)}, Reason.AMOUNT_NOT_ABOVE_ZERO),
        ({"amount": Decimal("-1.00")}, Reason.AMOUNT_NOT_ABOVE_ZERO),
        ({"refunded": Decimal("249.90")}, Reason.AMOUNT_NOT_ABOVE_ZERO),
        ({"refunded": Decimal(300)}, Reason.AMOUNT_NOT_ABOVE_ZERO),
        ({"currency": "KR."}, Reason.UNKNOWN_CURRENCY),
        ({"amount": Decimal("249.905")}, Reason.TOO_MANY_DECIMALS),
        ({"amount": Decimal(10**12)}, Reason.AMOUNT_TOO_LARGE),
        ({"email": " "}, Reason.NO_EMAIL),
        ({"email": "anna.jensen"}, Reason.UNUSABLE_EMAIL),
        ({"email": "0" * 64}, Reason.ALREADY_A_DIGEST),
        ({"consent": Consent.DENIED}, Reason.DENIED),
        ({"product_ids": ()}, Reason.NO_PRODUCT),
        ({"product_ids": ("CD-1", "Anna Jensen")}, Reason.BAD_PRODUCT_ID),
    ],
)
@pytest.mark.parametrize("rules", [GOOGLE_RULES, META_RULES], ids=["google", "meta"])
def test_reasons_that_lie_in_the_order_hold_for_both_platforms(
    changes: dict[str, Any], expected: Reason, rules: Rules
) -> None:
    assert reason(order(**changes), rules) is expected


def test_an_address_that_one_platform_refuses_still_reaches_the_other() -> None:
    misplaced_dots = order(email="anna..jensen@example.dk")

    assert reason(misplaced_dots, META_RULES) is Reason.UNUSABLE_EMAIL
    assert reason(misplaced_dots, GOOGLE_RULES) is None


@pytest.mark.parametrize(
    ("basis", "consent", "expected"),
    [
        ("consent", Consent.GRANTED, None),
        ("consent", Consent.NOT_RECORDED, Reason.NO_CONSENT),
        ("consent", Consent.DENIED, Reason.DENIED),
        ("legitimate_interest", Consent.GRANTED, None),
        ("legitimate_interest", Consent.NOT_RECORDED, None),
        ("legitimate_interest", Consent.DENIED, Reason.DENIED),
    ],
)
def test_a_denial_binds_on_every_legal_basis_and_consent_needs_a_grant(
    basis: Any, consent: Consent, expected: Reason | None
) -> None:
    assert reason(order(consent=consent), replace(GOOGLE_RULES, legal_basis=basis)) is expected


def test_a_denied_personalisation_alone_withholds_nothing() -> None:
    assert reason(order(ad_personalization=Consent.DENIED)) is None


@pytest.mark.parametrize(("start", "expected"), [(20, None), (21, Reason.BEFORE_START)])
def test_purchases_before_the_start_of_sending_are_withheld(start: int, expected: Reason | None) -> None:
    assert reason(rules=replace(GOOGLE_RULES, not_before=date(2026, 11, start))) is expected


@pytest.mark.parametrize(
    "product_id",
    ["CD-1", "4711", "B00005N5PF", "shop:sku/7#red", "A+B", "x" * 100],
)
def test_product_ids_of_the_promised_shape_pass(product_id: str) -> None:
    assert sent(order(product_ids=(product_id,))).product_ids == (product_id,)


@pytest.mark.parametrize(
    "product_id",
    [
        "",
        " CD-1",
        "CD 1",
        "CD-1\n",
        "anna@shop.dk",
        "anna%40shop.dk",
        "anna\uff20shop.dk",
        "Æble",
        "<b>CD</b>",
        '"CD-1"',
        "=1",
        "x" * 101,
        "\u0663",
    ],
    ids=ascii,
)
def test_other_product_ids_are_for_a_person_to_see(product_id: str) -> None:
    found = outcome(order(product_ids=("CD-1", product_id)))

    assert found == Withheld(Reason.BAD_PRODUCT_ID)
    assert found.quarantined


FAULTS: list[tuple[dict[str, Any], Reason]] = [
    ({"consent": Consent.DENIED}, Reason.DENIED),
    ({"email": ""}, Reason.NO_EMAIL),
    ({"completed": False}, Reason.NOT_COMPLETED),
    ({"amount": Decimal(0)}, Reason.AMOUNT_NOT_ABOVE_ZERO),
    ({"currency": "KR."}, Reason.UNKNOWN_CURRENCY),
    ({"purchase_day": date(2026, 1, 1)}, Reason.BEFORE_START),
    ({"purchased_at": NOW + timedelta(days=1)}, Reason.IN_THE_FUTURE),
    ({"product_ids": ()}, Reason.NO_PRODUCT),
]


@pytest.mark.parametrize("first", range(len(FAULTS)), ids=[reason.name for _, reason in FAULTS])
def test_of_several_reasons_the_first_in_this_order_is_named(first: int) -> None:
    faulty = ORDER
    for changes, _ in FAULTS[first:]:
        faulty = faulty._replace(**changes)

    assert reason(faulty, replace(GOOGLE_RULES, not_before=date(2026, 11, 1))) is FAULTS[first][1]


# When


@pytest.mark.parametrize(
    ("day", "last_second"),
    [
        (date(2026, 7, 1), unix(2026, 7, 1, 21, 59, 59)),
        (date(2026, 12, 31), unix(2026, 12, 31, 22, 59, 59)),
        (date(2024, 2, 29), unix(2024, 2, 29, 22, 59, 59)),
        (date(2026, 10, 24), unix(2026, 10, 24, 21, 59, 59)),
        (date(2026, 10, 25), unix(2026, 10, 25, 22, 59, 59)),
        (date(2027, 3, 27), unix(2027, 3, 27, 22, 59, 59)),
        (date(2027, 3, 28), unix(2027, 3, 28, 21, 59, 59)),
    ],
    ids=str,
)
def test_wire_time_is_the_last_second_of_the_purchase_day_in_the_shop_s_zone(day: date, last_second: int) -> None:
    morning, night = datetime.combine(day, time(0, 0)), datetime.combine(day, time(23, 59, 59))
    now = datetime.fromtimestamp(last_second, UTC) + timedelta(hours=8)

    assert {sent(bought(at), now=now).event_at for at in (morning, night)} == {last_second}


@pytest.mark.parametrize("fold", [0, 1])
def test_both_passes_of_the_hour_that_repeats_belong_to_one_day(fold: int) -> None:
    found = sent(bought(datetime(2026, 10, 25, 2, 30, fold=fold)), now=datetime(2026, 10, 26, 5, tzinfo=UTC))

    assert found.event_at == unix(2026, 10, 25, 22, 59, 59)


@pytest.mark.parametrize(
    ("zone", "day", "last_second"),
    [
        ("America/Sao_Paulo", date(2018, 2, 17), unix(2018, 2, 18, 2, 59, 59)),  # 24:00 becomes 23:00
        ("America/Sao_Paulo", date(2018, 11, 3), unix(2018, 11, 4, 2, 59, 59)),  # 24:00 becomes 01:00
        ("America/Havana", date(2026, 10, 31), unix(2026, 11, 1, 3, 59, 59)),  # 01:00 becomes 00:00
    ],
)
def test_days_end_rightly_where_the_clock_changes_at_midnight(zone: str, day: date, last_second: int) -> None:
    shop = ZoneInfo(zone)
    noon = bought(datetime.combine(day, time(12)), zone=shop)
    now = datetime.fromtimestamp(last_second, UTC) + timedelta(days=1)

    assert sent(noon, replace(GOOGLE_RULES, zone=shop), now).event_at == last_second


def test_exact_precision_sends_the_instant() -> None:
    at = PURCHASED_AT + timedelta(microseconds=999_999)

    assert sent(order(purchased_at=at), replace(GOOGLE_RULES, precision="exact")).event_at == unix(2026, 11, 20, 13, 30)


@given(
    st.datetimes(datetime(2026, 10, 24), datetime(2026, 10, 27))
    | st.datetimes(datetime(2027, 3, 27), datetime(2027, 3, 30))
)
def test_nothing_is_ready_before_its_day_has_ended_and_its_minimum_age_is_reached(at: datetime) -> None:
    for rules in (GOOGLE_RULES, META_RULES):
        sample = bought(at)
        found = sent(sample, rules, now=sample.purchased_at)

        ready = datetime.fromtimestamp(found.ready_at, UTC)
        assert ready.astimezone(COPENHAGEN).date() > sample.purchase_day
        assert ready >= sample.purchased_at + rules.min_age
        assert ready <= max(
            datetime.combine(sample.purchase_day + timedelta(days=1), time(), COPENHAGEN),
            sample.purchased_at + rules.min_age + timedelta(seconds=1),
        )


def test_an_order_of_today_is_deferred_to_the_end_of_the_day() -> None:
    today = bought(datetime(2026, 11, 21, 3, 0))

    assert sent(today, META_RULES).ready_at == unix(2026, 11, 21, 23, 0, 0)


def test_an_order_of_late_yesterday_waits_for_google_s_six_hours() -> None:
    late = bought(datetime(2026, 11, 20, 23, 30))

    assert sent(late, GOOGLE_RULES).ready_at == unix(2026, 11, 21, 4, 30, 1)
    assert sent(late, META_RULES).ready_at == unix(2026, 11, 20, 23, 0, 0)


def test_a_purchase_of_which_only_the_day_is_known_counts_as_made_in_its_last_second() -> None:
    ready_at = sent(bought_on(date(2026, 11, 20))).ready_at

    assert ready_at == unix(2026, 11, 21, 5, 0, 0)
    assert datetime.fromtimestamp(ready_at, COPENHAGEN).time() < time(6, 15), "the nightly run still sends it"


def test_exact_precision_waits_for_the_instant_and_the_minimum_age_only() -> None:
    exact = replace(GOOGLE_RULES, precision="exact")

    assert sent(rules=exact).ready_at == unix(2026, 11, 20, 19, 30, 1)
    assert sent(rules=replace(exact, min_age=timedelta(0))).ready_at == unix(2026, 11, 20, 13, 30, 1)


@pytest.mark.parametrize(
    ("ahead", "expected"), [(timedelta(minutes=5), None), (timedelta(minutes=6), Reason.IN_THE_FUTURE)]
)
def test_a_shop_s_clock_may_be_slightly_ahead(ahead: timedelta, expected: Reason | None) -> None:
    assert reason(bought((NOW + ahead).astimezone(COPENHAGEN).replace(tzinfo=None))) is expected


@pytest.mark.parametrize(
    ("day", "expected"),
    [(date(2026, 11, 21), None), (date(2026, 11, 22), Reason.IN_THE_FUTURE), (date.max, Reason.IN_THE_FUTURE)],
)
def test_today_is_not_the_future_where_only_the_day_is_known(day: date, expected: Reason | None) -> None:
    assert reason(bought_on(day)) is expected


def test_today_is_the_shop_s_today() -> None:
    after_midnight_in_copenhagen = datetime(2026, 11, 20, 23, 30, tzinfo=UTC)

    assert reason(bought_on(date(2026, 11, 21)), now=after_midnight_in_copenhagen) is None


@pytest.mark.parametrize("rules", [GOOGLE_RULES, META_RULES], ids=["google", "meta"])
def test_age_is_judged_on_the_wire_time(rules: Rules) -> None:
    expires_at = sent(rules=rules).expires_at
    last = datetime.fromtimestamp(expires_at, UTC)

    assert expires_at == unix(2026, 11, 20, 22, 59, 59) + rules.max_age.total_seconds()
    assert sent(rules=rules, now=last).expires_at == expires_at
    assert reason(rules=rules, now=last + timedelta(seconds=1)) is Reason.TOO_OLD


@pytest.mark.parametrize("sample", [order(purchased_at=datetime.min.replace(tzinfo=UTC), purchase_day=date.min)])
@pytest.mark.parametrize("ends_day", [True, False])
def test_the_oldest_date_there_is_is_merely_too_old(sample: Order, ends_day: bool) -> None:
    rules = replace(META_RULES, also_reported_within=timedelta(hours=42))

    assert reason(sample._replace(ends_day=ends_day), META_RULES) is Reason.TOO_OLD
    assert reason(sample._replace(ends_day=ends_day), rules) is Reason.ALSO_REPORTED


WITH_PIXEL = replace(META_RULES, reference="order_id", also_reported_within=timedelta(hours=42))


def test_beside_a_pixel_an_order_goes_within_the_de_duplication_window_or_never() -> None:
    end = PURCHASED_AT + timedelta(hours=42)

    assert sent(rules=WITH_PIXEL, now=end).expires_at == end.timestamp()
    assert reason(rules=WITH_PIXEL, now=end + timedelta(seconds=1)) is Reason.ALSO_REPORTED


def test_beside_a_pixel_a_purchase_of_which_only_the_day_is_known_counts_from_its_first_second() -> None:
    assert sent(bought_on(date(2026, 11, 20)), WITH_PIXEL).expires_at == unix(2026, 11, 21, 17, 0, 0)


def test_beside_a_pixel_the_age_limit_still_holds_where_it_is_shorter() -> None:
    strict = replace(WITH_PIXEL, max_age=timedelta(hours=1))

    assert sent(rules=strict, now=PURCHASED_AT).expires_at == unix(2026, 11, 20, 23, 59, 59)
    assert reason(rules=strict) is Reason.TOO_OLD


# Under which name


def test_wire_ids_of_the_sample_order_are_frozen_for_ever() -> None:
    assert sent().wire_id == "c-74bbd5a2216f6fa6c2ba92a06f738642"
    assert sent(rules=META_RULES).wire_id == "c-e6582e8fbccf468c39a101984eecc340"


@given(
    st.decimals(1, 1000, places=2),
    st.lists(st.sampled_from(["CD-1", "BOOK-7", "X"]), min_size=1, max_size=3),
    st.emails(),
    st.integers(0, 86_399),
)
def test_wire_id_depends_on_the_order_number_alone(
    amount: Decimal, products: list[str], email: str, second: int
) -> None:
    at = datetime(2026, 11, 20) + timedelta(seconds=second)
    found = outcome(bought(at, amount=amount, product_ids=tuple(products), email=email))

    assert isinstance(found, Withheld) or found.wire_id == sent().wire_id


BY_NUMBER = replace(GOOGLE_RULES, reference="order_id")


@pytest.mark.parametrize(
    ("number", "reference"),
    [
        ("100045", "order-100045"),
        ("7", "order-7"),
        ("#1001", "#1001"),
        ("DK-2026/17", "DK-2026/17"),
        ("order-100045", "order-100045"),
        ("A" * 64, "A" * 64),
    ],
)
def test_order_numbers_leave_where_the_shop_says_so_but_never_as_digits_alone(number: str, reference: str) -> None:
    assert sent(order(number=number), BY_NUMBER).wire_id == reference


@pytest.mark.parametrize(
    "number",
    ["A", "A" * 65, "1" * 59, "anna@shop.dk", "Anna 7", "Ø-7", "\u0661\u0662\u0663", "1001\n", "a,b", ""],
    ids=ascii,
)
def test_order_numbers_that_may_not_stand_on_the_wire_are_for_a_person_to_see(number: str) -> None:
    found = outcome(order(number=number), BY_NUMBER)

    assert found == Withheld(Reason.SHAPE)
    assert found.quarantined
    assert reason(order(number=number)) is None, "under our own wire id nothing of it leaves"


# The fingerprint


@pytest.mark.parametrize(
    "changes",
    [
        {"email": "bo@example.dk"},
        {"product_ids": ("CD-1",)},
        {"product_ids": ("CD-1", "CD-1", "BOOK-7")},
        {"product_ids": ("CD-1BOOK-7",)},
        {"purchase_day": date(2026, 11, 19)},
        {"consent": Consent.GRANTED},
        {"ad_personalization": Consent.GRANTED},
        {"ad_personalization": Consent.DENIED},
    ],
    ids=str,
)
def test_fingerprint_differs_where_address_products_time_or_consent_differ(changes: dict[str, Any]) -> None:
    assert sent(order(**changes)).fingerprint != sent().fingerprint


@pytest.mark.parametrize(
    "changes",
    [
        {"email": " annajensen@GMAIL.com"},
        {"product_ids": ("BOOK-7", "CD-1")},
        {"amount": Decimal("1.00")},
        {"refunded": Decimal("1.00")},
        {"purchased_at": PURCHASED_AT + timedelta(hours=1)},
        {"window_day": date(2026, 11, 21)},
        {"rank": (9, 9)},
    ],
    ids=str,
)
def test_fingerprint_stays_where_nothing_that_leaves_differs_but_the_amount(changes: dict[str, Any]) -> None:
    assert sent(order(**changes)).fingerprint == sent().fingerprint


def test_fingerprint_says_nothing_without_the_key() -> None:
    other = replace(GOOGLE_RULES, fingerprint_key=keys.derive(KEY, "another"))

    assert len(sent().fingerprint) == 8
    assert sent(rules=other).fingerprint != sent().fingerprint


# Whatever the source says

ORDERS = st.builds(
    Order,
    number=st.text(max_size=80),
    email=st.emails() | st.text(max_size=40),
    amount=st.decimals(-1000, 10**13, places=3),
    refunded=st.decimals(0, 100, places=2),
    currency=st.sampled_from(["DKK", "JPY", "KWD", "KR."]),
    product_ids=st.lists(
        st.text(max_size=12) | st.from_regex("[A-Z0-9-]{1,9}", fullmatch=True) | st.emails(), max_size=3
    ).map(tuple),
    purchased_at=st.datetimes(datetime(2026, 9, 1), datetime(2026, 11, 23), timezones=st.just(UTC)),
    purchase_day=st.dates(date(2026, 9, 1), date(2026, 11, 23)),
    window_day=st.just(date(2026, 11, 20)),
    completed=st.booleans(),
    consent=st.sampled_from(Consent),
    ad_personalization=st.sampled_from(Consent),
    rank=st.just((0, 1)),
    ends_day=st.booleans(),
)
ALL_RULES = st.sampled_from([GOOGLE_RULES, META_RULES, WITH_PIXEL, BY_NUMBER])


@given(ORDERS, ALL_RULES)
def test_any_order_is_sent_or_withheld_and_what_is_sent_fits_the_wire(sample: Order, rules: Rules) -> None:
    found = outcome(sample, rules)

    if isinstance(found, Conversion):
        assert SHAPES["sha256-hex"](found.email_sha256)
        assert SHAPES["currency"](found.currency)
        assert SHAPES["decimal"](float(found.value))
        assert SHAPES["unix-seconds"](found.event_at)
        assert all(map(SHAPES["product-id"], found.product_ids))
        assert SHAPES["order-number" if rules.reference == "order_id" else "wire-id"](found.wire_id)
        assert found.event_at < found.ready_at


@given(ORDERS, ALL_RULES, st.emails())
def test_no_field_of_a_conversion_holds_the_address(sample: Order, rules: Rules, email: str) -> None:
    mapped_everywhere = sample._replace(email=email, number=f"1-{email}", product_ids=("CD-1", email), completed=True)
    for everywhere in (mapped_everywhere, mapped_everywhere._replace(number="1", product_ids=("CD-1",))):
        shown = repr(outcome(everywhere, rules)).lower()

        assert email.lower() not in shown
        assert "@" not in shown


@given(st.decimals("0.01", 10**11, places=2))
def test_value_on_the_wire_is_the_stated_amount_digit_for_digit(amount: Decimal) -> None:
    on_the_wire = json.dumps(float(sent(order(amount=amount)).value))

    assert Decimal(on_the_wire) == amount


@given(ORDERS, ALL_RULES, st.integers(0, 59))
def test_an_order_gives_the_same_conversion_whenever_it_is_read(sample: Order, rules: Rules, minutes: int) -> None:
    now, later = outcome(sample, rules), outcome(sample, rules, NOW + timedelta(minutes=minutes))

    if isinstance(now, Conversion) and isinstance(later, Conversion):
        assert later == now


@given(st.lists(ORDERS, max_size=5), ALL_RULES)
def test_what_one_order_becomes_does_not_depend_on_the_orders_before_it(samples: list[Order], rules: Rules) -> None:
    run = Converter(rules, NOW)

    for sample in [ORDER, *samples, ORDER]:
        assert run(sample, *known(sample)) == outcome(sample, rules)


def test_order_and_rules_keep_address_and_keys_to_themselves() -> None:
    shown = repr(ORDER) + repr(GOOGLE_RULES) + repr(identify(ADDRESS, SUBJECT_KEY))

    assert "jensen" not in shown.lower()
    assert "wire_key" not in shown
    assert "fingerprint_key" not in shown
    assert repr(GOOGLE_RULES.wire_key) not in shown


def test_identity_of_another_rule_set_is_not_sent() -> None:
    unknown_rule = Identity({"google/2031-01": "0" * 64}, b"")

    assert convert(ORDER, unknown_rule, Money(24990, "DKK", 2), GOOGLE_RULES, NOW) == Withheld(Reason.UNUSABLE_EMAIL)
