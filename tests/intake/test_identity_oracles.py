"""The platforms' own libraries as judges: what both we and they hash, we hash alike; where we refuse more, it is listed."""

import re

import pytest
from facebook_business.adobjects.serverside.normalize import Normalize
from facebook_business.adobjects.serverside.user_data import UserData
from google.ads.datamanager_util.format import Encoding, Formatter
from hypothesis import example, given
from hypothesis import strategies as st

from conversions.intake.identity import GOOGLE, META, digests
from conversions.model.conversion import Reason

LOCALS = st.text("aZ09.+_-'!#&=~", min_size=1, max_size=12)
DOMAINS = st.sampled_from(
    ["gmail.com", "GoogleMail.com", "mail.gmail.com", "gmail.com.dk", "Example.DK", "a.b", "my-shop.co.uk"]
)
PADDING = st.text(" \t\r\n\x0b\x0c\u00a0\u2003", max_size=3)
ADDRESSES = st.builds("{}{}@{}{}".format, PADDING, LOCALS, DOMAINS, PADDING)
ODD_TEXTS = st.text("aK.+@ ,:<\u00a0\u200b\u212a\u0130é\n", max_size=16) | st.text(max_size=30)
ODD_ADDRESSES = st.builds("{}@{}".format, ODD_TEXTS, ODD_TEXTS | DOMAINS)
TEXTS = ADDRESSES | st.emails() | ODD_ADDRESSES | ODD_TEXTS

REFUSED_ON_PURPOSE = {
    "letters beyond ASCII: the platforms' libraries disagree on them": re.compile(r"[^\x00-\x7f]"),
    "control characters": re.compile(r"[\x00-\x1f\x7f]"),
    "white space inside": re.compile(r"\S\s+\S"),
    "punctuation of mail headers and links": re.compile(r'[,;:<>()\[\]\\"]'),
    "not exactly one at sign": re.compile(r"^[^@]*$|@.*@", re.DOTALL),
    "domain that is no list of names": re.compile(r"@([^.]*|.*\.\.+.*|\..*|.*\.|.*[^a-z0-9.-].*)$", re.IGNORECASE),
    "nothing left of the local part at Gmail": re.compile(r"^\.*(\+.*)?@(gmail|googlemail)\.com$", re.IGNORECASE),
    "misplaced dots, as in Meta's ParamBuilder": re.compile(r"^\.|\.\.|\.@"),
    "a digest": re.compile(r"^[0-9a-f]+$", re.IGNORECASE),
    "longer than an address can be": re.compile(r"^.{255,}$", re.DOTALL),
}


def google(text: str) -> str | None:
    try:
        return str(Formatter().process_email_address(text, Encoding.HEX))
    except ValueError:
        return None


def meta(text: str) -> str | None:
    try:
        found = Normalize.normalize("em", text, True)
    except TypeError:
        return None
    return found if found is None else str(found)


def ours(text: str, rule: str) -> str | None:
    found = digests(text)
    return None if isinstance(found, Reason) else found.get(rule)


def refused_on_purpose(text: str) -> bool:
    return any(pattern.search(text.strip()) for pattern in REFUSED_ON_PURPOSE.values())


@given(TEXTS)
@example("j.e.f..ferson.Loves.hiking@gmail.com")
@example("\u00a0A.b+c@GoogleMail.com\u2003")
def test_what_we_hash_for_google_is_what_its_own_library_hashes(text: str) -> None:
    assert ours(text, GOOGLE) in {google(text), None}


@given(TEXTS)
@example("\u00a0A.b+c@GoogleMail.com\u2003")
def test_what_we_hash_for_meta_is_what_its_own_sdk_hashes(text: str) -> None:
    assert ours(text, META) in {meta(text), None}


@given(ADDRESSES)
def test_ordinary_addresses_reach_both_platforms_as_their_libraries_would_send_them(text: str) -> None:
    if not refused_on_purpose(text):
        assert digests(text) == {GOOGLE: google(text), META: meta(text)}


@given(TEXTS)
def test_what_google_takes_and_we_do_not_is_refused_on_purpose(text: str) -> None:
    assert ours(text, GOOGLE) or google(text) is None or refused_on_purpose(text)


@given(TEXTS)
def test_what_meta_takes_and_we_do_not_is_refused_on_purpose(text: str) -> None:
    assert ours(text, META) or meta(text) is None or refused_on_purpose(text)


@pytest.mark.parametrize(
    "text",
    [
        "user@münchen.de",
        "user\u200b@example.com",
        "\ufeffuser@example.com",
        "mailto:user@example.com",
        "user@example.com,",
        "user@example.com\x7f",
        "user@example..com",
        "user@example.com.",
        "a" * 300 + "@example.com",
    ],
    ids=ascii,
)
def test_both_libraries_hash_junk_that_we_refuse(text: str) -> None:
    assert google(text)
    assert meta(text)
    assert digests(text) is Reason.UNUSABLE_EMAIL


@pytest.mark.parametrize(
    "text", ["foo bar@x.com", "a@@b.com", "a@b.com,c@d.com", "a@b.com\nx", "+foo@gmail.com", "...@gmail.com"]
)
def test_meta_hashes_junk_that_google_and_we_refuse(text: str) -> None:
    assert meta(text)
    assert google(text) is None
    assert digests(text) is Reason.UNUSABLE_EMAIL


def test_google_hashes_a_domain_without_a_dot_and_we_refuse_it() -> None:
    assert google("user@localhost")
    assert digests("user@localhost") is Reason.UNUSABLE_EMAIL


@pytest.mark.parametrize("text", ["test..test@example.com", ".test@example.com", "test.@example.com"])
def test_misplaced_dots_pass_meta_s_sdk_and_are_refused_as_by_its_parambuilder(text: str) -> None:
    assert meta(text)
    assert ours(text, META) is None


@pytest.mark.parametrize("digest", ["d41d8cd98f00b204e9800998ecf8427e", "e3b0c442" * 8])
def test_meta_s_sdk_passes_digests_on_and_we_refuse_them(digest: str) -> None:
    assert meta(digest) == digest
    assert digests(digest) is Reason.ALREADY_A_DIGEST


def test_meta_s_user_data_carries_our_digest() -> None:
    assert UserData(email=" John_Smith@gmail.com ").normalize() == {"em": [ours("John_Smith@gmail.com", META)]}
