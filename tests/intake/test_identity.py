import re
from base64 import b64encode
from hashlib import md5, sha1, sha256, sha512

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conversions.intake.identity import GOOGLE, META, SUBJECT, Identity, digests, identify, subject
from conversions.keys import derive
from conversions.model.conversion import Reason

SUBJECT_KEY = derive(bytes(range(32)), SUBJECT)
SHA = "509e933019bb285a134a9334b8bb679dff79d0ce023d529af4bd744d47b4fd8a"


def digest(text: str, rule: str) -> str | None:
    found = digests(text)
    return None if isinstance(found, Reason) else found.get(rule)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("  ALEXZ@example.com   ", SHA),
        ("QuinnY@EXAMPLE.com", "d00d0a7c6d491b3782fd78b410748048859e16467faa0651f060978d4bb343cc"),
        (
            "Cloudy.SanFrancisco+shopping@gmail.com",
            "223ebda6f6889b1494551ba902d9d381daf2f642bae055888e96343d53e9f9c4",
        ),
        ("user.name+NYC@Example.com", "f109a2a632fbcea5fc82049f50beed3d8621bf9034399f437fb622222acccdac"),
        ("j.e.f..ferson.Loves.hiking@gmail.com", "515d2f967f73864e76937ab2b897210a86fd286016903b1b08c3da07c75f513e"),
        ("jefferson.Loves.hiking@googlemail.com", "2824967181c781aced84c32bf8bb51fc6401202eeff88263776f63c99df9314c"),
        ("a+b+c@gmail.com", "75f4499b59200d38f057e967e297590ab2ebaad09283ddcb3e66ffb1f1a9f395"),
        ("a.b+c@mail.gmail.com", "d504c8e66318dfd0a483bcd61c565500ec46907f741d832bf8dd953782343704"),
        ("j.o.h.n@gmail.com", "142d78e466cacab37c3751a6ba0d288ce40db609ce9c49617ea6b24665f1aa9c"),
        ("Jefferson.Loves.hiking@gmail.com", "515d2f967f73864e76937ab2b897210a86fd286016903b1b08c3da07c75f513e"),
    ],
)
def test_google_vectors(text: str, expected: str) -> None:
    assert digest(text, GOOGLE) == expected


@pytest.mark.parametrize(
    ("text", "base64"),
    [
        ("  ALEXZ@example.com   ", "UJ6TMBm7KFoTSpM0uLtnnf950M4CPVKa9L10TUe0/Yo="),
        ("QuinnY@EXAMPLE.com", "0A0KfG1JGzeC/Xi0EHSASIWeFkZ/qgZR8GCXjUuzQ8w="),
    ],
)
def test_google_vectors_in_base64_are_the_same_bytes(text: str, base64: str) -> None:
    assert b64encode(bytes.fromhex(digest(text, GOOGLE) or "")).decode() == base64


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("John_Smith@gmail.com", "62a14e44f765419d10fea99367361a727c12365e2520f32218d505ed9aa0f62f"),
        ("     John_Smith@gmail.com    ", "62a14e44f765419d10fea99367361a727c12365e2520f32218d505ed9aa0f62f"),
        ("joe@eg.com", "8830eedd6c6b5ea97d181563a349476ca1bb25ace1f94b5c5e48d9cad727941b"),
        ("mary@test.com", "dc9fd7aeec76f0850acc1c9c20d8beca58056307082f798bf35f867341bcde86"),
        ("foo@test.COM", "834b0d7807e798000493db52fd650814e534a8f742a1c5a58cbb7b42879696e0"),
        ("\tTEST@EXAMPLE.COM\n", "973dfe463ec85785f5f95af5ba3906eedb2d931c24e69824a89ea65dba4e813b"),
        ("    SomeOne@domain.com  ", "508a7286f88555648990c08a1002657a28ba330379e8b47f3291120e6c80580d"),
        ("user.name+tag@domain.co.uk", "1d3bd71df1147a514334111e1a37145ec4f5a0ad34eec1c15cbad15547e8844a"),
        ("a@b.c", "d648b243a3e817eaa3309e00e183483f2867baadf522099f0c2121770536b25a"),
        ("Person@Example.com", "542d240129883c019e106e3b1b2d3f3cb3537c43c425364de8e951d5a3083345"),
        ("j.o.h.n@gmail.com", "6e40ce239d40ae2d17ae2be97c08125e7444b315e9e16d2090d660a8a0cc39ad"),
        ("Jefferson.Loves.hiking@gmail.com", "509dd4aaa1f05ca65540d59db001a87efb037e13ff33b628cf34ca7f468dd09e"),
        ("john+promo@gmail.com", "3e7882fa1b4615a7469eb8427721bf1643c456d5d1b446cd59c2ad1a2babb87c"),
    ],
)
def test_meta_vectors(text: str, expected: str) -> None:
    assert digest(text, META) == expected


@pytest.mark.parametrize("text", ["test..test@example.com", ".test@example.com", "test.@example.com"])
def test_misplaced_dots_are_refused_by_meta_only(text: str) -> None:
    assert digest(text, META) is None
    assert digest(text, GOOGLE) == sha256(text.encode()).hexdigest()


@pytest.mark.parametrize("text", ["", "  ", "\t\r\n", "\u00a0"])
def test_white_space_is_no_address(text: str) -> None:
    assert identify(text, SUBJECT_KEY) is Reason.NO_EMAIL


GOOGLE_ERRORS = [
    "quinn",
    " @googlemail.com",
    " ...@gmail.com",
    "a b@example.com",
    "a@b@c",
    "x@",
    "+foo@gmail.com",
    "Name <u@e.com>",
]
META_ERRORS = ["a", "abc", "a@b", "@b.c", ".c", "@", "test @example.com", "test@@example.com", "test@example."]
JUNK = {
    "a scheme": "mailto:user@example.com",
    "a comma": "user@example.com,",
    "a semicolon": "user@example.com;",
    "two addresses": "a@b.com,c@d.com",
    "angle brackets": "<user@example.com>",
    "quotes": '"user"@example.com',
    "a comment": "user(home)@example.com",
    "a zero-width space": "user\u200b@example.com",
    "a zero-width space at the end": "user@example.com\u200b",
    "a byte order mark": "\ufeffuser@example.com",
    "a soft hyphen": "us\u00ader@example.com",
    "a right-to-left mark": "\u200fuser@example.com",
    "an inner NBSP": "us\u00a0er@example.com",
    "an inner line end": "user@example.com\nx",
    "NUL": "user\0@example.com",
    "DEL": "user@example.com\x7f",
    "a domain without a dot": "user@localhost",
    "empty labels": "user@example..com",
    "a leading dot in the domain": "user@.example.com",
    "a trailing dot in the domain": "user@example.com.",
    "an IP literal": "user@[192.0.2.1]",
    "an underscore in the domain": "user@my_shop.com",
    "an umlaut domain": "user@MÜNCHEN.de",
    "a composed accent": "jos\u00e9@example.com",
    "a decomposed accent": "jose\u0301@example.com",
    "a Kelvin sign, which becomes k in lower case": "\u212aim@example.com",
    "a full-width at sign": "user\uff20example.com",
    "255 characters": "a" * 243 + "@example.com",
    "an address in front of a digest": "a@b.dk " + SHA,
}


@pytest.mark.parametrize("text", [*GOOGLE_ERRORS, *META_ERRORS, *JUNK.values()], ids=ascii)
def test_what_is_no_single_usable_address_is_never_hashed_for_a_platform(text: str) -> None:
    assert digests(text) is Reason.UNUSABLE_EMAIL
    match identify(text, SUBJECT_KEY):
        case Identity(digests=by_rule, subject=key):
            assert by_rule == {}
            assert subject(text, SUBJECT_KEY) == key
        case refused:
            assert refused is subject(text, SUBJECT_KEY) is Reason.UNUSABLE_EMAIL


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("søren@blåbær.example", " SØREN@BLÅBÆR.example "),
        ("jos\u00e9@example.com", "jose\u0301@example.com"),
        ("a" * 300 + "@example.com", "A" * 300 + "@example.com"),
        ("user@localhost", "User@LocalHost"),
        ("user\u200b@example.com", "user@example.com"),
        ("r.a.y@gmail.com\ufeff", "ray+shop@gmail.com"),
    ],
)
def test_a_person_without_a_usable_address_has_a_subject_however_it_is_written(text: str, written: str) -> None:
    found = subject(text, SUBJECT_KEY)
    assert isinstance(found, bytes)
    assert found == subject(written, SUBJECT_KEY)
    assert found != subject("another@example.com", SUBJECT_KEY)


@pytest.mark.parametrize("text", ["Ida Holm", "a@b@c", "@example.com", "ida@", "i da@example.com", "i\0da@example.com"])
def test_what_is_no_address_at_all_has_no_subject(text: str) -> None:
    assert subject(text, SUBJECT_KEY) is Reason.UNUSABLE_EMAIL


@pytest.mark.parametrize(
    "text",
    [
        SHA,
        SHA.upper(),
        f"  {SHA}\n",
        f"{SHA}.AQQCAQMC",
        md5(b"a@b.dk").hexdigest(),
        sha1(b"a@b.dk").hexdigest(),
        sha512(b"a@b.dk").hexdigest(),
        b64encode(bytes.fromhex(SHA)).decode(),
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    ],
)
def test_a_digest_in_the_place_of_an_address_is_never_passed_on(text: str) -> None:
    assert identify(text, SUBJECT_KEY) is Reason.ALREADY_A_DIGEST


@pytest.mark.parametrize(
    "text",
    [
        "o'brien@example.ie",
        "user_name-2026@xn--mnchen-3ya.de",
        "a@123.dk",
        "a" * 242 + "@example.com",
        f"{SHA}@relay.example.com",
    ],
)
def test_unusual_addresses_that_exist_are_usable(text: str) -> None:
    expected = sha256(text.encode()).hexdigest()

    assert digests(text) == {GOOGLE: expected, META: expected}


@pytest.mark.parametrize(
    ("text", "frozen"),
    [
        ("  ALEXZ@example.com   ", "9702f7169a1d8b5a237e2be157db87a5"),
        ("john@gmail.com", "e68c71b640c4efd7233b44bf1b65396c"),
        ("jefferson.Loves.hiking@googlemail.com", "6a3220d55d5536531c229ab35e58a7a7"),
    ],
)
def test_subjects_are_frozen_for_ever(text: str, frozen: str) -> None:
    found = subject(text, SUBJECT_KEY)

    assert isinstance(found, bytes)
    assert found.hex() == frozen


@pytest.mark.parametrize(
    "text", ["John@gmail.com", " j.o.h.n@GMAIL.com", "john+promo@gmail.com", "jo.hn+a+b@gmail.com"]
)
def test_one_subject_finds_a_person_under_every_form(text: str) -> None:
    assert subject(text, SUBJECT_KEY) == subject("john@gmail.com", SUBJECT_KEY)


def test_subject_depends_on_the_key() -> None:
    assert subject("john@gmail.com", SUBJECT_KEY) != subject("john@gmail.com", derive(b"another", SUBJECT))


@given(st.emails())
def test_an_order_and_a_typed_address_give_the_same_answers(text: str) -> None:
    match identify(text, SUBJECT_KEY):
        case Identity(digests=by_rule, subject=key):
            assert key == subject(text, SUBJECT_KEY)
            assert by_rule == (digests(text) if by_rule else {})
        case refused:
            assert refused == digests(text) == subject(text, SUBJECT_KEY)


@given(st.text() | st.text("aA.+@ -\u200b\u00a0\n", max_size=12))
def test_any_text_gives_digests_of_the_right_shape_or_a_reason(text: str) -> None:
    match identify(text, SUBJECT_KEY):
        case Identity(digests=by_rule, subject=key):
            assert GOOGLE in by_rule or not by_rule
            assert by_rule.keys() <= {GOOGLE, META}
            assert all(re.fullmatch("[0-9a-f]{64}", value) for value in by_rule.values())
            assert len(key) == 16
        case refused:
            assert refused in {Reason.NO_EMAIL, Reason.UNUSABLE_EMAIL, Reason.ALREADY_A_DIGEST}


def test_no_address_and_no_digest_in_the_repr() -> None:
    shown = repr(identify("anna.jensen@example.dk", SUBJECT_KEY))

    assert shown.startswith("<conversions.intake.identity.Identity object")
    assert "anna" not in shown
    assert sha256(b"anna.jensen@example.dk").hexdigest() not in shown


@pytest.mark.parametrize("local", ["info", "søren"])
def test_a_domain_and_its_form_in_dns_are_one_person(local: str) -> None:
    """Else an objection in one form would not withhold an order that the shop has in the other."""
    typed, stored = (subject(f"{local}@{domain}", b"k" * 32) for domain in ("Blåbær.example", "xn--blbr-roah.example"))
    assert typed == stored
    assert typed != subject(f"{local}@blabaer.example", b"k" * 32)
