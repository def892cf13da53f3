"""A sentence that promises a protected form for data that travel in clear is to be corrected."""

from hashlib import sha256
from pathlib import Path

import pytest

from conversions.disclosure.policy import Policy, load_policy
from conversions.doctor.check_result import CheckLevel, CheckResult
from conversions.doctor.promised_form import check_promised_form

SHIPPED = load_policy(Path(__file__).parents[2] / "config" / "privacy-policy.toml")


def checked(quote: str) -> list[CheckResult]:
    digest = sha256(quote.encode()).hexdigest()
    policy = Policy.model_validate({**SHIPPED.model_dump(by_alias=True), "quote": quote, "quote_sha256": digest})
    return list(check_promised_form(policy, ("google", "meta")))


def test_the_shops_own_sentence_is_noted_with_what_is_hashed_and_what_is_not() -> None:
    [result] = check_promised_form(SHIPPED, ("google", "meta"))
    assert (result.level, result.about) == (CheckLevel.NOTE, "policy")
    assert (
        "Hashed (SHA-256): e-mail address. In clear: date of purchase, amount, currency and product IDs."
        in result.sentence
    )


def test_each_proposed_sentence_is_right() -> None:
    [result] = check_promised_form(SHIPPED, ("meta",))
    proposals = (result.next or "").split("“")[1:]
    assert len(proposals) == 2
    for proposal in proposals:
        assert checked(proposal.split("”")[0]) == []


@pytest.mark.parametrize(
    "quote",
    [
        "We pass on four hashed values.",
        "Oplysningerne er krypteret.",
        "All data are encrypted.",
        "Vi videregiver pseudonymiserede oplysninger.",
        "Dine data er anonymiserede, og beløbet sendes i klartekst.",
    ],
)
def test_words_that_promise_more(quote: str) -> None:
    assert [result.level for result in checked(quote)] == [CheckLevel.NOTE]


@pytest.mark.parametrize(
    "quote",
    [
        "We pass on your e-mail address and the amount.",
        "E-mailadressen er hashet, men ikke anonym; beløbet er i klartekst.",
    ],
)
def test_words_that_promise_nothing_more(quote: str) -> None:
    assert checked(quote) == []
